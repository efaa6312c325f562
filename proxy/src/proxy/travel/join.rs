//! What is told of topics as they stood, put behind what the broker has answered about the rest.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use firnline_index::TopicId;

use super::name::PastName;
use super::past::{Past, Pasts};
use super::records::{PastLater, Read, records};
use super::split::Travelers;
use crate::proxy::ended::Ended;
use crate::proxy::fetch::Tally;
use crate::proxy::own;
use crate::proxy::tier::{Known, Tier, Tiered};
use crate::serve::fetch::TopicKey;
use crate::serve::kafka_error::KafkaError;
use crate::serve::offsets::{epochs, list};
use crate::wire::messages::fetch::{FetchRequest, FetchResponse, FetchTopic};
use crate::wire::messages::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
    ListOffsetsTopicResponse,
};
use crate::wire::messages::metadata::{MetadataResponse, MetadataResponsePartition, MetadataResponseTopic};
use crate::wire::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderTopic,
    OffsetForLeaderTopicResult,
};
use crate::wire::{
    Api, At, Frame, List, Message, RequestHeader, read_request, read_response, write_response,
};

/// Kafka's code where nothing is wrong.
pub(super) const FINE: i16 = 0;
/// No epoch: whoever is told none compares none.
const NO_EPOCH: i32 = -1;
/// Kafka's code of a topic whose leaders are to be asked for again: all clients do.
const LEADER_NOT_AVAILABLE: i16 = 5;
/// What a partition takes at most in Metadata that is made here, its replicas not counted.
const PARTITION_BYTES: u64 = 256;

/// What the broker has said of the topics behind.
#[derive(Debug)]
pub(crate) enum Consents {
    /// Metadata of them.
    Names(Bytes),
    /// The error of each partition, by what its topic goes by.
    Codes(BTreeMap<(TopicKey, i32), i16>),
    /// It knows the client by another name than the client's own, so that its word is not for the client.
    Unproven,
    /// There is no memory for what would be told.
    NoMemory,
}

/// How much of the tier is read for an answer, and which of its topics are first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// Bytes of records; `None` where nothing is read.
    pub(crate) room: Option<usize>,
    /// It moves on from answer to answer, so that none is always the last to get room.
    pub(crate) turn: usize,
}

impl Reading {
    /// Nothing is read.
    pub(crate) const NOTHING: Self = Self { room: None, turn: 0 };
}

/// An answer that was put together.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) frame: Frame,
    /// What became of the partitions that a fetch asked for.
    pub(crate) tally: Tally,
    /// What is to be read once it has gone.
    pub(crate) later: Vec<PastLater>,
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
    pub(super) fn code(&self, past: &Past, version: Option<i16>, partition: i32) -> Option<i16> {
        let codes = match self {
            Self::Codes(codes) => codes,
            Self::Unproven => return Some(KafkaError::TopicAuthorizationFailed.code()),
            Self::Names(_) | Self::NoMemory => return None,
        };
        let topic = &past.tiered.topic;
        let key = match version {
            Some(version) => TopicKey::of(topic.name.as_str(), *topic.id.as_bytes(), version),
            None => TopicKey::Name(topic.name.as_str().into()),
        };
        codes.get(&(key, partition)).copied()
    }
}

/// The most memory that what is told of names takes, where that may be longer than what was asked and answered.
pub(crate) fn most_bytes(travelers: &Travelers, consents: &Consents) -> Result<u64, Ended> {
    let Consents::Names(frame) = consents else { return Ok(0) };
    let behind: MetadataResponse<'_> = read_response(frame, own::METADATA_VERSION)?;
    let mut most = HashMap::new();
    for topic in &behind.topics {
        let replicas =
            topic.partitions.iter().map(|partition| 8 * partition.replica_nodes.len() as u64).sum::<u64>();
        most.insert(topic.name, PARTITION_BYTES * (1 + topic.partitions.len() as u64) + replicas);
    }
    let of = |name: &str| PastName::read(name).and_then(|name| most.get(&Some(name.base)).copied());
    Ok(travelers.names.iter().filter_map(|name| of(name)).sum())
}

/// Puts what is told of travelers into the answer about the rest.
pub(crate) async fn join(
    rest: Frame,
    travelers: &Travelers,
    consents: &Consents,
    tier: &Tier,
    pasts: &Pasts,
    reading: Reading,
) -> Result<Joined, Ended> {
    let rest = rest.into_bytes().split_off(4);
    let (header, body) = RequestHeader::read(&travelers.request)?;
    let version = header.version;
    match header.api {
        Api::METADATA => {
            let mut answer: MetadataResponse<'_> = read_response(&rest, version)?;
            let mut topics = owned(&answer.topics);
            let frame = if let Consents::Names(frame) = consents { Some(frame) } else { None };
            let behind = frame.map(|frame| read_response(frame, own::METADATA_VERSION)).transpose()?;
            let behind: MetadataResponse<'_> = behind.unwrap_or_default();
            let by_name: HashMap<_, _> =
                behind.topics.iter().map(|topic| (topic.name, topic.value.into_owned())).collect();
            let mut crowded = 0;
            for name in &travelers.names {
                let told = match consents {
                    Consents::Names(_) => metadata(name, &by_name, tier, pasts, &mut crowded),
                    Consents::Unproven => nothing_of(name, KafkaError::TopicAuthorizationFailed.code()),
                    Consents::NoMemory | Consents::Codes(_) => nothing_of(name, LEADER_NOT_AVAILABLE),
                };
                topics.push(told);
            }
            if crowded > 0 {
                tracing::warn!(
                    topics = crowded,
                    "topics as they stood are not served: others are, as many as there may be"
                );
            }
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
            // A broker that has had enough for now answers with no partition at all, and clients know such an answer by that.
            let is_throttled = answer.throttle_time_ms > 0
                && answer.responses.is_empty()
                && request.topics.iter().any(|topic| travelers.of(&topic, version).is_none());
            if answer.error_code != FINE || is_throttled {
                return answered(&answer, &header);
            }
            let mut topics = owned(&answer.responses);
            let read = records(&request, version, &topics, travelers, consents, tier, reading).await;
            let Read { topics: told, tally, later } = read;
            topics.extend(told);
            answer.responses = topics.into();
            Ok(Joined { tally, later, ..answered(&answer, &header)? })
        }
    }
}

impl Travelers {
    fn named(&self, name: &str) -> Option<&Arc<Past>> {
        self.pasts.get(&TopicKey::Name(name.into()))
    }

    pub(super) fn of(&self, topic: &FetchTopic<'_>, version: i16) -> Option<&Arc<Past>> {
        self.pasts.get(&TopicKey::of(topic.topic, topic.topic_id, version))
    }
}

pub(super) fn owned<'a, T: crate::wire::Value<'a> + Clone>(list: &List<'a, T>) -> Vec<T> {
    list.iter().map(|element| element.value.into_owned()).collect()
}

fn answered<'a, M: Message<'a>>(answer: &M, header: &RequestHeader<'_>) -> Result<Joined, Ended> {
    let frame = write_response(answer, header.version, header.correlation_id)?;
    Ok(Joined { frame, tally: Tally::default(), later: Vec::new() })
}

/// What is told of a name of which nothing is.
fn nothing_of<'a>(name: &'a str, error_code: i16) -> MetadataResponseTopic<'a> {
    MetadataResponseTopic { error_code, name: Some(name), ..MetadataResponseTopic::default() }
}

/// What is told of a name: what the broker tells of the topic behind it, and an id of its own.
fn metadata<'a>(
    name: &'a str,
    behind: &HashMap<Option<&'a str>, MetadataResponseTopic<'a>>,
    tier: &Tier,
    pasts: &Pasts,
    crowded: &mut usize,
) -> MetadataResponseTopic<'a> {
    let failed = |error_code| nothing_of(name, error_code);
    let unknown = KafkaError::UnknownTopicOrPartition.code();
    let Some(of) = PastName::read(name) else { return failed(unknown) };
    let Some(told) = behind.get(&Some(of.base)) else { return failed(unknown) };
    if told.error_code != FINE {
        return failed(told.error_code);
    }
    let known = tier.known();
    let Some(tiered) = known.with_id(TopicId::from_bytes(told.topic_id)) else { return failed(unknown) };
    let Some(past) = pasts.learn(name, &of, tiered, tier.env.clock.now_ms()) else {
        *crowded += 1;
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
pub(super) fn is_still(known: &Known, tiered: &Tiered) -> bool {
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
    let is_still = is_still(&tier.known(), &past.tiered);
    let code = |partition| refusal(consents.code(past, None, partition), is_still);
    // Nothing is read of what the broker has not consented to.
    let (fine, refused): (Vec<_>, Vec<_>) =
        owned(&topic.partitions).into_iter().partition(|asked| code(asked.partition_index) == FINE);
    let asked = ListOffsetsTopic { name: past.tiered.topic.name.as_str(), partitions: fine.into() };
    let asked = ListOffsetsRequest { topics: vec![asked].into(), ..*request };
    let answer = list::answer(&asked, version, &past.view, &past.logs).await;
    let told = answer.topics.iter().flat_map(|topic| owned(&topic.partitions));
    let told = told.map(|told| ListOffsetsPartitionResponse { leader_epoch: At::new(NO_EPOCH), ..told });
    let refused = refused.into_iter().map(|asked| ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        error_code: At::new(code(asked.partition_index)),
        timestamp: At::new(-1),
        offset: At::new(-1),
        leader_epoch: At::new(NO_EPOCH),
    });
    ListOffsetsTopicResponse { name: topic.name, partitions: told.chain(refused).collect() }
}

async fn ends<'a>(
    past: &Past,
    topic: &OffsetForLeaderTopic<'a>,
    consents: &Consents,
    tier: &Tier,
) -> OffsetForLeaderTopicResult<'a> {
    let is_still = is_still(&tier.known(), &past.tiered);
    let code = |partition| refusal(consents.code(past, None, partition), is_still);
    let (fine, refused): (Vec<_>, Vec<_>) =
        owned(&topic.partitions).into_iter().partition(|asked| code(asked.partition) == FINE);
    let asked = OffsetForLeaderTopic { topic: past.tiered.topic.name.as_str(), partitions: fine.into() };
    let asked =
        OffsetForLeaderEpochRequest { topics: vec![asked].into(), ..OffsetForLeaderEpochRequest::default() };
    let answer = epochs::answer(&asked, &past.view, &past.logs).await;
    let told = answer.topics.iter().flat_map(|topic| owned(&topic.partitions));
    let refused = refused.into_iter().map(|asked| EpochEndOffset {
        partition: asked.partition,
        error_code: At::new(code(asked.partition)),
        leader_epoch: At::new(-1),
        end_offset: At::new(-1),
    });
    OffsetForLeaderTopicResult { topic: topic.topic, partitions: told.chain(refused).collect() }
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
