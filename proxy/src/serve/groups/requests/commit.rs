//! OffsetCommit: answered once it is durable.

use std::sync::Arc;

use firnline_index::group::Position;
use firnline_index::{LeaderEpoch, Offset, TimestampMs};

use super::{Desk, caller};
use crate::serve::catalog::Topic;
use crate::serve::groups::machine::{Event, Reply};
use crate::serve::groups::positions::Change;
use crate::serve::kafka_error::{KafkaError, code_of};
use crate::wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitResponse, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
};

/// From here on topics go by their ids.
const BY_ID_FROM: i16 = 10;

/// Keeps positions.
pub(crate) async fn commit<'a>(
    desk: Desk<'_>,
    request: &OffsetCommitRequest<'a>,
    version: i16,
) -> OffsetCommitResponse<'a> {
    let (changes, refused) = changes(desk, request, version);
    let all = keep(desk, request, changes).await.err();
    let mut refused = refused.into_iter();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| OffsetCommitResponsePartition {
            partition_index: asked.partition_index,
            error_code: code_of(refused.next().flatten().or(all)),
        });
        OffsetCommitResponseTopic {
            name: topic.name,
            topic_id: topic.topic_id,
            partitions: partitions.collect(),
        }
    });
    OffsetCommitResponse { topics: topics.collect(), ..OffsetCommitResponse::default() }
}

/// What is to be kept, and for each partition in the request's order why it is not.
fn changes(
    desk: Desk<'_>,
    request: &OffsetCommitRequest<'_>,
    version: i16,
) -> (Vec<Change>, Vec<Option<KafkaError>>) {
    let (mut changes, mut refused) = (Vec::new(), Vec::new());
    let at = desk.groups.bucket.now();
    let longest = desk.groups.limits().metadata_bytes;
    for topic in &request.topics {
        let found = if version >= BY_ID_FROM {
            desk.view.with_id(topic.topic_id)
        } else {
            desk.view.named(topic.name)
        };
        for asked in &topic.partitions {
            let change = found.and_then(|topic| change(topic, &asked, at, longest));
            refused.push(change.as_ref().err().copied());
            changes.extend(change.ok());
        }
    }
    (changes, refused)
}

fn change(
    topic: &Arc<Topic>,
    asked: &OffsetCommitRequestPartition<'_>,
    at: TimestampMs,
    longest: usize,
) -> Result<Change, KafkaError> {
    let tip = topic.partition(asked.partition_index).ok_or(KafkaError::UnknownTopicOrPartition)?;
    let metadata = asked.committed_metadata.unwrap_or_default();
    if metadata.len() > longest {
        return Err(KafkaError::OffsetMetadataTooLarge);
    }
    // What lies below zero is told as "none", so none is kept.
    let position = Offset::from_kafka(asked.committed_offset).map(|offset| Position {
        offset,
        leader_epoch: LeaderEpoch::from_kafka(asked.committed_leader_epoch),
        metadata: metadata.to_owned(),
        at,
    });
    Ok(Change { topic: tip.topic, topic_id: tip.topic_id, partition: tip.partition, position })
}

async fn keep(
    desk: Desk<'_>,
    request: &OffsetCommitRequest<'_>,
    changes: Vec<Change>,
) -> Result<(), KafkaError> {
    let group = desk.group(request.group_id)?;
    let generation = request.generation_id_or_member_epoch;
    let caller = caller(request.member_id, request.group_instance_id, generation);
    let is_member = generation >= 0 || !request.member_id.is_empty();
    if is_member && !group.is_ours() {
        // Its members are elsewhere, or were: nothing is taken for somebody who is not in it.
        let elsewhere = desk.groups.is_elsewhere(&group).await?;
        return Err(if elsewhere { KafkaError::NotCoordinator } else { KafkaError::UnknownMemberId });
    }
    // Who keeps nothing makes no group.
    let keeps = changes.iter().any(|change| change.position.is_some());
    if !keeps && !group.is_ours() {
        let elsewhere = desk.groups.is_elsewhere(&group).await?;
        if elsewhere {
            return Err(KafkaError::NotCoordinator);
        }
        if !desk.groups.is_there(&group).await {
            return Ok(());
        }
    }
    desk.groups.take(&group).await?;
    match desk.groups.ask(&group, Event::Commit(caller), desk.stop).await {
        Reply::Refused(error) => return Err(error),
        _ if changes.is_empty() => return Ok(()),
        _ => {}
    }
    let bytes: usize =
        changes.iter().map(|change| change.position.as_ref().map_or(0, |p| p.metadata.len())).sum();
    if !desk.groups.has_room(bytes + 256 * changes.len()) {
        tracing::warn!(group = %group.name, "there is no memory for more positions of groups");
        return Err(KafkaError::InvalidCommitOffsetSize);
    }
    desk.groups.keep(&group, changes).await
}
