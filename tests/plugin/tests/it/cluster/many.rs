//! A topic of a thousand and more segments is deleted, while another one's leader changes.

use std::time::{Duration, Instant};

use firnline_tests::kafka::{Cluster, Codec, Ledger, Producer, Transactions};

use super::stand::alone;
use crate::reading::message;
use crate::rig::wait;

const PARTITIONS: usize = 12;
/// Segments of each partition.
const SEGMENTS: usize = 180;
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
    let placements: Vec<&[u16]> = (0..PARTITIONS).map(|p| [&[1][..], &[2], &[3]][p % 3]).collect();
    cluster.create_topic_on(topic, &placements, &TINY);
    cluster.create_topic_on(beside, &[&[1, 2, 3]], &[("min.insync.replicas", "1")]);
    let mut ledger = Ledger::default();
    let producer = Producer::new(&cluster.bootstrap(), Codec::None, &Transactions::Off);
    for number in (0..).take(SEGMENTS) {
        (0..).take(PARTITIONS).for_each(|partition| producer.send(&message(topic, partition, number)));
        // One batch each.
        producer.flush();
    }
    producer.flush_into(&mut ledger);
    let least = (SEGMENTS - 2) * PARTITIONS;
    wait("the segments are in the tier", || stand.objects(topic) >= least);
    let objects = stand.objects(topic);

    let mut change = Change { nodes: [1, 2, 3], count: 0 };
    let usual = (0..3).map(|_| change.make(cluster, beside, &producer, &mut ledger)).max().unwrap();
    cluster.delete_topic(topic);
    let deleted = Instant::now();
    let mut longest = Duration::ZERO;
    while stand.objects(topic) > 0 || change.count < 6 {
        longest = longest.max(change.make(cluster, beside, &producer, &mut ledger));
        assert!(longest < LIVELY, "a leadership change took {longest:?}");
        assert!(deleted.elapsed() < 3 * LIVELY, "{} objects are left", stand.objects(topic));
    }
    let gone = deleted.elapsed();
    println!(
        "{objects} segments were gone after {gone:?}; of {} leadership changes meanwhile the longest took {longest:?}, and {usual:?} before",
        change.count - 3
    );
}

/// Leadership that goes round.
struct Change {
    nodes: [u16; 3],
    count: i64,
}

impl Change {
    /// Until the next one leads and has taken a record.
    fn make(&mut self, cluster: &Cluster, topic: &str, producer: &Producer, ledger: &mut Ledger) -> Duration {
        self.nodes.rotate_left(1);
        let began = Instant::now();
        cluster.reassign(topic, 0, &self.nodes);
        cluster.elect_preferred(topic, 0);
        producer.send(&message(topic, 0, self.count));
        producer.flush_into(ledger);
        self.count += 1;
        began.elapsed()
    }
}
