//! OffsetForLeaderEpoch: by the manifest's lineage, as a broker answers by its own.

use firnline_index::{LeaderEpoch, TopicIdPartition};
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::{PATIENCE, READS};
use crate::serve::failure::unread;
use crate::serve::kafka_error::KafkaError;
use crate::serve::logs::{Age, Logs};
use crate::serve::view::View;
use crate::wire::At;
use crate::wire::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderTopicResult,
};

/// Where an epoch ended, and the epoch that it is the end of; −1 and −1 where that is not known.
type End = (i32, i64);

const UNKNOWN: End = (-1, -1);

/// The answer. The leader epoch that a client believes in is not compared: this server tells none.
pub(crate) async fn answer<'a>(
    request: &OffsetForLeaderEpochRequest<'a>,
    view: &View,
    logs: &Logs,
) -> OffsetForLeaderEpochResponse<'a> {
    let mut questions = Vec::new();
    for topic in &request.topics {
        let found = view.named(topic.topic);
        for asked in &topic.partitions {
            let tip = found.and_then(|topic| {
                topic.partition(asked.partition).ok_or(KafkaError::UnknownTopicOrPartition)
            });
            questions.push((asked.partition, asked.leader_epoch, tip));
        }
    }
    let deadline = Instant::now() + PATIENCE;
    let answers = stream::iter(questions).map(|(partition, epoch, tip)| async move {
        let end = match tip {
            Ok(tip) => {
                let end = timeout_at(deadline, end(logs, &tip, epoch)).await;
                end.unwrap_or(Err(KafkaError::RequestTimedOut))
            }
            Err(error) => Err(error),
        };
        entry(partition, end)
    });
    let answers: Vec<_> = answers.buffered(READS).collect().await;
    let mut answers = answers.into_iter();
    let topics = request.topics.iter().map(|topic| OffsetForLeaderTopicResult {
        topic: topic.topic,
        partitions: answers.by_ref().take(topic.partitions.len()).collect::<Vec<_>>().into(),
    });
    OffsetForLeaderEpochResponse { topics: topics.collect(), ..OffsetForLeaderEpochResponse::default() }
}

async fn end(logs: &Logs, tip: &TopicIdPartition, epoch: i32) -> Result<End, KafkaError> {
    let seen = logs.seen(tip, Age::Usual).await.map_err(|error| unread(tip, &error))?;
    let (Some(seen), Some(epoch)) = (seen, LeaderEpoch::from_kafka(epoch)) else {
        return Ok(UNKNOWN);
    };
    Ok(seen.end_of(epoch).map_or(UNKNOWN, |(epoch, end)| (epoch.get(), end.get())))
}

fn entry(partition: i32, end: Result<End, KafkaError>) -> EpochEndOffset {
    let (error, (epoch, offset)) = match end {
        Ok(end) => (0, end),
        Err(error) => (error.code(), UNKNOWN),
    };
    EpochEndOffset {
        error_code: At::new(error),
        partition,
        leader_epoch: At::new(epoch),
        end_offset: At::new(offset),
    }
}
