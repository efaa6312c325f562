//! Positions, what is left out, what stops.

use firnline_export::source::{Fed, Position, SourceError};
use firnline_index::{LeaderEpoch, Offset, OffsetRange};

use crate::custom::{feed, source};
use crate::log::{Log, at};
use crate::tier::{TestTier, tip};

fn epoch(n: i32) -> Option<LeaderEpoch> {
    LeaderEpoch::from_kafka(n)
}

/// The base offsets of all batches that a feed gives, and how many it left out: markers, aborted batches.
async fn bases(tier: &TestTier, from: i64, until: i64) -> (Vec<i64>, u64, u64) {
    let mut feed = feed(tier, from, until);
    let (mut found, mut control, mut aborted) = (Vec::new(), 0, 0);
    let mut next = at(from);
    while let Some(fed) = feed.next().await.expect("reads") {
        let Fed::Batches(batches) = fed else { panic!("{fed:?}") };
        assert_eq!(batches.range().start(), next, "nothing is passed in silence");
        next = batches.range().end();
        assert_eq!(feed.position().next_offset, next);
        found.extend(batches.batches().iter().map(|batch| batch.header.base_offset.get()));
        control += batches.left_out().control_batches;
        aborted += batches.left_out().aborted_batches;
    }
    (found, control, aborted)
}

#[tokio::test]
async fn aborted_transactions_over_segment_borders_are_left_out() {
    let mut log = Log::from(0);
    log.data(2, 20).in_transaction(1, 3).in_transaction(2, 2);
    let first = log.end();
    log.data(1, 10).in_transaction(1, 1);
    let second = log.end();
    log.abort(1).commit(2).in_transaction(1, 1).commit(1);
    let tier = TestTier::of(&log, &[first, second]);
    let (found, control, aborted) = bases(&tier, 0, i64::MAX).await;
    assert_eq!(found, [0, 5, 7, 11]);
    assert_eq!((control, aborted), (3, 2));
}

#[tokio::test]
async fn a_feed_ends_in_front_of_what_is_not_decided() {
    let mut log = Log::from(0);
    log.data(2, 10).in_transaction(1, 2).data(2, 10);
    let tier = TestTier::of(&log, &[]);
    let mut feed = feed(&tier, 0, i64::MAX);
    assert!(matches!(feed.next().await, Ok(Some(Fed::Batches(_)))));
    assert!(matches!(feed.next().await, Ok(None)));
    assert_eq!(feed.position(), Position { next_offset: at(2), leader_epoch: epoch(0) });
    assert_eq!(feed.undecided_from(), Some(at(2)));
    let standing = source(&tier).standing(tip().partition).await.expect("there");
    assert_eq!((standing.start, standing.end, standing.open_from), (at(0), at(6), Some(at(2))));
}

#[tokio::test]
async fn a_position_passes_what_is_no_row_and_keeps_the_epoch() {
    let mut log = Log::from(0);
    log.data(2, 10);
    log.epoch(4).in_transaction(1, 2).abort(1);
    log.hole(5);
    let mut tier = TestTier::starting_at(at(0));
    let last = log.batches.last().expect("some").next;
    tier.upload(&log, last);
    tier.gap(at(10));
    tier.commit();
    let mut feed = feed(&tier, 0, i64::MAX);
    let mut gaps = 0;
    while let Some(fed) = feed.next().await.expect("reads") {
        gaps += usize::from(matches!(fed, Fed::Gap(_)));
    }
    assert_eq!(gaps, 1);
    assert_eq!(feed.position(), Position { next_offset: at(10), leader_epoch: epoch(4) });
}

#[tokio::test]
async fn a_range_that_cuts_batches_says_so() {
    let mut log = Log::from(0);
    log.data(10, 100).data(10, 100);
    let tier = TestTier::of(&log, &[]);
    let mut feed = feed(&tier, 5, 12);
    let Some(Fed::Batches(batches)) = feed.next().await.expect("reads") else { panic!("batches") };
    assert_eq!(batches.range(), OffsetRange::new(at(5), at(12)).expect("forward"));
    assert_eq!(batches.batches().len(), 2);
    let (one, two) = batches.split_at(1);
    assert_eq!(one.range(), OffsetRange::new(at(5), at(10)).expect("forward"));
    assert_eq!(two.expect("the rest").range(), OffsetRange::new(at(10), at(12)).expect("forward"));
    assert!(feed.next().await.expect("reads").is_none());
    assert_eq!(feed.position().next_offset, at(12));
}

#[tokio::test]
async fn what_was_exported_of_a_log_that_is_gone_is_told() {
    let mut log = Log::from(0);
    log.data(10, 100);
    log.epoch(2).data(10, 100);
    let tier = TestTier::of(&log, &[]);
    let source_of = source(&tier);
    let partition = tip().partition;
    let resume = |next: i64, of: i32| {
        let position = Position { next_offset: at(next), leader_epoch: epoch(of) };
        let source = source_of.clone();
        async move { source.resume(partition, Some(position)).await }
    };
    assert_eq!(resume(20, 2).await.expect("fits").next_offset, at(20));
    assert_eq!(resume(10, 0).await.expect("fits").next_offset, at(10));
    assert!(matches!(resume(15, 1).await, Err(SourceError::Cut { at: cut, .. }) if cut == at(10)));
    assert!(matches!(resume(25, 2).await, Err(SourceError::Cut { at: cut, .. }) if cut == at(20)));
    let fresh = source_of.resume(partition, None).await.expect("there");
    assert_eq!(fresh, Position { next_offset: Offset::ZERO, leader_epoch: None });
}

#[tokio::test]
async fn what_is_gone_before_it_was_exported_is_told() {
    let mut log = Log::from(0);
    log.data(10, 100).data(10, 100);
    let mut tier = TestTier::of(&log, &[at(10)]);
    tier.raise_floor(at(10));
    let partition = tip().partition;
    let behind = Position { next_offset: at(4), leader_epoch: epoch(0) };
    let error = source(&tier).resume(partition, Some(behind)).await.expect_err("gone");
    assert!(matches!(error, SourceError::BelowStart { start, .. } if start == at(10)));
    assert_eq!(error.code().code, "FIRN-E002");
    let mut feed = feed(&tier, 4, i64::MAX);
    assert!(matches!(feed.next().await, Ok(Some(Fed::Gone(range))) if range.end() == at(10)));
    assert!(matches!(feed.next().await, Ok(Some(Fed::Batches(_)))));
}
