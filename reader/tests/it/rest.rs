//! What stopped brokers have behind the tier's end, from directories such as they leave behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use firnline_index::{NodeId, Offset};
use firnline_logdir::fixture::{LogDirWriter, PartitionOptions};
use firnline_reader::{Disks, DisksError, DisksSettings, Found, Isolation, ReadError, ReadOutcome, Reader};
use firnline_store::env::SeededRandom;

use crate::holder::Holder;
use crate::log::{Log, at, joined, ms};
use crate::reads::{ALL, batches};
use crate::tier::{TestTier, cluster, gets, tip};

/// A stopped broker's directory.
pub(crate) struct Broker {
    _home: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Broker {
    /// With the batches of a log from `from` on, rolled at these offsets, and the high watermark as it was told last.
    pub(crate) fn new(
        node: i32,
        log: &Log,
        from: Offset,
        rolls: &[Offset],
        watermark: Option<Offset>,
    ) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("logs");
        let node = NodeId::new(node).expect("a node");
        let mut writer = LogDirWriter::create(&path, &cluster(), node).expect("made");
        let mut partition = writer.partition(&tip(), from, PartitionOptions::default()).expect("made");
        for batch in log.between(from, log.end()) {
            if rolls.contains(&batch.base) {
                partition.roll().expect("rolled");
            }
            partition.append(&batch.bytes).expect("appended");
        }
        partition.finish().expect("written");
        let broker = Self { _home: home, path };
        if let Some(watermark) = watermark {
            broker.checkpoint("replication-offset-checkpoint", watermark);
        }
        broker
    }

    /// A file in which a broker keeps an offset for each partition.
    pub(crate) fn checkpoint(&self, name: &str, offset: Offset) {
        let tip = tip();
        let text = format!("0\n1\n{} {} {offset}\n", tip.topic, tip.partition);
        fs::write(self.path.join(name), text).expect("written");
    }

    /// The files of the partition, by their base offset.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let dir = self.path.join(format!("{}-{}", tip().topic, tip().partition));
        let listed = fs::read_dir(dir).expect("listed").map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> =
            listed.filter(|path| path.extension().is_some_and(|kind| kind == "log")).collect();
        files.sort();
        files
    }

    pub(crate) fn change(&self, file: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let path = &self.files()[file];
        let mut bytes = fs::read(path).expect("read");
        change(&mut bytes);
        fs::write(path, bytes).expect("written");
    }
}

pub(crate) fn disks(brokers: &[&Broker], beyond_checkpoint: bool) -> Result<Disks, DisksError> {
    let paths = brokers.iter().map(|broker| broker.path.clone()).collect();
    let settings = DisksSettings { paths, cluster_id: Some(cluster()), beyond_checkpoint };
    Disks::open(settings, Arc::new(SeededRandom::new(7)))
}

/// A reader of the tier, with what these brokers have behind it.
pub(crate) async fn laid(tier: &TestTier, brokers: &[&Broker]) -> (Reader, Disks) {
    let (reader, _) = tier.reader();
    let disks = disks(brokers, false).expect("opened");
    disks.lay(&reader).await.expect("laid");
    (reader, disks)
}

/// Lets the directories' locks be asked.
pub(crate) async fn watched(disks: &Disks, reader: &Reader) {
    let watch = disks.watch(reader, Duration::from_millis(200));
    tokio::time::timeout(Duration::from_millis(500), watch).await.expect_err("it goes on");
}

/// 64 batches of 10 records.
pub(crate) fn log() -> Log {
    let mut log = Log::from(0);
    for _ in 0..64 {
        log.data(10, 4 << 10);
    }
    log
}

pub(crate) fn tier(log: &Log, until: i64) -> TestTier {
    let mut tier = TestTier::starting_at(at(0));
    tier.upload(log, at(until));
    tier.commit();
    tier
}

pub(crate) async fn end(reader: &Reader) -> i64 {
    reader.manifest(&tip()).await.expect("a manifest").tier_end.get()
}

/// Reads from an offset to the end, and holds it against the log.
pub(crate) async fn reads_to(reader: &Reader, log: &Log, from: i64, to: i64) {
    let mut offset = at(from);
    let mut found = Vec::new();
    loop {
        match reader.read(&tip(), offset, 20 << 10, ALL).await.expect("reads") {
            ReadOutcome::Batches(read) => {
                found.extend(read.chain.to_bytes());
                offset = read.range.end();
            }
            ReadOutcome::AtEnd { bounds } => {
                assert_eq!(bounds.end.get(), to);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(found == joined(log.between(at(from), at(to))));
}

/// Every file below a directory with its bytes and the time it was written.
fn state(path: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(path).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(state(&path));
        } else {
            let modified = fs::metadata(&path).and_then(|meta| meta.modified()).expect("a time");
            all.insert(path.clone(), (fs::read(&path).expect("read"), modified));
        }
    }
    all
}

#[tokio::test]
async fn the_tier_and_a_brokers_disk_are_one_log() {
    let log = log();
    let tier = tier(&log, 320);
    let broker = Broker::new(1, &log, at(200), &[at(300), at(410)], Some(at(640)));
    let before = state(&broker.path);
    let (reader, store) = tier.reader();
    let disks = disks(&[&broker], false).expect("opened");
    disks.lay(&reader).await.expect("laid");
    reads_to(&reader, &log, 0, 640).await;
    for from in [319, 320, 409, 410, 635] {
        reads_to(&reader, &log, from, 640).await;
    }
    assert_eq!(gets(&store.counters()), 2 + 1, "the manifest twice, and a segment of the tier");
    let found = disks.found();
    let bytes = joined(log.between(at(320), at(640))).len() as u64;
    assert_eq!(found, Found { partitions: 1, bytes, unproven: 0, held: 0 });
    let time = reader.find_timestamp(&tip(), ms(1_000_000 + 500)).await.expect("reads").expect("there");
    assert_eq!(time.header.base_offset, at(500));
    assert!(state(&broker.path) == before, "nothing is written there");
}

#[tokio::test]
async fn above_the_watermark_nothing_is_served_but_by_a_word() {
    let log = log();
    let tier = tier(&log, 320);
    for (watermark, end) in
        [(Some(500), 500), (Some(320), 320), (Some(100), 320), (None, 320), (Some(9999), 640)]
    {
        let broker = Broker::new(1, &log, at(200), &[], watermark.map(at));
        let (reader, _) = laid(&tier, &[&broker]).await;
        reads_to(&reader, &log, 300, end).await;
        let (reader, _) = tier.reader();
        let all = disks(&[&broker], true).expect("opened");
        all.lay(&reader).await.expect("laid");
        reads_to(&reader, &log, 300, 640).await;
        assert_eq!(all.found().unproven, u64::try_from(640 - end).expect("not negative"), "{watermark:?}");
    }
}

#[tokio::test]
async fn a_torn_end_is_not_served() {
    let log = log();
    let tier = tier(&log, 320);
    for torn in [1, 11, 60, 4000] {
        let broker = Broker::new(1, &log, at(200), &[at(410)], Some(at(640)));
        broker.change(1, |bytes| bytes.truncate(bytes.len() - torn));
        let (reader, _) = laid(&tier, &[&broker]).await;
        reads_to(&reader, &log, 0, 630).await;
    }
    // A last batch whose bytes never came to the disk.
    let broker = Broker::new(1, &log, at(200), &[at(410)], Some(at(640)));
    broker.change(1, |bytes| {
        let length = bytes.len();
        bytes[length - 100..].fill(0);
    });
    let (reader, _) = laid(&tier, &[&broker]).await;
    reads_to(&reader, &log, 0, 630).await;
}

#[tokio::test]
async fn damage_and_missing_files_end_it_before_them() {
    let log = log();
    let tier = tier(&log, 320);
    let broker = Broker::new(1, &log, at(200), &[at(410), at(500)], Some(at(640)));
    let batch = joined(log.between(at(410), at(420))).len();
    broker.change(1, |bytes| bytes[batch * 3 + 700] ^= 4);
    let (reader, _) = laid(&tier, &[&broker]).await;
    reads_to(&reader, &log, 0, 440).await;

    let broker = Broker::new(1, &log, at(200), &[at(410), at(500)], Some(at(640)));
    fs::remove_file(&broker.files()[1]).expect("removed");
    let (reader, _) = laid(&tier, &[&broker]).await;
    reads_to(&reader, &log, 0, 410).await;
    // Unless it was a cleaner's work.
    broker.checkpoint("cleaner-offset-checkpoint", at(500));
    let (reader, _) = laid(&tier, &[&broker]).await;
    assert_eq!(end(&reader).await, 640);
    let read = batches(reader.read(&tip(), at(410), 1, ALL).await.expect("reads"));
    assert_eq!(read.range.start(), at(500));
    broker.checkpoint("cleaner-offset-checkpoint", at(499));
    let (reader, _) = laid(&tier, &[&broker]).await;
    assert_eq!(end(&reader).await, 410);
}

#[tokio::test]
async fn another_history_is_not_joined() {
    let mut common = Log::from(0);
    for _ in 0..32 {
        common.data(10, 4 << 10);
    }
    let (mut ours, mut theirs) = (common.clone(), common);
    ours.epoch(1).data(10, 100).data(10, 100);
    let tier = tier(&ours, 340);
    // Of another epoch at the tier's end; the same offsets.
    theirs.epoch(2).data(10, 100).data(10, 100).data(10, 100);
    let broker = Broker::new(1, &theirs, at(200), &[], Some(at(350)));
    assert_eq!(end(&laid(&tier, &[&broker]).await.0).await, 340);
    // Another batch lies across it.
    let mut across = ours.clone();
    across.batches.pop();
    let mut tail = Log::from(330);
    tail.epoch(1).data(20, 100).data(10, 100);
    across.batches.extend(tail.batches);
    let broker = Broker::new(1, &across, at(200), &[], Some(at(360)));
    assert_eq!(end(&laid(&tier, &[&broker]).await.0).await, 340);
    // It begins above the tier's end: a hole.
    let mut longer = ours.clone();
    longer.data(10, 100).data(10, 100);
    let broker = Broker::new(1, &longer, at(350), &[], Some(at(360)));
    assert_eq!(end(&laid(&tier, &[&broker]).await.0).await, 340);
    // It begins right there, of an older epoch; then of a newer one.
    for (epoch, expected) in [(0, 340), (1, 350), (3, 350)] {
        let mut next = Log::from(340);
        next.epoch(epoch).data(10, 100);
        let broker = Broker::new(1, &next, at(340), &[], Some(at(350)));
        assert_eq!(end(&laid(&tier, &[&broker]).await.0).await, expected, "epoch {epoch}");
    }
    // The same one goes on.
    let broker = Broker::new(1, &longer, at(200), &[], Some(at(360)));
    let (reader, _) = laid(&tier, &[&broker]).await;
    reads_to(&reader, &longer, 0, 360).await;
}

#[tokio::test]
async fn of_several_replicas_the_newest_history_is_taken_as_far_as_any_was_told() {
    let log = log();
    let tier = tier(&log, 320);
    // A leader of old, with records that nobody else has.
    let mut old = Log::from(0);
    for _ in 0..48 {
        old.data(10, 4 << 10);
    }
    let (mut new, mut lost) = (old.clone(), old);
    for _ in 0..40 {
        lost.data(10, 50);
    }
    new.epoch(1).data(10, 300).data(10, 300).data(10, 300);
    let first = Broker::new(1, &lost, at(0), &[], Some(at(470)));
    let second = Broker::new(2, &new, at(330), &[at(400)], Some(at(490)));
    let third = Broker::new(3, &new, at(100), &[at(400)], Some(at(480)));
    let (reader, _) = laid(&tier, &[&first, &second, &third]).await;
    // The second begins above the tier's end and bears witness alone.
    reads_to(&reader, &new, 0, 490).await;
    let (reader, _) = laid(&tier, &[&first, &third]).await;
    reads_to(&reader, &new, 0, 480).await;
    let (reader, _) = laid(&tier, &[&first]).await;
    reads_to(&reader, &lost, 0, 470).await;
}

#[tokio::test]
async fn a_partition_that_the_tier_does_not_know_has_the_disk_alone() {
    let log = log();
    let empty = TestTier::starting_at(at(0));
    let broker = Broker::new(1, &log, at(100), &[at(200), at(300)], Some(at(600)));
    // Whoever deleted records below 250 does not want them to come back.
    broker.checkpoint("log-start-offset-checkpoint", at(250));
    let (reader, disks) = laid(&empty, &[&broker]).await;
    let manifest = reader.manifest(&tip()).await.expect("a manifest");
    assert_eq!((manifest.tier_start, manifest.serving_start, manifest.tier_end), (at(250), at(250), at(600)));
    reads_to(&reader, &log, 250, 600).await;
    let below = reader.read(&tip(), at(249), 1, ALL).await.expect("reads");
    assert!(matches!(below, ReadOutcome::BelowStart { .. }), "{below:?}");
    let topic = &disks.topics()[0];
    assert_eq!((topic.name.as_str(), topic.id, topic.partitions), ("orders", tip().topic_id, 4));
}

#[tokio::test]
async fn transactions_go_on_from_the_tier_into_the_files() {
    let mut log = Log::from(0);
    log.data(10, 100).in_transaction(1, 5).in_transaction(2, 5).data(10, 100);
    let border = log.end();
    log.abort(1).commit(2).in_transaction(3, 5).data(10, 100).in_transaction(4, 5);
    let roll = log.end();
    log.abort(3).data(10, 100);
    let tier = tier(&log, border.get());
    let broker = Broker::new(1, &log, at(0), &[border, roll], Some(log.end()));
    let (reader, _) = laid(&tier, &[&broker]).await;
    let (mut offset, mut aborted) = (at(0), Vec::new());
    let undecided = loop {
        match reader.read(&tip(), offset, 1, Isolation::ReadCommitted).await.expect("reads") {
            ReadOutcome::Batches(read) => {
                aborted.extend(read.aborted.iter().map(|a| (a.producer.get(), a.first_offset.get())));
                offset = read.range.end();
            }
            ReadOutcome::Undecided { from, bounds } => {
                assert_eq!(bounds.last_stable, from);
                break from;
            }
            other => panic!("{other:?}"),
        }
    };
    aborted.sort_unstable();
    aborted.dedup();
    assert_eq!(aborted, [(1, 10), (3, 32)]);
    assert_eq!(undecided, at(47), "the fourth has no end on the disk");
    reads_to(&reader, &log, 0, log.end().get()).await;
}

pub(crate) fn is_retriable(outcome: Result<ReadOutcome, ReadError>) -> bool {
    matches!(outcome, Err(ReadError::Disk { .. }))
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_at_work_is_refused_and_one_that_starts_ends_it() {
    let log = log();
    let tier = tier(&log, 320);
    let broker = Broker::new(1, &log, at(200), &[at(410)], Some(at(640)));
    let holder = Holder::of(&broker.path.join(".lock"), "lockf");
    let refused = disks(&[&broker], false).expect_err("refused");
    assert!(matches!(refused, DisksError::Broker { pid: Some(_), .. }), "{refused:?}");
    drop(holder);
    let (reader, disks) = laid(&tier, &[&broker]).await;
    reads_to(&reader, &log, 0, 640).await;

    let holder = Holder::of(&broker.path.join(".lock"), "lockf");
    watched(&disks, &reader).await;
    assert_eq!(disks.found().held, 1);
    // What is in memory is not served either, and the end stays where it was: nobody is told that he is out of range.
    for offset in [320, 409, 500, 639] {
        assert!(is_retriable(reader.read(&tip(), at(offset), 1, ALL).await), "{offset}");
    }
    assert_eq!(end(&reader).await, 640);
    batches(reader.read(&tip(), at(300), 1, ALL).await.expect("the tier goes on"));

    // The broker has truncated and written anew before it was stopped again.
    let mut after = Log::from(0);
    after.batches = log.between(at(0), at(500)).to_vec();
    let mut tail = Log::from(500);
    tail.epoch(1).data(10, 77);
    after.batches.extend(tail.batches);
    let batch = joined(log.between(at(410), at(420))).len();
    broker.change(1, |bytes| {
        bytes.truncate(batch * 9);
        bytes.extend(joined(after.between(at(500), at(510))));
    });
    broker.checkpoint("replication-offset-checkpoint", at(510));
    drop(holder);
    watched(&disks, &reader).await;
    assert!(disks.look(&reader).await);
    reads_to(&reader, &after, 0, 510).await;
    assert_eq!(disks.found().held, 0);
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_grows_over_it_takes_its_place() {
    let log = log();
    let mut tier = tier(&log, 320);
    let broker = Broker::new(1, &log, at(200), &[at(410)], Some(at(640)));
    let (reader, disks) = laid(&tier, &[&broker]).await;
    reads_to(&reader, &log, 0, 640).await;
    // Somebody uploads a part.
    tier.upload(&log, at(500));
    tier.commit();
    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(is_retriable(reader.read(&tip(), at(600), 1, ALL).await), "not out of range");
    for offset in [0, 319, 320, 499] {
        batches(reader.read(&tip(), at(offset), 1, ALL).await.expect("what the tier has is read"));
    }
    assert_eq!(end(&reader).await, 640, "nor is the end another");
    assert!(disks.look(&reader).await);
    reads_to(&reader, &log, 0, 640).await;
    // And the rest.
    tier.upload(&log, at(640));
    tier.commit();
    tokio::time::advance(Duration::from_secs(31)).await;
    reads_to(&reader, &log, 0, 640).await;
    assert!(!disks.look(&reader).await);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_is_never_believed_and_the_end_stays() {
    // Some batches to a block.
    let mut log = Log::from(0);
    for _ in 0..64 {
        log.data(10, 64 << 10);
    }
    let batch = joined(log.between(at(410), at(420))).len();
    // Kafka's own CRC does not cover a batch's base offset; and something that it does cover.
    for (damaged, whole) in [(7, &[320, 409, 410][..]), (700, &[320, 409, 410, 600, 639])] {
        let tier = tier(&log, 320);
        let broker = Broker::new(1, &log, at(200), &[at(410)], Some(at(640)));
        let (reader, disks) = laid(&tier, &[&broker]).await;
        let path = broker.files()[1].clone();
        let modified = fs::metadata(&path).and_then(|meta| meta.modified()).expect("a time");
        broker.change(1, |bytes| bytes[batch * 4 + damaged] ^= 1);
        let file = fs::File::options().write(true).open(&path);
        file.and_then(|file| file.set_modified(modified)).expect("set");
        assert!(is_retriable(reader.read(&tip(), at(450), 1, ALL).await));
        assert!(disks.look(&reader).await);
        // What was read up to 640 is not out of range, and what is whole is served as before.
        assert_eq!(end(&reader).await, 640);
        assert!(is_retriable(reader.read(&tip(), at(450), 1, ALL).await));
        for offset in whole {
            batches(reader.read(&tip(), at(*offset), 1, ALL).await.expect("it is whole"));
        }
        // That block is no news any more.
        tokio::time::advance(Duration::from_secs(31)).await;
        assert!(!disks.look(&reader).await);
    }
    // In a file that somebody has written to is what he has written.
    let tier = tier(&log, 320);
    let broker = Broker::new(1, &log, at(200), &[at(410)], Some(at(640)));
    let (reader, disks) = laid(&tier, &[&broker]).await;
    broker.change(1, |bytes| bytes.truncate(batch * 4));
    assert!(is_retriable(reader.read(&tip(), at(450), 1, ALL).await));
    assert!(disks.look(&reader).await);
    reads_to(&reader, &log, 0, 450).await;
}

#[tokio::test]
async fn directories_of_other_clusters_and_two_copies_of_one_are_refused() {
    let log = log();
    let broker = Broker::new(1, &log, at(0), &[], Some(at(640)));
    let meta = broker.path.join("meta.properties");
    let text = fs::read_to_string(&meta).expect("read").replace("test-cluster", "other-cluster");
    fs::write(meta, text).expect("written");
    assert!(matches!(disks(&[&broker], false), Err(DisksError::LogDir(_))));
    let one = Broker::new(1, &log, at(0), &[], Some(at(640)));
    assert!(matches!(disks(&[&one, &one], false), Err(DisksError::LogDir(_))));
    // Of one broker, two directories with the same partition: which of them is right nobody can say.
    let other = Broker::new(1, &log, at(0), &[], Some(at(640)));
    let tier = TestTier::starting_at(at(0));
    let (reader, _) = laid(&tier, &[&one, &other]).await;
    assert!(matches!(reader.manifest(&tip()).await, Err(ReadError::NoManifest { .. })));
}
