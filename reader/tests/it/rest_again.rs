//! What stopped brokers have, while the tier, their directories and the brokers themselves go on.

use std::fs;
use std::time::Duration;

use firnline_index::keys::ObjectKey;
use firnline_index::{Offset, PartitionIndex, TopicIdPartition, TopicName};
use firnline_logdir::fixture::{LogDirWriter, PartitionOptions};
use firnline_reader::ReadOutcome;

use crate::holder::Holder;
use crate::log::{Log, at, joined};
use crate::reads::{ALL, batches};
use crate::rest::{Broker, disks, end, is_retriable, laid, log, reads_to, tier, watched};
use crate::tier::{TestTier, cluster, tip};

async fn later(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_goes_on_takes_nothing_of_the_tier_away() {
    let mut log = log();
    let mut tier = tier(&log, 320);
    let broker = Broker::new(1, &log, at(200), &[at(410)], Some(at(640)));
    let (reader, disks) = laid(&tier, &[&broker]).await;
    let _holder = Holder::of(&broker.path.join(".lock"), "lockf");
    watched(&disks, &reader).await;
    // Its sidecar uploads, bit by bit.
    for until in [400, 500] {
        tier.upload(&log, at(until));
        tier.commit();
        later(31).await;
        disks.look(&reader).await;
        for offset in [0, 319, until - 1] {
            batches(reader.read(&tip(), at(offset), 1, ALL).await.expect("what the tier has is read"));
        }
        for offset in [until, 639] {
            assert!(is_retriable(reader.read(&tip(), at(offset), 1, ALL).await), "{offset}");
        }
        assert_eq!(end(&reader).await, 640);
    }
    log.data(10, 100);
    tier.upload(&log, at(650));
    tier.commit();
    later(31).await;
    reads_to(&reader, &log, 0, 650).await;
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_goes_on_by_another_history_takes_its_place() {
    let log = log();
    let mut tier = tier(&log, 320);
    let broker = Broker::new(1, &log, at(200), &[], Some(at(640)));
    let (reader, disks) = laid(&tier, &[&broker]).await;
    reads_to(&reader, &log, 0, 640).await;
    // Elsewhere the cluster came to life without these records, and goes on.
    let mut other = Log::from(0);
    other.batches = log.between(at(0), at(600)).to_vec();
    let mut tail = Log::from(600);
    tail.epoch(2);
    for _ in 0..20 {
        tail.data(10, 99);
    }
    other.batches.extend(tail.batches);
    tier.upload(&other, at(800));
    tier.commit();
    later(31).await;
    reads_to(&reader, &other, 0, 800).await;
    assert!(!disks.look(&reader).await, "there is nothing to be looked for");
}

#[tokio::test(start_paused = true)]
async fn what_a_broker_took_back_before_it_was_stopped_again_is_not_waited_for() {
    let log = log();
    let mut tier = tier(&log, 320);
    let broker = Broker::new(1, &log, at(200), &[], Some(at(640)));
    let (reader, disks) = laid(&tier, &[&broker]).await;
    let holder = Holder::of(&broker.path.join(".lock"), "lockf");
    watched(&disks, &reader).await;
    let kept = joined(log.between(at(200), at(500))).len();
    broker.change(0, |bytes| bytes.truncate(kept));
    tier.upload(&log, at(500));
    tier.commit();
    drop(holder);
    watched(&disks, &reader).await;
    assert!(disks.look(&reader).await);
    reads_to(&reader, &log, 0, 500).await;
}

#[tokio::test]
async fn behind_a_gap_no_older_epoch_is_joined() {
    let mut log = Log::from(0);
    log.epoch(9);
    for _ in 0..32 {
        log.data(10, 100);
    }
    for (epoch, expected) in [(5, 400), (9, 410), (11, 410)] {
        let mut tier = TestTier::of(&log, &[]);
        tier.gap(at(400));
        tier.commit();
        let mut next = Log::from(400);
        next.epoch(epoch).data(10, 100);
        let broker = Broker::new(1, &next, at(400), &[], Some(at(410)));
        let (reader, _) = laid(&tier, &[&broker]).await;
        assert_eq!(end(&reader).await, expected, "epoch {epoch}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_broker_cannot_give_any_more_another_does() {
    let log = log();
    let tier = tier(&log, 320);
    let first = Broker::new(1, &log, at(200), &[], Some(at(640)));
    let second = Broker::new(2, &log, at(200), &[], Some(at(640)));
    let (reader, disks) = laid(&tier, &[&first, &second]).await;
    let holder = Holder::of(&first.path.join(".lock"), "lockf");
    watched(&disks, &reader).await;
    assert!(disks.look(&reader).await);
    reads_to(&reader, &log, 0, 640).await;
    assert_eq!(disks.topics().len(), 1);
    // That it was given free is not forgotten, though it is too early to look.
    drop(holder);
    watched(&disks, &reader).await;
    assert!(!disks.look(&reader).await);
    later(31).await;
    assert!(disks.look(&reader).await);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_else_has_as_much_it_is_waited_for() {
    let log = log();
    let tier = tier(&log, 320);
    let first = Broker::new(1, &log, at(200), &[], Some(at(640)));
    let mut shorter = log.clone();
    shorter.batches.truncate(60);
    let second = Broker::new(2, &shorter, at(200), &[], None);
    let (reader, disks) = laid(&tier, &[&first, &second]).await;
    let _holder = Holder::of(&first.path.join(".lock"), "lockf");
    watched(&disks, &reader).await;
    assert!(disks.look(&reader).await);
    assert_eq!(end(&reader).await, 640);
    assert!(is_retriable(reader.read(&tip(), at(610), 1, ALL).await));
    assert_eq!(disks.topics().len(), 1);
}

fn second_partition() -> TopicIdPartition {
    TopicIdPartition { partition: PartitionIndex::new(9).expect("a partition"), ..tip() }
}

/// A directory with these partitions.
fn broker_with(log: &Log, tips: &[TopicIdPartition], watermark: Offset) -> (tempfile::TempDir, Broker) {
    let broker = Broker::new(1, log, at(200), &[], Some(watermark));
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("more");
    let mut writer = LogDirWriter::create(&path, &cluster(), firnline_index::NodeId::new(1).expect("a node"))
        .expect("made");
    let mut text = format!("0\n{}\n{} {} {watermark}\n", tips.len() + 1, tip().topic, tip().partition);
    for tip in tips {
        let mut partition = writer.partition(tip, at(200), PartitionOptions::default()).expect("made");
        for batch in log.between(at(200), log.end()) {
            partition.append(&batch.bytes).expect("appended");
        }
        partition.finish().expect("written");
        let name = format!("{}-{}", tip.topic, tip.partition);
        fs::rename(path.join(&name), broker.path.join(&name)).expect("moved");
        text.push_str(&format!("{} {} {watermark}\n", tip.topic, tip.partition));
    }
    fs::write(broker.path.join("replication-offset-checkpoint"), text).expect("written");
    (home, broker)
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_cannot_be_read_holds_up_its_own_partition_alone() {
    let log = log();
    let tier = tier(&log, 320);
    let other = second_partition();
    let (_home, broker) = broker_with(&log, std::slice::from_ref(&other), at(640));
    let key = ObjectKey::Manifest { tip: other.clone() }.to_string();
    tier.sim.plant(&key, "no manifest".as_bytes());
    let (reader, _) = tier.reader();
    let disks = disks(&[&broker], false).expect("opened");
    disks.lay(&reader).await.expect("laid");
    reads_to(&reader, &log, 0, 640).await;
    assert!(reader.read(&other, at(200), 1, ALL).await.is_err());
    tier.sim.lose(&key);
    assert!(is_retriable(reader.read(&other, at(200), 1, ALL).await), "nobody knows where its log ends");
    // Once it is known, it is laid.
    assert!(disks.look(&reader).await);
    batches(reader.read(&other, at(639), 1, ALL).await.expect("read"));
    later(31).await;
    assert!(!disks.look(&reader).await);
}

#[tokio::test]
async fn what_brokers_keep_for_themselves_is_not_served_from_their_disks() {
    let log = log();
    let tier = tier(&log, 320);
    let topic = TopicName::new("__consumer_offsets").expect("a name");
    let internal =
        TopicIdPartition { topic, topic_id: firnline_index::TopicId::from_bytes([3; 16]), ..tip() };
    let (_home, broker) = broker_with(&log, std::slice::from_ref(&internal), at(640));
    let (reader, disks) = laid(&tier, &[&broker]).await;
    reads_to(&reader, &log, 0, 640).await;
    assert_eq!(disks.topics().iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>(), ["orders"]);
    assert!(reader.read(&internal, at(200), 1, ALL).await.is_err());
}

#[tokio::test]
async fn of_disks_alone_the_replica_with_the_beginning_is_taken() {
    let log = log();
    let empty = TestTier::starting_at(at(0));
    let whole = Broker::new(1, &log, at(0), &[], Some(at(600)));
    let mut longer = log.clone();
    longer.data(10, 100);
    let moved = Broker::new(2, &longer, at(500), &[], Some(at(620)));
    let (reader, _) = laid(&empty, &[&whole, &moved]).await;
    reads_to(&reader, &log, 0, 620).await;
    let below = reader.read(&tip(), at(0), 1, ALL).await.expect("reads");
    assert!(!matches!(below, ReadOutcome::BelowStart { .. }), "{below:?}");
}
