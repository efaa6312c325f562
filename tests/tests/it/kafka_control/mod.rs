//! The control requests of `firnline-kafka`, and the offloader's view of a cluster, on real brokers.

mod bounds;
mod members;
mod rights;
mod scale;
mod security;
mod state;
mod topics;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::{LeaderEpoch, Offset, PartitionIndex, TopicId, TopicIdPartition, TopicName};
use firnline_kafka::requests::metadata::Topic;
use firnline_kafka::{Client, ClientSettings};
use firnline_offloader::{BoundAsk, Leader};
use firnline_store::env::SystemRandom;
use firnline_tests::kafka::{Cluster, Codec, Ledger, Message, Producer, Transactions};

fn settings(bootstrap: &str) -> ClientSettings {
    let addresses = bootstrap.split(',').map(|address| address.parse().expect("an address of ours"));
    ClientSettings::new(addresses.collect())
}

fn client(settings: ClientSettings) -> Client {
    Client::new(settings, Arc::new(SystemRandom)).expect("settings that work")
}

fn client_of(cluster: &Cluster) -> Client {
    client(settings(&cluster.bootstrap()))
}

fn run<F: Future>(test: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("make a runtime")
        .block_on(test)
}

/// The topic of this name. Brokers learn of a topic one after the other, so it is waited for.
async fn topic(client: &Client, name: &str) -> Topic {
    eventually("the topic to be known, with leaders", async || {
        let topics = client.all_topics().await.expect("ask for all topics");
        let found = topics.into_iter().flatten().find(|topic| topic.name.as_str() == name)?;
        found.partitions.iter().all(|partition| partition.leader.is_some()).then_some(found)
    })
    .await
}

async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = tokio::time::Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A question to the leader of one partition.
fn ask(topic: &Topic, partition: i32, epoch_end_of: Option<i32>) -> BoundAsk {
    let told = topic.partitions.iter().find(|told| told.partition.get() == partition).expect("a partition");
    let (node, epoch) = told.leader.expect("a leader");
    BoundAsk {
        tip: TopicIdPartition {
            topic: topic.name.clone(),
            topic_id: topic.id,
            partition: PartitionIndex::new(partition).expect("not negative"),
        },
        leader: Leader { node, epoch },
        epoch_end_of: epoch_end_of.map(|epoch| LeaderEpoch::new(epoch).expect("not negative")),
    }
}

fn offset(offset: i64) -> Offset {
    Offset::new(offset).expect("not negative")
}

fn name(name: &str) -> TopicName {
    TopicName::new(name).expect("a legal name")
}

fn no_topic() -> TopicId {
    TopicId::from_bytes([0x5a; 16])
}

/// Writes so many records to partition 0 and waits until the broker has them.
fn produce(bootstrap: &str, topic: &str, records: usize) {
    let producer = Producer::new(bootstrap, Codec::None, &Transactions::Off);
    for _ in 0..records {
        producer.send(&record(topic));
    }
    producer.flush_into(&mut Ledger::default());
}

fn record(topic: &str) -> Message {
    Message {
        topic: topic.to_owned(),
        partition: 0,
        timestamp_ms: 1_700_000_000_000,
        key: None,
        value: Some(b"a record".to_vec()),
        headers: Vec::new(),
    }
}
