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
    /// Writing the marker into an empty prefix.
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
}

impl Step {
    /// All steps, in the order in which a first offload takes them.
    pub const ALL: [Self; 15] = [
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
