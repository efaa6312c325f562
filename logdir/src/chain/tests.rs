#![allow(clippy::unwrap_used, reason = "tests may panic")]

use proptest::prelude::*;

use super::*;

fn epoch(epoch: i32) -> Option<LeaderEpoch> {
    LeaderEpoch::from_kafka(epoch)
}

fn piece(id: u64, base: i64, end: i64, epochs: (i32, i32)) -> Piece {
    Piece {
        base: Offset::new(base).unwrap(),
        end: Offset::new(end).unwrap(),
        first_epoch: epoch(epochs.0),
        last_epoch: epoch(epochs.1),
        mtime_ns: 0,
        id,
        followed_by: None,
    }
}

fn log(base: i64, first_epoch: i32) -> Option<LogStart> {
    Some(LogStart { base: Offset::new(base).unwrap(), first_epoch: epoch(first_epoch), id: 99 })
}

#[test]
fn pins_join_the_log_and_a_dead_branch_stands_alone() {
    let pieces = [piece(1, 200, 300, (2, 2)), piece(2, 180, 260, (1, 1)), piece(3, 100, 200, (1, 2))];
    let found = chains(&pieces, log(300, 3));
    assert_eq!(found, Chains { below_log: vec![2, 0], others: vec![vec![1]] });
}

#[test]
fn of_two_pins_of_one_range_the_later_history_joins() {
    let pieces = [piece(1, 100, 150, (1, 1)), piece(2, 100, 150, (2, 2)), piece(3, 0, 100, (1, 1))];
    let found = chains(&pieces, log(150, 2));
    assert_eq!(found, Chains { below_log: vec![2, 1], others: vec![vec![0]] });
}

#[test]
fn an_epoch_that_would_fall_keeps_histories_apart() {
    let pieces = [piece(1, 0, 100, (5, 5))];
    assert_eq!(chains(&pieces, log(100, 4)).others, [vec![0]]);
    assert_eq!(chains(&pieces, log(100, 5)).below_log, [0]);
    assert_eq!(chains(&pieces, log(100, -1)).below_log, [0], "unknown epochs refuse nothing");
    assert_eq!(chains(&pieces, log(101, 5)).others, [vec![0]], "nor does a hole join");
}

#[test]
fn what_was_seen_to_follow_joins_without_epochs() {
    let known = Piece { followed_by: Some(99), ..piece(1, 0, 100, (-1, -1)) };
    let other = piece(2, 0, 100, (3, 3));
    assert_eq!(chains(&[other, known], log(100, 4)).below_log, [1]);
}

#[test]
fn a_partition_that_is_gone_keeps_its_chains() {
    let pieces = [piece(1, 0, 100, (1, 1)), piece(2, 100, 200, (1, 2)), piece(3, 500, 600, (7, 7))];
    assert_eq!(chains(&pieces, None).others, [vec![2], vec![0, 1]]);
}

#[test]
fn an_empty_piece_joins_nothing_and_ends() {
    let pieces = [piece(1, 100, 100, (-1, -1)), piece(2, 100, 100, (-1, -1))];
    assert_eq!(chains(&pieces, log(100, 1)).others.len(), 2);
}

proptest! {
    #[test]
    fn each_piece_is_in_one_chain_and_chains_have_no_hole(
        made in prop::collection::vec((0..12_i64, 0..5_i64, -1..4_i32, 0..3_i32), 0..14),
        start in prop::option::of((0..14_i64, -1..5_i32)),
    ) {
        let pieces: Vec<Piece> = made
            .iter()
            .zip(0..)
            .map(|(&(base, len, first, more), id)| piece(id, base, base + len, (first, first + more)))
            .collect();
        let start = start.and_then(|(base, epoch)| log(base, epoch));
        let found = chains(&pieces, start);
        let mut seen: Vec<usize> = found.others.iter().flatten().chain(&found.below_log).copied().collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..pieces.len()).collect::<Vec<_>>());
        for chain in found.others.iter().chain([&found.below_log]) {
            for pair in chain.windows(2) {
                let (lower, upper) = (&pieces[pair[0]], &pieces[pair[1]]);
                prop_assert_eq!(lower.end, upper.base);
                prop_assert!(!matches!((lower.last_epoch, upper.first_epoch), (Some(a), Some(b)) if a > b));
            }
        }
        if let (Some(&last), Some(start)) = (found.below_log.last(), start) {
            prop_assert_eq!(pieces[last].end, start.base);
        }
    }
}
