use firnline_index::lineage::{EpochEnd, EpochStart};
use firnline_index::{NodeId, PartitionIndex, TopicId, TopicIdPartition, TopicName};
use proptest::prelude::*;

use super::*;
use crate::cluster::Leader;

fn offset(n: i64) -> Offset {
    Offset::new(n).unwrap()
}

fn epoch(n: i32) -> LeaderEpoch {
    LeaderEpoch::new(n).unwrap()
}

fn lineage(starts: &[(i32, i64)]) -> Lineage {
    let starts = starts.iter().map(|(e, o)| EpochStart { epoch: epoch(*e), start: offset(*o) });
    Lineage::new(starts.collect()).unwrap()
}

fn bound(high_watermark: i64, log_start: i64, told: Option<(i32, i64)>) -> Bound {
    Bound {
        leader: Leader { node: NodeId::new(1).unwrap(), epoch: epoch(9) },
        high_watermark: offset(high_watermark),
        log_start: offset(log_start),
        epoch_end: told.map(|(e, end)| EpochEnd { epoch: epoch(e), end: offset(end) }),
    }
}

fn witness(bound: i64, starts: &[(i32, i64)]) -> Witness {
    let tip = TopicIdPartition {
        topic: TopicName::new("orders").unwrap(),
        topic_id: TopicId::from_bytes([1; 16]),
        partition: PartitionIndex::new(0).unwrap(),
    };
    Witness {
        tip,
        newest: Stretch { bound: offset(bound), epoch: epoch(5), lineage: lineage(starts) },
        older: Vec::new(),
    }
}

fn below(end: i64) -> OffsetRange {
    OffsetRange::new(Offset::ZERO, offset(end)).unwrap()
}

/// From 60 up to `end`, all of epoch `of`.
fn range(end: i64, of: i32) -> (OffsetRange, Lineage) {
    (OffsetRange::new(offset(60), offset(end)).unwrap(), lineage(&[(of, 60)]))
}

fn told(
    (range, epochs): (OffsetRange, Lineage),
    bound: &Bound,
    witness: Option<&Witness>,
) -> Result<Proof, Unproven> {
    let claimed = Claimed { range, epochs: &epochs, from_leaders_log: false };
    prove(&claimed, bound, witness, &lineage(&[(3, 0)]), below(50))
}

#[test]
fn what_goes_on_like_what_was_told_and_parts_from_it_is_proven_up_to_there() {
    let (known, none) = (witness(100, &[(5, 0)]), Lineage::empty());
    let held = lineage(&[(5, 0), (7, 70)]);
    let range = OffsetRange::new(offset(10), offset(90)).unwrap();
    let claimed = Claimed { range, epochs: &held, from_leaders_log: false };
    // The leader's log begins above all of it, and does not know epoch 7.
    let told = bound(500, 400, Some((7, 400)));
    let found = prove(&claimed, &told, Some(&known), &none, OffsetRange::EMPTY);
    assert_eq!(found, Err(Unproven::WitnessBelow { bound: offset(70) }));
}

#[test]
fn what_a_later_leader_went_on_from_is_proven_up_to_there() {
    // All up to 100 was told committed; an unclean election took it back to 70 and went on in epoch 8.
    let mut known = witness(90, &[(8, 70)]);
    known.older.push(Stretch { bound: offset(100), epoch: epoch(7), lineage: lineage(&[(5, 0), (7, 70)]) });
    let (held, none) = (lineage(&[(5, 0), (7, 70)]), Lineage::empty());
    let told = bound(500, 400, Some((7, 400)));
    let of = |start, end| {
        let range = OffsetRange::new(offset(start), offset(end)).unwrap();
        let claimed = Claimed { range, epochs: &held, from_leaders_log: false };
        prove(&claimed, &told, Some(&known), &none, OffsetRange::EMPTY)
    };
    assert_eq!(of(10, 85), Err(Unproven::WitnessBelow { bound: offset(70) }));
    assert_eq!(of(10, 70), Ok(Proof::Witness));
    assert!(matches!(of(70, 85), Err(Unproven::WitnessOther { .. })));
}

#[test]
fn the_leaders_own_epoch_end_at_or_above_proves() {
    assert_eq!(told(range(80, 5), &bound(100, 0, Some((5, 80))), None), Ok(Proof::Bound));
    assert_eq!(told(range(80, 5), &bound(80, 0, Some((5, 90))), None), Ok(Proof::Bound));
}

#[test]
fn nothing_above_the_high_watermark_is_proven_by_anything() {
    let above = Err(Unproven::AboveBound { high_watermark: offset(79) });
    let witness = witness(100, &[(5, 0)]);
    assert_eq!(told(range(80, 5), &bound(79, 0, Some((5, 80))), Some(&witness)), above);
}

#[test]
fn an_epoch_that_ends_below_or_another_one_is_off_the_lineage() {
    for answer in [Some((5, 79)), Some((4, 70)), Some((4, 90)), None] {
        let found = told(range(80, 5), &bound(100, 0, answer), Some(&witness(100, &[(5, 0)])));
        assert!(matches!(found, Err(Unproven::OffLineage { .. })), "{answer:?}: {found:?}");
    }
}

#[test]
fn an_answer_from_below_all_that_the_leader_knows_is_no_proof() {
    // Epoch 5 wrote up to 80, was truncated to 60 and written anew by epoch 6; retention has moved the leader's log to 100.
    // Asked for epoch 5, the leader names 5 itself and the start of the first epoch it knows.
    let bound = bound(150, 100, Some((5, 100)));
    assert_eq!(told(range(80, 5), &bound, None), Err(Unproven::NoWitness));
    let truncated = witness(120, &[(3, 0), (5, 50), (6, 60)]);
    let other = Err(Unproven::WitnessOther { witness: Some(epoch(6)) });
    assert_eq!(told(range(80, 5), &bound, Some(&truncated)), other);
    assert_eq!(told(range(80, 5), &bound, Some(&witness(120, &[(3, 0), (5, 50)]))), Ok(Proof::Witness));
}

#[test]
fn the_witness_speaks_only_up_to_its_bound_and_only_uncontradicted() {
    let bound = bound(150, 100, Some((5, 100)));
    let short = witness(79, &[(3, 0), (5, 50)]);
    assert_eq!(told(range(80, 5), &bound, Some(&short)), Err(Unproven::WitnessBelow { bound: offset(79) }));
    let other_past = witness(120, &[(2, 0), (5, 20)]);
    let parted = told(range(80, 5), &bound, Some(&other_past));
    assert_eq!(parted, Err(Unproven::TierContradicts { at: offset(0) }));
}

#[test]
fn a_leader_that_knows_an_older_epoch_above_contradicts_the_witness() {
    let good = witness(120, &[(3, 0), (5, 50)]);
    let found = told(range(80, 5), &bound(150, 100, Some((4, 130))), Some(&good));
    assert!(matches!(found, Err(Unproven::OffLineage { .. })), "{found:?}");
    let found = told(range(80, 5), &bound(150, 100, None), Some(&good));
    assert!(matches!(found, Err(Unproven::OffLineage { .. })), "{found:?}");
    assert_eq!(told(range(80, 5), &bound(100, 100, None), Some(&good)), Ok(Proof::Witness));
}

#[test]
fn batches_without_an_epoch_are_proven_by_the_leaders_own_log_alone() {
    let (range, none) = (range(80, 5).0, Lineage::empty());
    let at = |high_watermark, from_leaders_log| {
        let claimed = Claimed { range, epochs: &none, from_leaders_log };
        prove(&claimed, &bound(high_watermark, 0, None), None, &none, below(50))
    };
    assert_eq!(at(80, true), Ok(Proof::Bound));
    assert!(matches!(at(79, true), Err(Unproven::AboveBound { .. })));
    assert_eq!(at(80, false), Err(Unproven::NoEpoch));
}

#[test]
fn below_the_log_start_a_leader_vouches_for_the_epoch_that_wrote_there_and_the_witness_for_the_rest() {
    // Epoch 4 was never committed here; the follower was told to go on at 70, where the leader's log began then.
    let (held, epochs) = (range(90, 0).0, lineage(&[(4, 60), (6, 70)]));
    let of = |witness: Option<&Witness>, log_start| {
        told((held, epochs.clone()), &bound(100, log_start, Some((6, 100))), witness)
    };
    assert_eq!(of(None, 60), Ok(Proof::Bound));
    let beneath = Err(Unproven::Beneath { vouched_from: offset(70), witnessed_to: None });
    for log_start in [70, 75, 95] {
        assert_eq!(of(None, log_start), beneath);
        let other = witness(80, &[(3, 0), (5, 55), (6, 68)]);
        assert_eq!(of(Some(&other), log_start), beneath);
        let in_part = Err(Unproven::Beneath { vouched_from: offset(70), witnessed_to: Some(offset(65)) });
        assert_eq!(of(Some(&witness(65, &[(3, 0), (4, 55)])), log_start), in_part);
        let goes_another_way = witness(80, &[(3, 0), (4, 55), (5, 65)]);
        assert_eq!(of(Some(&goes_another_way), log_start), in_part);
        let knows = witness(80, &[(3, 0), (4, 55), (6, 70)]);
        assert_eq!(of(Some(&knows), log_start), Ok(Proof::Bound));
        let begins_above = witness(80, &[(4, 65), (6, 70)]);
        assert_eq!(of(Some(&begins_above), log_start), beneath);
    }
    let begins = |witness: Option<&Witness>| {
        let claimed = Claimed { range: held, epochs: &epochs, from_leaders_log: true };
        provable_from(&claimed, offset(75), witness)
    };
    assert_eq!(begins(Some(&witness(80, &[(3, 0), (4, 55), (6, 70)]))), offset(60));
    // A witness that begins low enough, and ends too soon or knows another history, is none.
    for other in [witness(65, &[(3, 0), (4, 55)]), witness(80, &[(3, 0), (6, 65)])] {
        assert_eq!(begins(Some(&other)), offset(70));
    }
    assert_eq!(begins(None), offset(70));
    // What is remembered begins within it, and speaks for the rest.
    assert_eq!(begins(Some(&witness(80, &[(4, 65), (6, 70)]))), offset(65));
    let one_epoch = (held, lineage(&[(6, 60)]));
    assert_eq!(told(one_epoch, &bound(100, 75, Some((6, 100))), None), Ok(Proof::Bound));
}

/// A log as chains of epochs, and another that shares a part of it.
fn histories() -> impl Strategy<Value = (Vec<i32>, Vec<i32>, usize, usize)> {
    let steps = prop::collection::vec(0..3_i32, 1..40);
    (steps.clone(), steps, 0..40_usize, 0..40_usize).prop_map(|(ours, theirs, shared, start)| {
        let rise = |steps: &[i32], from: i32| {
            let mut at = from;
            steps
                .iter()
                .map(|step| {
                    at += step / 2;
                    at
                })
                .collect::<Vec<i32>>()
        };
        let ours = rise(&ours, 1);
        let shared = shared.min(ours.len());
        let mut leader = ours[..shared].to_vec();
        // Whoever writes anew does so under an epoch that nobody had before.
        let above = ours.last().copied().unwrap_or(0).max(leader.last().copied().unwrap_or(0)) + 1;
        leader.extend(rise(&theirs, above));
        let start = start.min(leader.len());
        (ours, leader, shared, start)
    })
}

fn chain(epochs: &[i32], from: usize) -> Lineage {
    let mut starts: Vec<(i32, i64)> = Vec::new();
    for (at, epoch) in epochs.iter().enumerate().skip(from) {
        if starts.last().is_none_or(|(last, _)| last != epoch) {
            starts.push((*epoch, at.try_into().unwrap()));
        }
    }
    lineage(&starts)
}

/// A leader's log, and a follower's that has another history below the place where it was told to go on. Two that write
/// apart do so under epochs of their own: the leader's are even, the others odd.
fn spliced() -> impl Strategy<Value = (Vec<i32>, Vec<i32>, usize)> {
    let steps = prop::collection::vec(0..3_i32, 4..40);
    (steps, any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(steps, shared, start)| {
        let mut at = 2;
        let leader: Vec<i32> = steps
            .iter()
            .map(|step| {
                at += 4 * (step / 2);
                at
            })
            .collect();
        let start = start.index(leader.len());
        let shared = shared.index(leader.len()).min(start);
        let own = leader[..shared].last().map_or(1, |last| last + 1);
        let mut ours = leader[..shared].to_vec();
        // Where the leader's epoch at the start leaves no room for an odd one below it, there is no such history.
        let room = leader[start] > own;
        ours.extend(leader[shared..start].iter().map(|theirs| if room { own } else { *theirs }));
        ours.extend(&leader[start..]);
        (ours, leader, start)
    })
}

proptest! {
    /// A follower's log that was joined at the leader's log start: nothing but the leader's own records is proven.
    #[test]
    fn what_lies_below_a_log_start_is_proven_only_if_the_leader_wrote_it(
        (ours, leader, joined_at) in spliced(),
        later in 0..10_usize,
    ) {
        let log_start = (joined_at + later).min(leader.len());
        let known = chain(&leader, log_start);
        let leader_end = offset(leader.len().try_into().unwrap());
        for from in 0..ours.len() {
            for end in from + 1..=ours.len() {
                let of = epoch(ours[end - 1]);
                let start: i64 = log_start.try_into().unwrap();
                let bound = Bound {
                    epoch_end: known.end_of(of, leader_end),
                    ..bound(leader.len().try_into().unwrap(), start, None)
                };
                let range =
                    OffsetRange::new(offset(from.try_into().unwrap()), offset(end.try_into().unwrap())).unwrap();
                let epochs = chain(&ours[..end], from);
                let claimed = Claimed { range, epochs: &epochs, from_leaders_log: false };
                let found = prove(&claimed, &bound, None, &Lineage::empty(), OffsetRange::EMPTY);
                if found.is_ok() {
                    prop_assert_eq!(&ours[from..end], &leader[from..end]);
                }
                if from >= log_start {
                    prop_assert_eq!(found, Ok(Proof::Bound));
                }
            }
        }
    }

    /// Whatever two logs look like: what is proven by a bound is in the leader's log, record for record.
    #[test]
    fn what_is_proven_is_shared((ours, leader, shared, start) in histories(), high in 0..80_usize) {
        let leader_end = leader.len();
        let high = high.min(leader_end);
        let known = chain(&leader, start);
        // It leads under the epoch of its newest record, which nobody else wrote under.
        let leads = Leader { node: NodeId::new(1).unwrap(), epoch: epoch(*leader.last().unwrap()) };
        for end in 1..=ours.len() {
            let of = epoch(ours[end - 1]);
            let told = known.end_of(of, offset(leader_end.try_into().unwrap()));
            let bound = Bound {
                leader: leads,
                epoch_end: told,
                ..bound(high.max(start).try_into().unwrap(), start.try_into().unwrap(), None)
            };
            let from = start.min(end - 1);
            let range =
                OffsetRange::new(offset(from.try_into().unwrap()), offset(end.try_into().unwrap())).unwrap();
            let epochs = chain(&ours[..end], from);
            let claimed = Claimed { range, epochs: &epochs, from_leaders_log: false };
            let found = prove(&claimed, &bound, None, &Lineage::empty(), OffsetRange::EMPTY);
            if found == Ok(Proof::Bound) {
                prop_assert!(end <= shared, "{end} of {shared}");
                prop_assert!(end <= high.max(start));
            }
            if end <= shared && end > start && end <= high {
                prop_assert_eq!(found, Ok(Proof::Bound));
            }
        }
    }
}
