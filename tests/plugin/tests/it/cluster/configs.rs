//! Tiering is switched off and on for a topic.

use firnline_tests::kafka::{At, Ledger};

use super::stand::{TIERED, shared};
use crate::reading::produce_to;
use crate::rig::{reads_all, wait};

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_topic_that_is_only_read_from_the_tier_is_read_and_goes_on_later() {
    let stand = shared();
    let topic = "paused";
    stand.cluster.create_topic(topic, 1, &TIERED);
    let mut ledger = Ledger::default();
    produce_to(&stand.cluster, topic, 0..1, 0, 600, &mut ledger);
    stand.tiers_and_reads(topic, 1, &ledger, "while it is copied");
    // Local retention is then the topic's own, and keeps everything.
    stand.cluster.set_topic(
        topic,
        &[("local.retention.bytes", "-2"), ("local.retention.ms", "-2"), ("remote.log.copy.disable", "true")],
    );
    let objects = stand.objects(topic);
    produce_to(&stand.cluster, topic, 0..1, 1000, 600, &mut ledger);
    reads_all(&stand.cluster, topic, 1, &ledger, "while copying is off");
    assert_eq!(stand.objects(topic), objects, "copying was off");
    let tiered = stand.tiered(topic, 0);
    stand.cluster.set_topic(topic, &[("remote.log.copy.disable", "false"), ("local.retention.bytes", "1")]);
    stand.wait_until_let_go(topic, 0, tiered);
    reads_all(&stand.cluster, topic, 1, &ledger, "when copying is on again");
    stand.agrees(topic, 1, &ledger);
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_topic_whose_tiering_ends_loses_its_objects_and_may_begin_anew() {
    let stand = shared();
    let topic = "ended";
    stand.cluster.create_topic(topic, 1, &TIERED);
    let mut ledger = Ledger::default();
    produce_to(&stand.cluster, topic, 0..1, 0, 900, &mut ledger);
    let local = stand.wait_until_let_go(topic, 0, 0);
    assert!(stand.objects(topic) > 0);
    stand.cluster.set_topic(
        topic,
        &[
            ("local.retention.bytes", "-2"),
            ("remote.storage.enable", "false"),
            ("remote.log.delete.on.disable", "true"),
        ],
    );
    wait("its objects go", || stand.objects(topic) == 0);
    wait("the log begins where the leader's own does", || {
        stand.cluster.offset(topic, 0, At::Earliest) == local
    });
    stand.reads_from(topic, local, &ledger, "of a topic that is tiered no more");
    stand.cluster.set_topic(
        topic,
        &[
            ("remote.storage.enable", "true"),
            ("remote.log.delete.on.disable", "false"),
            ("local.retention.bytes", "1"),
        ],
    );
    produce_to(&stand.cluster, topic, 0..1, 1000, 600, &mut ledger);
    stand.wait_until_let_go(topic, 0, local);
    stand.reads_from(topic, local, &ledger, "of a topic that is tiered again");
}
