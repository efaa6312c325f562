//! A log in memory, batch by batch: what answers are held against.

use bytes::Bytes;
use firnline_index::batch::{Compression, ProducerInfo};
use firnline_index::{LeaderEpoch, Offset, ProducerId, TimestampMs};
use firnline_records::encode::{BatchBuilder, ControlMarker, NewRecord, control_batch};

pub(crate) fn at(offset: i64) -> Offset {
    Offset::new(offset).unwrap()
}

pub(crate) fn ms(time: i64) -> TimestampMs {
    TimestampMs::new(time).unwrap()
}

/// One batch.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) bytes: Bytes,
    pub(crate) base: i64,
    pub(crate) next: i64,
}

/// A log that grows at its end. Its record at offset N has the timestamp 1,000,000 + N, until a clock is set.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) batches: Vec<Batch>,
    next: i64,
    epoch: i32,
    codec: Compression,
}

impl Log {
    pub(crate) fn from(start: i64) -> Self {
        Self { batches: Vec::new(), next: start, epoch: 0, codec: Compression::None }
    }

    pub(crate) fn end(&self) -> i64 {
        self.next
    }

    /// The epoch of what follows.
    pub(crate) fn epoch(&mut self, epoch: i32) -> &mut Self {
        self.epoch = epoch;
        self
    }

    /// The codec of what follows.
    pub(crate) fn codec(&mut self, codec: Compression) -> &mut Self {
        self.codec = codec;
        self
    }

    /// A batch of records with so many bytes each.
    pub(crate) fn data(&mut self, records: i64, bytes: usize) -> &mut Self {
        self.batch(records, bytes, None)
    }

    /// The same within a transaction of a producer.
    pub(crate) fn in_transaction(&mut self, producer: i64, records: i64) -> &mut Self {
        self.batch(records, 20, Some(producer))
    }

    fn batch(&mut self, records: i64, bytes: usize, producer: Option<i64>) -> &mut Self {
        let epoch = LeaderEpoch::new(self.epoch).unwrap();
        let mut batch = BatchBuilder::new(at(self.next)).compression(self.codec).leader_epoch(Some(epoch));
        if let Some(id) = producer {
            let id = ProducerId::new(id).unwrap();
            batch = batch.producer(ProducerInfo { id, epoch: 0, base_sequence: 0 }).transactional();
        }
        for offset in self.next..self.next + records {
            let letter = b'a' + u8::try_from(offset % 26).unwrap();
            let value = vec![letter; bytes];
            let timestamp = Some(ms(1_000_000 + offset));
            batch.push(NewRecord { timestamp, key: None, value: Some(&value), headers: &[] }).unwrap();
        }
        self.push(records, batch.build().unwrap())
    }

    /// The marker that ends a producer's transaction.
    pub(crate) fn end_transaction(&mut self, producer: i64, committed: bool) -> &mut Self {
        let marker = ControlMarker {
            offset: at(self.next),
            leader_epoch: Some(LeaderEpoch::new(self.epoch).unwrap()),
            producer: ProducerId::new(producer).unwrap(),
            producer_epoch: 0,
            coordinator_epoch: 0,
            timestamp: Some(ms(1_000_000 + self.next)),
            committed,
        };
        let bytes = control_batch(&marker).unwrap();
        self.push(1, bytes)
    }

    fn push(&mut self, records: i64, bytes: Vec<u8>) -> &mut Self {
        let base = self.next;
        self.next += records;
        self.batches.push(Batch { bytes: bytes.into(), base, next: self.next });
        self
    }

    /// The batches that reach past `from` and begin below `before`.
    pub(crate) fn between(&self, from: i64, before: i64) -> &[Batch] {
        let start = self.batches.partition_point(|batch| batch.next <= from);
        let end = self.batches.partition_point(|batch| batch.base < before);
        &self.batches[start.min(end)..end]
    }

    /// The bytes of the batches from the one with `from` on.
    pub(crate) fn bytes_from(&self, from: i64) -> Vec<u8> {
        let batches = self.between(from, i64::MAX);
        batches.iter().map(|batch| &batch.bytes[..]).collect::<Vec<_>>().concat()
    }
}
