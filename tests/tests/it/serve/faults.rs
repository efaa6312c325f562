//! A store that goes away, a server that is killed: consumers go on where they were, and see no byte twice.

use std::time::Duration;

use firnline_tests::kafka::{
    Isolation, Record, VERSIONS, assert_same_records, consumer_as, record, workload,
};
use firnline_tests::relay::{Relay, Weather};
use firnline_tests::stores::Minio;
use firnline_tests::tier::Tier;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::server::Serving;
use crate::sources::Source;

const PATIENCE: Duration = Duration::from_secs(90);
/// Asks for little at a time, so that a fault meets it in the middle; where it lost its place it would end.
const SLOWLY: [(&str, &str); 4] = [
    ("fetch.message.max.bytes", "20000"),
    ("queued.max.messages.kbytes", "64"),
    ("auto.offset.reset", "error"),
    ("fetch.error.backoff.ms", "100"),
];

/// A consumer of one partition that keeps all it has read.
struct Reader {
    consumer: BaseConsumer,
    records: Vec<Record>,
    ended: bool,
}

impl Reader {
    fn of(address: &str, topic: &str) -> Self {
        let consumer = consumer_as(address, &SLOWLY, Isolation::ReadUncommitted);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Offset(0)).expect("a position");
        consumer.assign(&list).expect("assign");
        Self { consumer, records: Vec::new(), ended: false }
    }

    /// Reads for so long, or until the end, or until so many records are here.
    fn read(&mut self, lasts: Duration, most: usize) {
        let began = Instant::now();
        while began.elapsed() < lasts && !self.ended && self.records.len() < most {
            match self.consumer.poll(Duration::from_millis(100)) {
                None => {}
                Some(Ok(message)) => self.records.push(record(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => self.ended = true,
                Some(Err(error)) => {
                    let code = error.rdkafka_error_code();
                    let passes = [
                        RDKafkaErrorCode::BrokerTransportFailure,
                        RDKafkaErrorCode::AllBrokersDown,
                        RDKafkaErrorCode::OperationTimedOut,
                        RDKafkaErrorCode::Resolve,
                    ];
                    assert!(code.is_some_and(|code| passes.contains(&code)), "{error}");
                }
            }
        }
    }
}

#[test]
fn a_store_that_is_down_or_stalls_costs_time_and_nothing_else() {
    let source = Source::of(VERSIONS[0]);
    let tier = Tier::minio("serve-faults");
    source.offload(&tier).finish().expect_code(0);
    let relay = Relay::before(Minio::shared().port(), false);
    let reached = tier.through(&format!("http://127.0.0.1:{}", relay.port()));
    // Little in memory: what comes after a fault has to be asked of the store.
    let config = "[cache]\nmemory.blocks = '1MiB'\n[limits]\nreadahead = '1MiB'\n";
    let serving = Serving::start_with(&reached, &["--topic", ".*"], "", config);
    let topic = workload::PAYMENTS;
    let end = source.logs[&(topic.to_owned(), 0)].sealed_end();
    let expected = source.ledger.visible(topic, 0, end, Isolation::ReadUncommitted);
    let mut reader = Reader::of(&serving.address, topic);
    let mut before = 0;
    for weather in [Weather::Down, Weather::Stalled, Weather::Down] {
        reader.read(PATIENCE, before + expected.len() / 5);
        before = reader.records.len();
        relay.set(weather);
        reader.read(Duration::from_secs(4), usize::MAX);
        assert!(!reader.ended, "the fault met it in the middle");
        relay.set(Weather::Fair);
    }
    reader.read(PATIENCE, usize::MAX);
    assert!(reader.ended, "{} of {} records", reader.records.len(), expected.len());
    assert_same_records(topic, &expected, &reader.records);
}

#[test]
fn consumers_go_on_when_their_server_was_killed_and_started_again() {
    let source = Source::of(VERSIONS[0]);
    let tier = Tier::directory();
    source.offload(&tier).finish().expect_code(0);
    let mut serving = Serving::start(&tier, &["--topic", ".*"], "");
    let topic = workload::PAYMENTS;
    let end = source.logs[&(topic.to_owned(), 0)].sealed_end();
    let expected = source.ledger.visible(topic, 0, end, Isolation::ReadUncommitted);
    let mut reader = Reader::of(&serving.address, topic);
    for part in 1..=3 {
        reader.read(PATIENCE, expected.len() * part / 5);
        serving.server.kill();
        reader.read(Duration::from_secs(1), usize::MAX);
        serving = serving.again(&tier);
    }
    reader.read(PATIENCE, usize::MAX);
    assert!(reader.ended, "{} of {} records", reader.records.len(), expected.len());
    assert_same_records(topic, &expected, &reader.records);
}
