//! librdkafka in a group: members share the partitions, and a later run goes on from their positions.

use std::collections::BTreeMap;
use std::time::Duration;

use firnline_tests::kafka::{Isolation, VERSIONS, workload};
use firnline_tests::tier::Tier;
use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use tokio::time::Instant;

use super::server::Serving;
use crate::sources::Source;

const PATIENCE: Duration = Duration::from_secs(60);

fn member(serving: &Serving) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &serving.address)
        .set("group.id", "till")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", "6000")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[workload::PAYMENTS]).expect("subscribe");
    consumer
}

/// Takes what comes within a moment.
fn take(consumer: &BaseConsumer, seen: &mut BTreeMap<i32, Vec<i64>>) {
    match consumer.poll(Duration::from_millis(50)) {
        Some(Ok(message)) => seen.entry(message.partition()).or_default().push(message.offset()),
        Some(Err(KafkaError::PartitionEOF(_))) | None => {}
        Some(Err(error)) => panic!("{error}"),
    }
}

fn assigned(consumer: &BaseConsumer) -> usize {
    consumer.assignment().map_or(0, |list| list.count())
}

#[test]
fn members_share_the_work_and_a_later_run_goes_on_from_what_they_committed() {
    let source = Source::of(VERSIONS[0]);
    let tier = Tier::directory();
    source.offload(&tier).finish().expect_code(0);
    let partitions = source.ledger.topics()[workload::PAYMENTS];
    assert!(partitions >= 2, "enough to share");
    let mut serving = Serving::start(&tier, &["--topic", ".*"], "");
    let members = [member(&serving), member(&serving)];
    let (mut seen, began) = (BTreeMap::new(), Instant::now());
    // What was read before both had their part may come twice.
    while members.iter().any(|one| assigned(one) == 0) {
        assert!(began.elapsed() < PATIENCE, "each gets a part");
        members.iter().for_each(|one| take(one, &mut seen));
    }
    let shared: usize = members.iter().map(assigned).sum();
    assert_eq!(i32::try_from(shared).expect("few"), partitions);
    while seen.values().map(Vec::len).min().unwrap_or(0) < 50 || seen.len() < shared {
        assert!(began.elapsed() < PATIENCE, "some of each partition");
        members.iter().for_each(|one| take(one, &mut seen));
    }
    let mut positions = BTreeMap::new();
    for one in &members {
        one.commit_consumer_state(CommitMode::Sync).expect("commit");
        let all = one.position().expect("positions");
        for element in all.elements() {
            positions.insert(element.partition(), element.offset().to_raw().expect("an offset"));
        }
    }
    assert_eq!(positions.len(), shared);
    drop(members);
    serving.server.kill();
    let serving = serving.again(&tier);

    let (later, mut seen, began) = (member(&serving), BTreeMap::new(), Instant::now());
    let rest = |partition: i32| {
        let end = source.logs[&(workload::PAYMENTS.to_owned(), partition)].sealed_end();
        let all = source.ledger.visible(workload::PAYMENTS, partition, end, Isolation::ReadUncommitted);
        let offsets = all.into_iter().map(|record| record.offset);
        // librdkafka reads committed records unless it is told otherwise.
        let fates = |offset: &i64| {
            let fate = source.ledger.fate(workload::PAYMENTS, partition, *offset);
            fate == Some(firnline_tests::kafka::Fate::Committed)
        };
        let decided = source.ledger.first_undecided(workload::PAYMENTS, partition, end);
        let wanted = offsets.filter(|offset| *offset >= positions[&partition] && *offset < decided);
        wanted.filter(fates).collect::<Vec<_>>()
    };
    let expected: BTreeMap<i32, Vec<i64>> =
        (0..partitions).map(|partition| (partition, rest(partition))).collect();
    let total: usize = expected.values().map(Vec::len).sum();
    assert!(total > 50, "something is left to read");
    while seen.values().map(Vec::len).sum::<usize>() < total {
        assert!(began.elapsed() < PATIENCE, "{:?} of {total}", seen.values().map(Vec::len).sum::<usize>());
        take(&later, &mut seen);
    }
    for (partition, offsets) in &expected {
        assert_eq!(&seen[partition][..offsets.len()], &offsets[..], "{partition}");
    }
}
