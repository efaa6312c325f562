//! One seek by offset and one by time, each in a reader that knows nothing yet.

use std::time::Duration;

use firnline_index::{Offset, TimestampMs, TopicIdPartition};
use firnline_reader::{Isolation, ReadOutcome, Reader, ReaderSettings};

use super::log::Ledger;
use super::place::Place;
use super::{differs, fresh};
use crate::failure::{Result, of};

/// What the two seeks cost.
#[derive(Debug)]
pub struct Sought {
    /// The partition.
    pub tip: TopicIdPartition,
    /// The offset sought.
    pub offset: Offset,
    /// Requests and time of the seek by offset.
    pub by_offset: (u64, Duration),
    /// The time sought: that of the batch found by offset.
    pub time: TimestampMs,
    /// Requests and time of the seek by time.
    pub by_time: (u64, Duration),
}

/// Seeks to the middle of the largest partition.
pub async fn show(place: &Place, ledger: &Ledger) -> Result<Sought> {
    let largest = ledger.partitions.iter().filter(|partition| partition.tip.topic.as_str() == "orders");
    let Some(partition) = largest.max_by_key(|partition| partition.sealed_bytes) else {
        return Err(differs("the demo's log has no orders".to_owned()).into());
    };
    let tip = partition.tip.clone();
    let offset = Offset::new(partition.sealed_end.get() / 2).unwrap_or(Offset::ZERO);

    let store = fresh(place);
    let reader = Reader::new(store.clone(), ReaderSettings::default());
    let started = tokio::time::Instant::now();
    let read = reader.read(&tip, offset, 1, Isolation::ReadUncommitted).await.map_err(of::reader)?;
    let by_offset = (store.counters().total(), started.elapsed());
    let ReadOutcome::Batches(batches) = read else {
        return Err(differs(format!("offset {offset} of {tip} was not found")).into());
    };
    let mut time = None;
    crate::commands::batches::walk(&batches.chain, batches.range.start(), |header, _| {
        time = time.or(header.max_timestamp);
        Ok(())
    })?;
    let Some(time) = time else {
        return Err(differs(format!("the batch at offset {offset} of {tip} has no time")).into());
    };

    let store = fresh(place);
    let reader = Reader::new(store.clone(), ReaderSettings::default());
    let started = tokio::time::Instant::now();
    let found = reader.find_timestamp(&tip, time).await.map_err(of::reader)?;
    let by_time = (store.counters().total(), started.elapsed());
    super::expect(
        found.is_some_and(|found| found.header.max_timestamp >= Some(time)),
        "the time sought was not found",
    )?;
    Ok(Sought { tip, offset, by_offset, time, by_time })
}
