//! ListOffsets.

use std::collections::HashSet;
use std::time::Duration;

use firnline_index::{LeaderEpoch, Offset, TopicIdPartition};
use firnline_reader::{Bounds, Isolation};
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::times::{Hit, TimeError, find, find_largest};
use super::wanted::Wanted;
use super::{PATIENCE, READS};
use crate::serve::as_of::Seen;
use crate::serve::failure::unread;
use crate::serve::fetch::isolation;
use crate::serve::kafka_error::KafkaError;
use crate::serve::logs::{Age, Logs};
use crate::serve::view::View;
use crate::wire::At;
use crate::wire::messages::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopicResponse,
};

/// From here on the client says how long it waits.
const PATIENCE_FROM: i16 = 10;

/// A partition, and what is asked of it.
struct Question {
    partition: i32,
    of: Result<(TopicIdPartition, Wanted), KafkaError>,
}

/// What Kafka calls an offset, a time and an epoch, where there may be none of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    offset: Option<Offset>,
    timestamp: Option<i64>,
    epoch: Option<LeaderEpoch>,
}

/// The answer. All partitions are looked at at once, within a limit.
pub(crate) async fn answer<'a>(
    request: &ListOffsetsRequest<'a>,
    version: i16,
    view: &View,
    logs: &Logs,
) -> ListOffsetsResponse<'a> {
    let isolation = isolation(request.isolation_level);
    let patience = match u64::try_from(request.timeout_ms) {
        Ok(ms @ 1..) if version >= PATIENCE_FROM => Duration::from_millis(ms).min(PATIENCE),
        _ => PATIENCE,
    };
    let deadline = Instant::now() + patience;
    let questions = questions(request, version, view);
    let answers = stream::iter(questions).map(|question| async move {
        let Question { partition, of } = question;
        let place = match of {
            // Manifests tell the largest of whole segments: of a log as it stood all would have to be read.
            Ok((_, Wanted::MaxTimestamp)) if logs.are_cut() => Err(KafkaError::UnsupportedVersion),
            Ok((tip, wanted)) => match timeout_at(deadline, place(logs, &tip, wanted, isolation)).await {
                Ok(Ok(place)) => Ok(place),
                Ok(Err(error)) => Err(said(&tip, &error)),
                Err(_) => Err(KafkaError::RequestTimedOut),
            },
            Err(error) => Err(error),
        };
        entry(partition, place)
    });
    let answers: Vec<_> = answers.buffered(READS).collect().await;
    let mut answers = answers.into_iter();
    let topics = request.topics.iter().map(|topic| ListOffsetsTopicResponse {
        name: topic.name,
        partitions: answers.by_ref().take(topic.partitions.len()).collect::<Vec<_>>().into(),
    });
    ListOffsetsResponse { topics: topics.collect(), ..ListOffsetsResponse::default() }
}

/// The questions in the order of the request.
fn questions(request: &ListOffsetsRequest<'_>, version: i16, view: &View) -> Vec<Question> {
    let mut once = HashSet::new();
    let mut twice = HashSet::new();
    for topic in &request.topics {
        for asked in &topic.partitions {
            let named = (topic.name, asked.partition_index);
            if !once.insert(named) {
                twice.insert(named);
            }
        }
    }
    let mut questions = Vec::new();
    for topic in &request.topics {
        let found = view.named(topic.name);
        for asked in &topic.partitions {
            let partition = asked.partition_index;
            let of = if twice.contains(&(topic.name, partition)) {
                Err(KafkaError::InvalidRequest)
            } else {
                found.and_then(|topic| {
                    let tip = topic.partition(partition).ok_or(KafkaError::UnknownTopicOrPartition)?;
                    let wanted =
                        Wanted::of(asked.timestamp, version).ok_or(KafkaError::UnsupportedVersion)?;
                    Ok((tip, wanted))
                })
            };
            questions.push(Question { partition, of });
        }
    }
    questions
}

async fn place(
    logs: &Logs,
    tip: &TopicIdPartition,
    wanted: Wanted,
    isolation: Isolation,
) -> Result<Place, TimeError> {
    let Some(seen) = logs.seen(tip, Age::Usual).await? else { return Ok(place_in_nothing(wanted)) };
    let bounds = seen.bounds();
    let end = match isolation {
        Isolation::ReadUncommitted => bounds.end,
        Isolation::ReadCommitted => bounds.last_stable,
    };
    let newest = seen.newest_epoch();
    Ok(match wanted {
        Wanted::Earliest => at(bounds.serving_start, seen.epoch_at(bounds.serving_start)),
        Wanted::Latest => at(end, newest),
        Wanted::EarliestPending => at(bounds.end, newest),
        Wanted::LatestTiered => last_tiered(&seen, bounds).unwrap_or_default(),
        Wanted::At(time) => hit(find(logs, tip, time, bounds.serving_start).await?, end),
        Wanted::MaxTimestamp => hit(find_largest(logs, tip, &seen.manifest).await?, end),
    })
}

/// A log in which there never was anything begins and ends at 0.
fn place_in_nothing(wanted: Wanted) -> Place {
    match wanted {
        Wanted::Earliest | Wanted::Latest | Wanted::EarliestPending => at(Offset::ZERO, None),
        Wanted::LatestTiered | Wanted::At(_) | Wanted::MaxTimestamp => Place::default(),
    }
}

fn at(offset: Offset, epoch: Option<LeaderEpoch>) -> Place {
    Place { offset: Some(offset), timestamp: None, epoch }
}

fn last_tiered(seen: &Seen, bounds: Bounds) -> Option<Place> {
    if bounds.end == bounds.serving_start {
        return None;
    }
    let last = Offset::from_kafka(bounds.end.get().checked_sub(1)?)?;
    Some(at(last, seen.epoch_at(last)))
}

/// A record at or beyond what the client may see is none.
fn hit(found: Option<Hit>, end: Offset) -> Place {
    found.filter(|hit| hit.offset < end).map_or_else(Place::default, |hit| Place {
        offset: Some(hit.offset),
        timestamp: Some(hit.timestamp.get()),
        epoch: hit.epoch,
    })
}

fn said(tip: &TopicIdPartition, error: &TimeError) -> KafkaError {
    match error {
        TimeError::Read(error) => unread(tip, error),
        TimeError::Record(error) => {
            let error = error as &dyn std::error::Error;
            tracing::warn!(%tip, error, "a batch cannot be decoded, so that no time is found in it");
            KafkaError::KafkaStorageError
        }
    }
}

fn entry(partition: i32, place: Result<Place, KafkaError>) -> ListOffsetsPartitionResponse {
    let (error, place) = match place {
        Ok(place) => (0, place),
        Err(error) => (error.code(), Place::default()),
    };
    ListOffsetsPartitionResponse {
        partition_index: partition,
        error_code: At::new(error),
        timestamp: At::new(place.timestamp.unwrap_or(-1)),
        offset: At::new(place.offset.map_or(-1, Offset::get)),
        leader_epoch: At::new(place.epoch.map_or(-1, LeaderEpoch::get)),
    }
}
