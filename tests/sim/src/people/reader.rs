//! A program that reads the tier while everything happens to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::{Offset, TopicIdPartition};
use firnline_reader::{ErrorKind, Isolation, ReadOutcome, Reader, ReaderSettings, Workers};
use firnline_store::env::RandomExt;
use firnline_tier::keys::TopicKeys;

use super::keys::Keys;
use super::{Desk, cluster_id, shown};
use crate::seams::{World, offset};

/// Reads that follow each other.
const IN_A_ROW: u64 = 5;

/// A reader whose caches hold all of a history: what goes out of a full one goes by the wall clock, and the same seed would
/// give another history. So that it has to ask now and then, a new one takes its place.
pub(super) fn reader(desk: &Desk) -> Reader {
    let settings = ReaderSettings {
        readahead_bytes: 4 << 10,
        cluster_id: Some(cluster_id()),
        workers: Workers::Inline,
        ..ReaderSettings::default()
    };
    let ring = desk.world.ring.hold(Arc::clone(&desk.env.random));
    let keys = TopicKeys::new(desk.store.clone(), cluster_id(), Some(ring));
    Reader::with_keys(desk.store.clone(), settings, Some(Arc::new(Keys(keys))))
}

/// Reads for ever: on from where it was, or from anywhere.
pub async fn read_on(desk: Desk) {
    let mut reader_now = reader(&desk);
    let (world, random) = (&desk.world, &desk.env.random);
    let mut at: BTreeMap<TopicIdPartition, i64> = BTreeMap::new();
    loop {
        tokio::time::sleep(Duration::from_secs(20 + random.below(100))).await;
        let tips: Vec<TopicIdPartition> =
            world.kafka().partitions.iter().map(|partition| partition.tip.clone()).collect();
        let Some(tip) = usize::try_from(random.below(tips.len() as u64)).ok().and_then(|n| tips.get(n))
        else {
            continue;
        };
        if random.below(6) == 0 {
            reader_now = reader(&desk);
        }
        if random.below(8) == 0 {
            let end = at.get(tip).copied().unwrap_or(0).max(20).unsigned_abs();
            at.insert(tip.clone(), i64::try_from(random.below(end)).unwrap_or(0));
        }
        for _ in 0..1 + random.below(IN_A_ROW) {
            let from = at.get(tip).copied().unwrap_or(0);
            let isolation = match random.below(3) {
                0 => Isolation::ReadCommitted,
                _ => Isolation::ReadUncommitted,
            };
            let max_bytes = usize::try_from(1 + random.below(1_500)).unwrap_or(1);
            let troubles = world.troubles();
            let told = reader_now.read(tip, offset(from), max_bytes, isolation).await;
            let disturbed = world.troubles() != troubles || world.is_troubled();
            let next = match told {
                Ok(outcome) => judge(world, tip, from, &outcome),
                Err(error) if error.kind() == ErrorKind::Damage && !disturbed => Err(format!("{error:?}")),
                Err(_) => Ok(None),
            };
            match next {
                Ok(Some(next)) => drop(at.insert(tip.clone(), next)),
                Ok(None) => break,
                Err(what) => return world.watch.wrong(format!("{tip}: a reader at {from}: {what}")),
            }
        }
    }
}

/// Holds an answer against the model; gives where to go on, `None` where there is nothing more.
fn judge(
    world: &World,
    tip: &TopicIdPartition,
    from: i64,
    outcome: &ReadOutcome,
) -> Result<Option<i64>, String> {
    let bounds = outcome.bounds();
    let kafka = world.kafka();
    let Some(partition) = kafka.partitions.iter().find(|partition| partition.tip == *tip) else {
        return Ok(None);
    };
    let begins = |start: Offset| start.get() <= world.watch.highest_start(tip);
    if !begins(bounds.start) {
        return Err(format!("it was told that the tier begins at {}, where it never began", bounds.start));
    }
    match outcome {
        ReadOutcome::Batches(batches) => {
            let found = shown::batches(&partition.truth, from, batches)?;
            Ok(found.last().map(|(last, _)| last.end))
        }
        ReadOutcome::Gap { gap, .. } if gap.range.contains(offset(from)) => Ok(Some(gap.range.end().get())),
        ReadOutcome::Gap { gap, .. } => Err(format!("it was told of the gap {}", gap.range)),
        ReadOutcome::BelowStart { .. } if from < bounds.start.get() => Ok(Some(bounds.start.get())),
        ReadOutcome::BelowStart { .. } => Err(format!("it lies below the start, {}", bounds.start)),
        ReadOutcome::AtEnd { .. } if from >= bounds.end.get() => Ok(None),
        ReadOutcome::AtEnd { .. } => Err(format!("it was told the end, {}", bounds.end)),
        ReadOutcome::Undecided { .. } => Ok(None),
    }
}
