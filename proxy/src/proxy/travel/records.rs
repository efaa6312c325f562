//! The records of topics as they stood.

use std::sync::Arc;
use std::time::Duration;

use firnline_index::TopicIdPartition;
use firnline_reader::{Isolation, Sight};
use tokio::time::{Instant, sleep_until};

use super::join::{Consents, FINE, Reading, is_still};
use super::past::Past;
use super::split::Travelers;
use crate::proxy::fetch::{BESIDE_HOT, Tally};
use crate::proxy::tier::Tier;
use crate::serve::failure::in_fetch;
use crate::serve::fetch::{
    Filled, Got, PATIENCE, Plan, Told, TopicKey, TopicPlan, Wish, by_id, bytes as bytes_of, fill, fill_held,
    gather, isolation, response, size,
};
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::fetch::{FetchRequest, FetchTopic, FetchableTopicResponse, PartitionData};
use crate::wire::{At, List};

/// A partition that was not waited for.
#[derive(Debug)]
pub(crate) struct PastLater {
    past: Arc<Past>,
    tip: TopicIdPartition,
    offset: i64,
    pub(crate) max_bytes: usize,
    isolation: Isolation,
}

impl PastLater {
    /// Reads it, up to so many bytes, for the next answer: what comes of it stays with the reader.
    pub(crate) async fn read(self, max_bytes: usize) {
        let sight = Sight { isolation: self.isolation, decided: None };
        fill(&self.past.logs, &self.tip, self.offset, max_bytes, &sight).await;
    }
}

/// What is told of the records of topics as they stood.
pub(super) struct Read<'a> {
    pub(super) topics: Vec<FetchableTopicResponse<'a>>,
    pub(super) tally: Tally,
    pub(super) later: Vec<PastLater>,
}

/// The records: of each partition that the broker has consented to.
pub(super) async fn records<'a>(
    request: &FetchRequest<'a>,
    version: i16,
    rest: &[FetchableTopicResponse<'_>],
    travelers: &Travelers,
    consents: &Consents,
    tier: &Tier,
    reading: Reading,
) -> Read<'a> {
    let Reading { room, turn } = reading;
    let (began, isolation) = (Instant::now(), isolation(request.isolation_level));
    let (mut taken, mut has_hot) = (0, false);
    for topic in rest {
        for data in &topic.partitions {
            taken += data.records.value.len();
            has_hot |= data.error_code.value == FINE;
        }
    }
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(PATIENCE);
    // What is hot, and has nothing now, may have something at any moment.
    let deadline = began + if has_hot { max_wait.min(BESIDE_HOT) } else { max_wait };
    let mut left = size(request.max_bytes.value).saturating_sub(taken).min(room.unwrap_or(0));
    let (mut is_read, mut is_news) = (taken > 0, taken > 0);
    let mut read = Read { topics: Vec::new(), tally: Tally::default(), later: Vec::new() };
    let known = tier.known();
    let mut asked: Vec<_> = request.topics.iter().map(|topic| topic.value.into_owned()).collect();
    asked.retain(|topic| travelers.of(topic, version).is_some());
    turned(&mut asked, turn);
    for topic in &asked {
        let Some(past) = travelers.of(topic, version) else { continue };
        let is_still = by_id(version) || is_still(&known, &past.tiered);
        let Sorted { wishes, late, refused } = sort(topic, past, version, consents, is_still, turn);
        is_news |= !refused.is_empty();
        let key = TopicKey::of(topic.topic, topic.topic_id, version);
        let topic_plan = TopicPlan { key, wishes };
        let mut plan = Plan { topics: vec![topic_plan], isolation, max_bytes: left, min_bytes: 1, max_wait };
        // The first batch of an answer may exceed its limits, no other one.
        let mut got = if room.is_none() || (is_read && left == 0) {
            plan.wishes().map(|_| Got::Late).collect()
        } else if taken > 0 {
            // Records that are here wait for nothing: what is in memory goes along, the rest is read once they have gone.
            from_memory(past, &plan, &mut read.later)
        } else {
            gather(&past.logs, &plan, deadline).await
        };
        let bytes = bytes_of(&got);
        left = left.saturating_sub(bytes);
        is_read |= bytes > 0;
        is_news |= bytes > 0 || got.iter().any(|got| matches!(got, Got::Outside(_)));
        got.extend(late.iter().map(|_| Got::Late));
        plan.topics.iter_mut().for_each(|topic| topic.wishes.extend(late.iter().copied().map(unread)));
        read.tally = got.iter().fold(read.tally, count);
        let told = Told { session_id: 0, wishes: vec![true; got.len()] };
        let partitions = response(&plan, got, &told, version)
            .responses
            .iter()
            .flat_map(|topic| made(&topic.partitions))
            .collect::<Vec<_>>();
        let refused = refused.into_iter().map(|(partition_index, code)| PartitionData {
            partition_index,
            error_code: At::new(code),
            high_watermark: At::new(-1),
            aborted_transactions: At::new(None),
            ..PartitionData::default()
        });
        let partitions = partitions.into_iter().chain(refused).collect();
        let (topic, topic_id) = (topic.topic, topic.topic_id);
        read.topics.push(FetchableTopicResponse { topic, topic_id, partitions });
    }
    if !is_news {
        // An answer that comes at once and has nothing is asked for again at once.
        sleep_until(deadline).await;
    }
    read
}

/// What is in memory of the wishes, within their limits. Makes no request.
fn from_memory(past: &Arc<Past>, plan: &Plan, later: &mut Vec<PastLater>) -> Vec<Got> {
    let mut left = plan.max_bytes;
    let one = |wish: &Wish| {
        let Ok(tip) = &wish.target else { return Got::Late };
        let (isolation, room) = (plan.isolation, wish.max_bytes.min(left));
        let sight = Sight { isolation, decided: None };
        match fill_held(&past.logs, tip, wish.offset, room, &sight).filter(|_| room > 0) {
            Some(filled) => {
                left -= filled.bytes;
                Got::Log(filled)
            }
            None => {
                // Where it ends is told all the same: who has come there has read all.
                let bounds = past
                    .logs
                    .bounds_held(tip)
                    .filter(|bounds| (bounds.start.get()..=bounds.end.get()).contains(&wish.offset));
                if bounds.is_none_or(|bounds| wish.offset < bounds.end.get()) {
                    let (past, tip) = (Arc::clone(past), tip.clone());
                    let (offset, max_bytes) = (wish.offset, wish.max_bytes);
                    later.push(PastLater { past, tip, offset, max_bytes, isolation });
                }
                bounds.map_or(Got::Late, |bounds| Got::Log(Filled::empty(bounds)))
            }
        }
    };
    plan.wishes().map(one).collect()
}

/// The partitions of a topic as it stood, by what is to be done with them.
struct Sorted {
    wishes: Vec<Wish>,
    /// The broker has said nothing of them: it is asked again with the next fetch.
    late: Vec<i32>,
    /// Those that are told an error, and which.
    refused: Vec<(i32, i16)>,
}

fn sort(
    topic: &FetchTopic<'_>,
    past: &Past,
    version: i16,
    consents: &Consents,
    is_still: bool,
    turn: usize,
) -> Sorted {
    let mut sorted = Sorted { wishes: Vec::new(), late: Vec::new(), refused: Vec::new() };
    let unknown = KafkaError::UnknownTopicOrPartition.code();
    for asked in &topic.partitions {
        let partition = asked.partition;
        match (consents.code(past, Some(version), partition), past.tiered.tip(partition)) {
            (None, _) => sorted.late.push(partition),
            (Some(FINE), Some(tip)) if is_still => sorted.wishes.push(Wish {
                partition,
                target: Ok(tip),
                offset: asked.fetch_offset,
                max_bytes: size(asked.partition_max_bytes),
                decided: None,
            }),
            (Some(FINE), _) => sorted.refused.push((partition, unknown)),
            (Some(code), _) if code == KafkaError::KafkaStorageError.code() => {
                sorted.refused.push((partition, in_fetch(KafkaError::KafkaStorageError, version).code()));
            }
            (Some(code), _) => sorted.refused.push((partition, code)),
        }
    }
    turned(&mut sorted.wishes, turn);
    sorted
}

/// Has another one be the first each time.
fn turned<T>(list: &mut [T], turn: usize) {
    if let Some(first) = turn.checked_rem(list.len()) {
        list.rotate_left(first);
    }
}

/// A wish of which nothing is read.
fn unread(partition: i32) -> Wish {
    let target = Err(KafkaError::UnknownTopicOrPartition);
    Wish { partition, target, offset: 0, max_bytes: 0, decided: None }
}

/// Adds what came of a partition.
fn count(mut tally: Tally, got: &Got) -> Tally {
    match got {
        Got::Log(filled) if filled.bytes > 0 => {
            tally.filled += 1;
            tally.bytes += filled.bytes as u64;
        }
        Got::Log(_) | Got::Late => tally.empty += 1,
        Got::Refused(_) => tally.failed += 1,
        Got::Outside(_) => {}
    }
    tally
}

/// Entries that were made here, and borrow from nothing.
fn made<'a>(list: &List<'_, PartitionData<'_>>) -> Vec<PartitionData<'a>> {
    list.iter()
        .map(|data| {
            let data = data.value.into_owned();
            let records = match data.records.value {
                crate::wire::Records::Shared(chunks) => crate::wire::Records::Shared(chunks),
                _ => crate::wire::Records::EMPTY,
            };
            let aborted = data.aborted_transactions.value.map(|aborted| {
                List::from(aborted.iter().map(|aborted| aborted.value.into_owned()).collect::<Vec<_>>())
            });
            PartitionData {
                partition_index: data.partition_index,
                error_code: data.error_code,
                high_watermark: data.high_watermark,
                last_stable_offset: data.last_stable_offset,
                log_start_offset: data.log_start_offset,
                aborted_transactions: At::new(aborted),
                preferred_read_replica: data.preferred_read_replica,
                records: At::new(records),
                ..PartitionData::default()
            }
        })
        .collect()
}
