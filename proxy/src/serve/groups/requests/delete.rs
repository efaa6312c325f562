//! DeleteGroups and OffsetDelete: positions are forgotten, durably, and only where nobody works by them.
//!
//! A group that is deleted keeps its object, without positions: a store deletes under no condition, and another server may have
//! taken the group in the moment before. That saved positions were taken once stays in it, so that they do not come back.

use firnline_index::TopicId;
use firnline_index::group::TopicPositions;

use super::{Desk, each};
use crate::serve::groups::group::Group;
use crate::serve::groups::positions::Change;
use crate::serve::kafka_error::{KafkaError, code_of};
use crate::wire::messages::delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};
use crate::wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};

/// What became of a group that was to be deleted.
pub(crate) type Deleted = (String, Result<(), KafkaError>);

/// Deletes groups. A PUT each.
pub(crate) async fn groups(desk: Desk<'_>, request: &DeleteGroupsRequest<'_>) -> Vec<Deleted> {
    let names = request.groups_names.iter().map(|name| *name.value).collect();
    each(names, |name, time| async move {
        let deleted = time.of(group(desk, &name)).await;
        (name, deleted)
    })
    .await
}

/// The answer.
pub(crate) fn answer(deleted: &[Deleted]) -> DeleteGroupsResponse<'_> {
    let results = deleted.iter().map(|(group_id, deleted)| DeletableGroupResult {
        group_id,
        error_code: code_of(deleted.err()),
        ..DeletableGroupResult::default()
    });
    DeleteGroupsResponse { results: results.collect(), ..DeleteGroupsResponse::default() }
}

async fn group(desk: Desk<'_>, name: &str) -> Result<(), KafkaError> {
    let group = desk.group(name)?;
    if desk.groups.is_elsewhere(&group).await? {
        return Err(KafkaError::NotCoordinator);
    }
    if !group.is_ours() && !desk.groups.is_there(&group).await {
        return Err(KafkaError::GroupIdNotFound);
    }
    empty(desk, &group, KafkaError::NonEmptyGroup).await?;
    let changes = {
        let positions = group.positions();
        // Of topics that its principal may not read no position is told, nor taken.
        let readable = positions.durable().iter().filter(|(id, _)| desk.view.with_id(*id.as_bytes()).is_ok());
        readable.flat_map(|(id, topic)| forgotten(*id, topic)).collect()
    };
    desk.groups.keep(&group, changes).await
}

/// Makes the group ours, and refuses where it has members.
async fn empty(desk: Desk<'_>, group: &Group, otherwise: KafkaError) -> Result<(), KafkaError> {
    desk.groups.take(group).await?;
    let nobody = group.look(|machine| machine.is_idle());
    if nobody { Ok(()) } else { Err(otherwise) }
}

fn forgotten(id: TopicId, topic: &TopicPositions) -> impl Iterator<Item = Change> {
    let partitions = topic.partitions.keys();
    partitions.map(move |partition| Change {
        topic: topic.topic.clone(),
        topic_id: id,
        partition: *partition,
        position: None,
    })
}

/// Deletes positions.
pub(crate) async fn offsets<'a>(
    desk: Desk<'_>,
    request: &OffsetDeleteRequest<'a>,
) -> OffsetDeleteResponse<'a> {
    let (mut changes, mut refused) = (Vec::new(), Vec::new());
    for topic in &request.topics {
        let found = desk.view.named(topic.name);
        for asked in &topic.partitions {
            let tip = found.and_then(|topic| {
                topic.partition(asked.partition_index).ok_or(KafkaError::UnknownTopicOrPartition)
            });
            refused.push(tip.as_ref().err().copied());
            changes.extend(tip.ok().map(|tip| Change {
                topic: tip.topic,
                topic_id: tip.topic_id,
                partition: tip.partition,
                position: None,
            }));
        }
    }
    let all = match forget(desk, request.group_id, changes).await {
        Ok(()) => None,
        // Kafka says of each partition that somebody reads it, and of a group that it cannot be had.
        Err(error @ KafkaError::GroupSubscribedToTopic) => Some(error),
        Err(error) => {
            return OffsetDeleteResponse { error_code: error.code(), ..OffsetDeleteResponse::default() };
        }
    };
    let mut refused = refused.into_iter();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| OffsetDeleteResponsePartition {
            partition_index: asked.partition_index,
            error_code: code_of(refused.next().flatten().or(all)),
        });
        OffsetDeleteResponseTopic { name: topic.name, partitions: partitions.collect() }
    });
    OffsetDeleteResponse { topics: topics.collect(), ..OffsetDeleteResponse::default() }
}

async fn forget(desk: Desk<'_>, name: &str, changes: Vec<Change>) -> Result<(), KafkaError> {
    let group = desk.group(name)?;
    if desk.groups.is_elsewhere(&group).await? {
        return Err(KafkaError::NotCoordinator);
    }
    if !group.is_ours() && !desk.groups.is_there(&group).await {
        return Err(KafkaError::GroupIdNotFound);
    }
    // Which topics its members want stands in texts of theirs: while there are any, nothing is taken from under them.
    empty(desk, &group, KafkaError::GroupSubscribedToTopic).await?;
    desk.groups.keep(&group, changes).await
}
