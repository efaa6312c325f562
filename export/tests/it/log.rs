//! One partition's log in memory, record by record: the ledger that tables are held against.

use bytes::Bytes;
use firnline_index::batch::{Compression, ProducerInfo};
use firnline_index::{LeaderEpoch, Offset, ProducerId, TimestampMs};
use firnline_records::encode::{BatchBuilder, ControlMarker, NewRecord, control_batch};

pub(crate) fn at(offset: i64) -> Offset {
    Offset::new(offset).expect("a test's offset")
}

/// A record as the ledger has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) offset: i64,
    pub(crate) epoch: i32,
    /// What stands in it.
    pub(crate) number: i64,
    /// Whether it can be read as a row.
    pub(crate) good: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct ModelBatch {
    pub(crate) bytes: Bytes,
    pub(crate) base: Offset,
    pub(crate) next: Offset,
    entries: Vec<Entry>,
    producer: Option<i64>,
    /// `Some` for a marker: whether it commits.
    marker: Option<bool>,
}

/// A log that grows at its end, and may be cut.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) batches: Vec<ModelBatch>,
    next: i64,
    pub(crate) epoch: i32,
    numbers: i64,
    time: i64,
}

impl Log {
    pub(crate) fn starting_at(start: i64, time: i64) -> Self {
        Self { batches: Vec::new(), next: start, epoch: 0, numbers: 0, time }
    }

    pub(crate) fn end(&self) -> Offset {
        at(self.next)
    }

    /// A batch of records, of which those with a number that `is_bad` are no rows; within a transaction where `producer` is
    /// given.
    pub(crate) fn data(&mut self, records: i64, producer: Option<i64>, is_bad: impl Fn(i64) -> bool) {
        let epoch = LeaderEpoch::new(self.epoch).expect("an epoch");
        let mut batch =
            BatchBuilder::new(self.end()).compression(Compression::None).leader_epoch(Some(epoch));
        if let Some(id) = producer {
            let id = ProducerId::new(id).expect("an id");
            batch = batch.producer(ProducerInfo { id, epoch: 0, base_sequence: 0 }).transactional();
        }
        let mut entries = Vec::new();
        for index in 0..records {
            self.numbers += 1;
            self.time += 1_000;
            let number = self.numbers;
            let good = !is_bad(number);
            let value = if good { format!("{{\"n\":{number}}}") } else { format!("{{\"n\":{number}.5}}") };
            let timestamp = Some(TimestampMs::new(self.time).expect("a time"));
            let record =
                NewRecord { timestamp, key: Some(b"k"), value: Some(value.as_bytes()), headers: &[] };
            batch.push(record).expect("fits");
            entries.push(Entry { offset: self.next + index, epoch: self.epoch, number, good });
        }
        self.push(records, batch.build().expect("builds"), entries, producer, None);
    }

    /// Records that name their schema in a registry, as Confluent's serializers write them.
    pub(crate) fn framed(&mut self, schema: u32, values: &[&str]) {
        let epoch = LeaderEpoch::new(self.epoch).expect("an epoch");
        let mut batch =
            BatchBuilder::new(self.end()).compression(Compression::None).leader_epoch(Some(epoch));
        for value in values {
            self.time += 1_000;
            let mut bytes = vec![0];
            bytes.extend_from_slice(&schema.to_be_bytes());
            bytes.extend_from_slice(value.as_bytes());
            let timestamp = Some(TimestampMs::new(self.time).expect("a time"));
            batch.push(NewRecord { timestamp, key: None, value: Some(&bytes), headers: &[] }).expect("fits");
        }
        let records = i64::try_from(values.len()).expect("few");
        self.push(records, batch.build().expect("builds"), Vec::new(), None, None);
    }

    /// The marker that ends a producer's transaction.
    pub(crate) fn end_transaction(&mut self, producer: i64, committed: bool) {
        let marker = ControlMarker {
            offset: self.end(),
            leader_epoch: Some(LeaderEpoch::new(self.epoch).expect("an epoch")),
            producer: ProducerId::new(producer).expect("an id"),
            producer_epoch: 0,
            coordinator_epoch: 0,
            timestamp: Some(TimestampMs::new(self.time).expect("a time")),
            committed,
        };
        let bytes = control_batch(&marker).expect("builds");
        self.push(1, bytes, Vec::new(), Some(producer), Some(committed));
    }

    fn push(
        &mut self,
        offsets: i64,
        bytes: Vec<u8>,
        entries: Vec<Entry>,
        producer: Option<i64>,
        marker: Option<bool>,
    ) {
        let base = self.end();
        self.next += offsets;
        self.batches.push(ModelBatch {
            bytes: bytes.into(),
            base,
            next: self.end(),
            entries,
            producer,
            marker,
        });
    }

    /// Cuts it at the border of a batch at or below `offset`, gives where, and goes on in a new epoch.
    pub(crate) fn cut(&mut self, offset: Offset) -> Offset {
        self.batches.retain(|batch| batch.next <= offset);
        self.next = self.batches.last().map_or(0, |last| last.next.get());
        self.epoch += 1;
        self.end()
    }

    /// Producers with a transaction that is not ended.
    pub(crate) fn open(&self) -> Vec<i64> {
        let mut open = Vec::new();
        for batch in &self.batches {
            match (batch.producer, batch.marker) {
                (Some(id), None) if !open.contains(&id) => open.push(id),
                (Some(id), Some(_)) => open.retain(|other| *other != id),
                _ => {}
            }
        }
        open
    }

    /// The batches that begin in `from..before`.
    pub(crate) fn between(&self, from: Offset, before: Offset) -> &[ModelBatch] {
        let start = self.batches.partition_point(|batch| batch.next <= from);
        let end = self.batches.partition_point(|batch| batch.base < before);
        &self.batches[start.min(end)..end]
    }

    /// What an export of all of it must have: records that are decided and not aborted. Nothing may be undecided.
    pub(crate) fn ledger(&self) -> Vec<Entry> {
        assert!(self.open().is_empty(), "the ledger is asked for when all is decided");
        let fate = |index: usize, id: i64| {
            let ends = |batch: &&ModelBatch| batch.producer == Some(id) && batch.marker.is_some();
            self.batches[index..].iter().find(ends).and_then(|batch| batch.marker).unwrap_or(false)
        };
        let kept = self.batches.iter().enumerate().filter(|(index, batch)| {
            batch.marker.is_none() && batch.producer.is_none_or(|id| fate(*index, id))
        });
        kept.flat_map(|(_, batch)| batch.entries.iter().copied()).collect()
    }
}
