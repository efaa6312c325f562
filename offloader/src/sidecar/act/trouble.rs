//! What kept a turn from its end, as the reason that an operator reads.

use std::error::Error;
use std::sync::Arc;

use firnline_index::log_source::SourceErrorKind;
use firnline_tier::cluster::ClusterError;
use firnline_tier::{EditError, ReadError, TailError, UploadError};

use crate::chain_of;
use crate::host::HostError;
use crate::sidecar::wait::{BoundReason, OperatorReason, WaitReason};

/// A turn that failed.
#[derive(Debug)]
pub(in crate::sidecar) struct Trouble {
    /// What the partition waits for.
    pub(in crate::sidecar) wait: WaitReason,
    /// What happened.
    pub(in crate::sidecar) error: Arc<str>,
}

impl Trouble {
    fn new(error: &(dyn Error + 'static), wait: impl FnOnce(Arc<str>) -> WaitReason) -> Self {
        let error: Arc<str> = chain_of(error).into();
        Self { wait: wait(Arc::clone(&error)), error }
    }

    /// Whether bytes on this machine cannot be read, and nothing else is wrong.
    pub(super) fn is_of_the_log(&self) -> bool {
        matches!(self.wait, WaitReason::Disk { .. } | WaitReason::Damaged { .. })
    }

    /// The host failed.
    pub(in crate::sidecar) fn host(error: HostError) -> Self {
        Self::new(&error, |error| WaitReason::Disk { error })
    }

    /// The log could not be read to compare it.
    pub(super) fn source(error: firnline_index::log_source::SourceError) -> Self {
        let damaged = error.kind == SourceErrorKind::Damaged;
        Self::new(&error, |error| match damaged {
            true => WaitReason::Damaged { error },
            false => WaitReason::Disk { error },
        })
    }

    /// The manifest could not be read.
    pub(super) fn read(error: ReadError) -> Self {
        let passing = matches!(&error, ReadError::Store(source) if source.is_retriable());
        let refused = matches!(&error, ReadError::Store(_));
        Self::new(&error, |error| match (passing, refused) {
            (true, _) => WaitReason::Store { error },
            (false, true) => WaitReason::Operator(OperatorReason::Refused { error }),
            (false, false) => WaitReason::Operator(OperatorReason::Manifest { error }),
        })
    }

    /// What is decided of the topic could not be read.
    pub(super) fn topic(error: ClusterError) -> Self {
        let passing = error.is_passing();
        Self::new(&error, |error| match passing {
            true => WaitReason::Store { error },
            false => WaitReason::Operator(OperatorReason::Refused { error }),
        })
    }

    /// A change to the manifest failed.
    pub(super) fn edit(error: EditError) -> Self {
        if matches!(&error, EditError::Tail { source: TailError::Locked { .. }, .. }) {
            return Self::new(&error, |error| WaitReason::Key { error });
        }
        let passing = error.is_passing();
        Self::new(&error, |error| match passing {
            true => WaitReason::Store { error },
            false => WaitReason::Operator(OperatorReason::Refused { error }),
        })
    }

    /// An upload failed.
    pub(super) fn upload(error: UploadError) -> Self {
        if matches!(error, UploadError::Key(_)) {
            return Self::new(&error, |error| WaitReason::Key { error });
        }
        let (damage, passing) = (error.is_damage(), error.is_passing());
        let log = matches!(error, UploadError::Source(_) | UploadError::Changed { .. });
        Self::new(&error, |error| match (damage, passing, log) {
            (true, ..) => WaitReason::Damaged { error },
            (false, true, true) => WaitReason::Disk { error },
            (false, true, false) => WaitReason::Store { error },
            (false, false, _) => WaitReason::Operator(OperatorReason::Refused { error }),
        })
    }

    /// The leader did not tell a bound.
    pub(super) fn bound(reason: BoundReason) -> Self {
        let error = match &reason {
            BoundReason::Unavailable(text) | BoundReason::Denied(text) => Arc::clone(text),
            BoundReason::NotAsked | BoundReason::Above { .. } => {
                WaitReason::Bound(reason.clone()).to_string().into()
            }
        };
        Self { wait: WaitReason::Bound(reason), error }
    }

    /// A change was refused for a reason that is its own.
    pub(super) fn refused(error: &(dyn Error + 'static)) -> Self {
        Self::new(error, |error| WaitReason::Operator(OperatorReason::Refused { error }))
    }

    /// It was held up, and nothing is wrong.
    pub(super) fn held(wait: WaitReason) -> Self {
        Self { error: wait.to_string().into(), wait }
    }

    /// The end of a segment could not be read.
    pub(super) fn tail(error: &TailError) -> Self {
        let locked = matches!(error, TailError::Locked { .. });
        Self::new(error, |error| if locked { WaitReason::Key { error } } else { WaitReason::Store { error } })
    }

    /// Something that an operator must decide.
    pub(super) fn operator(reason: OperatorReason) -> Self {
        Self::held(WaitReason::Operator(reason))
    }
}
