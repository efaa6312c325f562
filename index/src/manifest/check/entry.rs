//! One entry in itself, from entry to entry, and against the lineage.

use crate::ids::Offset;
use crate::lineage::{EpochStart, Lineage};
use crate::manifest::{Anomaly, Entry, ManifestKind, Part};
use crate::transactions::OpenTransaction;

/// What an entry's stable end must be, given the transactions open at its end.
pub(in crate::manifest) fn stable_end_expected(open: &[OpenTransaction], end: Offset) -> Offset {
    open.iter().map(|t| t.first_offset).min().unwrap_or(end)
}

/// What is wrong with an entry in itself.
pub(in crate::manifest) fn entry_anomalies(kind: ManifestKind, entry: &Entry) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let (uuid, range) = (entry.uuid, entry.range);
    if range.is_empty() {
        found.push(Anomaly::Empty { part: Part::Segment(uuid), start: range.start() });
    }
    for pair in entry.epochs.windows(2) {
        if pair[1].epoch <= pair[0].epoch || pair[1].start <= pair[0].start {
            found.push(Anomaly::EpochBack { uuid, previous: pair[0], next: pair[1] });
        }
    }
    for epoch in entry.epochs.iter().filter(|e| !range.contains(e.start)) {
        found.push(Anomaly::EpochOutside { uuid, range, epoch: *epoch });
    }
    if entry.stable_end > range.end() {
        found.push(Anomaly::StableEndBeyondEnd { uuid, stable_end: entry.stable_end, end: range.end() });
    }
    let mut after = None;
    for abort in &entry.first_aborts {
        if !range.contains(abort.marker_offset) || after >= Some(abort.marker_offset) {
            found.push(Anomaly::AbortOutside {
                uuid,
                producer: abort.producer,
                marker_offset: abort.marker_offset,
            });
        }
        after = Some(abort.marker_offset);
    }
    let mut sizes = |wrong: bool, what| {
        if wrong {
            found.push(Anomaly::Sizes { uuid, what });
        }
    };
    sizes(
        entry.location.start.checked_add(entry.location.length.get()).is_none(),
        "it ends beyond 2^64 bytes",
    );
    sizes(entry.tail_position.get() >= entry.location.length.get(), "its tail begins at or beyond its end");
    sizes(
        entry.blocks == 0 || entry.batches < u64::from(entry.blocks),
        "fewer batches than blocks, or no block",
    );
    sizes(entry.log_bytes.get() < entry.batches, "fewer bytes than batches");
    sizes(
        entry.min_timestamp.is_some() != entry.max_timestamp.is_some()
            || entry.min_timestamp > entry.max_timestamp,
        "its smallest timestamp does not go with its largest",
    );
    if entry.kip405.is_some() != (kind == ManifestKind::Kip405) {
        found.push(Anomaly::WrongKind { uuid });
    }
    found
}

/// Epochs from entry to entry: an epoch may go on, never back.
pub(super) fn check_epoch_order<'a>(entries: impl Iterator<Item = &'a Entry>, found: &mut Vec<Anomaly>) {
    let mut previous: Option<EpochStart> = None;
    for entry in entries {
        if let (Some(previous), Some(next)) = (previous, entry.epochs.first())
            && next.epoch < previous.epoch
        {
            found.push(Anomaly::EpochBack { uuid: entry.uuid, previous, next: *next });
        }
        previous = entry.epochs.last().copied().or(previous);
    }
}

/// Entries against the lineage. It may have forgotten its oldest epochs, never the newer ones.
pub(super) fn check_lineage(
    lineage: &Lineage,
    entries: &[Entry],
    tier_end: Offset,
    found: &mut Vec<Anomaly>,
) {
    if let Some(last) = lineage.last().filter(|last| last.start >= tier_end) {
        found.push(Anomaly::LineageBeyondEnd { last, tier_end });
    }
    let forgotten = |offset| lineage.first().is_some_and(|first| offset < first.start);
    for entry in entries {
        for epoch in entry.epochs.iter().filter(|e| !forgotten(e.start)) {
            let known = lineage.epoch_at(epoch.start);
            if known != Some(epoch.epoch) {
                found.push(Anomaly::LineageMismatch {
                    uuid: entry.uuid,
                    offset: epoch.start,
                    entry: epoch.epoch,
                    lineage: known,
                });
            }
        }
    }
}
