//! ListOffsets: the broker's answer with the tier's beside it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use firnline_index::manifest::Manifest;
use firnline_index::{Offset, TimestampMs, TopicIdPartition};
use firnline_reader::{Bounds, Isolation};
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::merge::{Place, Question, Tiers, merged};
use super::wait::{CONSUMER, Named};
use crate::proxy::ended::Ended;
use crate::proxy::tier::{Marks, Tier, Tiered};
use crate::serve::failure::unread;
use crate::serve::fetch::isolation;
use crate::serve::kafka_error::KafkaError;
use crate::serve::logs::Age;
use crate::serve::offsets::times::{TimeError, find, find_largest};
use crate::serve::offsets::{PATIENCE, READS};
use crate::wire::messages::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use crate::wire::{At, Patches, RequestHeader, read_request, read_response};

/// From here on the client says how long it waits.
const PATIENCE_FROM: i16 = 10;
/// How long the start of a log is looked for in the store where it is known from elsewhere already.
const START_PATIENCE: Duration = Duration::from_secs(1);

/// An entry that the tier has a say in.
struct Entry {
    error: At<i16>,
    timestamp: At<i64>,
    offset: At<i64>,
    epoch: At<i32>,
    question: Question,
    of: Option<(Arc<Tiered>, TopicIdPartition)>,
}

/// Patches an answer, its length cut off, to the request in `asked`.
pub(crate) async fn patch_offsets(frame: &mut BytesMut, asked: &[u8], tier: &Tier) -> Result<(), Ended> {
    let (header, body) = RequestHeader::read(asked)?;
    let version = header.version;
    let request: ListOffsetsRequest<'_> = read_request(&header, body)?;
    let patience = match u64::try_from(request.timeout_ms) {
        Ok(ms @ 1..) if version >= PATIENCE_FROM => Duration::from_millis(ms).min(PATIENCE),
        _ => PATIENCE,
    };
    let isolation = isolation(request.isolation_level);
    let came = Instant::now();
    let deadline = came + patience;
    if may_be_new(frame, &request, version, tier)? {
        tier.look_again(START_PATIENCE).await;
    }
    let entries = entries(frame, &request, (version, isolation), tier, came)?;
    let looks = entries.iter().map(|entry| async move {
        match &entry.of {
            Some((tiered, tip)) => {
                look(tier, tiered, tip, entry.question, isolation, entry.offset.value, deadline).await
            }
            // It was asked for, and no broker has told which topic it is.
            None => Tiers::Failed(KafkaError::RequestTimedOut),
        }
    });
    let told: Vec<Tiers> = stream::iter(looks.collect::<Vec<_>>()).buffered(READS).collect().await;
    let mut patches = Patches::new();
    for (entry, tiers) in entries.iter().zip(told) {
        let brokers =
            Place { timestamp: entry.timestamp.value, offset: entry.offset.value, epoch: entry.epoch.value };
        let (error, place) = match merged(entry.question, brokers, tiers) {
            None => continue,
            Some(Ok(place)) => (0, place),
            Some(Err(error)) => (error.code(), Place { timestamp: -1, offset: -1, epoch: -1 }),
        };
        patches.set(&entry.error, error);
        patches.set(&entry.timestamp, place.timestamp);
        patches.set(&entry.offset, place.offset);
        patches.set(&entry.epoch, place.epoch);
    }
    Ok(patches.apply(frame)?)
}

/// The same while nobody knows what the tier has: what it could have told otherwise is asked for again.
pub(crate) fn patch_unknown(frame: &mut BytesMut, asked: &[u8]) -> Result<(), Ended> {
    let (header, body) = RequestHeader::read(asked)?;
    let request: ListOffsetsRequest<'_> = read_request(&header, body)?;
    if request.replica_id != CONSUMER {
        return Ok(());
    }
    let mut asked = HashMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            asked.insert((topic.name, partition.partition_index), partition.timestamp);
        }
    }
    let answer: ListOffsetsResponse<'_> = read_response(frame, header.version)?;
    let mut patches = Patches::new();
    for topic in &answer.topics {
        for told in topic.partitions.iter().filter(|told| told.error_code.value == 0) {
            let Some(timestamp) = asked.get(&(topic.name, told.partition_index)) else { continue };
            let brokers = Place {
                timestamp: told.timestamp.value,
                offset: told.offset.value,
                epoch: told.leader_epoch.value,
            };
            let unknown = Tiers::Failed(KafkaError::RequestTimedOut);
            if let Some(Err(error)) = merged(Question::of(*timestamp, header.version), brokers, unknown) {
                patches.set(&told.error_code, error.code());
                patches.set(&told.timestamp, -1);
                patches.set(&told.offset, -1);
                patches.set(&told.leader_epoch, -1);
            }
        }
    }
    Ok(patches.apply(frame)?)
}

/// Whether a broker tells where the log of a partition begins that is not known, and it has lost its beginning: the tier may have
/// it since a moment ago. Told as the broker tells it, it would be hidden.
fn may_be_new(
    frame: &[u8],
    request: &ListOffsetsRequest<'_>,
    version: i16,
    tier: &Tier,
) -> Result<bool, Ended> {
    let known = tier.known();
    let asks_start = |topic: &ListOffsetsTopic<'_>| {
        topic.partitions.iter().any(|asked| Question::of(asked.timestamp, version) == Question::Earliest)
    };
    let mut asked = request.topics.iter();
    if !asked.any(|topic| asks_start(&topic)) {
        return Ok(false);
    }
    let answer: ListOffsetsResponse<'_> = read_response(frame, version)?;
    let mut told = answer.topics.iter();
    Ok(told.any(|topic| {
        let named = Named::of(&known, topic.name);
        let is_new = |partition| match &named {
            Named::Foreign => true,
            Named::Is(tiered) => tiered.tip(partition).is_none(),
            Named::Stale => false,
        };
        let mut told = topic.partitions.iter();
        told.any(|told| told.error_code.value == 0 && told.offset.value > 0 && is_new(told.partition_index))
    }))
}

fn entries(
    frame: &[u8],
    request: &ListOffsetsRequest<'_>,
    (version, isolation): (i16, Isolation),
    tier: &Tier,
    came: Instant,
) -> Result<Vec<Entry>, Ended> {
    let mut asked = HashMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            asked.insert((topic.name, partition.partition_index), partition.timestamp);
        }
    }
    let answer: ListOffsetsResponse<'_> = read_response(frame, version)?;
    let known = tier.known();
    let mut entries = Vec::new();
    for topic in &answer.topics {
        let named = Named::as_of(&known, topic.name, came);
        for told in topic.partitions.iter().filter(|told| told.error_code.value == 0) {
            let Some(timestamp) = asked.get(&(topic.name, told.partition_index)) else { continue };
            let of = match &named {
                Named::Foreign => continue,
                Named::Stale => None,
                Named::Is(tiered) => {
                    note(tiered, &told, *timestamp, isolation);
                    match tiered.tip(told.partition_index) {
                        Some(tip) => Some((Arc::clone(tiered), tip)),
                        None => continue,
                    }
                }
            };
            let question = Question::of(*timestamp, version);
            if question == Question::Brokers || (question == Question::Earliest && told.offset.value == 0) {
                continue;
            }
            let ListOffsetsPartitionResponse {
                error_code: error,
                timestamp,
                offset,
                leader_epoch: epoch,
                ..
            } = told.value.into_owned();
            entries.push(Entry { error, timestamp, offset, epoch, question, of });
        }
    }
    Ok(entries)
}

/// Only a leader answers, so that what it tells of its log's ends is worth keeping.
fn note(tiered: &Tiered, told: &ListOffsetsPartitionResponse, timestamp: i64, isolation: Isolation) {
    let Some(place) = tiered.place(told.partition_index) else { return };
    match timestamp {
        -1 if isolation == Isolation::ReadUncommitted => place.lock().note_end(told.offset.value),
        -2 => place.lock().note_start(told.offset.value),
        _ => {}
    }
}

/// Asks the tier.
async fn look(
    tier: &Tier,
    tiered: &Tiered,
    tip: &TopicIdPartition,
    question: Question,
    isolation: Isolation,
    brokers: i64,
    deadline: Instant,
) -> Tiers {
    let floor = || tiered.place(tip.partition.get()).map_or(Offset::ZERO, |place| place.lock().floor());
    let marks = tiered.place(tip.partition.get()).and_then(|place| place.lock().marks());
    let patience = match (question, marks) {
        (Question::Earliest, Some(_)) => deadline.min(Instant::now() + START_PATIENCE),
        _ => deadline,
    };
    // That nothing is in the tier is believed of nobody: it may be since its first upload, and the broker has lost what that
    // brought. Told as the broker tells it, its history would be hidden.
    let age = if tier.logs.is_absent(tip) { Age::Now } else { Age::Usual };
    let manifest = match timeout_at(patience, tier.logs.manifest(tip, age)).await {
        Ok(Ok(Some(manifest))) => manifest,
        Ok(Ok(None)) => {
            // A node tells that it holds what its broker has lost: where the broker's log begins is not where the log does.
            let is_held = tiered.place(tip.partition.get()).is_some_and(|place| place.lock().is_held());
            return match (question, marks) {
                (Question::Earliest, Some(marks)) => Tiers::At(marks.start, None),
                (Question::Earliest | Question::At(_), None) if is_held => {
                    Tiers::Failed(KafkaError::RequestTimedOut)
                }
                _ => Tiers::Nothing,
            };
        }
        failed => {
            // What was told last is better than nothing, and never hides anything.
            if let (Question::Earliest, Some(marks)) = (question, marks) {
                return Tiers::At(marks.start, None);
            }
            return Tiers::Failed(match failed {
                Ok(Err(error)) => unread(tip, &error),
                _ => KafkaError::RequestTimedOut,
            });
        }
    };
    let mut stable = brokers;
    if let Some(place) = tiered.place(tip.partition.get()) {
        let mut place = place.lock();
        place.note_marks(Marks::of_bounds(Bounds::of(&manifest)));
        stable = stable.max(place.position().map_or(-1, |position| position.last_stable));
    }
    let seen = Seen { isolation, stable, floor: floor() };
    match timeout_at(deadline, find_in(tier, tip, &manifest, question, seen)).await {
        Ok(Ok(tiers)) => tiers,
        Ok(Err(TimeError::Read(error))) => Tiers::Failed(unread(tip, &error)),
        Ok(Err(TimeError::Record(error))) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(%tip, error, "a batch cannot be decoded, so that no time is found in it");
            Tiers::Failed(KafkaError::KafkaStorageError)
        }
        Err(_) => Tiers::Failed(KafkaError::RequestTimedOut),
    }
}

/// What a client may be told of.
#[derive(Debug, Clone, Copy)]
struct Seen {
    isolation: Isolation,
    /// All below it is decided, as the broker has told: by its answer, which lies there, or before. −1 where it has not.
    stable: i64,
    /// What lies below was deleted.
    floor: Offset,
}

async fn find_in(
    tier: &Tier,
    tip: &TopicIdPartition,
    manifest: &Manifest,
    question: Question,
    seen: Seen,
) -> Result<Tiers, TimeError> {
    let bounds = Bounds::of(manifest);
    let start = bounds.serving_start.max(seen.floor);
    let end = match seen.isolation {
        Isolation::ReadUncommitted => bounds.end,
        // What was open when it went up may have ended since.
        Isolation::ReadCommitted => {
            Offset::new(seen.stable).map_or(bounds.last_stable, |stable| bounds.last_stable.max(stable))
        }
    };
    let hit = match question {
        Question::Brokers => None,
        Question::Earliest => return Ok(Tiers::At(start, manifest.lineage.epoch_at(start))),
        Question::FirstPending => {
            let newest = manifest.lineage.last().map(|last| last.epoch);
            return Ok(Tiers::At(bounds.end.max(start), newest));
        }
        Question::LastTiered => {
            let last = bounds.end.get().checked_sub(1).and_then(Offset::from_kafka);
            let last = last.filter(|last| *last >= start);
            return Ok(last.map_or(Tiers::Nothing, |last| Tiers::At(last, manifest.lineage.epoch_at(last))));
        }
        Question::At(time) => match TimestampMs::new(time) {
            Ok(time) => find(&tier.logs, tip, time, start).await?,
            Err(_) => None,
        },
        Question::Largest => find_largest(&tier.logs, tip, manifest).await?,
    };
    Ok(hit.filter(|hit| hit.offset >= start && hit.offset < end).map_or(Tiers::Nothing, Tiers::Hit))
}
