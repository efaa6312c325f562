//! Which leader epochs wrote a stretch of a log that is held here, told by its batch headers: by bisection, a few small
//! reads for each epoch, and none of the bytes between.

use firnline_index::lineage::{EpochStart, Lineage};
use firnline_index::log_source::SourceError;
use firnline_index::{LeaderEpoch, Offset};

use crate::log::PartitionLog;

/// The epochs of the batches in `[from, to)`; `None` where the log does not hold all of it, or batches carry no epoch.
/// Blocks.
pub(super) fn epochs_of(
    log: &dyn PartitionLog,
    from: Offset,
    to: Offset,
) -> Result<Option<Lineage>, SourceError> {
    if from >= to {
        return Ok(Some(Lineage::empty()));
    }
    let (Some(first), Some(last)) = (log.epoch_from(from)?, log.epoch_before(to)?) else { return Ok(None) };
    let mut starts = vec![EpochStart { epoch: first, start: from }];
    let mut known = first;
    let mut at = from;
    while known < last {
        let Some((start, epoch)) = next_epoch(log, at, to, known)? else { return Ok(None) };
        if starts.len() == Lineage::MAX_STARTS {
            starts.remove(0);
        }
        starts.push(EpochStart { epoch, start });
        (known, at) = (epoch, start);
    }
    // Where epochs fall the log is damaged, and nothing is known of it.
    Ok(Lineage::new(starts).ok().filter(|_| known == last))
}

/// The same for a stretch that begins with batches that carry no epoch: the epochs of those that follow them, if any do.
/// `None` where it does not begin so. Blocks.
pub(super) fn epochs_behind_none(
    log: &dyn PartitionLog,
    from: Offset,
    to: Offset,
) -> Result<Option<Lineage>, SourceError> {
    if !log.lacks_epoch(from)? {
        return Ok(None);
    }
    let (mut low, mut high) = (from.get(), to.get());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let Some(at) = Offset::from_kafka(middle) else { return Ok(None) };
        // A place that cannot be read counts as one without: the tier is asked for the same, and has none there, either.
        if log.epoch_from(at)?.is_some() { high = middle } else { low = middle }
    }
    let Some(first) = Offset::from_kafka(high) else { return Ok(None) };
    epochs_of(log, first, to)
}

/// The first offset in `[from, to)` whose epoch is above `known`, and that epoch. `known` is the epoch at `from`.
fn next_epoch(
    log: &dyn PartitionLog,
    from: Offset,
    to: Offset,
    known: LeaderEpoch,
) -> Result<Option<(Offset, LeaderEpoch)>, SourceError> {
    let (mut low, mut high) = (from.get(), to.get());
    let mut found = None;
    // Invariant: at `low` the epoch is `known`; at `high` it is above, or `high` is the end.
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let Some(at) = Offset::from_kafka(middle) else { return Ok(None) };
        match log.epoch_from(at)? {
            Some(epoch) if epoch > known => {
                found = Some(epoch);
                high = middle;
            }
            Some(_) => low = middle,
            None => return Ok(None),
        }
    }
    Ok(found.zip(Offset::from_kafka(high)).map(|(epoch, start)| (start, epoch)))
}

#[cfg(test)]
mod tests;
