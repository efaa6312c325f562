//! Which batches a reader sees.

use firnline_index::batch::BatchHeader;
use firnline_index::transactions::AbortedTransaction;
use firnline_reader::Isolation;

/// The rule for one stretch of the log.
#[derive(Debug)]
pub struct Visible<'a> {
    isolation: Isolation,
    aborted: &'a [AbortedTransaction],
}

impl<'a> Visible<'a> {
    /// `aborted` are the aborted transactions that reach into the stretch.
    pub fn new(isolation: Isolation, aborted: &'a [AbortedTransaction]) -> Self {
        Self { isolation, aborted }
    }

    /// Whether a batch is shown. Raw output of uncommitted reads is the log as it is, markers included; everywhere else
    /// markers are left out.
    pub fn shows(&self, header: &BatchHeader, raw: bool) -> bool {
        match self.isolation {
            Isolation::ReadUncommitted => raw || !header.control,
            Isolation::ReadCommitted => !header.control && !self.is_aborted(header),
        }
    }

    fn is_aborted(&self, header: &BatchHeader) -> bool {
        let Some(producer) = header.producer.filter(|_| header.transactional) else { return false };
        self.aborted.iter().any(|aborted| {
            aborted.producer == producer.id
                && aborted.first_offset <= header.base_offset
                && header.last_offset < aborted.marker_offset
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firnline_index::batch::{BatchLimits, Parsed, ProducerInfo};
    use firnline_index::{Offset, ProducerId};
    use firnline_records::encode::{BatchBuilder, ControlMarker, NewRecord, control_batch};

    fn offset(n: i64) -> Offset {
        Offset::new(n).unwrap()
    }

    fn header(bytes: &[u8]) -> BatchHeader {
        match BatchHeader::parse(bytes, Offset::ZERO, &BatchLimits::default()).unwrap() {
            Parsed::Header(header) => header,
            Parsed::NeedMore(_) => panic!("the whole batch was given"),
        }
    }

    fn data(base: i64, producer: Option<i64>) -> BatchHeader {
        let mut batch = BatchBuilder::new(offset(base));
        if let Some(id) = producer {
            let info = ProducerInfo { id: ProducerId::new(id).unwrap(), epoch: 0, base_sequence: 0 };
            batch = batch.producer(info).transactional();
        }
        batch.push(NewRecord::default()).unwrap();
        header(&batch.build().unwrap())
    }

    fn marker(at: i64, producer: i64) -> BatchHeader {
        let marker = ControlMarker {
            offset: offset(at),
            leader_epoch: None,
            producer: ProducerId::new(producer).unwrap(),
            producer_epoch: 0,
            coordinator_epoch: 0,
            timestamp: None,
            committed: false,
        };
        header(&control_batch(&marker).unwrap())
    }

    #[test]
    fn committed_readers_see_neither_markers_nor_aborted_records() {
        let aborted = [AbortedTransaction {
            producer: ProducerId::new(7).unwrap(),
            first_offset: offset(10),
            marker_offset: offset(20),
        }];
        let committed = Visible::new(Isolation::ReadCommitted, &aborted);
        assert!(!committed.shows(&data(10, Some(7)), false));
        assert!(!committed.shows(&data(19, Some(7)), true));
        assert!(!committed.shows(&marker(20, 7), true));
        assert!(committed.shows(&data(9, Some(7)), false), "before the transaction");
        assert!(committed.shows(&data(21, Some(7)), false), "the producer's next one");
        assert!(committed.shows(&data(15, Some(8)), false), "another producer");
        assert!(committed.shows(&data(15, None), false), "no transaction");
    }

    #[test]
    fn uncommitted_readers_see_all_records_and_raw_ones_all_batches() {
        let uncommitted = Visible::new(Isolation::ReadUncommitted, &[]);
        assert!(uncommitted.shows(&data(10, Some(7)), false));
        assert!(!uncommitted.shows(&marker(20, 7), false));
        assert!(uncommitted.shows(&marker(20, 7), true));
    }
}
