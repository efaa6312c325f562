//! Partitions move, grow, shrink and become more; the new replicas take what the old leader has let go of from the tier.

use firnline_tests::kafka::Ledger;

use super::stand::{TIERED, shared};
use crate::reading::{produce_plain, produce_to};
use crate::rig::reads_all;

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_partition_that_moves_expands_and_shrinks_is_read_whole_from_each_leader() {
    let stand = shared();
    let topic = "moved";
    stand.cluster.create_topic_on(topic, &[&[1, 2]], &TIERED);
    let mut ledger = Ledger::default();
    produce_plain(&stand.cluster, topic, 0, 900, &mut ledger);
    stand.tiers_and_reads(topic, 1, &ledger, "before it moves");
    for (round, nodes) in (1..).zip([&[3, 2][..], &[3, 2, 1], &[1]]) {
        stand.cluster.reassign(topic, 0, nodes);
        if stand.cluster.placement(topic, 0).leader != Some(nodes[0]) {
            stand.cluster.elect_preferred(topic, 0);
        }
        let what = format!("on {nodes:?}");
        reads_all(&stand.cluster, topic, 1, &ledger, &what);
        let tiered = stand.tiered(topic, 0);
        produce_plain(&stand.cluster, topic, round * 1000, 600, &mut ledger);
        stand.wait_until_let_go(topic, 0, tiered);
        reads_all(&stand.cluster, topic, 1, &ledger, &format!("{what}, and goes on"));
    }
    stand.agrees(topic, 1, &ledger);
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn partitions_that_are_added_are_tiered_as_the_first_was() {
    let stand = shared();
    let topic = "grown";
    stand.cluster.create_topic(topic, 1, &TIERED);
    let mut ledger = Ledger::default();
    produce_to(&stand.cluster, topic, 0..1, 0, 600, &mut ledger);
    stand.tiers_and_reads(topic, 1, &ledger, "of one partition");
    stand.cluster.add_partitions(topic, 3);
    produce_to(&stand.cluster, topic, 0..3, 1000, 600, &mut ledger);
    stand.tiers_and_reads(topic, 3, &ledger, "of three");
    stand.agrees(topic, 3, &ledger);
}
