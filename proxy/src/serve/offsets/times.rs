//! From a time to a record. The only place that decodes records: which one of a batch it is, its header does not tell.

use firnline_index::manifest::Manifest;
use firnline_index::{LeaderEpoch, Offset, TimestampMs, TopicIdPartition};
use firnline_reader::{BatchAtTime, ReadError};
use firnline_records::{DecodeLimits, RecordError, decode_batch};
use tokio::sync::OwnedSemaphorePermit;

use crate::serve::logs::Logs;

/// How many largest timestamps are tried: those of a manifest may belong to records that are not served any more, or that
/// a cleaner took out of their batch.
const LARGEST: usize = 8;

/// A record at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) timestamp: TimestampMs,
    pub(crate) offset: Offset,
    pub(crate) epoch: Option<LeaderEpoch>,
}

/// A look-up that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TimeError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("a batch cannot be decoded")]
    Record(#[from] RecordError),
}

/// The first record at or after a time, at or beyond `from`. Batches whose headers promise more than their records hold
/// are passed over. Cancel safe.
pub(crate) async fn find(
    logs: &Logs,
    tip: &TopicIdPartition,
    at: TimestampMs,
    from: Offset,
) -> Result<Option<Hit>, TimeError> {
    let mut from = from;
    while let Some(batch) = logs.reader().find_timestamp_from(tip, at, from).await? {
        let next = batch.header.next_offset();
        let place = logs.decoding().await;
        if let Some(hit) = in_batch(place, batch, at, from).await? {
            return Ok(Some(hit));
        }
        from = next;
    }
    Ok(None)
}

/// The record with the largest timestamp; the first of several.
pub(crate) async fn find_largest(
    logs: &Logs,
    tip: &TopicIdPartition,
    manifest: &Manifest,
) -> Result<Option<Hit>, TimeError> {
    for at in largest(manifest) {
        if let Some(hit) = find(logs, tip, at, manifest.serving_start).await? {
            return Ok(Some(hit));
        }
    }
    Ok(None)
}

/// The largest timestamps that a manifest names, largest first.
fn largest(manifest: &Manifest) -> Vec<TimestampMs> {
    let start = manifest.serving_start;
    let entries = manifest.entries.iter().filter(|entry| entry.range.end() > start);
    let pages = manifest.pages.iter().filter(|page| page.range.end() > start);
    let times = entries.map(|entry| entry.max_timestamp).chain(pages.map(|page| page.max_timestamp));
    let mut times: Vec<_> = times.flatten().collect();
    times.sort_unstable_by(|one, two| two.cmp(one));
    times.dedup();
    times.truncate(LARGEST);
    times
}

/// Decoding may take long, and blocks.
async fn in_batch(
    place: OwnedSemaphorePermit,
    batch: BatchAtTime,
    at: TimestampMs,
    from: Offset,
) -> Result<Option<Hit>, RecordError> {
    let work = move || {
        let hit = first_in(batch, at, from);
        drop(place);
        hit
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(hit) => hit,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that shuts down refuses blocking work, and it drops this future as well.
            Err(_) => std::future::pending().await,
        },
    }
}

fn first_in(batch: BatchAtTime, at: TimestampMs, from: Offset) -> Result<Option<Hit>, RecordError> {
    let BatchAtTime { header, bytes } = batch;
    for record in decode_batch(&header, bytes, &DecodeLimits::default())? {
        let record = record?;
        if let Some(timestamp) = record.timestamp.filter(|time| *time >= at && record.offset >= from) {
            return Ok(Some(Hit { timestamp, offset: record.offset, epoch: header.leader_epoch }));
        }
    }
    Ok(None)
}
