use super::*;
use crate::batch::{BatchHeader, Compression, Marker, ProducerInfo, TimestampType};
use proptest::prelude::*;

fn offset(value: i64) -> Offset {
    Offset::new(value).unwrap()
}

fn producer(id: i64) -> ProducerId {
    ProducerId::new(id).unwrap()
}

fn batch(base: i64, id: i64, control: bool) -> BatchHeader {
    BatchHeader {
        magic: 2,
        base_offset: offset(base),
        last_offset: offset(base),
        leader_epoch: None,
        size: 61,
        base_timestamp: None,
        max_timestamp: TimestampMs::from_kafka(base * 10),
        timestamp_type: TimestampType::Create,
        compression: Compression::None,
        producer: Some(ProducerInfo { id: producer(id), epoch: 0, base_sequence: 0 }),
        transactional: true,
        control,
        delete_horizon: false,
        record_count: Some(1),
        crc: 0,
    }
}

/// `steps`: offset, producer, what it writes.
fn track(start: TransactionStart, steps: &[(i64, i64, char)], end: i64) -> SegmentTransactions {
    let mut tracker = TransactionTracker::new(start);
    for (at, id, what) in steps {
        let marker = match what {
            'A' => Some(Marker::Abort),
            'C' => Some(Marker::Commit),
            _ => None,
        };
        tracker.observe(&batch(*at, *id, marker.is_some()), marker);
    }
    tracker.finish(offset(end))
}

#[test]
fn aborts_name_their_data_and_commits_leave_no_trace_but_the_first_marker() {
    let seen = track(
        TransactionStart::Known(vec![]),
        &[(0, 1, 'd'), (1, 2, 'd'), (2, 1, 'd'), (3, 1, 'A'), (4, 2, 'C'), (5, 1, 'd'), (6, 1, 'C')],
        7,
    );
    assert_eq!(
        seen.aborted,
        [AbortedTransaction { producer: producer(1), first_offset: offset(0), marker_offset: offset(3) }]
    );
    assert_eq!(seen.first_marker(producer(1)).unwrap().outcome, Outcome::Aborted);
    assert_eq!(seen.first_marker(producer(2)).unwrap().outcome, Outcome::Committed);
    assert!(seen.open.is_empty());
    assert_eq!(seen.stable_end, offset(7));
}

#[test]
fn what_is_open_at_the_end_holds_the_stable_end_back() {
    let seen =
        track(TransactionStart::Known(vec![]), &[(0, 1, 'd'), (1, 2, 'd'), (2, 1, 'C'), (3, 1, 'd')], 4);
    assert_eq!(seen.stable_end, offset(1));
    assert_eq!(seen.open.iter().map(|o| o.first_offset.get()).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn what_was_open_before_is_closed_by_the_first_marker() {
    let open = OpenTransaction { producer: producer(9), first_offset: offset(3), last_timestamp: None };
    let seen = track(TransactionStart::Known(vec![open]), &[(10, 9, 'A')], 11);
    assert_eq!(seen.aborted[0].first_offset, offset(3));
}

#[test]
fn an_abort_that_closed_nothing_is_no_aborted_transaction() {
    let seen = track(TransactionStart::Known(vec![]), &[(10, 9, 'A')], 11);
    assert!(seen.aborted.is_empty());
    assert_eq!(seen.first_markers.len(), 1);
}

#[test]
fn an_unknown_start_reaches_back_to_the_span_once() {
    let start = TransactionStart::Unknown { span_start: offset(5) };
    let seen = track(start, &[(10, 9, 'A'), (11, 9, 'A'), (12, 8, 'd'), (13, 8, 'A')], 14);
    let starts: Vec<_> = seen.aborted.iter().map(|a| (a.first_offset.get(), a.marker_offset.get())).collect();
    assert_eq!(starts, [(5, 10), (12, 13)]);
}

#[test]
fn counts_beyond_the_bytes_are_refused_before_anything_is_reserved() {
    let huge = [5, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(SegmentTransactions::decode(&huge), Err(TransactionsError::Short("the aborted transactions")));
}

/// Any history of a few producers, as a tracker would see it.
fn history() -> impl Strategy<Value = SegmentTransactions> {
    let step = (1_i64..300, 0_i64..6, prop::sample::select(vec!['d', 'd', 'A', 'C']));
    (prop::collection::vec(step, 0..60), any::<bool>()).prop_map(|(steps, known)| {
        let mut at = 100;
        let steps: Vec<_> = steps
            .into_iter()
            .map(|(gap, id, what)| {
                at += gap;
                (at, id, what)
            })
            .collect();
        let start = if known {
            TransactionStart::Known(vec![])
        } else {
            TransactionStart::Unknown { span_start: offset(7) }
        };
        track(start, &steps, at + 1)
    })
}

proptest! {
    #[test]
    fn sections_round_trip(seen in history()) {
        prop_assert_eq!(SegmentTransactions::decode(&seen.encode()).unwrap(), seen);
    }

    #[test]
    fn truncated_sections_are_refused(seen in history()) {
        let bytes = seen.encode();
        for length in 0..bytes.len() {
            prop_assert!(SegmentTransactions::decode(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn one_text_one_meaning(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(seen) = SegmentTransactions::decode(&bytes) {
            prop_assert_eq!(seen.encode(), bytes);
        }
    }
}
