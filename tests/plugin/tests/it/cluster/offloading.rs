//! Copies, and reads of them by both isolations.

use firnline_tests::kafka::{At, Codec, Fate, Ledger, Producer, Transactions};

use super::stand::{TIERED, shared};
use crate::outside::segments;
use crate::reading::{message, produce_to};
use crate::rig::{reads_all, wait};

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn leaders_offload_and_consumers_read_it_from_them() {
    let stand = shared();
    let topic = "offloaded";
    stand.cluster.create_topic(topic, 3, &TIERED);
    let mut ledger = Ledger::default();
    produce_to(&stand.cluster, topic, 0..3, 0, 900, &mut ledger);
    stand.tiers_and_reads(topic, 3, &ledger, "offloaded");
    stand.agrees(topic, 3, &ledger);
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn transactions_are_told_apart_over_the_borders_of_segments() {
    let stand = shared();
    let topic = "transactions";
    stand.cluster.create_topic(topic, 1, &TIERED);
    let mut ledger = Ledger::default();
    let bootstrap = stand.cluster.bootstrap();
    let id = |name: &str| Transactions::Id(format!("{topic}-{name}"));
    let kept = Producer::new(&bootstrap, Codec::None, &id("kept"));
    let lost = Producer::new(&bootstrap, Codec::None, &id("lost"));
    // Two that overlap, each over several segments, the aborted one ended long after its first record.
    for round in 0..3 {
        lost.begin();
        kept.begin();
        for number in 0..300 {
            let number = round * 1000 + number;
            lost.send(&message(topic, 0, number));
            kept.send(&message(topic, 0, number + 500));
            if number % 50 == 0 {
                lost.flush();
                kept.flush();
            }
        }
        kept.commit_into(&mut ledger);
        lost.abort_into(&mut ledger);
    }
    stand.tiers_and_reads(topic, 1, &ledger, "transactions");
    stand.agrees(topic, 1, &ledger);
    let end = stand.tiered(topic, 0);
    let fate = |offset| ledger.fate(topic, 0, offset);
    let split = segments(&stand.tier, topic, 0).into_iter().filter(|(base, _)| {
        // Both are open there: records of the aborted one lie on both sides.
        let around =
            |range: std::ops::Range<i64>| range.into_iter().any(|at| fate(at) == Some(Fate::Aborted));
        *base > 0 && *base < end && around(base - 100..*base) && around(*base..base + 100)
    });
    assert!(split.count() >= 3, "no segment ends within an aborted transaction");
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn an_active_segment_whose_time_is_over_is_rolled_and_offloaded() {
    let stand = shared();
    let topic = "rolled";
    stand.cluster.create_topic(topic, 1, &TIERED);
    let mut ledger = Ledger::default();
    // Far from a whole segment.
    produce_to(&stand.cluster, topic, 0..1, 0, 100, &mut ledger);
    let end = stand.cluster.offset(topic, 0, At::Latest);
    assert_eq!(stand.cluster.offset(topic, 0, At::EarliestLocal), 0);
    // By the records' own time, which is long ago.
    stand.cluster.set_topic(topic, &[("local.retention.ms", "1000")]);
    wait("the active segment is offloaded", || stand.tiered(topic, 0) == end && stand.local(topic, 0) == end);
    reads_all(&stand.cluster, topic, 1, &ledger, "of a log that is in the tier alone");
    produce_to(&stand.cluster, topic, 0..1, 100, 100, &mut ledger);
    reads_all(&stand.cluster, topic, 1, &ledger, "and goes on");
}
