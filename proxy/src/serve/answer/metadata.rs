//! Metadata: topics, partitions, and the one node that leads them all.
//!
//! No leader epoch is told: there is no leader that could be fenced, and clients that are told none compare none.

use std::borrow::Cow;

use crate::serve::catalog::Topic;
use crate::serve::kafka_error::{KafkaError, code_of};
use crate::serve::node::Node;
use crate::serve::once::once;
use crate::serve::view::View;
use crate::wire::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use crate::wire::{At, List};

/// How many partitions the answer will tell, for whoever sets memory aside.
pub(crate) fn partitions(request: &MetadataRequest<'_>, version: i16, view: &View) -> u64 {
    if asks_for_all(request, version) {
        return view.all().map(|topic| u64::from(topic.partitions)).sum();
    }
    let found = named(request).filter_map(|asked| match asked.name {
        Some(name) => view.named(name).ok(),
        None => view.with_id(asked.topic_id).ok(),
    });
    found.map(|topic| u64::from(topic.partitions)).sum()
}

/// The answer.
pub(crate) fn answer<'a>(
    request: &MetadataRequest<'a>,
    version: i16,
    view: &'a View,
    node: &'a Node,
) -> MetadataResponse<'a> {
    let topics: Vec<_> = if asks_for_all(request, version) {
        view.all().map(|topic| known(topic, topic.name.as_str(), node)).collect()
    } else {
        named(request)
            .map(|asked| match asked.name {
                Some(name) => match view.named(name) {
                    Ok(topic) => known(topic, name, node),
                    Err(error) => unknown(Some(name), [0; 16], error),
                },
                None => match view.with_id(asked.topic_id) {
                    Ok(topic) => known(topic, topic.name.as_str(), node),
                    // Before version 12 an answer cannot do without a name.
                    Err(error) => unknown((version < 12).then_some(""), asked.topic_id, error),
                },
            })
            .collect()
    };
    MetadataResponse {
        brokers: vec![broker(node)].into(),
        cluster_id: Some(node.cluster_id.as_str()),
        controller_id: node.id.get(),
        topics: topics.into(),
        ..MetadataResponse::default()
    }
}

/// Each topic that is named, once.
fn named<'s, 'a>(
    request: &'s MetadataRequest<'a>,
) -> impl Iterator<Item = At<Cow<'s, MetadataRequestTopic<'a>>>> {
    once(request.topics.iter().flatten(), |asked| (asked.name, asked.topic_id))
}

/// Version 0 asks for all topics by naming none, later ones by an absent list.
fn asks_for_all(request: &MetadataRequest<'_>, version: i16) -> bool {
    match &request.topics {
        None => true,
        Some(topics) => version == 0 && topics.is_empty(),
    }
}

fn broker(node: &Node) -> MetadataResponseBroker<'_> {
    MetadataResponseBroker {
        node_id: node.id.get(),
        host: At::new(&node.host),
        port: At::new(i32::from(node.port)),
        rack: None,
    }
}

fn known<'a>(topic: &Topic, name: &'a str, node: &Node) -> MetadataResponseTopic<'a> {
    let partition = |number| MetadataResponsePartition {
        error_code: 0,
        partition_index: number,
        leader_id: node.id.get(),
        leader_epoch: -1,
        replica_nodes: vec![node.id.get()].into(),
        isr_nodes: vec![node.id.get()].into(),
        offline_replicas: List::new(),
    };
    // The catalog holds no more partitions than a number of Kafka's counts.
    let count = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
    MetadataResponseTopic {
        name: Some(name),
        topic_id: *topic.id.as_bytes(),
        is_internal: topic.is_internal(),
        partitions: (0..count).map(partition).collect(),
        ..MetadataResponseTopic::default()
    }
}

fn unknown(name: Option<&str>, topic_id: [u8; 16], error: KafkaError) -> MetadataResponseTopic<'_> {
    MetadataResponseTopic {
        error_code: code_of(Some(error)),
        name,
        topic_id,
        ..MetadataResponseTopic::default()
    }
}
