//! A log in memory, batch by batch: the model that reads are held against.

use bytes::Bytes;
use firnline_index::batch::{Compression, ProducerInfo};
use firnline_index::{LeaderEpoch, Offset, ProducerId, TimestampMs};
use firnline_records::encode::{BatchBuilder, ControlMarker, NewRecord, control_batch};

pub(crate) fn at(offset: i64) -> Offset {
    Offset::new(offset).expect("a test's offset")
}

pub(crate) fn ms(time: i64) -> TimestampMs {
    TimestampMs::new(time).expect("a test's time")
}

pub(crate) fn producer(id: i64) -> ProducerId {
    ProducerId::new(id).expect("a test's producer")
}

/// One batch of the model.
#[derive(Debug, Clone)]
pub(crate) struct ModelBatch {
    pub(crate) bytes: Bytes,
    pub(crate) base: Offset,
    pub(crate) next: Offset,
    pub(crate) time: TimestampMs,
}

/// A log that grows at its end.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) batches: Vec<ModelBatch>,
    next: i64,
    time: i64,
    noise: u64,
    epoch: LeaderEpoch,
}

impl Log {
    pub(crate) fn from(start: i64) -> Self {
        Self {
            batches: Vec::new(),
            next: start,
            time: 1_000_000,
            noise: 0x9e37_79b9_7f4a_7c15,
            epoch: LeaderEpoch::ZERO,
        }
    }

    /// The same shape, other bytes.
    pub(crate) fn with_noise(mut self, noise: u64) -> Self {
        self.noise = noise;
        self
    }

    pub(crate) fn end(&self) -> Offset {
        at(self.next)
    }

    /// Offsets without records, as compaction leaves them.
    pub(crate) fn hole(&mut self, offsets: i64) {
        self.next += offsets;
    }

    /// The leader epoch of the next batches.
    pub(crate) fn epoch(&mut self, epoch: i32) -> &mut Self {
        self.epoch = LeaderEpoch::new(epoch).expect("a test's epoch");
        self
    }

    /// The clock of the next batches.
    pub(crate) fn set_time(&mut self, time: i64) {
        self.time = time;
    }

    /// A batch of so many records with so many bytes of values in all, which no codec makes shorter.
    pub(crate) fn data(&mut self, records: i64, bytes: usize) -> &mut Self {
        self.batch(records, bytes, None)
    }

    /// The same, of bytes that repeat.
    pub(crate) fn words(&mut self, records: i64, bytes: usize) -> &mut Self {
        let noise = std::mem::take(&mut self.noise);
        self.batch(records, bytes, None);
        self.noise = noise;
        self
    }

    /// The same within a transaction.
    pub(crate) fn in_transaction(&mut self, id: i64, records: i64) -> &mut Self {
        self.batch(records, 50, Some(id))
    }

    fn batch(&mut self, records: i64, bytes: usize, id: Option<i64>) -> &mut Self {
        let mut batch =
            BatchBuilder::new(at(self.next)).compression(Compression::None).leader_epoch(Some(self.epoch));
        if let Some(id) = id {
            batch =
                batch.producer(ProducerInfo { id: producer(id), epoch: 0, base_sequence: 0 }).transactional();
        }
        let each = (bytes / usize::try_from(records).expect("positive")).max(1);
        for _ in 0..records {
            let mut value = Vec::with_capacity(each + 8);
            while value.len() < each {
                value.extend_from_slice(&self.noise());
            }
            value.truncate(each);
            let record =
                NewRecord { timestamp: Some(ms(self.time)), key: None, value: Some(&value), headers: &[] };
            batch.push(record).expect("fits");
            self.time += 1;
        }
        self.push(records, self.time - 1, batch.build().expect("builds"))
    }

    /// The marker that ends a transaction.
    pub(crate) fn end_transaction(&mut self, id: i64, committed: bool) -> &mut Self {
        let marker = ControlMarker {
            offset: at(self.next),
            leader_epoch: Some(self.epoch),
            producer: producer(id),
            producer_epoch: 0,
            coordinator_epoch: 0,
            timestamp: Some(ms(self.time)),
            committed,
        };
        let bytes = control_batch(&marker).expect("builds");
        self.push(1, self.time, bytes)
    }

    pub(crate) fn commit(&mut self, id: i64) -> &mut Self {
        self.end_transaction(id, true)
    }

    pub(crate) fn abort(&mut self, id: i64) -> &mut Self {
        self.end_transaction(id, false)
    }

    fn push(&mut self, records: i64, time: i64, bytes: Vec<u8>) -> &mut Self {
        let base = at(self.next);
        self.next += records;
        self.batches.push(ModelBatch { bytes: bytes.into(), base, next: self.end(), time: ms(time) });
        self
    }

    fn noise(&mut self) -> [u8; 8] {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        self.noise.to_le_bytes()
    }

    /// The batches that reach past `from` and begin below `before`.
    pub(crate) fn between(&self, from: Offset, before: Offset) -> &[ModelBatch] {
        let start = self.batches.partition_point(|batch| batch.next <= from);
        let end = self.batches.partition_point(|batch| batch.base < before);
        &self.batches[start.min(end)..end]
    }
}

/// The batches' bytes, end to end.
pub(crate) fn joined(batches: &[ModelBatch]) -> Vec<u8> {
    batches.iter().map(|batch| &batch.bytes[..]).collect::<Vec<_>>().concat()
}
