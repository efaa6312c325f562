//! Whether a log goes on where the tier ends, or is another history.
//!
//! Leader epoch and offset together name a record for good. A tier that ends in records which this log was truncated
//! below, and has since written anew, ends at an offset that this log has, too, as a rule even at a border of batches;
//! the epoch before that offset is what tells the two apart.

use firnline_index::log_source::{SourceError, SourceErrorKind};
use firnline_index::manifest::Manifest;
use firnline_index::{LeaderEpoch, Offset};

use crate::log::PartitionLog;

/// A log that holds other records than the tier below the tier's end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the record before offset {tier_end}, where the tier ends, is of leader epoch {here} in this log and of epoch {tier} in the tier: \
     one of them holds what the other was truncated below; nothing was taken"
)]
pub struct OtherHistory {
    /// Where the tier ends.
    pub tier_end: Offset,
    /// The epoch in the log.
    pub here: LeaderEpoch,
    /// The epoch in the tier.
    pub tier: LeaderEpoch,
}

/// Makes sure that `log` continues the tier, as far as it can tell. Blocks; a few small reads.
pub(crate) fn must_continue(log: &dyn PartitionLog, manifest: &Manifest) -> Result<(), SourceError> {
    match continues(log, manifest)? {
        Continues::Yes | Continues::Untold => Ok(()),
        Continues::No(other) => Err(SourceError { kind: SourceErrorKind::Diverged, cause: Box::new(other) }),
    }
}

/// Whether a log continues the tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Continues {
    /// It holds the tier's last record.
    Yes,
    /// That cannot be told: the log does not reach below the tier's end, or nothing is known of the tier there.
    Untold,
    /// It holds another record in its place.
    No(OtherHistory),
}

/// Whether `log` continues the tier. Blocks; a few small reads.
pub(crate) fn continues(log: &dyn PartitionLog, manifest: &Manifest) -> Result<Continues, SourceError> {
    let tier_end = manifest.tier_end;
    // An empty span begins behind a gap, whose epochs nobody knows.
    let last = tier_end.get().checked_sub(1).and_then(Offset::from_kafka);
    let last = last.filter(|_| tier_end > manifest.serving_start);
    let Some(tier) = last.and_then(|last| manifest.lineage.epoch_at(last)) else {
        return Ok(Continues::Untold);
    };
    Ok(match log.epoch_before(tier_end)? {
        Some(here) if here == tier => Continues::Yes,
        Some(here) => Continues::No(OtherHistory { tier_end, here, tier }),
        // One leader wrote all of an epoch: what follows the tier's last record in the same epoch follows it in that
        // leader's log.
        None if log.epoch_from(tier_end)? == Some(tier) => Continues::Yes,
        None => Continues::Untold,
    })
}

/// A log whose leader epoch falls from one file to the next. A batch's epoch lies outside Kafka's checksum, so that a
/// flipped bit in the last batch of a file shows in nothing else; once in the tier, it would keep all that follows out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the record before offset {at}, where a segment file ends, is of leader epoch {before}, the one behind it of epoch {after}; \
     epochs never go back: one of the two is damaged"
)]
pub struct EpochFalls {
    /// Where the one file ends and the next begins.
    pub at: Offset,
    /// The epoch before it.
    pub before: LeaderEpoch,
    /// The epoch behind it.
    pub after: LeaderEpoch,
}

/// Makes sure that the epoch does not fall at `at`, as far as the log can tell. Blocks; a few small reads.
pub(crate) fn must_not_fall(log: &dyn PartitionLog, at: Offset) -> Result<(), SourceError> {
    match (log.epoch_before(at)?, log.epoch_from(at)?) {
        (Some(before), Some(after)) if after < before => {
            let cause = Box::new(EpochFalls { at, before, after });
            Err(SourceError { kind: SourceErrorKind::Damaged, cause })
        }
        _ => Ok(()),
    }
}
