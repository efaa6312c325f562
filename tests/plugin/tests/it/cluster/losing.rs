//! A broker loses what it had on disk, and takes its place again.

use std::path::Path;

use firnline_tests::kafka::{Codec, Ledger, Producer, Transactions};

use super::stand::{TIERED, alone};
use crate::reading::{message, produce_plain};
use crate::rig::reads_all;

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_follower_whose_disk_was_emptied_rebuilds_from_the_tier_and_leads() {
    let mut stand = alone();
    let topic = "emptied";
    stand.cluster.create_topic_on(topic, &[&[3, 1, 2]], &TIERED);
    let mut ledger = Ledger::default();
    produce_plain(&stand.cluster, topic, 0, 900, &mut ledger);
    // It goes on with its sequence when the leader is another.
    let bootstrap = stand.cluster.bootstrap();
    let lasting = Producer::new(&bootstrap, Codec::None, &Transactions::Off);
    let send = |from: i64, ledger: &mut Ledger| {
        (from..from + 200).for_each(|number| lasting.send(&message(topic, 0, number)));
        lasting.flush_into(ledger);
    };
    send(2000, &mut ledger);
    produce_plain(&stand.cluster, topic, 3000, 600, &mut ledger);
    let copied = stand.wait_until_let_go(topic, 0, 0);

    stand.wait_until_mirrored(topic);
    stand.cluster.node_mut(2).kill();
    stand.wait_until_left(topic, 3);
    empty(&stand.cluster.node(2).log_dir());
    stand.cluster.restart();
    stand.wait_in_sync(topic, 0);
    let dir = stand.cluster.node(2).partition_dir(topic, 0);
    let first = first_local(&dir);
    assert!(
        first > 0 && first >= copied,
        "it fetched {first} on, and {copied} is where the leader's log begins"
    );
    stand.cluster.elect_preferred(topic, 0);
    assert_eq!(stand.cluster.placement(topic, 0).leader, Some(3));
    reads_all(&stand.cluster, topic, 1, &ledger, "by the leader that had lost all");
    send(4000, &mut ledger);
    let tiered = stand.tiered(topic, 0);
    produce_plain(&stand.cluster, topic, 5000, 600, &mut ledger);
    stand.wait_until_let_go(topic, 0, tiered);
    reads_all(&stand.cluster, topic, 1, &ledger, "and what it has written and copied");
    stand.agrees(topic, 1, &ledger);
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_leader_that_comes_back_without_its_checkpoints_is_read_whole() {
    let mut stand = alone();
    let topic = "unchecked";
    stand.cluster.create_topic_on(topic, &[&[2, 3]], &TIERED);
    let mut ledger = Ledger::default();
    produce_plain(&stand.cluster, topic, 0, 900, &mut ledger);
    stand.wait_until_let_go(topic, 0, 0);
    stand.wait_until_mirrored(topic);
    stand.cluster.node_mut(1).kill();
    stand.wait_until_left(topic, 2);
    let node = stand.cluster.node(1);
    // Its leader epochs are left to it: without them brokers call what is in the tier out of range, and no plugin is asked.
    for name in ["replication-offset-checkpoint", "recovery-point-offset-checkpoint"] {
        std::fs::remove_file(node.log_dir().join(name)).expect("a checkpoint");
    }
    stand.cluster.restart();
    stand.wait_in_sync(topic, 0);
    stand.cluster.elect_preferred(topic, 0);
    reads_all(&stand.cluster, topic, 1, &ledger, "by a leader that lost its checkpoints");
    produce_plain(&stand.cluster, topic, 1000, 600, &mut ledger);
    let tiered = stand.tiered(topic, 0);
    stand.wait_until_let_go(topic, 0, tiered);
    reads_all(&stand.cluster, topic, 1, &ledger, "and what it has written since");
    stand.agrees(topic, 1, &ledger);
}

/// Takes everything out of a log directory but whose it is, and the cluster's own metadata: a controller that forgets its
/// vote is no replica that has lost data.
fn empty(log_dir: &Path) {
    for entry in std::fs::read_dir(log_dir).expect("the log directory").map(|entry| entry.unwrap().path()) {
        match entry.file_name().and_then(|name| name.to_str()) {
            Some("meta.properties" | "bootstrap.checkpoint" | "__cluster_metadata-0") => {}
            _ if entry.is_dir() => std::fs::remove_dir_all(&entry).expect("take out a directory"),
            _ => std::fs::remove_file(&entry).expect("take out a file"),
        }
    }
}

/// The lowest offset of the segments in a partition's directory.
fn first_local(partition_dir: &Path) -> i64 {
    let files = std::fs::read_dir(partition_dir).expect("the partition").flatten();
    let base = |name: &str| name.strip_suffix(".log")?.parse().ok();
    files.filter_map(|file| base(file.file_name().to_str()?)).min().expect("a segment")
}
