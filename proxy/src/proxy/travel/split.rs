//! A request that names topics as they stood: what is left of it without them, and what the broker is asked in their stead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::name::PastName;
use super::past::{Past, Pasts};
use crate::proxy::ended::Ended;
use crate::proxy::own;
use crate::proxy::tier::Known;
use crate::serve::fetch::{TopicKey, by_id};
use crate::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use crate::wire::messages::list_offsets::ListOffsetsRequest;
use crate::wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use crate::wire::messages::offset_for_leader_epoch::OffsetForLeaderEpochRequest;
use crate::wire::{Api, At, Frame, List, RequestHeader, WriteError, read_request, write_request};

/// An offset that no log has: whoever may read the partition is told so.
const NOWHERE: i64 = i64::MAX;
const CONSUMER: i32 = -1;
const WITHOUT_SESSION: i32 = -1;
/// An id that no broker gives.
const UNKNOWN_SESSION: i32 = i32::MIN;
/// Metadata of version 0 that names none asks for all.
const METADATA_FROM: i16 = 1;
/// The most names, and the most partitions, of topics as they stood that one request is taken apart for: what is told of them is
/// longer than the request. One that has more passes as it is, to a broker that knows no such topic.
const NAMES: usize = 1000;
const PARTITIONS: usize = 10_000;

/// What a request says of topics as they stood.
#[derive(Debug)]
pub(crate) struct Travelers {
    /// The request as it came, its length cut off.
    pub(crate) request: Bytes,
    /// The topics, by what they go by in the request.
    pub(crate) pasts: BTreeMap<TopicKey, Arc<Past>>,
    /// Names in Metadata, which need not be known yet. However often one is repeated it is told of once.
    pub(crate) names: BTreeSet<String>,
}

/// A request taken apart.
#[derive(Debug)]
pub(crate) struct Split {
    /// What is left of it, its length cut off.
    pub(crate) rest: Bytes,
    /// What is asked ahead of it, and in which version.
    pub(crate) question: (Api, i16, Frame),
    /// Names whose topics have to be known for certain.
    pub(crate) stale: BTreeSet<String>,
    pub(crate) travelers: Travelers,
}

/// Takes a request apart; `None` where it names no topic as it stood, which is nearly always so and costs a glance.
pub(crate) fn split(frame: &Bytes, known: &Known, pasts: &Pasts) -> Result<Option<Split>, Ended> {
    let (header, _) = RequestHeader::read(frame)?;
    let ids = header.api == Api::FETCH && by_id(header.version);
    if if ids { pasts.is_empty() } else { !frame.contains(&b'@') } {
        return Ok(None);
    }
    match header.api {
        Api::METADATA if header.version >= METADATA_FROM => metadata(frame, known),
        Api::FETCH => fetch(frame, pasts),
        Api::LIST_OFFSETS => offsets(frame, pasts),
        Api::OFFSET_FOR_LEADER_EPOCH => epochs(frame, pasts),
        _ => Ok(None),
    }
}

fn metadata(frame: &Bytes, known: &Known) -> Result<Option<Split>, Ended> {
    let (header, body) = RequestHeader::read(frame)?;
    let request: MetadataRequest<'_> = read_request(&header, body)?;
    let mut bases = BTreeSet::new();
    let (mut names, mut rest) = (BTreeSet::new(), Vec::new());
    for topic in request.topics.iter().flatten() {
        match (base(&topic, known), topic.name) {
            (Some(base), Some(name)) => {
                bases.insert(base.to_owned());
                names.insert(name.to_owned());
            }
            _ => rest.push(topic.value.into_owned()),
        }
    }
    if names.is_empty() || is_too_many("names", names.len(), NAMES) {
        return Ok(None);
    }
    let rest = MetadataRequest { topics: Some(rest.into()), ..request };
    let question = own::names(bases.iter().map(String::as_str), header.client_id)?;
    Ok(Some(Split {
        rest: written(&write_request(&rest, header.version, header.correlation_id, header.client_id)?),
        question: (Api::METADATA, own::METADATA_VERSION, question),
        stale: BTreeSet::new(),
        travelers: Travelers { request: frame.clone(), pasts: BTreeMap::new(), names },
    }))
}

/// The topic behind one that is asked for as it stood, if it is in the tier.
fn base<'a>(topic: &MetadataRequestTopic<'a>, known: &Known) -> Option<&'a str> {
    let name = topic.name.and_then(PastName::read)?;
    known.named(name.base).is_some().then_some(name.base)
}

fn fetch(frame: &Bytes, pasts: &Pasts) -> Result<Option<Split>, Ended> {
    let (header, body) = RequestHeader::read(frame)?;
    let version = header.version;
    let request: FetchRequest<'_> = read_request(&header, body)?;
    let mut found = Found::default();
    let mut rest = Vec::new();
    for topic in &request.topics {
        let past = if by_id(version) { pasts.with_id(topic.topic_id) } else { pasts.named(topic.topic) };
        match past {
            Some(past) => {
                let key = TopicKey::of(topic.topic, topic.topic_id, version);
                found.add(key, &past, topic.partitions.iter().map(|asked| asked.partition));
            }
            None => rest.push(topic.value.into_owned()),
        }
    }
    if found.is_nothing() {
        return Ok(None);
    }
    let topics = found.partitions.values().map(|(past, partitions)| FetchTopic {
        topic: past.tiered.topic.name.as_str(),
        topic_id: *past.tiered.topic.id.as_bytes(),
        partitions: partitions
            .iter()
            .map(|partition| FetchPartition {
                partition: *partition,
                fetch_offset: NOWHERE,
                partition_max_bytes: 1,
                ..FetchPartition::default()
            })
            .collect(),
    });
    let question = FetchRequest {
        replica_id: CONSUMER,
        max_bytes: At::new(1),
        session_epoch: At::new(WITHOUT_SESSION),
        topics: topics.collect(),
        ..FetchRequest::default()
    };
    let question = write_request(&question, version, own::CORRELATION, header.client_id)?;
    // No session, of which the broker would not know all: one that goes on is told to begin anew. And nothing that is waited for:
    // the rest is not all that is wanted.
    let (session_id, session_epoch) = match request.session_epoch.value {
        epoch @ 1.. => (UNKNOWN_SESSION, epoch),
        _ => (0, WITHOUT_SESSION),
    };
    let rest = FetchRequest {
        max_wait_ms: 0,
        session_id,
        session_epoch: At::new(session_epoch),
        topics: rest.into(),
        forgotten_topics_data: List::new(),
        replica_state: None,
        ..request
    };
    let rest = written(&write_request(&rest, version, header.correlation_id, header.client_id)?);
    let stale = if by_id(version) { BTreeSet::new() } else { found.names() };
    let travelers = Travelers { request: frame.clone(), pasts: found.pasts, names: BTreeSet::new() };
    Ok(Some(Split { rest, question: (Api::FETCH, version, question), stale, travelers }))
}

fn offsets(frame: &Bytes, pasts: &Pasts) -> Result<Option<Split>, Ended> {
    let (header, body) = RequestHeader::read(frame)?;
    let request: ListOffsetsRequest<'_> = read_request(&header, body)?;
    let mut found = Found::default();
    let mut rest = Vec::new();
    for topic in &request.topics {
        match pasts.named(topic.name) {
            Some(past) => {
                let key = TopicKey::Name(topic.name.into());
                found.add(key, &past, topic.partitions.iter().map(|asked| asked.partition_index));
            }
            None => rest.push(topic.value.into_owned()),
        }
    }
    let rest = ListOffsetsRequest { topics: rest.into(), ..request };
    found.split(frame, |header| write_request(&rest, header.version, header.correlation_id, header.client_id))
}

fn epochs(frame: &Bytes, pasts: &Pasts) -> Result<Option<Split>, Ended> {
    let (header, body) = RequestHeader::read(frame)?;
    let request: OffsetForLeaderEpochRequest<'_> = read_request(&header, body)?;
    let mut found = Found::default();
    let mut rest = Vec::new();
    for topic in &request.topics {
        match pasts.named(topic.topic) {
            Some(past) => {
                let key = TopicKey::Name(topic.topic.into());
                found.add(key, &past, topic.partitions.iter().map(|asked| asked.partition));
            }
            None => rest.push(topic.value.into_owned()),
        }
    }
    let rest = OffsetForLeaderEpochRequest { topics: rest.into(), ..request };
    found.split(frame, |header| write_request(&rest, header.version, header.correlation_id, header.client_id))
}

/// Topics that were found, and of each topic behind them all partitions that are asked for.
#[derive(Default)]
struct Found {
    pasts: BTreeMap<TopicKey, Arc<Past>>,
    /// How many partitions the request names of them, with those that it repeats.
    asked: usize,
    partitions: BTreeMap<[u8; 16], (Arc<Past>, BTreeSet<i32>)>,
}

impl Found {
    fn add(&mut self, key: TopicKey, past: &Arc<Past>, partitions: impl Iterator<Item = i32>) {
        self.pasts.insert(key, Arc::clone(past));
        let partitions = partitions.inspect(|_| self.asked += 1);
        let id = *past.tiered.topic.id.as_bytes();
        self.partitions.entry(id).or_insert_with(|| (Arc::clone(past), BTreeSet::new())).1.extend(partitions);
    }

    /// Whether there is nothing to be taken out, or too much.
    fn is_nothing(&self) -> bool {
        self.pasts.is_empty() || is_too_many("partitions", self.asked, PARTITIONS)
    }

    fn names(&self) -> BTreeSet<String> {
        self.pasts.values().map(|past| past.tiered.topic.name.as_str().to_owned()).collect()
    }

    /// With the question where the logs end: whoever is told that may know of the topic.
    fn split(
        self,
        frame: &Bytes,
        rest: impl FnOnce(&RequestHeader<'_>) -> Result<Frame, WriteError>,
    ) -> Result<Option<Split>, Ended> {
        if self.is_nothing() {
            return Ok(None);
        }
        let (header, _) = RequestHeader::read(frame)?;
        let of = |(past, partitions): &(Arc<Past>, BTreeSet<i32>)| {
            (past.tiered.topic.name.as_str().to_owned(), partitions.clone())
        };
        let question = own::ends(&self.partitions.values().map(of).collect(), header.client_id)?;
        Ok(Some(Split {
            rest: written(&rest(&header)?),
            question: (Api::LIST_OFFSETS, own::LIST_OFFSETS_VERSION, question),
            stale: self.names(),
            travelers: Travelers { request: frame.clone(), pasts: self.pasts, names: BTreeSet::new() },
        }))
    }
}

fn is_too_many(what: &str, number: usize, most: usize) -> bool {
    let is = number > most;
    if is {
        tracing::warn!(number, most, "a request asks for more {what} of topics as they stood than one may");
    }
    is
}

/// A frame that was written, its length cut off again.
fn written(frame: &Frame) -> Bytes {
    let mut bytes = frame.clone().into_bytes();
    bytes.split_off(4)
}
