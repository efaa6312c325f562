//! What a manifest that was just read means for a commit: pure functions.

use firnline_index::ids::{CommitId, GcBoundary, LeaderEpoch, Offset, OffsetRange, TimestampMs};
use firnline_index::lineage::Lineage;
use firnline_index::manifest::{AlgebraError, Entry, Manifest, ManifestKind};
use firnline_index::transactions::TransactionStart;

use crate::upload::UploadedSegment;

/// What held when the uploads of a commit began, and must still hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// Where the first segment begins: the tier's end, or where the log starts if the partition was new.
    pub base: Offset,
    /// Whether the partition had a manifest.
    pub existed: bool,
    /// The manifest's gc boundary.
    pub gc_boundary: Option<GcBoundary>,
    /// The lineage up to `base`.
    pub lineage: Lineage,
    /// The transactions open at `base`.
    pub transactions: TransactionStart,
}

impl Basis {
    /// Takes the basis from the manifest that was read before the first upload, or for a partition that has none and
    /// whose log begins at `log_start`.
    #[must_use]
    pub fn of(manifest: Option<&Manifest>, log_start: Offset) -> Self {
        match manifest {
            Some(manifest) => Self {
                base: manifest.tier_end,
                existed: true,
                gc_boundary: manifest.gc_boundary,
                lineage: manifest.lineage.clone(),
                transactions: manifest.transaction_start(),
            },
            None => Self {
                base: log_start,
                existed: false,
                gc_boundary: None,
                lineage: Lineage::empty(),
                transactions: new_partition(log_start),
            },
        }
    }
}

/// At offset 0 nothing can be open; further up, nobody knows what came before.
fn new_partition(log_start: Offset) -> TransactionStart {
    if log_start == Offset::ZERO {
        TransactionStart::Known(Vec::new())
    } else {
        TransactionStart::Unknown { span_start: log_start }
    }
}

/// Why uploaded segments must not be committed. Their objects are named by nothing and stay as orphans; plan again.
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
    /// The manifest that was there is gone.
    #[error("the manifest is gone")]
    ManifestGone,
}

fn epoch_text(epoch: &Option<LeaderEpoch>) -> String {
    epoch.map_or_else(|| "no known epoch".to_owned(), |epoch| format!("epoch {epoch}"))
}

/// Whether one of the commits `tried` so far has put `segments` into `head`. A commit id of ours among those that the
/// manifest remembers proves it. So do entries with our uuids, which were drawn for these uploads alone: they still do
/// after others have committed so often that our id is forgotten.
pub(super) fn landed(head: &Manifest, tried: &[CommitId], segments: &[UploadedSegment]) -> bool {
    let remembered = tried.iter().any(|id| head.has_commit(*id));
    remembered
        || (!tried.is_empty()
            && segments.iter().all(|s| head.entries.iter().any(|entry| entry.uuid == s.entry.uuid)))
}

/// The manifest that holds `segments`, which lie end to end from `basis.base` on, and all that `head` holds; or why it
/// must not be. The entries get `now` as their commit time; the commit id is still to be stamped. `empty` makes the manifest of a partition that has none.
pub(super) fn build(
    head: Option<&Manifest>,
    basis: &Basis,
    segments: &[UploadedSegment],
    bound_epoch: Option<LeaderEpoch>,
    now: TimestampMs,
    empty: impl FnOnce() -> Manifest,
) -> Result<Result<Manifest, Lost>, AlgebraError> {
    let end = segments.last().map_or(basis.base, |last| last.entry.range.end());
    if let Err(lost) = unchanged(head, basis, end, bound_epoch) {
        return Ok(Err(lost));
    }
    let mut next = head.cloned().unwrap_or_else(empty);
    for segment in segments {
        let entry = Entry { committed_at: now, ..segment.entry.clone() };
        next.append(entry, segment.open.clone())?;
    }
    Ok(Ok(next))
}

fn unchanged(
    head: Option<&Manifest>,
    basis: &Basis,
    end: Offset,
    bound_epoch: Option<LeaderEpoch>,
) -> Result<(), Lost> {
    let Some(head) = head else {
        return if basis.existed { Err(Lost::ManifestGone) } else { Ok(()) };
    };
    if head.kind != ManifestKind::Sidecar {
        return Err(Lost::NotOurs);
    }
    let claimed = head.claim.as_ref().map(|claim| claim.epoch);
    let committed = head.writer.and_then(|writer| writer.leader_epoch);
    if let Some(claimed) = claimed.max(committed)
        && bound_epoch.is_none_or(|ours| claimed > ours)
    {
        return Err(Lost::Claimed { claimed, ours: bound_epoch });
    }
    if let Some(deleted) = head.deleted
        && deleted.last_bound.is_none_or(|bound| end > bound)
    {
        return Err(Lost::TopicDeleted { last_bound: deleted.last_bound });
    }
    if head.tier_end != basis.base {
        return Err(Lost::TierEndMoved { expected: basis.base, now: head.tier_end });
    }
    if head.gc_boundary != basis.gc_boundary {
        return Err(Lost::Collected);
    }
    // A cut and new segments up to the same end leave the end as it was; epochs and open transactions tell.
    let below = OffsetRange::new(Offset::ZERO, basis.base).ok();
    let parted = below.and_then(|below| head.lineage.first_divergence(&basis.lineage, below)).is_some();
    if parted || head.lineage.last() != basis.lineage.last() || head.transaction_start() != basis.transactions
    {
        return Err(Lost::HistoryChanged { base: basis.base });
    }
    Ok(())
}
