//! Reading whole partitions with a real consumer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::ledger::{Message, Record};

const LIMIT: Duration = Duration::from_secs(120);

/// Kafka's `isolation.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// All data records, to the high watermark.
    ReadUncommitted,
    /// Records of committed transactions, to the last stable offset.
    ReadCommitted,
}

impl Isolation {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ReadUncommitted, Self::ReadCommitted];

    /// The name in client configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "read_uncommitted",
            Self::ReadCommitted => "read_committed",
        }
    }
}

/// What a consumer finds in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionContent {
    /// The first offset that the broker tells.
    pub start: i64,
    /// One past the last offset, or the last stable offset for `read_committed`.
    pub end: i64,
    /// The records between.
    pub records: Vec<Record>,
}

/// Waits until no transaction of a topic is open. A commit is answered before its markers stand in every partition; a
/// test that looks in between sees a last stable offset that is still on its way.
pub fn wait_for_markers(bootstrap: &str, topic: &str, partitions: i32) {
    let began = Instant::now();
    let readers = Isolation::ALL.map(|isolation| consumer(bootstrap, isolation));
    for partition in 0..partitions {
        loop {
            let [all, stable] =
                [&readers[0], &readers[1]].map(|reader| watermarks(reader, topic, partition).1);
            if all == stable {
                break;
            }
            assert!(
                began.elapsed() < LIMIT,
                "{topic}/{partition}: stable to {stable} of {all} after {LIMIT:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Reads all partitions of a topic from start to end with batch checksums verified.
pub fn consume_all(
    bootstrap: &str,
    topic: &str,
    partitions: i32,
    isolation: Isolation,
) -> BTreeMap<i32, PartitionContent> {
    consume_all_as(bootstrap, &[], topic, partitions, isolation)
}

/// The same with further settings of the client, such as a login.
pub fn consume_all_as(
    bootstrap: &str,
    settings: &[(&str, &str)],
    topic: &str,
    partitions: i32,
    isolation: Isolation,
) -> BTreeMap<i32, PartitionContent> {
    let consumer = consumer_as(bootstrap, settings, isolation);
    let mut list = TopicPartitionList::new();
    let mut content = BTreeMap::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("a valid position");
        let (start, end) = watermarks(&consumer, topic, partition);
        content.insert(partition, PartitionContent { start, end, records: Vec::new() });
    }
    consumer.assign(&list).expect("assign");

    let began = Instant::now();
    let mut unfinished = partitions;
    while unfinished > 0 {
        assert!(began.elapsed() < LIMIT, "{topic}: {unfinished} partitions not read after {LIMIT:?}");
        match consumer.poll(Duration::from_millis(500)) {
            None => {}
            Some(Ok(message)) => {
                let record = record(&message);
                content.get_mut(&message.partition()).expect("an assigned partition").records.push(record);
            }
            Some(Err(KafkaError::PartitionEOF(_))) => unfinished -= 1,
            Some(Err(error)) => panic!("read {topic}: {error}"),
        }
    }
    content
}

fn consumer(bootstrap: &str, isolation: Isolation) -> BaseConsumer {
    consumer_as(bootstrap, &[], isolation)
}

/// A consumer with further settings.
pub fn consumer_as(bootstrap: &str, settings: &[(&str, &str)], isolation: Isolation) -> BaseConsumer {
    let mut config = ClientConfig::new();
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "firnline-tests")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("check.crcs", "true")
        .set("isolation.level", isolation.name())
        .create()
        .expect("make a consumer")
}

/// Start and end of a partition; for `read_committed` the end is the last stable offset, as ListOffsets answers it. A
/// broker that has just started may not lead its partitions yet.
fn watermarks(consumer: &BaseConsumer, topic: &str, partition: i32) -> (i64, i64) {
    let began = Instant::now();
    loop {
        match consumer.fetch_watermarks(topic, partition, Duration::from_secs(30)) {
            Ok(found) => return found,
            Err(error) => assert!(began.elapsed() < LIMIT, "watermarks of {topic}/{partition}: {error}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A message as a record.
pub fn record(message: &BorrowedMessage<'_>) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    });
    Record {
        offset: message.offset(),
        message: Message {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            timestamp_ms: message.timestamp().to_millis().expect("every record was given a timestamp"),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers,
        },
    }
}
