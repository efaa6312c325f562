//! What is told of topics as they stood, put behind what the broker has answered about the rest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use firnline_index::TopicId;
use tokio::time::{Instant, sleep_until};

use super::name::PastName;
use super::past::{Past, Pasts};
use super::split::Travelers;
use crate::proxy::ended::Ended;
use crate::proxy::own;
use crate::proxy::tier::{Known, Tier, Tiered};
use crate::serve::fetch::{
    Got, PATIENCE, Plan, Told, TopicKey, TopicPlan, Wish, by_id, bytes as bytes_of, gather, isolation,
    response, size,
};
use crate::serve::kafka_error::KafkaError;
use crate::serve::offsets::{epochs, list};
use crate::wire::messages::fetch::{
    FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse, PartitionData,
};
use crate::wire::messages::list_offsets::{
    ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic, ListOffsetsTopicResponse,
};
use crate::wire::messages::metadata::{MetadataResponse, MetadataResponsePartition, MetadataResponseTopic};
use crate::wire::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderTopic,
    OffsetForLeaderTopicResult,
};
use crate::wire::{
    Api, At, Frame, List, Message, RequestHeader, read_request, read_response, write_response,
};

/// Kafka's code where nothing is wrong.
const FINE: i16 = 0;
/// No epoch: whoever is told none compares none.
const NO_EPOCH: i32 = -1;

/// What the broker has said of the topics behind.
#[derive(Debug)]
pub(crate) enum Consents {
    /// Metadata of them.
    Names(Bytes),
    /// The error of each partition, by what its topic goes by.
    Codes(BTreeMap<(TopicKey, i32), i16>),
}

impl Consents {
    /// Reads the answer to a question of [`super::split()`].
    pub(crate) fn read(api: Api, version: i16, frame: Bytes) -> Result<Self, Ended> {
        let mut codes = BTreeMap::new();
        match api {
            Api::FETCH => {
                let answer: FetchResponse<'_> = read_response(&frame, version)?;
                for topic in &answer.responses {
                    let key = TopicKey::of(topic.topic, topic.topic_id, version);
                    for data in &topic.partitions {
                        // A broker looks at rights and at the leader before it looks at offsets.
                        let code = match data.error_code.value {
                            code if code == KafkaError::OffsetOutOfRange.code() => FINE,
                            // No log has that offset: whoever serves it is none.
                            FINE => KafkaError::KafkaStorageError.code(),
                            code => code,
                        };
                        codes.insert((key.clone(), data.partition_index), code);
                    }
                }
            }
            Api::LIST_OFFSETS => {
                let answer: ListOffsetsResponse<'_> = read_response(&frame, version)?;
                for topic in &answer.topics {
                    let key = TopicKey::Name(topic.name.into());
                    for told in &topic.partitions {
                        codes.insert((key.clone(), told.partition_index), told.error_code.value);
                    }
                }
            }
            _ => return Ok(Self::Names(frame)),
        }
        Ok(Self::Codes(codes))
    }

    /// The error of a partition behind; `None` where the broker has said nothing of it, as where it is throttled.
    fn code(&self, past: &Past, version: Option<i16>, partition: i32) -> Option<i16> {
        let Self::Codes(codes) = self else { return None };
        let topic = &past.tiered.topic;
        let key = match version {
            Some(version) => TopicKey::of(topic.name.as_str(), *topic.id.as_bytes(), version),
            None => TopicKey::Name(topic.name.as_str().into()),
        };
        codes.get(&(key, partition)).copied()
    }
}

/// Puts what is told of travelers into the answer about the rest, with at most `room` bytes of records, or, without room,
/// none.
pub(crate) async fn join(
    rest: Frame,
    travelers: &Travelers,
    consents: &Consents,
    tier: &Tier,
    pasts: &Pasts,
    room: Option<usize>,
) -> Result<Frame, Ended> {
    let rest = rest.into_bytes().split_off(4);
    let (header, body) = RequestHeader::read(&travelers.request)?;
    let version = header.version;
    match header.api {
        Api::METADATA => {
            let mut answer: MetadataResponse<'_> = read_response(&rest, version)?;
            let Consents::Names(frame) = consents else { return answered(&answer, &header) };
            let behind: MetadataResponse<'_> = read_response(frame, own::METADATA_VERSION)?;
            let mut topics = owned(&answer.topics);
            topics.extend(travelers.names.iter().map(|name| metadata(name, &behind, tier, pasts)));
            answer.topics = topics.into();
            answered(&answer, &header)
        }
        Api::LIST_OFFSETS => {
            let request: ListOffsetsRequest<'_> = read_request(&header, body)?;
            let mut answer: ListOffsetsResponse<'_> = read_response(&rest, version)?;
            let mut topics = owned(&answer.topics);
            for topic in &request.topics {
                if let Some(past) = travelers.named(topic.name) {
                    topics.push(offsets(past, &request, &topic, version, consents, tier).await);
                }
            }
            answer.topics = topics.into();
            answered(&answer, &header)
        }
        Api::OFFSET_FOR_LEADER_EPOCH => {
            let request: OffsetForLeaderEpochRequest<'_> = read_request(&header, body)?;
            let mut answer: OffsetForLeaderEpochResponse<'_> = read_response(&rest, version)?;
            let mut topics = owned(&answer.topics);
            for topic in &request.topics {
                if let Some(past) = travelers.named(topic.topic) {
                    topics.push(ends(past, &topic, consents, tier).await);
                }
            }
            answer.topics = topics.into();
            answered(&answer, &header)
        }
        _ => {
            let request: FetchRequest<'_> = read_request(&header, body)?;
            let mut answer: FetchResponse<'_> = read_response(&rest, version)?;
            if answer.error_code == FINE {
                let mut topics = owned(&answer.responses);
                topics.extend(records(&request, version, &topics, travelers, consents, tier, room).await);
                answer.responses = topics.into();
            }
            answered(&answer, &header)
        }
    }
}

impl Travelers {
    fn named(&self, name: &str) -> Option<&Arc<Past>> {
        self.pasts.iter().find(|past| *past.name == *name)
    }

    fn of(&self, topic: &FetchTopic<'_>, version: i16) -> Option<&Arc<Past>> {
        if by_id(version) {
            self.pasts.iter().find(|past| past.id == topic.topic_id)
        } else {
            self.named(topic.topic)
        }
    }
}

fn owned<'a, T: crate::wire::Value<'a> + Clone>(list: &List<'a, T>) -> Vec<T> {
    list.iter().map(|element| element.value.into_owned()).collect()
}

fn answered<'a, M: Message<'a>>(answer: &M, header: &RequestHeader<'_>) -> Result<Frame, Ended> {
    Ok(write_response(answer, header.version, header.correlation_id)?)
}

/// What is told of a name: what the broker tells of the topic behind it, and an id of its own.
fn metadata<'a>(
    name: &'a str,
    behind: &MetadataResponse<'a>,
    tier: &Tier,
    pasts: &Pasts,
) -> MetadataResponseTopic<'a> {
    let failed = |error_code| MetadataResponseTopic {
        error_code,
        name: Some(name),
        ..MetadataResponseTopic::default()
    };
    let unknown = KafkaError::UnknownTopicOrPartition.code();
    let Some(of) = PastName::read(name) else { return failed(unknown) };
    let told = behind.topics.iter().find(|topic| topic.name == Some(of.base));
    let Some(told) = told else { return failed(unknown) };
    if told.error_code != FINE {
        return failed(told.error_code);
    }
    let known = tier.known();
    let Some(tiered) = known.with_id(TopicId::from_bytes(told.topic_id)) else { return failed(unknown) };
    let Some(past) = pasts.learn(name, &of, tiered, tier.env.clock.now_ms()) else {
        tracing::warn!(name, "a topic as it stood is not served: others are, as many as there may be");
        return failed(unknown);
    };
    let partition = |partition: MetadataResponsePartition<'a>| MetadataResponsePartition {
        leader_epoch: NO_EPOCH,
        ..partition
    };
    MetadataResponseTopic {
        error_code: FINE,
        name: Some(name),
        topic_id: past.id,
        is_internal: false,
        partitions: told.partitions.iter().map(|told| partition(told.value.into_owned())).collect(),
        topic_authorized_operations: i32::MIN,
    }
}

/// Whether the name of a topic still means the one behind a past, as a broker told a moment ago.
fn is_still(known: &Known, tiered: &Tiered) -> bool {
    let named = known.named(tiered.topic.name.as_str());
    matches!(named.map(crate::proxy::tier::Named::live), Some(Ok(Some(live))) if live.topic.id == tiered.topic.id)
}

async fn offsets<'a>(
    past: &Past,
    request: &ListOffsetsRequest<'a>,
    topic: &ListOffsetsTopic<'a>,
    version: i16,
    consents: &Consents,
    tier: &Tier,
) -> ListOffsetsTopicResponse<'a> {
    let asked =
        ListOffsetsTopic { name: past.tiered.topic.name.as_str(), partitions: topic.partitions.clone() };
    let asked = ListOffsetsRequest { topics: vec![asked].into(), ..*request };
    let answer = list::answer(&asked, version, &past.view, &past.logs).await;
    let is_still = is_still(&tier.known(), &past.tiered);
    let told = answer.topics.iter().flat_map(|topic| owned(&topic.partitions)).map(|mut told| {
        let code = refusal(consents.code(past, None, told.partition_index), is_still);
        if code != FINE {
            (told.error_code, told.offset, told.timestamp) = (At::new(code), At::new(-1), At::new(-1));
        }
        told.leader_epoch = At::new(NO_EPOCH);
        told
    });
    ListOffsetsTopicResponse { name: topic.name, partitions: told.collect() }
}

async fn ends<'a>(
    past: &Past,
    topic: &OffsetForLeaderTopic<'a>,
    consents: &Consents,
    tier: &Tier,
) -> OffsetForLeaderTopicResult<'a> {
    let asked =
        OffsetForLeaderTopic { topic: past.tiered.topic.name.as_str(), partitions: topic.partitions.clone() };
    let asked =
        OffsetForLeaderEpochRequest { topics: vec![asked].into(), ..OffsetForLeaderEpochRequest::default() };
    let answer = epochs::answer(&asked, &past.view, &past.logs).await;
    let is_still = is_still(&tier.known(), &past.tiered);
    let told = answer.topics.iter().flat_map(|topic| owned(&topic.partitions)).map(|mut told| {
        let code = refusal(consents.code(past, None, told.partition), is_still);
        if code != FINE {
            (told.error_code, told.end_offset, told.leader_epoch) = (At::new(code), At::new(-1), At::new(-1));
        }
        told
    });
    OffsetForLeaderTopicResult { topic: topic.topic, partitions: told.collect() }
}

/// The error of a partition: the broker's own; without its word, that there was none.
fn refusal(code: Option<i16>, is_still: bool) -> i16 {
    match code {
        Some(FINE) if is_still => FINE,
        Some(FINE) => KafkaError::UnknownTopicOrPartition.code(),
        Some(code) => code,
        None => KafkaError::RequestTimedOut.code(),
    }
}

/// The records: of each partition that the broker has consented to.
async fn records<'a>(
    request: &FetchRequest<'a>,
    version: i16,
    rest: &[FetchableTopicResponse<'_>],
    travelers: &Travelers,
    consents: &Consents,
    tier: &Tier,
    room: Option<usize>,
) -> Vec<FetchableTopicResponse<'a>> {
    let began = Instant::now();
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(PATIENCE);
    let taken: usize =
        rest.iter().flat_map(|topic| owned(&topic.partitions)).map(|data| data.records.value.len()).sum();
    let left = size(request.max_bytes.value).saturating_sub(taken).min(room.unwrap_or(0));
    let (mut left, mut is_read) = (left, taken > 0);
    let (known, mut topics, mut is_news) = (tier.known(), Vec::new(), taken > 0);
    for topic in &request.topics {
        let Some(past) = travelers.of(&topic, version) else { continue };
        let key = TopicKey::of(topic.topic, topic.topic_id, version);
        let is_still = by_id(version) || is_still(&known, &past.tiered);
        let (mut wishes, mut refused) = (Vec::new(), Vec::new());
        for asked in &topic.partitions {
            let floor = past.tiered.place(asked.partition).map_or(0, |place| place.lock().floor().get());
            let code = match refusal(consents.code(past, Some(version), asked.partition), is_still) {
                // What was deleted since is not read in the past either.
                FINE if asked.fetch_offset < floor => KafkaError::OffsetOutOfRange.code(),
                code => code,
            };
            let tip = past.tiered.tip(asked.partition);
            match tip.filter(|_| code == FINE) {
                Some(tip) => wishes.push(Wish {
                    partition: asked.partition,
                    target: Ok(tip),
                    offset: asked.fetch_offset,
                    max_bytes: size(asked.partition_max_bytes),
                    decided: None,
                }),
                None if code == FINE => {
                    refused.push((asked.partition, KafkaError::UnknownTopicOrPartition.code()))
                }
                None => refused.push((asked.partition, code)),
            }
        }
        is_news |= !refused.is_empty();
        let plan = Plan {
            topics: vec![TopicPlan { key, wishes }],
            isolation: isolation(request.isolation_level),
            max_bytes: left,
            min_bytes: 1,
            max_wait,
        };
        // The first batch of an answer may exceed its limits, no other one.
        let got = if room.is_none() || (is_read && left == 0) {
            plan.wishes().map(|_| Got::Late).collect()
        } else {
            gather(&past.logs, &plan, began + max_wait).await
        };
        let bytes = bytes_of(&got);
        left = left.saturating_sub(bytes);
        is_read |= bytes > 0;
        is_news |= bytes > 0 || got.iter().any(|got| matches!(got, Got::Outside(_)));
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
        topics.push(FetchableTopicResponse { topic: topic.topic, topic_id: topic.topic_id, partitions });
    }
    if !is_news {
        // An answer that comes at once and has nothing is asked for again at once.
        sleep_until(began + max_wait).await;
    }
    topics
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
