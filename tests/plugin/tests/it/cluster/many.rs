//! A topic of a thousand and more segments is deleted, while another one's leader changes.

use std::time::{Duration, Instant};

use firnline_tests::kafka::{Codec, Ledger, Producer, Transactions};

use super::stand::alone;
use crate::reading::message;
use crate::rig::wait;

const PARTITIONS: i32 = 12;
/// Segments of each partition.
const SEGMENTS: i64 = 100;
/// A leadership change that takes longer than this has been stalled. Far beyond what is seen, for machines are slow.
const LIVELY: Duration = Duration::from_secs(60);

/// Each batch of one record is a segment of its own.
const TINY: [(&str, &str); 5] = [
    ("remote.storage.enable", "true"),
    ("local.retention.bytes", "1"),
    ("internal.segment.bytes", "1200"),
    ("file.delete.delay.ms", "100"),
    ("min.insync.replicas", "1"),
];

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_topic_of_a_thousand_segments_goes_without_stalling_a_leadership_change() {
    let stand = alone();
    let cluster = &stand.cluster;
    let (topic, beside) = ("numerous", "beside");
    let placements: Vec<&[u16]> =
        (0..).take(PARTITIONS as usize).map(|p| [&[1][..], &[2], &[3]][p % 3]).collect();
    cluster.create_topic_on(topic, &placements, &TINY);
    cluster.create_topic_on(beside, &[&[1, 2, 3]], &[("min.insync.replicas", "1")]);
    let mut ledger = Ledger::default();
    let producer = Producer::new(&cluster.bootstrap(), Codec::None, &Transactions::Off);
    for number in 0..SEGMENTS {
        (0..PARTITIONS).for_each(|partition| producer.send(&message(topic, partition, number)));
        // One batch each.
        producer.flush();
    }
    producer.flush_into(&mut ledger);
    let least = (SEGMENTS as usize - 2) * PARTITIONS as usize;
    wait("the segments are in the tier", || stand.objects(topic) >= least);
    let objects = stand.objects(topic);

    cluster.delete_topic(topic);
    let deleted = Instant::now();
    let (mut longest, mut changes) = (Duration::ZERO, 0);
    let mut nodes = [1, 2, 3];
    while stand.objects(topic) > 0 || changes < 3 {
        nodes.rotate_left(1);
        let began = Instant::now();
        cluster.reassign(beside, 0, &nodes);
        cluster.elect_preferred(beside, 0);
        producer.send(&message(beside, 0, changes));
        producer.flush_into(&mut ledger);
        longest = longest.max(began.elapsed());
        changes += 1;
        assert!(longest < LIVELY, "a leadership change took {longest:?}");
        assert!(deleted.elapsed() < 3 * LIVELY, "{} objects are left", stand.objects(topic));
    }
    let gone = deleted.elapsed();
    println!(
        "{objects} segments were gone after {gone:?}; {changes} leadership changes meanwhile, the longest took {longest:?}"
    );
}
