//! What readers of committed records get: (a) of the segment, and what the entries behind it decide.

use firnline_index::Offset;
use firnline_index::segment::{SegmentOptions, SegmentOrigin, SegmentWriter};
use firnline_index::transactions::{AbortedTransaction, TransactionStart};
use firnline_reader::{Batches, ErrorKind, Isolation, ReadError, ReadOutcome};

use crate::log::{Log, at, joined, producer};
use crate::reads::batches;
use crate::tier::{TestTier, gets, tip};

const COMMITTED: Isolation = Isolation::ReadCommitted;

async fn read(tier: &TestTier, offset: i64) -> ReadOutcome {
    tier.reader().0.read(&tip(), at(offset), usize::MAX, COMMITTED).await.expect("an answer")
}

async fn read_batches(tier: &TestTier, offset: i64) -> Batches {
    batches(read(tier, offset).await)
}

fn aborted(id: i64, first: i64, marker: i64) -> AbortedTransaction {
    AbortedTransaction { producer: producer(id), first_offset: at(first), marker_offset: at(marker) }
}

#[tokio::test]
async fn aborts_within_the_segment_are_told_where_they_reach_into_the_answer() {
    let mut log = Log::from(0);
    log.in_transaction(1, 2)
        .in_transaction(2, 2)
        .abort(1)
        .commit(2)
        .data(5, 5000)
        .in_transaction(1, 1)
        .abort(1);
    let tier = TestTier::of(&log, &[]);
    assert_eq!(read_batches(&tier, 0).await.aborted, [aborted(1, 0, 4), aborted(1, 11, 12)]);
    let (reader, _) = tier.reader();
    let begin = batches(reader.read(&tip(), at(0), 1, COMMITTED).await.expect("reads"));
    assert_eq!(begin.range.end(), at(2), "the first batch alone");
    assert_eq!(begin.aborted, [aborted(1, 0, 4)], "its marker comes with a later answer");
    let middle = batches(reader.read(&tip(), at(6), 1, COMMITTED).await.expect("reads"));
    assert_eq!(middle.aborted, [], "no transaction reaches into {}", middle.range);
    let all =
        batches(reader.read(&tip(), at(0), usize::MAX, Isolation::ReadUncommitted).await.expect("reads"));
    assert_eq!(all.aborted, [], "who reads all is not bothered");
}

#[tokio::test]
async fn the_next_entry_decides_without_a_request() {
    let mut log = Log::from(0);
    log.data(1, 1).in_transaction(1, 2).in_transaction(2, 2);
    let cut = log.end();
    log.abort(1).commit(2).data(1, 1);
    let tier = TestTier::of(&log, &[cut]);
    let (reader, store) = tier.reader();
    let read = batches(reader.read(&tip(), at(0), usize::MAX, COMMITTED).await.expect("reads"));
    assert_eq!(read.chain.to_bytes(), joined(&log.batches[..3]));
    assert_eq!(read.aborted, [aborted(1, 1, 5)]);
    assert_eq!(gets(&store.counters()), 2, "manifest and the segment itself");
}

#[tokio::test]
async fn an_entry_that_keeps_another_transaction_open_is_asked() {
    // Producer 1 hangs over the second segment, so its stable end tells nothing of producer 2.
    let mut log = Log::from(0);
    log.in_transaction(1, 1).in_transaction(2, 1);
    let (first, mut cuts) = (log.end(), vec![]);
    cuts.push(first);
    log.commit(2);
    cuts.push(log.end());
    log.abort(1);
    let tier = TestTier::of(&log, &cuts);
    let (reader, store) = tier.reader();
    let read = batches(reader.read(&tip(), at(0), usize::MAX, COMMITTED).await.expect("reads"));
    assert_eq!(read.aborted, [aborted(1, 0, 3)]);
    assert_eq!(gets(&store.counters()), 3, "manifest, the segment, the one behind it");
}

#[tokio::test]
async fn a_transaction_over_many_segments_is_followed_to_its_end() {
    let mut log = Log::from(0);
    let mut cuts = Vec::new();
    for _ in 0..5 {
        log.in_transaction(1, 1).data(1, 1);
        cuts.push(log.end());
    }
    log.abort(1);
    let tier = TestTier::of(&log, &cuts);
    for segment in 0..5 {
        assert_eq!(read_batches(&tier, segment * 2).await.aborted, [aborted(1, 0, 10)]);
    }
}

#[tokio::test]
async fn a_second_transaction_of_the_same_producer_does_not_decide_the_first() {
    let mut log = Log::from(0);
    log.in_transaction(1, 1);
    let cut = log.end();
    log.commit(1).in_transaction(1, 1).abort(1);
    let tier = TestTier::of(&log, &[cut]);
    assert_eq!(read_batches(&tier, 0).await.aborted, [], "its first marker commits");
}

#[tokio::test]
async fn an_entry_with_more_aborts_than_it_lists_is_asked() {
    let mut log = Log::from(0);
    for id in 0..100 {
        log.in_transaction(id, 1);
    }
    let cut = log.end();
    for id in 0..100 {
        log.end_transaction(id, id % 10 == 9);
    }
    let tier = TestTier::of(&log, &[cut]);
    assert!(tier.manifest.entries[1].aborts_truncated);
    let found = read_batches(&tier, 0).await.aborted;
    let mut expected: Vec<_> =
        (0..100).filter(|id| id % 10 != 9).map(|id| aborted(id, id, 100 + id)).collect();
    expected.sort_by_key(|abort| abort.first_offset);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn nothing_from_the_first_open_transaction_on_is_given() {
    let mut log = Log::from(0);
    log.data(2, 10).in_transaction(1, 2).data(2, 10);
    let cut = log.end();
    log.data(2, 10);
    let tier = TestTier::of(&log, &[cut]);
    let first = read_batches(&tier, 0).await;
    assert_eq!(first.chain.to_bytes(), joined(&log.batches[..1]));
    assert_eq!((first.bounds.last_stable, first.bounds.end), (at(2), at(8)));
    for offset in 2..8 {
        match read(&tier, offset).await {
            ReadOutcome::Undecided { from, .. } => assert_eq!(from, at(2), "{offset}"),
            other => panic!("{offset}: {other:?}"),
        }
    }
    let (reader, store) = tier.reader();
    reader.read(&tip(), at(2), 1, COMMITTED).await.expect("an answer");
    assert_eq!(gets(&store.counters()), 2, "a hanging transaction is known from the manifest's head");
}

#[tokio::test]
async fn behind_a_gap_a_transaction_stays_undecided_and_the_next_span_is_free() {
    let mut log = Log::from(0);
    log.data(1, 1).in_transaction(1, 1);
    let mut tier = TestTier::starting_at(at(0));
    tier.upload(&log, log.end());
    tier.gap(at(10));
    log.hole(8);
    log.in_transaction(1, 1).abort(1).data(1, 1);
    tier.upload(&log, log.end());
    tier.commit();
    assert_eq!(read_batches(&tier, 0).await.chain.to_bytes(), joined(&log.batches[..1]));
    assert!(matches!(read(&tier, 1).await, ReadOutcome::Undecided { from, .. } if from == at(1)));
    let behind = read_batches(&tier, 10).await;
    assert_eq!(behind.chain.to_bytes(), joined(&log.batches[2..]));
    assert_eq!(behind.aborted, [aborted(1, 10, 11)]);
}

#[tokio::test]
async fn a_producer_that_the_next_entry_does_not_know_is_damage_never_committed() {
    // The second segment is written as if nothing had been open before it but producer 2's transaction.
    let mut log = Log::from(0);
    log.in_transaction(2, 1).in_transaction(1, 1);
    let cut = log.end();
    log.data(1, 1);
    let second = log.end();
    log.commit(2);
    let mut tier = TestTier::starting_at(at(0));
    let entry = tier.upload(&log, cut);
    let kept = tier.manifest.open_transactions.clone();
    tier.manifest.open_transactions.retain(|open| open.producer == producer(2));
    let entry_2 = tier.upload(&log, second);
    tier.upload(&log, log.end());
    tier.commit();
    let error = tier.reader().0.read(&tip(), at(0), usize::MAX, COMMITTED).await.expect_err("damage");
    assert_eq!(kept.len(), 2);
    assert_eq!((error.kind(), error.code().code), (ErrorKind::Damage, "FIRN-R014"), "{error:?} {entry:?}");
    assert!(error.to_string().starts_with(&entry_2.object_key(&tip())), "{error}");
    assert!(
        matches!(error, ReadError::Transactions { first_offset, .. } if first_offset == Offset::ZERO.next().expect("1"))
    );
}

/// The helpers above write every segment from the state that the manifest knows; this holds them to that.
#[test]
fn a_writer_that_knows_nothing_takes_an_abort_for_everything_since_the_span() {
    let mut log = Log::from(5);
    log.abort(1);
    let tip = tip();
    let origin = SegmentOrigin {
        cluster_id: crate::tier::cluster(),
        topic: tip.topic,
        topic_id: tip.topic_id,
        partition: tip.partition,
        uuid: firnline_index::SegmentUuid::from_bytes([1; 16]),
    };
    let mut options = SegmentOptions::new(origin, firnline_index::Salt::from_bytes([0; 16]), at(5));
    options.transactions = TransactionStart::Unknown { span_start: at(2) };
    let mut writer = SegmentWriter::new(options).expect("valid");
    let mut out = Vec::new();
    writer.push(log.batches[0].bytes.clone(), &mut out).expect("sound");
    let summary = writer.finish(&mut out).expect("not empty");
    assert_eq!(summary.transactions.aborted, [aborted(1, 2, 5)]);
}
