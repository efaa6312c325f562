//! The named steps of a sidecar, and the hook that stands between them; the tier's own steps come on top.

use std::fmt;

use futures::future::BoxFuture;

/// A step, announced before it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SidecarStep {
    /// Looking at what the host holds.
    Look,
    /// Asking who leads.
    AskTopics,
    /// Asking bounds for witnesses.
    AskBounds,
    /// Writing witnesses down.
    Remember,
    /// Forgetting partitions of which nothing is held.
    Forget,
    /// Reading a manifest to decide by.
    ReadManifest,
    /// Asking the leader where the tier's epochs end in its log.
    Compare,
    /// Uploading a segment.
    Upload,
    /// Asking the bound that proves what was uploaded.
    Prove,
    /// Committing what was proven.
    Commit,
    /// Claiming.
    Claim,
    /// Cutting the tier where the leader's log goes another way.
    Cut,
    /// Recording a gap.
    RecordGap,
    /// Marking the topic deleted.
    Tombstone,
    /// Putting a sealed segment in the place of its pieces.
    Replace,
    /// Committing what was cut out of the lineage as a dead branch.
    AddDead,
    /// Removing pins.
    Release,
    /// Writing this node's summary.
    WriteSummary,
    /// Reading the other nodes' summaries.
    ReadSummaries,
    /// A turn of background work.
    Duty,
}

impl SidecarStep {
    /// All steps.
    pub const ALL: [Self; 20] = [
        Self::Look,
        Self::AskTopics,
        Self::AskBounds,
        Self::Remember,
        Self::Forget,
        Self::ReadManifest,
        Self::Compare,
        Self::Upload,
        Self::Prove,
        Self::Commit,
        Self::Claim,
        Self::Cut,
        Self::RecordGap,
        Self::Tombstone,
        Self::Replace,
        Self::AddDead,
        Self::Release,
        Self::WriteSummary,
        Self::ReadSummaries,
        Self::Duty,
    ];

    /// The step's fixed name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::AskTopics => "ask_topics",
            Self::AskBounds => "ask_bounds",
            Self::Remember => "remember",
            Self::Forget => "forget",
            Self::ReadManifest => "read_manifest",
            Self::Compare => "compare",
            Self::Upload => "upload",
            Self::Prove => "prove",
            Self::Commit => "commit",
            Self::Claim => "claim",
            Self::Cut => "cut",
            Self::RecordGap => "record_gap",
            Self::Tombstone => "tombstone",
            Self::Replace => "replace",
            Self::AddDead => "add_dead",
            Self::Release => "release",
            Self::WriteSummary => "write_summary",
            Self::ReadSummaries => "read_summaries",
            Self::Duty => "duty",
        }
    }
}

impl fmt::Display for SidecarStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a test can stop, delay or count the steps.
pub trait SidecarFaults: fmt::Debug + Send + Sync {
    /// Called before each step. The step is taken when the future is ready; one that is never ready stands for a process
    /// that died there.
    fn before(&self, step: SidecarStep) -> BoxFuture<'_, ()>;
}

/// The hook of a running program: nothing happens between two steps.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSidecarFaults;

impl SidecarFaults for NoSidecarFaults {
    fn before(&self, _step: SidecarStep) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
