//! A cluster is lost, its bucket belongs to three other brokers, and those lose their disks.

use firnline_tests::kafka::{Cluster, Isolation, assert_same_records, consume_all};
use firnline_tests::tier::Tier;

use super::stand::alone;
use crate::attached::{attach_whole, lose, new_cluster, offloaded};
use crate::reading::{PARTITIONS, TOPIC, produce};
use crate::rig::reads_all;

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_follower_without_a_disk_comes_back_from_attached_segments_and_leads() {
    // Three brokers more are enough at once.
    let _alone = alone();
    let tier = Tier::directory();
    let mut ledger = offloaded(&tier);
    let mut cluster = new_cluster(&tier, 3, &[]);
    let ends = attach_whole(&tier, &mut cluster, 3);
    lose(&mut ledger, &ends);
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "three replicas");
    let all_in_sync = |cluster: &Cluster| {
        for partition in 0..PARTITIONS {
            cluster.wait_for_placement(TOPIC, partition, "all are in sync", |found| found.in_sync.len() == 3);
        }
    };
    let first = cluster.placement(TOPIC, 0).leader.expect("a leader");
    for node in 0..3 {
        if cluster.node(node).id() == first {
            continue;
        }
        all_in_sync(&cluster);
        cluster.node_mut(node).stop();
        for partition in 0..PARTITIONS {
            let lost = cluster.node(node).partition_dir(TOPIC, partition);
            std::fs::remove_dir_all(lost).expect("lose a replica");
        }
        cluster.restart();
    }
    all_in_sync(&cluster);
    let at = (0..3).find(|node| cluster.node(*node).id() == first).expect("the leader");
    cluster.node_mut(at).stop();
    for partition in 0..PARTITIONS {
        cluster.wait_for_placement(TOPIC, partition, "another one leads", |found| {
            found.leader.is_some_and(|leader| leader != first)
        });
    }
    for isolation in [Isolation::ReadUncommitted, Isolation::ReadCommitted] {
        let bootstrap = cluster.bootstrap_of_those_up();
        for (partition, content) in consume_all(&bootstrap, TOPIC, PARTITIONS, isolation) {
            let what = format!("{TOPIC}/{partition}, {}", isolation.name());
            let expected = ledger.visible(TOPIC, partition, content.end, isolation);
            assert_eq!(content.end, ends.of[&partition], "{what}");
            assert_same_records(&what, &expected, &content.records);
        }
    }
    produce(&cluster, TOPIC, 200_000, 300, &mut ledger);
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "led by who came back");
}
