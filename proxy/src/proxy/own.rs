//! Questions of our own, asked in the client's stead ahead of its request. Their answers are kept.
//!
//! Each goes out in a version that every broker from 3.0 to 4.4 speaks, under the client's name, so that quotas count it as
//! the client's.

use std::collections::{BTreeMap, BTreeSet};

use super::fetch::Ends;
use super::tier::Known;
use crate::wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use crate::wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use crate::wire::{Frame, WireError, WriteError, read_response, write_request};

/// The number that all of them bear: answers come in order, so that one is enough.
pub(crate) const CORRELATION: i32 = i32::MIN;
/// With topic ids.
pub(crate) const METADATA_VERSION: i16 = 10;
/// With leader epochs.
pub(crate) const LIST_OFFSETS_VERSION: i16 = 5;

/// Kafka's word for the end of a log.
const LATEST: i64 = -1;
const CONSUMER: i32 = -1;

/// Where all nodes are; of no topic, and none is made.
pub(crate) fn nodes(client: Option<&[u8]>) -> Result<Frame, WriteError> {
    let request = MetadataRequest { allow_auto_topic_creation: false, ..MetadataRequest::default() };
    write_request(&request, METADATA_VERSION, CORRELATION, client)
}

/// Which topics these names mean.
pub(crate) fn names<'a>(
    names: impl Iterator<Item = &'a str>,
    client: Option<&[u8]>,
) -> Result<Frame, WriteError> {
    let topics =
        names.map(|name| MetadataRequestTopic { name: Some(name), ..MetadataRequestTopic::default() });
    let request = MetadataRequest {
        topics: Some(topics.collect()),
        allow_auto_topic_creation: false,
        ..MetadataRequest::default()
    };
    write_request(&request, METADATA_VERSION, CORRELATION, client)
}

/// Where the logs of these partitions end. Each must be named once.
pub(crate) fn ends(
    partitions: &BTreeMap<String, BTreeSet<i32>>,
    client: Option<&[u8]>,
) -> Result<Frame, WriteError> {
    let topics = partitions.iter().map(|(name, partitions)| {
        let partition = |partition_index: &i32| ListOffsetsPartition {
            partition_index: *partition_index,
            timestamp: LATEST,
            ..ListOffsetsPartition::default()
        };
        ListOffsetsTopic { name, partitions: partitions.iter().map(partition).collect() }
    });
    let request = ListOffsetsRequest {
        replica_id: CONSUMER,
        topics: topics.collect(),
        ..ListOffsetsRequest::default()
    };
    write_request(&request, LIST_OFFSETS_VERSION, CORRELATION, client)
}

/// Notes which topics names mean, from Metadata of any version that says so.
pub(crate) fn note_names(answer: &MetadataResponse<'_>, known: &Known) {
    for topic in &answer.topics {
        if let (0, Some(name)) = (topic.error_code, topic.name)
            && topic.topic_id != [0; 16]
            && let Some(named) = known.named(name)
        {
            named.note(firnline_index::TopicId::from_bytes(topic.topic_id));
        }
    }
}

/// Notes where logs end for all connections, and gives it for the one that has asked. Only a leader tells that.
pub(crate) fn note_ends(frame: &[u8], known: &Known) -> Result<Ends, WireError> {
    let answer: ListOffsetsResponse<'_> = read_response(frame, LIST_OFFSETS_VERSION)?;
    for topic in &answer.topics {
        let Some(tiered) = known.named(topic.name).and_then(|named| named.last()) else { continue };
        for told in topic.partitions.iter().filter(|told| told.error_code.value == 0) {
            if let Some(place) = tiered.place(told.partition_index) {
                place.lock().note_end(told.offset.value);
            }
        }
    }
    Ok(Ends::of(&answer))
}
