//! OffsetFetch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use firnline_index::group::Position;
use firnline_index::{LeaderEpoch, PartitionIndex, TopicId};

use super::{Desk, each};
use crate::serve::catalog::Topic;
use crate::serve::groups::positions::Topics;
use crate::serve::kafka_error::{KafkaError, code_of};
use crate::wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse, OffsetFetchResponseGroup,
    OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};

/// From here on several groups are asked for at once.
const MANY_FROM: i16 = 8;
/// From here on topics go by their ids.
const BY_ID_FROM: i16 = 10;
/// From here on an error is told for the whole.
const WHOLE_FROM: i16 = 2;

/// What is told of a group.
#[derive(Debug)]
pub(crate) struct Told {
    group: String,
    topics: Vec<TopicTold>,
    error: Option<KafkaError>,
}

#[derive(Debug)]
struct TopicTold {
    name: String,
    id: [u8; 16],
    partitions: Vec<(i32, Result<Option<Position>, KafkaError>)>,
}

/// The positions that a request asks for.
pub(crate) async fn fetch(desk: Desk<'_>, request: &OffsetFetchRequest<'_>, version: i16) -> Vec<Told> {
    let mut wishes: HashMap<&str, Option<Vec<Wish>>> = HashMap::new();
    let mut names = Vec::new();
    if version >= MANY_FROM {
        for asked in &request.groups {
            names.push(asked.group_id);
            let topics = asked.topics.as_ref().map(|_| by_group(&asked, version));
            wishes.entry(asked.group_id).or_insert(topics);
        }
    } else {
        let topics = request.topics.as_ref().map(|topics| {
            let wish = topics.iter().map(|topic| {
                let partitions = topic.partition_indexes.iter().map(|partition| *partition.value).collect();
                Wish { name: topic.name.to_owned(), id: [0; 16], by_id: false, partitions }
            });
            each_once(wish.collect())
        });
        names.push(request.group_id);
        wishes.insert(request.group_id, topics);
    }
    let (wishes, made) = (&wishes, &AtomicU64::new(0));
    let most = desk.groups.limits().bytes as u64;
    each(names, |name, time| async move {
        let wishes = wishes.get(&*name).and_then(|wishes| wishes.as_deref());
        let told = time.of(async {
            // As much as all groups may take here: more is asked for group by group.
            if made.load(Ordering::Relaxed) > most {
                return Err(KafkaError::CoordinatorNotAvailable);
            }
            one(desk, &name, wishes).await
        });
        let told = match told.await {
            Ok(topics) => Told { group: name, topics, error: None },
            Err(error) => {
                Told { group: name, topics: refused(wishes.unwrap_or_default(), error), error: Some(error) }
            }
        };
        made.fetch_add(bytes(std::slice::from_ref(&told)), Ordering::Relaxed);
        told
    })
    .await
}

/// Partitions of a topic that are asked for.
struct Wish {
    name: String,
    id: [u8; 16],
    by_id: bool,
    partitions: Vec<i32>,
}

impl Wish {
    fn find<'d>(&self, desk: Desk<'d>) -> Result<&'d Arc<Topic>, KafkaError> {
        if self.by_id { desk.view.with_id(self.id) } else { desk.view.named(&self.name) }
    }
}

fn by_group(asked: &OffsetFetchRequestGroup<'_>, version: i16) -> Vec<Wish> {
    let topics = asked.topics.iter().flatten();
    let wish = topics.map(|topic| Wish {
        name: topic.name.to_owned(),
        id: topic.topic_id,
        by_id: version >= BY_ID_FROM,
        partitions: topic.partition_indexes.iter().map(|partition| *partition.value).collect(),
    });
    each_once(wish.collect())
}

/// Each partition once: with a position goes as much metadata as its group has kept.
fn each_once(mut wishes: Vec<Wish>) -> Vec<Wish> {
    let mut known = HashSet::new();
    for Wish { name, id, partitions, .. } in &mut wishes {
        let name = name.as_str();
        partitions.retain(|partition| known.insert((name, *id, *partition)));
    }
    drop(known);
    wishes
}

/// What is told of one group; all of it where no topics are named.
async fn one(desk: Desk<'_>, group: &str, wishes: Option<&[Wish]>) -> Result<Vec<TopicTold>, KafkaError> {
    let group = desk.group(group)?;
    desk.groups
        .kept(&group, |kept| match wishes {
            Some(wishes) => wishes.iter().map(|wish| wished(desk, wish, kept)).collect(),
            None => everything(desk, kept),
        })
        .await
}

fn refused(wishes: &[Wish], error: KafkaError) -> Vec<TopicTold> {
    let topic = |wish: &Wish| {
        let partitions = wish.partitions.iter().map(|partition| (*partition, Err(error))).collect();
        TopicTold { name: wish.name.clone(), id: wish.id, partitions }
    };
    wishes.iter().map(topic).collect()
}

fn wished(desk: Desk<'_>, wish: &Wish, kept: &Topics) -> TopicTold {
    let found = wish.find(desk);
    let positions = found.ok().and_then(|topic| kept.get(&topic.id));
    let position = |partition: i32| {
        let topic = found?;
        if topic.partition(partition).is_none() {
            return Ok(None);
        }
        let partition = PartitionIndex::new(partition).ok();
        Ok(partition.and_then(|partition| positions?.partitions.get(&partition).cloned()))
    };
    TopicTold {
        name: wish.name.clone(),
        id: wish.id,
        partitions: wish.partitions.iter().map(|partition| (*partition, position(*partition))).collect(),
    }
}

/// All positions of topics that may be read; a topic whose plain name means another one, or none, goes by `NAME@ID`.
fn everything(desk: Desk<'_>, kept: &Topics) -> Vec<TopicTold> {
    let mut topics = Vec::new();
    for (id, positions) in kept {
        let Ok(topic) = desk.view.with_id(*id.as_bytes()) else { continue };
        let plain = desk.view.named(topic.name.as_str()).is_ok_and(|named| named.id == topic.id);
        let name = if plain { topic.name.to_string() } else { full_name(topic, *id) };
        let one = |(partition, position): (&PartitionIndex, &Position)| {
            (partition.get(), Ok(Some(position.clone())))
        };
        topics.push(TopicTold {
            name,
            id: *id.as_bytes(),
            partitions: positions.partitions.iter().map(one).collect(),
        });
    }
    topics
}

fn full_name(topic: &Topic, id: TopicId) -> String {
    format!("{}@{id}", topic.name)
}

/// Offset, epoch and what stands beside them, as Kafka tells that there are none.
fn numbers(position: Option<&Position>) -> (i64, i32, &str) {
    position.map_or((-1, -1, ""), |position| {
        let epoch = position.leader_epoch.map_or(-1, LeaderEpoch::get);
        (position.offset.get(), epoch, &position.metadata)
    })
}

/// The answer.
pub(crate) fn answer(told: &[Told], version: i16) -> OffsetFetchResponse<'_> {
    if version >= MANY_FROM {
        return OffsetFetchResponse {
            groups: told.iter().map(group).collect(),
            ..OffsetFetchResponse::default()
        };
    }
    let Some(told) = told.first() else { return OffsetFetchResponse::default() };
    let topics = told.topics.iter().map(|topic| OffsetFetchResponseTopic {
        name: &topic.name,
        partitions: topic
            .partitions
            .iter()
            .map(|(index, position)| {
                let (offset, epoch, metadata) = numbers(position.as_ref().ok().and_then(Option::as_ref));
                OffsetFetchResponsePartition {
                    partition_index: *index,
                    committed_offset: offset,
                    committed_leader_epoch: epoch,
                    metadata: Some(metadata),
                    error_code: code_of(position.as_ref().err().copied()),
                }
            })
            .collect(),
    });
    OffsetFetchResponse {
        topics: topics.collect(),
        error_code: if version >= WHOLE_FROM { code_of(told.error) } else { 0 },
        ..OffsetFetchResponse::default()
    }
}

fn group(told: &Told) -> OffsetFetchResponseGroup<'_> {
    let topics = told.topics.iter().filter(|_| told.error.is_none()).map(|topic| OffsetFetchResponseTopics {
        name: &topic.name,
        topic_id: topic.id,
        partitions: topic
            .partitions
            .iter()
            .map(|(index, position)| {
                let (offset, epoch, metadata) = numbers(position.as_ref().ok().and_then(Option::as_ref));
                OffsetFetchResponsePartitions {
                    partition_index: *index,
                    committed_offset: offset,
                    committed_leader_epoch: epoch,
                    metadata: Some(metadata),
                    error_code: code_of(position.as_ref().err().copied()),
                }
            })
            .collect(),
    });
    OffsetFetchResponseGroup {
        group_id: &told.group,
        topics: topics.collect(),
        error_code: code_of(told.error),
    }
}

/// About how many bytes the answer takes, with what was read for it, for whoever sets memory aside.
pub(crate) fn bytes(told: &[Told]) -> u64 {
    let position = |position: &(i32, Result<Option<Position>, KafkaError>)| {
        200 + position.1.as_ref().ok().and_then(Option::as_ref).map_or(0, |kept| 2 * kept.metadata.len())
    };
    let topic = |topic: &TopicTold| 400 + topic.partitions.iter().map(position).sum::<usize>();
    told.iter().flat_map(|told| &told.topics).map(topic).sum::<usize>() as u64
}
