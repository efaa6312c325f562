//! Record batches, with their real bytes.

use std::sync::Arc;

use bytes::Bytes;
use firnline_index::batch::ProducerInfo;
use firnline_index::{LeaderEpoch, Offset, ProducerId, TimestampMs};
use firnline_records::encode::{BatchBuilder, ControlMarker, NewRecord, control_batch};

/// What a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// Records outside of transactions.
    Data,
    /// Records of a producer's transaction.
    Transactional(i64),
    /// The end of a producer's transaction.
    Marker {
        /// Whose.
        producer: i64,
        /// Whether it was committed; else it was aborted.
        committed: bool,
    },
}

/// One batch as a leader wrote it. Replicas hold the same one.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// First offset.
    pub base: i64,
    /// One past its last offset.
    pub end: i64,
    /// The epoch of the leader that wrote it.
    pub epoch: i32,
    /// What it is.
    pub content: Content,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Batch {
    /// Writes a batch at `base`. `mark` makes its bytes unlike those of any other batch.
    pub fn write(base: i64, epoch: i32, content: Content, records: u32, mark: u64, now_ms: i64) -> Arc<Self> {
        let timestamp = TimestampMs::new(now_ms).ok();
        let leader_epoch = LeaderEpoch::new(epoch).ok();
        let offset = Offset::new(base).expect("the model's offsets begin at 0");
        let producer = |id| ProducerId::new(id).expect("the model's producers begin at 1");
        if let Content::Marker { producer: id, committed } = content {
            let marker = ControlMarker {
                offset,
                leader_epoch,
                producer: producer(id),
                producer_epoch: 0,
                coordinator_epoch: 0,
                timestamp,
                committed,
            };
            let bytes = control_batch(&marker).expect("a marker fits").into();
            return Arc::new(Self { base, end: base + 1, epoch, content, bytes });
        }
        let mut builder = BatchBuilder::new(offset).leader_epoch(leader_epoch);
        if let Content::Transactional(id) = content {
            let info = ProducerInfo { id: producer(id), epoch: 0, base_sequence: 0 };
            builder = builder.producer(info).transactional();
        }
        let value = mark.to_le_bytes();
        for _ in 0..records.max(1) {
            let record = NewRecord { timestamp, key: None, value: Some(&value), headers: &[] };
            builder.push(record).expect("a small record fits");
        }
        let end = builder.next_offset().get();
        let bytes = builder.build().expect("a small batch fits").into();
        Arc::new(Self { base, end, epoch, content, bytes })
    }
}

#[cfg(test)]
mod tests {
    use firnline_index::batch::{BatchHeader, BatchLimits, Parsed, verify_crc};

    use super::*;

    #[test]
    fn what_a_batch_says_of_itself_is_what_its_bytes_say() {
        let kinds =
            [Content::Data, Content::Transactional(7), Content::Marker { producer: 7, committed: true }];
        for content in kinds {
            let batch = Batch::write(40, 3, content, 2, 9, 1_700_000_000_000);
            let parsed = BatchHeader::parse(&batch.bytes, Offset::ZERO, &BatchLimits::default()).unwrap();
            let Parsed::Header(header) = parsed else { panic!("a whole batch") };
            verify_crc(&header, &batch.bytes).unwrap();
            assert_eq!((header.base_offset.get(), header.next_offset().get()), (batch.base, batch.end));
            assert_eq!(header.leader_epoch.unwrap().get(), 3);
            assert_eq!(header.control, matches!(content, Content::Marker { .. }));
            assert_eq!(header.transactional, content != Content::Data);
        }
    }
}
