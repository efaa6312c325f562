//! A step along the broker's log to the first marker of each producer. Pure.
//!
//! The first marker of a producer behind the tier's end ends the transaction that it had open there, whatever epoch it is of.

use firnline_index::batch::{BatchLimits, Batches, Marker, control_marker, verify_crc};
use firnline_index::transactions::Outcome;
use firnline_index::{Offset, ProducerId, RawPosition};

use super::Open;

/// What a step came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is more behind it.
    On {
        found: Vec<(ProducerId, Offset, Outcome)>,
        /// Where the next one begins.
        next: Offset,
    },
    /// It is the log's end, or cannot be read any further.
    End { found: Vec<(ProducerId, Offset, Outcome)> },
}

/// Looks through records that were asked for from an offset on. What is not a whole and sound batch ends it: it is asked for
/// again, or the list is.
pub(super) fn walk(records: &[u8], from: Offset, open: &[Open]) -> Step {
    let (mut found, mut next): (Vec<(ProducerId, Offset, Outcome)>, _) = (Vec::new(), from);
    let batches = Batches::new(records, RawPosition::ZERO, Offset::ZERO, BatchLimits::DEFAULT);
    for batch in batches.map_while(Result::ok) {
        let header = &batch.header;
        if header.control && header.record_count != Some(0) && header.base_offset >= from {
            let (Ok(()), Ok(marker)) = (verify_crc(header, batch.bytes), control_marker(header, batch.bytes))
            else {
                return Step::End { found };
            };
            let outcome = match marker {
                Marker::Abort => Some(Outcome::Aborted),
                Marker::Commit => Some(Outcome::Committed),
                Marker::Other(_) => None,
            };
            let of = open
                .iter()
                .find(|(producer, _)| header.producer.is_some_and(|written| written.id == *producer));
            if let (Some((producer, first)), Some(outcome)) = (of, outcome)
                && !found.iter().any(|(known, _, _)| known == producer)
            {
                found.push((*producer, *first, outcome));
            }
        }
        next = next.max(header.next_offset());
    }
    if next > from && found.len() < open.len() { Step::On { found, next } } else { Step::End { found } }
}

#[cfg(test)]
mod tests {
    use firnline_index::{LeaderEpoch, TimestampMs};
    use firnline_records::encode::{BatchBuilder, ControlMarker, NewRecord, control_batch};

    use super::*;

    fn data(offset: i64) -> Vec<u8> {
        let epoch = LeaderEpoch::new(1).unwrap();
        let mut batch = BatchBuilder::new(Offset::new(offset).unwrap()).leader_epoch(Some(epoch));
        let timestamp = Some(TimestampMs::new(1000).unwrap());
        batch.push(NewRecord { timestamp, key: None, value: Some(b"value"), headers: &[] }).unwrap();
        batch.build().unwrap()
    }

    fn marker(offset: i64, producer: i64, committed: bool) -> Vec<u8> {
        let marker = ControlMarker {
            offset: Offset::new(offset).unwrap(),
            leader_epoch: Some(LeaderEpoch::new(1).unwrap()),
            producer: ProducerId::new(producer).unwrap(),
            producer_epoch: 3,
            coordinator_epoch: 0,
            timestamp: Some(TimestampMs::new(1000).unwrap()),
            committed,
        };
        control_batch(&marker).unwrap()
    }

    fn of(records: &[Vec<u8>], from: i64, open: &[(i64, i64)]) -> (Vec<(i64, Outcome)>, Option<i64>) {
        let one = |(id, first): &(i64, i64)| (ProducerId::new(*id).unwrap(), Offset::new(*first).unwrap());
        let open: Vec<Open> = open.iter().map(one).collect();
        let (found, next) = match walk(&records.concat(), Offset::new(from).unwrap(), &open) {
            Step::On { found, next } => (found, Some(next.get())),
            Step::End { found } => (found, None),
        };
        (found.into_iter().map(|(producer, _, outcome)| (producer.get(), outcome)).collect(), next)
    }

    #[test]
    fn the_first_marker_of_a_producer_ends_what_it_had_open() {
        use Outcome::{Aborted, Committed};
        let records =
            [data(100), marker(101, 1, true), data(102), marker(103, 2, false), marker(104, 1, false)];
        assert_eq!(of(&records, 100, &[(1, 40), (2, 60)]), (vec![(1, Committed), (2, Aborted)], None));
        assert_eq!(
            of(&records, 100, &[(1, 40), (3, 60)]),
            (vec![(1, Committed)], Some(105)),
            "on to the third"
        );
        assert_eq!(of(&records, 104, &[(1, 40)]), (vec![(1, Aborted)], None));
        assert_eq!(of(&records[3..], 104, &[(2, 40)]), (vec![], Some(105)), "it lies before the step");
    }

    #[test]
    fn the_end_of_the_log_ends_it_and_so_does_what_is_damaged() {
        assert_eq!(of(&[], 100, &[(1, 40)]), (vec![], None));
        let mut damaged = marker(101, 1, true);
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        assert_eq!(of(&[data(100), damaged], 100, &[(1, 40)]), (vec![], None));
        let mut cut = marker(101, 1, true);
        cut.truncate(70);
        assert_eq!(
            of(&[data(100), cut], 100, &[(1, 40)]),
            (vec![], Some(101)),
            "the next step begins with it"
        );
    }
}
