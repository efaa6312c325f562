//! What a manifest that was just read means for a commit: pure functions.

use firnline_index::ids::{GcBoundary, Offset, OffsetRange, TimestampMs};
use firnline_index::lineage::Lineage;
use firnline_index::manifest::{AlgebraError, Entry, Manifest};
use firnline_index::transactions::TransactionStart;

use crate::edit::Lost;
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
    /// Whether the newest segment is sealed: then what goes on from it is, too, unless somebody says otherwise.
    pub sealed: bool,
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
                sealed: manifest.entries.last().is_some_and(|newest| newest.key_id.is_some()),
            },
            None => Self {
                base: log_start,
                existed: false,
                gc_boundary: None,
                lineage: Lineage::empty(),
                transactions: new_partition(log_start),
                sealed: false,
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

/// The manifest that holds `segments`, which lie end to end from `basis.base` on, and all that `head` holds; or why it
/// must not be. The entries get `now` as their commit time; the commit id is still to be stamped. `empty` makes the manifest of a partition that has none.
pub(super) fn build(
    head: Option<&Manifest>,
    basis: &Basis,
    segments: &[UploadedSegment],
    now: TimestampMs,
    empty: impl FnOnce() -> Manifest,
) -> Result<Result<Manifest, Lost>, AlgebraError> {
    let end = segments.last().map_or(basis.base, |last| last.entry.range.end());
    if let Err(lost) = unchanged(head, basis, end) {
        return Ok(Err(lost));
    }
    let mut next = head.cloned().unwrap_or_else(empty);
    for segment in segments {
        let entry = Entry { committed_at: now, ..segment.entry.clone() };
        next.append(entry, segment.open.clone())?;
    }
    Ok(Ok(next))
}

fn unchanged(head: Option<&Manifest>, basis: &Basis, end: Offset) -> Result<(), Lost> {
    let Some(head) = head else {
        return if basis.existed { Err(Lost::ManifestGone) } else { Ok(()) };
    };
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
