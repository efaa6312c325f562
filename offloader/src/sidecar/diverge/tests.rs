use firnline_index::lineage::EpochStart;
use proptest::prelude::*;

use super::*;

fn offset(n: usize) -> Offset {
    Offset::new(n.try_into().unwrap()).unwrap()
}

fn epoch(n: i32) -> LeaderEpoch {
    LeaderEpoch::new(n).unwrap()
}

fn lineage(starts: &[(i32, usize)]) -> Lineage {
    let starts = starts.iter().map(|(e, o)| EpochStart { epoch: epoch(*e), start: offset(*o) });
    Lineage::new(starts.collect()).unwrap()
}

/// Asks a leader whose log begins at `log_start` until there is an answer.
fn settle(
    tier: &Lineage,
    end: usize,
    leader: &Lineage,
    leader_end: usize,
    log_start: usize,
) -> (Divergence, usize) {
    let mut answers = Vec::new();
    loop {
        match diverge(tier, Offset::ZERO, offset(end), &answers) {
            Divergence::Ask(asked) => {
                assert!(answers.len() < 100, "asks without end");
                let told = leader.end_of(asked, offset(leader_end));
                answers.push(Answer { asked, told, log_start: offset(log_start) });
            }
            found => return (found, answers.len()),
        }
    }
}

#[test]
fn a_leader_with_all_of_it_agrees_with_one_question() {
    let tier = lineage(&[(0, 0), (3, 50)]);
    let leader = lineage(&[(0, 0), (3, 50), (4, 120)]);
    assert_eq!(settle(&tier, 100, &leader, 150, 0), (Divergence::Agrees, 1));
    assert_eq!(settle(&tier, 120, &leader, 150, 10).0, Divergence::Agrees);
}

#[test]
fn an_epoch_that_ended_sooner_is_cut_there() {
    let tier = lineage(&[(0, 0), (3, 50)]);
    let leader = lineage(&[(0, 0), (3, 50), (4, 80)]);
    assert_eq!(settle(&tier, 100, &leader, 150, 0).0, Divergence::Cut { at: offset(80) });
}

#[test]
fn an_epoch_that_the_leader_never_saw_is_cut_whole() {
    let tier = lineage(&[(0, 0), (3, 50)]);
    let leader = lineage(&[(0, 0), (4, 40)]);
    assert_eq!(settle(&tier, 100, &leader, 150, 0).0, Divergence::Cut { at: offset(40) });
    let leader = lineage(&[(0, 0), (4, 60)]);
    assert_eq!(settle(&tier, 100, &leader, 150, 0).0, Divergence::Cut { at: offset(50) });
}

#[test]
fn an_empty_leader_cuts_nothing_by_itself() {
    let tier = lineage(&[(0, 0), (3, 50)]);
    let leader = lineage(&[(4, 0)]);
    let found = settle(&tier, 100, &leader, 0, 0).0;
    assert_eq!(found, Divergence::CutBelowLogStart { at: offset(0), log_start: offset(0) });
}

#[test]
fn a_leader_whose_log_begins_above_the_tiers_end_tells_nothing() {
    let tier = lineage(&[(0, 0), (3, 50)]);
    let leader = lineage(&[(4, 120)]);
    assert_eq!(settle(&tier, 100, &leader, 150, 120).0, Divergence::Undecided);
    let leader = lineage(&[(4, 100)]);
    assert_eq!(settle(&tier, 100, &leader, 150, 100).0, Divergence::Undecided);
}

#[test]
fn a_leader_that_went_another_way_below_its_log_start_is_for_a_person() {
    let tier = lineage(&[(0, 0), (3, 50)]);
    let leader = lineage(&[(4, 70)]);
    let found = settle(&tier, 100, &leader, 150, 70).0;
    assert_eq!(found, Divergence::CutBelowLogStart { at: offset(70), log_start: offset(70) });
}

#[test]
fn an_empty_span_is_not_compared() {
    let found = diverge(&lineage(&[(0, 0)]), offset(100), offset(100), &[]);
    assert_eq!(found, Divergence::Undecided);
}

fn rise(steps: &[i32], from: i32) -> Vec<i32> {
    let mut at = from;
    steps
        .iter()
        .map(|step| {
            at += step / 2;
            at
        })
        .collect()
}

fn chain(epochs: &[i32], from: usize) -> Lineage {
    let mut starts: Vec<(i32, usize)> = Vec::new();
    for (at, epoch) in epochs.iter().enumerate().skip(from) {
        if starts.last().is_none_or(|(last, _)| last != epoch) {
            starts.push((*epoch, at));
        }
    }
    lineage(&starts)
}

proptest! {
    /// Two logs that share exactly a prefix are found to part where they part, or not to be comparable.
    #[test]
    fn the_cut_is_where_the_two_part(
        ours in prop::collection::vec(0..3_i32, 1..40),
        theirs in prop::collection::vec(0..3_i32, 0..40),
        shared in 0..40_usize,
        start in 0..40_usize,
    ) {
        let ours = rise(&ours, 1);
        let shared = shared.min(ours.len());
        let mut leader = ours[..shared].to_vec();
        let above = ours.last().copied().unwrap_or(0) + 1;
        leader.extend(rise(&theirs, above));
        let start = start.min(leader.len());
        let mut known = chain(&leader, start);
        // A leader notes its own epoch when it is elected.
        let own = leader.last().copied().unwrap_or(0).max(above) + 1;
        known.extend(&[EpochStart { epoch: epoch(own), start: offset(leader.len()) }]).unwrap();
        let (found, questions) = settle(&chain(&ours, 0), ours.len(), &known, leader.len(), start);
        prop_assert!(questions <= ours.len() + 1);
        match found {
            Divergence::Agrees => prop_assert_eq!(shared, ours.len()),
            Divergence::Cut { at } => prop_assert_eq!(at, offset(shared)),
            Divergence::Undecided => prop_assert!(ours.len() <= start),
            Divergence::CutBelowLogStart { at, .. } => prop_assert!(at >= offset(shared) && shared <= start),
            Divergence::Unknown | Divergence::Ask(_) => prop_assert!(false, "{:?}", found),
        }
    }
}
