//! The store fails, hangs, dawdles and lies: nothing is skipped, nobody waits for ever, and copying goes on by itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use firnline_tests::kafka::{
    At, Cluster, ClusterOptions, Isolation, Java, Ledger, Record, VERSIONS, assert_same_records, consumer_as,
    record, workload,
};
use firnline_tests::relay::{Relay, Weather};
use firnline_tests::stores::Minio;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use crate::reading::{PARTITIONS, TOPIC, produce};
use crate::rig::{
    Directory, PATIENCE, TIERED, broker, is_let_go, local_start, properties, read_in_spite, reads_all, wait,
    wait_until_let_go,
};

/// How long a call may keep a broker's thread here.
const DEADLINE: Duration = Duration::from_secs(3);
/// What a broker and a slow machine add to it.
const SLACK: Duration = Duration::from_secs(12);

/// A broker whose store is behind a relay, and which waits for it no longer than for the deadline.
fn stand() -> (Cluster, Relay, tempfile::TempDir) {
    stand_with(&[], Java::default())
}

/// The same with further keys of the plugin, in a JVM that is told this.
pub(crate) fn stand_with(more: &[(&str, &str)], java: Java) -> (Cluster, Relay, tempfile::TempDir) {
    let minio = Minio::shared();
    let relay = Relay::before(minio.port(), false);
    let user = Minio::root();
    let home = firnline_tests::scratch::directory("plugin-secret");
    let secret = home.path().join("secret");
    std::fs::write(&secret, &user.secret_key).expect("write the secret");
    let keys = [
        ("store.url", &*format!("s3://{}/kafka", minio.bucket("weather"))),
        ("store.endpoint", &format!("http://127.0.0.1:{}", relay.port())),
        ("store.region", "us-east-1"),
        ("store.aws.access.key.id", &user.access_key),
        ("store.aws.secret.access.key", &format!("file:{}", secret.display())),
        ("store.deadline.read", "3s"),
        ("store.deadline.write", "3s"),
        ("store.deadline.attempt", "1s"),
        // So small that most of what is read is asked of the store.
        ("cache.memory.blocks", "1MiB"),
        ("limits.readahead", "1MiB"),
        ("cluster.id", "plugin-tests"),
    ];
    let properties = properties(&[&keys, more].concat());
    let options = ClusterOptions { properties, java, ..ClusterOptions::single(VERSIONS[0]) };
    (Cluster::start(&options), relay, home)
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn copying_goes_on_by_itself_when_the_store_does() {
    let (cluster, relay, _secret) = stand();
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    let sky = [Weather::Down, Weather::Stalled, Weather::Busy, Weather::Slow];
    for (from, weather) in (0..).step_by(3000).zip(sky) {
        let before = relay.struck();
        relay.set(weather);
        let local = |partition| local_start(&cluster, TOPIC, partition);
        let starts: Vec<i64> = (0..PARTITIONS).map(local).collect();
        produce(&cluster, TOPIC, from, 3000, &mut ledger);
        wait(&format!("the store is asked while it is {weather:?}"), || relay.struck() > before);
        // Nothing leaves the disk before it is in the tier, however long that takes.
        if weather != Weather::Slow {
            std::thread::sleep(DEADLINE);
            assert_eq!((0..PARTITIONS).map(local).collect::<Vec<_>>(), starts, "{weather:?}");
        }
        relay.set(Weather::Fair);
        wait(&format!("copying goes on after {weather:?}"), || {
            (0..PARTITIONS)
                .zip(&starts)
                .all(|(partition, start)| local(partition) > *start && is_let_go(&cluster, TOPIC, partition))
        });
    }
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "after all that weather");
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_reader_skips_nothing_whatever_the_store_does() {
    let (cluster, relay, _secret) = stand();
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 6000, &mut ledger);
    wait_until_let_go(&cluster, TOPIC, PARTITIONS);
    let sky = [Weather::Stalled, Weather::Down, Weather::Busy, Weather::Wrong, Weather::Slow];
    let found = read_through(&cluster, &relay, &sky);
    for partition in 0..PARTITIONS {
        let expected = ledger.visible(TOPIC, partition, i64::MAX, Isolation::ReadCommitted);
        let what = format!("{TOPIC}/{partition} read through the weather");
        assert_same_records(&what, &expected, found.get(&partition).map_or(&[], Vec::as_slice));
    }
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "after all that weather");
}

/// Reads committed records to the end, while the weather changes each time that some more have come.
fn read_through(cluster: &Cluster, relay: &Relay, sky: &[Weather]) -> BTreeMap<i32, Vec<Record>> {
    let small = [
        ("fetch.message.max.bytes", "65536"),
        ("queued.min.messages", "1"),
        ("queued.max.messages.kbytes", "64"),
    ];
    let mut sky = (1..).zip(sky).peekable();
    let mut until: Option<(Instant, usize)> = None;
    let found = read_in_spite(cluster, TOPIC, PARTITIONS, &small, |count| match until {
        // It stays until it was met, and for some time.
        Some((end, before)) if Instant::now() > end && relay.struck() > before => {
            relay.set(Weather::Fair);
            until = None;
        }
        None => {
            if let Some((_, weather)) = sky.next_if(|(number, _)| count >= 200 * number) {
                until = Some((Instant::now() + DEADLINE, relay.struck()));
                relay.set(*weather);
            }
        }
        Some(_) => {}
    });
    assert!(sky.next().is_none() && until.is_none(), "the end was read before the weather was met");
    found
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn what_a_hanging_store_is_asked_for_ends_with_the_deadline() {
    let (cluster, relay, _secret) = stand();
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    wait_until_let_go(&cluster, TOPIC, PARTITIONS);
    relay.set(Weather::Stalled);
    let before = relay.struck();
    let began = Instant::now();
    let first = workload::FIRST_TIMESTAMP_MS + 57;
    // The broker waits for the index, and tells of an error when it does not come.
    let told = cluster.try_offset(TOPIC, 0, At::Time(first));
    let took = began.elapsed();
    assert!(relay.struck() > before, "the store was not asked");
    assert!(told.as_ref().is_ok_and(|(code, _)| *code != 0), "{told:?} without the store");
    assert!(took < DEADLINE + SLACK, "it took {took:?}");
    relay.set(Weather::Fair);
    assert_eq!(cluster.offset(TOPIC, 0, At::Time(first)), 57, "and the next one is answered");
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "after it hung");
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_damaged_object_stops_its_reader_there_and_nobody_else() {
    let tier = Directory::new();
    let url = tier.url();
    let mut cluster = broker(VERSIONS[0], &[("store.url", &url), ("cluster.id", "plugin-tests")]);
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    wait_until_let_go(&cluster, TOPIC, PARTITIONS);
    let of_first = |path: &&std::path::PathBuf| path.parent().is_some_and(|parent| parent.ends_with("0"));
    let segments = tier.segments(TOPIC);
    let object = segments.iter().find(of_first).expect("a segment of partition 0");
    flip(object);
    let consumer = consumer_as(&cluster.bootstrap(), &[], Isolation::ReadUncommitted);
    let mut list = TopicPartitionList::new();
    (0..PARTITIONS)
        .for_each(|partition| list.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap());
    consumer.assign(&list).expect("assign");
    let mut found: BTreeMap<i32, Vec<Record>> = BTreeMap::new();
    let poll = || {
        let polled = consumer.poll(Duration::from_millis(100));
        polled.map(|got| got.map(|message| (message.partition(), record(&message))))
    };
    let (began, mut ended) = (Instant::now(), false);
    // The other partition is read to its end; of this one come the records before the damage, and no others.
    while !ended || began.elapsed() < DEADLINE {
        assert!(began.elapsed() < PATIENCE, "partition 1 was not read to its end");
        match poll() {
            Some(Ok((partition, read))) => found.entry(partition).or_default().push(read),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                assert_eq!(partition, 1, "partition 0 was read past the damage");
                ended = true;
            }
            Some(Err(_)) | None => {}
        }
    }
    let all = |partition| ledger.visible(TOPIC, partition, i64::MAX, Isolation::ReadUncommitted);
    assert_same_records("the other partition", &all(1), &found[&1]);
    let before = found.remove(&0).unwrap_or_default();
    assert!(all(0).starts_with(&before) && before.len() < 3000, "{} records", before.len());
    let said = cluster.node(0).said();
    let told = said.lines().any(|line| line.contains("Exception") && line.contains("read of "));
    assert!(told, "the broker's log has nothing of it: {said}");
    flip(object);
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "once it is as it was");
    cluster.stop();
}

/// Makes a byte in the first block another, or what it was.
fn flip(object: &Path) {
    let mut bytes = std::fs::read(object).expect("read the object");
    bytes[1000] ^= 1;
    std::fs::write(object, bytes).expect("write the object");
}
