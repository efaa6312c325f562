//! The chain of epochs.

use firnline_index::lineage::*;
use proptest::prelude::*;

use super::samples::*;

fn chain(starts: &[(i32, u64)]) -> Lineage {
    Lineage::new(starts.iter().map(|(e, s)| epoch_start(*e, *s)).collect()).unwrap()
}

#[test]
fn epochs_hold_from_their_start_on() {
    let lineage = chain(&[(2, 100), (5, 200)]);
    let at = |o| lineage.epoch_at(offset(o)).map(|e| e.get());
    assert_eq!([at(99), at(100), at(199), at(200), at(10_000)], [None, Some(2), Some(2), Some(5), Some(5)]);
    assert_eq!(Lineage::empty().epoch_at(offset(0)), None);
}

#[test]
fn ends_of_epochs_are_answered_as_a_broker_answers() {
    let lineage = chain(&[(2, 100), (5, 200), (7, 300)]);
    let end = |of| lineage.end_of(epoch(of), offset(400)).map(|e| (e.epoch.get(), e.end.get()));
    assert_eq!(end(7), Some((7, 400)), "the newest ends at the log's end");
    assert_eq!(end(8), None, "a newer one is unknown");
    assert_eq!(end(5), Some((5, 300)));
    assert_eq!(end(4), Some((2, 200)), "one in between: the largest below it, and the start of the next");
    assert_eq!(end(2), Some((2, 200)));
    assert_eq!(end(1), Some((1, 100)), "one below the first: itself, with the first known start");
    assert_eq!(Lineage::empty().end_of(epoch(0), offset(400)), None);
}

#[test]
fn chains_that_go_back_are_refused_naming_both() {
    let refused = |starts: &[(i32, u64)]| {
        Lineage::new(starts.iter().map(|(e, s)| epoch_start(*e, *s)).collect()).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&[(5, 10), (4, 20)]),
        "leader epoch 4 at offset 20 does not lie above epoch 5, which starts at offset 10"
    );
    assert_eq!(
        refused(&[(5, 10), (5, 20)]),
        "leader epoch 5 at offset 20 does not lie above epoch 5, which starts at offset 10"
    );
    assert_eq!(
        refused(&[(5, 10), (6, 10)]),
        "leader epoch 6 starts at offset 10, not above offset 10, where epoch 5 starts"
    );
    let long = (0..=1_024).map(|n| epoch_start(n, u64::from(n.unsigned_abs()))).collect();
    assert_eq!(
        Lineage::new(long).unwrap_err().to_string(),
        "lineage of 1025 epochs is longer than the limit of 1024"
    );
}

#[test]
fn extending_goes_on_or_changes_nothing() {
    let mut lineage = chain(&[(2, 100)]);
    lineage.extend(&[epoch_start(2, 150), epoch_start(4, 160)]).unwrap();
    assert_eq!(lineage, chain(&[(2, 100), (4, 160)]));
    for bad in
        [&[epoch_start(5, 170), epoch_start(3, 180)][..], &[epoch_start(5, 160)], &[epoch_start(4, 159)]]
    {
        lineage.extend(bad).unwrap_err();
        assert_eq!(lineage, chain(&[(2, 100), (4, 160)]));
    }
}

#[test]
fn only_the_newest_epochs_are_kept() {
    let mut lineage = Lineage::empty();
    for n in 0..3_000 {
        lineage.extend(&[epoch_start(n, 10 * u64::from(n.unsigned_abs()))]).unwrap();
    }
    assert_eq!(lineage.starts().len(), Lineage::MAX_STARTS);
    assert_eq!(lineage.first(), Some(epoch_start(1_976, 19_760)));
    assert_eq!(lineage.last(), Some(epoch_start(2_999, 29_990)));
}

#[test]
fn cutting_and_forgetting_keep_what_still_holds() {
    let mut lineage = chain(&[(2, 100), (5, 200), (7, 300)]);
    lineage.truncate_to(offset(300));
    assert_eq!(lineage, chain(&[(2, 100), (5, 200)]));
    lineage.forget_below(offset(250));
    assert_eq!(lineage, chain(&[(5, 200)]), "the epoch that wrote 250 keeps its own first offset");
    lineage.forget_below(offset(100));
    assert_eq!(lineage, chain(&[(5, 200)]));
}

#[test]
fn logs_part_where_their_epochs_first_differ() {
    let ours = chain(&[(2, 100), (5, 200), (7, 300)]);
    let within = range(0, 400);
    let at = |theirs: &Lineage| {
        ours.first_divergence(theirs, within).map(|d| (d.offset.get(), d.ours.get(), d.theirs.get()))
    };
    assert_eq!(at(&ours), None);
    assert_eq!(at(&chain(&[(2, 100), (5, 200), (8, 350)])), Some((300, 7, 5)));
    assert_eq!(at(&chain(&[(2, 100), (6, 200)])), Some((200, 5, 6)));
    assert_eq!(at(&chain(&[(1, 100)])), Some((100, 2, 1)));
    assert_eq!(at(&Lineage::empty()), None);
    assert_eq!(
        at(&chain(&[(2, 100), (5, 200), (7, 300), (9, 400)])),
        None,
        "beyond the shorter log nothing is said"
    );
}

#[test]
fn a_start_rewritten_to_the_logs_start_is_no_divergence() {
    let ours = chain(&[(2, 100), (5, 200)]);
    // The other side deleted up to 150, or up to 230, and rewrote its first entry to there.
    assert_eq!(ours.first_divergence(&chain(&[(2, 150), (5, 200)]), range(0, 400)), None);
    assert_eq!(ours.first_divergence(&chain(&[(5, 230)]), range(0, 400)), None);
    let parted = ours.first_divergence(&chain(&[(2, 150), (5, 210)]), range(0, 400)).unwrap();
    assert_eq!((parted.offset, parted.ours, parted.theirs), (offset(200), epoch(5), epoch(2)));
}

fn any_chain() -> impl Strategy<Value = Lineage> {
    proptest::collection::btree_map(0..12i32, 0..60u64, 0..6).prop_map(|starts| {
        let mut lineage = Lineage::empty();
        for (e, s) in starts {
            // Those that do not follow are left out.
            let _ = lineage.extend(&[epoch_start(e, s)]);
        }
        lineage
    })
}

proptest! {
    #[test]
    fn divergence_is_the_first_offset_where_both_speak_and_differ(a in any_chain(), b in any_chain(), from in 0..70u64, len in 0..70u64) {
        let within = range(from, from + len);
        let differs = |o: &u64| match (a.epoch_at(offset(*o)), b.epoch_at(offset(*o))) {
            (Some(x), Some(y)) => x != y,
            _ => false,
        };
        let walked = (from..from + len).find(differs).map(offset);
        prop_assert_eq!(a.first_divergence(&b, within).map(|d| d.offset), walked);
        prop_assert_eq!(b.first_divergence(&a, within).map(|d| d.offset), walked);
    }
}
