use proptest::prelude::*;

use super::*;

fn offset(n: i64) -> Offset {
    Offset::new(n).unwrap()
}

/// Sealed files named `bases`, 100 bytes each, the last one still written.
fn log(bases: &[i64]) -> Vec<Extent> {
    let last = bases.len() - 1;
    bases
        .iter()
        .enumerate()
        .map(|(i, base)| Extent { base: offset(*base), bytes: 100, sealed: i != last })
        .collect()
}

fn starts(planned: &[PlannedSegment]) -> Vec<(i64, i64, Range<usize>)> {
    planned.iter().map(|p| (p.start.get(), p.stop.get(), p.extents.clone())).collect()
}

const EACH: PlanPolicy = PlanPolicy { target_bytes: 100 };
const JOIN: PlanPolicy = PlanPolicy { target_bytes: 250 };

#[test]
fn the_first_offload_starts_where_the_log_does_and_leaves_the_last_file() {
    let planned = plan(&log(&[10, 20, 30]), None, CommitBound::AssumeLogEnd, &EACH).unwrap();
    assert_eq!(starts(&planned), [(10, 20, 0..1), (20, 30, 1..2)]);
}

#[test]
fn small_files_are_joined_up_to_the_target() {
    let planned = plan(&log(&[0, 1, 2, 3, 4, 5]), None, CommitBound::AssumeLogEnd, &JOIN).unwrap();
    assert_eq!(starts(&planned), [(0, 2, 0..2), (2, 4, 2..4), (4, 5, 4..5)]);
}

#[test]
fn a_file_larger_than_the_target_is_taken_alone() {
    let small = PlanPolicy { target_bytes: 1 };
    let planned = plan(&log(&[0, 1, 2]), None, CommitBound::AssumeLogEnd, &small).unwrap();
    assert_eq!(starts(&planned), [(0, 1, 0..1), (1, 2, 1..2)]);
}

#[test]
fn the_next_pass_goes_on_from_tier_end_inside_a_file() {
    let planned = plan(&log(&[0, 10, 20]), Some(offset(15)), CommitBound::AssumeLogEnd, &EACH).unwrap();
    assert_eq!(starts(&planned), [(15, 20, 1..2)]);
}

#[test]
fn nothing_is_planned_once_all_sealed_files_are_in_the_tier() {
    let extents = log(&[0, 10, 20]);
    for end in [20, 25, 1000] {
        assert_eq!(plan(&extents, Some(offset(end)), CommitBound::AssumeLogEnd, &EACH), Ok(vec![]), "{end}");
    }
    assert_eq!(plan(&log(&[7]), None, CommitBound::AssumeLogEnd, &EACH), Ok(vec![]));
    assert_eq!(plan(&[], Some(offset(3)), CommitBound::AssumeLogEnd, &EACH), Ok(vec![]));
}

#[test]
fn a_log_that_begins_above_tier_end_is_refused_with_the_missing_range() {
    let refusal = plan(&log(&[10, 20]), Some(offset(4)), CommitBound::AssumeLogEnd, &EACH).unwrap_err();
    assert_eq!(refusal, PlanRefusal::Hole { missing: OffsetRange::new(offset(4), offset(10)).unwrap() });
}

#[test]
fn files_that_reach_past_the_bound_wait() {
    let at = |n| CommitBound::At { offset: offset(n), epoch: LeaderEpoch::ZERO };
    let extents = log(&[0, 10, 20, 30]);
    assert_eq!(starts(&plan(&extents, None, at(20), &EACH).unwrap()), [(0, 10, 0..1), (10, 20, 1..2)]);
    assert_eq!(starts(&plan(&extents, None, at(19), &EACH).unwrap()), [(0, 10, 0..1)]);
    assert_eq!(starts(&plan(&extents, None, at(9), &EACH).unwrap()), []);
}

#[test]
fn files_out_of_order_are_refused() {
    let twice = log(&[0, 10, 10]);
    assert!(matches!(
        plan(&twice, None, CommitBound::AssumeLogEnd, &EACH),
        Err(PlanRefusal::Unordered { .. })
    ));
}

proptest! {
    /// Whatever the log and the tier: the plan is one gapless run from tier end, never takes the last file, never
    /// passes the bound, and planning again from its end adds nothing.
    #[test]
    fn a_plan_is_gapless_bounded_and_complete(
        steps in prop::collection::vec((1_i64..50, 0_u64..300), 1..40),
        begin in 0_i64..100,
        tier in prop::option::of(0_i64..1500),
        bound in prop::option::of(0_i64..1500),
        target in 1_u64..1000,
    ) {
        let mut base = begin;
        let last = steps.len() - 1;
        let extents: Vec<Extent> = steps.iter().enumerate().map(|(i, (step, bytes))| {
            base += step;
            Extent { base: offset(base), bytes: *bytes, sealed: i != last }
        }).collect();
        let tier_end = tier.map(offset);
        let commit_bound = bound.map_or(CommitBound::AssumeLogEnd, |at| {
            CommitBound::At { offset: offset(at), epoch: LeaderEpoch::ZERO }
        });
        let policy = PlanPolicy { target_bytes: target };
        let Ok(planned) = plan(&extents, tier_end, commit_bound, &policy) else {
            prop_assert!(tier_end.unwrap() < extents[0].base);
            return Ok(());
        };
        let mut at = tier_end.unwrap_or(extents[0].base);
        for p in &planned {
            prop_assert_eq!(p.start, at);
            prop_assert!(p.start < p.stop);
            prop_assert!(p.extents.end < extents.len(), "the last file is never taken");
            prop_assert_eq!(p.stop, extents[p.extents.end].base);
            prop_assert!(bound.is_none_or(|b| p.stop.get() <= b));
            let bytes: u64 = extents[p.extents.clone()].iter().map(|e| e.bytes).sum();
            prop_assert_eq!(p.bytes, bytes);
            prop_assert!(p.extents.len() == 1 || bytes <= target);
            at = p.stop;
        }
        prop_assert_eq!(plan(&extents, Some(at), commit_bound, &policy), Ok(vec![]));
    }
}
