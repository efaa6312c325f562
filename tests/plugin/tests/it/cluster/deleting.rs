//! Remote segments go by retention and by DeleteRecords; what is left is read from where the log says that it begins.

use firnline_tests::kafka::{At, Ledger};

use super::stand::{Stand, TIERED, shared};
use crate::reading::produce_to;
use crate::rig::{settled_starts, wait};

/// Where the log begins now.
fn start(stand: &Stand, topic: &str) -> i64 {
    stand.cluster.offset(topic, 0, At::Earliest)
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn retention_by_size_and_time_deletes_remote_segments() {
    let stand = shared();
    let topic = "retained";
    stand.cluster.create_topic(topic, 1, &TIERED);
    let mut ledger = Ledger::default();
    produce_to(&stand.cluster, topic, 0..1, 0, 1500, &mut ledger);
    stand.wait_until_let_go(topic, 0, 0);
    let before = stand.objects(topic);
    assert!(before >= 6, "{before} segments");
    stand.cluster.set_topic(topic, &[("retention.bytes", "524288")]);
    wait("the size's segments go", || start(&stand, topic) > 0 && stand.objects(topic) < before);
    let begins = settled_starts(&stand.cluster, topic, 1)[0];
    wait("the manifest follows", || {
        let listed = crate::outside::segments(&stand.tier, topic, 0);
        !listed.is_empty() && listed.iter().all(|(_, next)| *next > begins)
    });
    stand.reads_from(topic, begins, &ledger, "after retention by size");
    stand.tier.run(&["verify", "--deep", &format!("{topic}/0")]).finish().expect_code(0);

    // The records' times are long past: everything goes, and what comes later is read.
    stand.cluster.set_topic(topic, &[("retention.ms", "1000")]);
    let end = stand.cluster.offset(topic, 0, At::Latest);
    wait("the time's segments go", || start(&stand, topic) == end && stand.objects(topic) == 0);
    stand.cluster.set_topic(topic, &[("retention.ms", "-1"), ("retention.bytes", "-1")]);
    produce_to(&stand.cluster, topic, 0..1, 1500, 600, &mut ledger);
    stand.wait_until_let_go(topic, 0, end);
    stand.reads_from(topic, start(&stand, topic), &ledger, "what came after all had gone");
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn delete_records_moves_the_log_start_into_the_tier() {
    let stand = shared();
    let topic = "cut";
    stand.cluster.create_topic(topic, 1, &TIERED);
    let mut ledger = Ledger::default();
    produce_to(&stand.cluster, topic, 0..1, 0, 1500, &mut ledger);
    let local = stand.wait_until_let_go(topic, 0, 500);
    let before = stand.objects(topic);
    // Within a remote segment.
    let cut = local * 2 / 3 + 7;
    stand.cluster.delete_records(topic, 0, cut);
    assert_eq!(start(&stand, topic), cut);
    stand.reads_from(topic, cut, &ledger, "from the middle of a remote segment");
    wait("the segments below go", || {
        let listed = crate::outside::segments(&stand.tier, topic, 0);
        !listed.is_empty() && listed.iter().all(|(_, next)| *next > cut) && stand.objects(topic) < before
    });
    stand.reads_from(topic, cut, &ledger, "and once they are gone");
    // Beyond all that is remote.
    let local = stand.local(topic, 0);
    stand.cluster.delete_records(topic, 0, local + 1);
    wait("all remote segments go", || stand.objects(topic) == 0);
    stand.reads_from(topic, local + 1, &ledger, "from what is local");
    produce_to(&stand.cluster, topic, 0..1, 1500, 600, &mut ledger);
    stand.wait_until_let_go(topic, 0, local + 1);
    stand.reads_from(topic, local + 1, &ledger, "and copies go on");
}
