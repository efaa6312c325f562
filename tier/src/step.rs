//! The named steps of everything that changes a tier, and the hook that stands between them.
//!
//! A crash can happen between any two steps. Each is therefore announced to a [`FaultPoint`] before it is taken; in a
//! running program that does nothing, in tests it stops there for good, so that each place is shown to be recoverable.

use std::fmt;

use futures::future::BoxFuture;

/// A step, announced before it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Trying out what the store can do, before a process writes for the first time.
    Probe,
    /// Reading the bucket's marker.
    ReadMarker,
    /// Creating the marker, or raising the format that it states.
    CreateMarker,
    /// Writing a topic's object when its first partition is offloaded.
    CreateTopic,
    /// Taking the next bytes from the source.
    UploadRead,
    /// Handing bytes to the store, which sends them when a part is full.
    UploadWrite,
    /// Asking the source whether what was read is still what it holds.
    UploadFinality,
    /// Sending what is left and making the object appear.
    UploadComplete,
    /// Giving up the parts of an upload that must not become an object.
    UploadAbort,
    /// Reading one stretch of the stored object back.
    VerifyRead,
    /// Reading the manifest that a commit is built from.
    CommitRead,
    /// Reading a page, or the end of a segment, that a change to the manifest needs.
    CommitLoad,
    /// Writing a page of entries that leave the manifest's head.
    CommitPage,
    /// Replacing the manifest.
    CommitPut,
    /// Reading the manifest back.
    CommitReadBack,
    /// Writing an object to learn what time the store has.
    ReadClock,
    /// Reading a topic's object before an operator's change.
    TopicRead,
    /// Replacing a topic's object.
    TopicPut,
    /// Reading what an earlier run left as the own summary.
    SummaryRead,
    /// Replacing the own summary.
    SummaryPut,
    /// Reading a node's lease.
    LeaseRead,
    /// Replacing a node's lease.
    LeasePut,
    /// Reading cluster state before the first write.
    StateRead,
    /// Replacing cluster state.
    StatePut,
    /// Reading the manifest that retention is planned by.
    RetentionRead,
    /// Beginning the change that raises the tier's start.
    Retire,
    /// Reading the manifest that a collection begins with.
    GcRead,
    /// Listing a partition's objects.
    GcList,
    /// Reading the end of a segment that nothing names.
    GcWords,
    /// Beginning the change that sets a gc boundary.
    GcBoundary,
    /// Reading the manifest a last time before deleting.
    DeleteRead,
    /// Deleting one object.
    Delete,
    /// Writing a floor.
    FloorPut,
    /// Writing or deleting the hint of a floor.
    FloorHint,
    /// Listing the floors of a partition.
    FloorRead,
    /// Beginning the change that raises a floor.
    FloorCommit,
    /// Deleting a floor that is folded.
    FloorDelete,
    /// Reading the manifest of the partition that is scrubbed next.
    ScrubRead,
    /// Reading a wrapped topic key.
    ReadKey,
    /// Writing a new topic key, wrapped.
    CreateKey,
    /// Replacing a topic key by itself, wrapped anew.
    ReplaceKey,
}

impl Step {
    /// The steps of an offload, in the order in which a first one takes them.
    pub const OFFLOAD: [Self; 15] = [
        Self::Probe,
        Self::ReadMarker,
        Self::CreateMarker,
        Self::CreateTopic,
        Self::UploadRead,
        Self::UploadWrite,
        Self::UploadFinality,
        Self::UploadComplete,
        Self::UploadAbort,
        Self::VerifyRead,
        Self::CommitRead,
        Self::CommitLoad,
        Self::CommitPage,
        Self::CommitPut,
        Self::CommitReadBack,
    ];

    /// The steps of everything else that a sidecar and an operator do.
    pub const UPKEEP: [Self; 23] = [
        Self::ReadClock,
        Self::TopicRead,
        Self::TopicPut,
        Self::SummaryRead,
        Self::SummaryPut,
        Self::LeaseRead,
        Self::LeasePut,
        Self::StateRead,
        Self::StatePut,
        Self::RetentionRead,
        Self::Retire,
        Self::GcRead,
        Self::GcList,
        Self::GcWords,
        Self::GcBoundary,
        Self::DeleteRead,
        Self::Delete,
        Self::FloorPut,
        Self::FloorHint,
        Self::FloorRead,
        Self::FloorCommit,
        Self::FloorDelete,
        Self::ScrubRead,
    ];

    /// The steps that are taken for topics that are encrypted.
    pub const KEYS: [Self; 3] = [Self::ReadKey, Self::CreateKey, Self::ReplaceKey];

    /// How many steps there are.
    pub const COUNT: usize = Self::OFFLOAD.len() + Self::UPKEEP.len() + Self::KEYS.len();

    /// The step's fixed name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::ReadMarker => "read_marker",
            Self::CreateMarker => "create_marker",
            Self::CreateTopic => "create_topic",
            Self::UploadRead => "upload_read",
            Self::UploadWrite => "upload_write",
            Self::UploadFinality => "upload_finality",
            Self::UploadComplete => "upload_complete",
            Self::UploadAbort => "upload_abort",
            Self::VerifyRead => "verify_read",
            Self::CommitRead => "commit_read",
            Self::CommitLoad => "commit_load",
            Self::CommitPage => "commit_page",
            Self::CommitPut => "commit_put",
            Self::CommitReadBack => "commit_read_back",
            Self::ReadClock => "read_clock",
            Self::TopicRead => "topic_read",
            Self::TopicPut => "topic_put",
            Self::SummaryRead => "summary_read",
            Self::SummaryPut => "summary_put",
            Self::LeaseRead => "lease_read",
            Self::LeasePut => "lease_put",
            Self::StateRead => "state_read",
            Self::StatePut => "state_put",
            Self::RetentionRead => "retention_read",
            Self::Retire => "retire",
            Self::GcRead => "gc_read",
            Self::GcList => "gc_list",
            Self::GcWords => "gc_words",
            Self::GcBoundary => "gc_boundary",
            Self::DeleteRead => "delete_read",
            Self::Delete => "delete",
            Self::FloorPut => "floor_put",
            Self::FloorHint => "floor_hint",
            Self::FloorRead => "floor_read",
            Self::FloorCommit => "floor_commit",
            Self::FloorDelete => "floor_delete",
            Self::ScrubRead => "scrub_read",
            Self::ReadKey => "read_key",
            Self::CreateKey => "create_key",
            Self::ReplaceKey => "replace_key",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a test can stop, delay or count the steps.
pub trait FaultPoint: fmt::Debug + Send + Sync {
    /// Called before each step. The step is taken when the future is ready; one that is never ready stands for a
    /// process that died there.
    fn before(&self, step: Step) -> BoxFuture<'_, ()>;
}

/// The hook of a running program: nothing happens between two steps.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFaults;

impl FaultPoint for NoFaults {
    fn before(&self, _step: Step) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
