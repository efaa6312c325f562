//! Why a change must not be made.

use firnline_index::ids::{LeaderEpoch, Offset};
use firnline_index::manifest::{Manifest, ManifestKind};

use super::Edit;

/// Who may make a change. In the name of a leader epoch nobody changes anything once a later leader has claimed the
/// partition or committed to it; what differs is what holds without an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// A change that moves the tier's end, or speaks for the leader: without an epoch only where nobody ever claimed.
    Leader,
    /// A change that an operator may make too, or that no leader is needed for: without an epoch at any time.
    Anyone,
}

/// Why a change must not be made.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// What it rests on has changed; plan again.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The partition has no manifest.
    #[error("the partition has no manifest")]
    NoManifest,
    /// For a reason of its own.
    #[error("the change was refused")]
    Own(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Refused {
    /// A reason of the change's own; [`Refused::own_reason`] gives it back.
    pub fn own(reason: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Own(Box::new(reason))
    }

    /// The change's own reason, if it is of this type.
    #[must_use]
    pub fn own_reason<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Own(reason) => reason.downcast_ref(),
            Self::Lost(_) | Self::NoManifest => None,
        }
    }
}

/// Why a change no longer rests on what it was planned for. Plan again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Somebody else's segments came first.
    #[error("the tier now ends at {now}, not at {expected}: another offloader was faster")]
    TierEndMoved {
        /// Where the tier ended when the upload began.
        expected: Offset,
        /// Where it ends now.
        now: Offset,
    },
    /// Unreferenced objects were collected meanwhile, ours perhaps among them.
    #[error("unreferenced objects were collected since the upload began; it counts as deleted")]
    Collected,
    /// The epochs, or the transactions open at our base, are not what we built upon.
    #[error("the tier's history below offset {base} changed since the upload began")]
    HistoryChanged {
        /// Where our range begins.
        base: Offset,
    },
    /// A leader later than the one that our bound is from has claimed the partition, or committed to it.
    #[error("a leader of epoch {claimed} has claimed the partition; this offload works under {}", epoch_text(.ours))]
    Claimed {
        /// The newest epoch under which somebody claimed or committed.
        claimed: LeaderEpoch,
        /// The epoch that our bound was told under.
        ours: Option<LeaderEpoch>,
    },
    /// The topic is deleted and this lies beyond what was known committed then.
    #[error("the topic is marked deleted, with nothing wanted beyond offset {}", .last_bound.map_or(-1, Offset::get))]
    TopicDeleted {
        /// The last commit bound told for it.
        last_bound: Option<Offset>,
    },
    /// Another authority keeps the manifest.
    #[error("the manifest belongs to a broker with KIP-405")]
    NotOurs,
    /// Sidecars keep the manifest, and a broker's plugin was to change it.
    #[error("the partition is tiered by sidecars; a topic is tiered by them or by the broker's plugin")]
    OfSidecars,
    /// The manifest that was there is gone.
    #[error("the manifest is gone")]
    ManifestGone,
}

fn epoch_text(epoch: &Option<LeaderEpoch>) -> String {
    epoch.map_or_else(|| "no known epoch".to_owned(), |epoch| format!("epoch {epoch}"))
}

/// Whether a change under the leader epoch `ours` may be made to `head`.
pub(super) fn pass(head: &Manifest, ours: Option<LeaderEpoch>, edit: &dyn Edit) -> Result<(), Lost> {
    match head.kind {
        kind if kind == edit.kind() => {}
        ManifestKind::Kip405 => return Err(Lost::NotOurs),
        ManifestKind::Sidecar => return Err(Lost::OfSidecars),
    }
    let fence = edit.fence();
    let passes = |claimed| match ours {
        Some(ours) => claimed <= ours,
        None => fence == Fence::Anyone,
    };
    match head.fence() {
        Some(claimed) if !passes(claimed) => Err(Lost::Claimed { claimed, ours }),
        _ => Ok(()),
    }
}
