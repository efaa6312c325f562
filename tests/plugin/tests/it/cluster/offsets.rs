//! ListOffsets, with every special timestamp, and with times on both sides of the border.

use firnline_tests::kafka::{At, Codec, Ledger, Producer, Transactions, workload};

use super::stand::{TIERED, shared};
use crate::reading::message;

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn list_offsets_knows_what_is_in_the_tier_and_what_is_local() {
    let stand = shared();
    let topic = "listed";
    stand.cluster.create_topic(topic, 1, &TIERED);
    let mut ledger = Ledger::default();
    // No transactions: the offset of a record is its number, and so is its time.
    let producer = Producer::new(&stand.cluster.bootstrap(), Codec::None, &Transactions::Off);
    for number in 0..1000 {
        producer.send(&message(topic, 0, number));
    }
    producer.flush_into(&mut ledger);
    let local = stand.wait_until_let_go(topic, 0, 0);
    let found = |at: At| stand.cluster.offset(topic, 0, at);
    assert_eq!(found(At::Earliest), 0);
    assert_eq!(found(At::Latest), 1000);
    assert_eq!(found(At::MaxTimestamp), 999);
    assert_eq!(found(At::EarliestLocal), local);
    assert_eq!(found(At::LatestTiered), local - 1);
    assert_eq!(found(At::EarliestPendingUpload), local);
    assert!((100..1000).contains(&local), "{local}");
    for offset in [0, 1, 57, 300, local - 1, local, 999] {
        assert_eq!(found(At::Time(workload::FIRST_TIMESTAMP_MS + offset)), offset, "by its time");
    }
    assert_eq!(found(At::Time(workload::FIRST_TIMESTAMP_MS - 1)), 0, "before all");
    assert_eq!(found(At::Time(workload::FIRST_TIMESTAMP_MS + 1000)), -1, "behind all");
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn list_offsets_of_a_log_of_which_nothing_is_tiered() {
    let stand = shared();
    let topic = "unlisted";
    stand.cluster.create_topic(topic, 1, &TIERED);
    let found = |at: At| stand.cluster.offset(topic, 0, at);
    assert_eq!(found(At::Earliest), 0);
    assert_eq!(found(At::Latest), 0);
    assert_eq!(found(At::EarliestLocal), 0);
    assert_eq!(found(At::LatestTiered), -1);
    // Brokers tell of none before the first copy.
    assert_eq!(found(At::EarliestPendingUpload), -1);
    assert_eq!(found(At::Time(0)), -1);
}
