//! The batches of one partition, one after the other, as a broker would have written them.

use firnline_index::batch::ProducerInfo;
use firnline_index::{LeaderEpoch, Offset, ProducerId, TimestampMs};
use firnline_records::encode::{BatchBuilder, ControlMarker, EncodeError, NewRecord, control_batch};

use super::topics::{Shape, Topic};
use super::words::Words;

/// When the log begins: 2026-11-22T06:00:00Z. A fixed time, so that every run writes the same bytes.
const START_MS: i64 = 1_795_327_200_000;
/// The producers of a transactional topic, which write in turns.
const PRODUCERS: u64 = 3;
/// One transaction in so many is aborted.
const ABORT_ONE_IN: u64 = 7;
/// One record of `users` in so many is a tombstone.
const TOMBSTONE_ONE_IN: u64 = 9;
/// The leader changes after so many batches, and the epoch goes up.
const BATCHES_PER_EPOCH: u64 = 400;

/// A batch and what is in it.
#[derive(Debug)]
pub struct Made {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// One past its last offset.
    pub next_offset: Offset,
    /// What it adds to the figures.
    pub adds: Adds,
}

/// What a batch, or many, hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct Adds {
    /// Records, markers not counted.
    pub records: u64,
    /// Bytes of records before compression.
    pub raw_bytes: u64,
    /// Records without a value.
    pub tombstones: u64,
    /// Headers.
    pub headers: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Transactions aborted.
    pub aborts: u64,
}

impl Adds {
    /// Adds what another batch holds.
    pub fn add(&mut self, more: &Self) {
        let Self { records, raw_bytes, tombstones, headers, commits, aborts } = more;
        self.records += records;
        self.raw_bytes += raw_bytes;
        self.tombstones += tombstones;
        self.headers += headers;
        self.commits += commits;
        self.aborts += aborts;
    }
}

/// One partition in the making.
#[derive(Debug)]
pub struct Stream {
    topic: Topic,
    words: Words,
    next_offset: Offset,
    number: u64,
    batches: u64,
    producers: Vec<Producer>,
}

#[derive(Debug)]
struct Producer {
    id: ProducerId,
    sequence: i32,
    /// Batches that its open transaction still gets; `None` = no transaction is open.
    left: Option<u64>,
}

impl Stream {
    /// The stream of a partition; the same for the same topic and number.
    pub fn new(topic: Topic, partition: i32, seed: u64) -> Self {
        let producer = |n: u64| Producer {
            id: ProducerId::from_kafka(i64::try_from(4000 + seed % 1000 * 10 + n).unwrap_or(0))
                .unwrap_or(ProducerId::ZERO),
            sequence: 0,
            left: None,
        };
        let transactional = topic.shape == Shape::Orders;
        Self {
            words: Words::new(seed ^ (u64::from(partition.unsigned_abs()) << 32)),
            next_offset: Offset::ZERO,
            number: 0,
            batches: 0,
            producers: if transactional { (0..PRODUCERS).map(producer).collect() } else { Vec::new() },
            topic,
        }
    }

    /// Transactions begun and not ended.
    pub fn open_transactions(&self) -> u64 {
        self.producers.iter().filter(|producer| producer.left.is_some()).count() as u64
    }

    /// The next batch: records, or the marker that ends a transaction.
    pub fn next(&mut self) -> Result<Made, EncodeError> {
        self.batches += 1;
        if self.producers.is_empty() {
            return self.data(None);
        }
        let turn = usize::try_from(self.words.below(PRODUCERS)).unwrap_or(0);
        match self.producers[turn].left {
            None => {
                self.producers[turn].left = Some(1 + self.words.below(6));
                self.data(Some(turn))
            }
            Some(0) => self.marker(turn),
            Some(left) => {
                self.producers[turn].left = Some(left - 1);
                self.data(Some(turn))
            }
        }
    }

    fn epoch(&self) -> LeaderEpoch {
        let epoch = i32::try_from(3 + self.batches / BATCHES_PER_EPOCH).unwrap_or(i32::MAX);
        LeaderEpoch::from_kafka(epoch).unwrap_or(LeaderEpoch::ZERO)
    }

    fn now(&self) -> Option<TimestampMs> {
        TimestampMs::from_kafka(
            START_MS.saturating_add_unsigned(self.number.saturating_mul(self.topic.pace_ms)),
        )
    }

    fn data(&mut self, producer: Option<usize>) -> Result<Made, EncodeError> {
        let mut builder = BatchBuilder::new(self.next_offset)
            .leader_epoch(Some(self.epoch()))
            .compression(self.topic.codec);
        if let Some(producer) = producer.map(|turn| &self.producers[turn]) {
            let info = ProducerInfo { id: producer.id, epoch: 0, base_sequence: producer.sequence };
            builder = builder.producer(info).transactional();
        }
        let mut adds = Adds::default();
        while builder.content_len() < self.topic.batch_bytes {
            self.record(&mut builder, &mut adds)?;
        }
        adds.raw_bytes = builder.content_len() as u64;
        if let Some(turn) = producer {
            let count = i32::try_from(adds.records).unwrap_or(i32::MAX);
            // Sequences wrap past the largest, as Kafka's do.
            self.producers[turn].sequence = self.producers[turn].sequence.wrapping_add(count) & i32::MAX;
        }
        let next_offset = builder.next_offset();
        self.made(builder.build()?, next_offset, adds)
    }

    fn record(&mut self, builder: &mut BatchBuilder, adds: &mut Adds) -> Result<(), EncodeError> {
        let (mut key, mut value) = (Vec::with_capacity(24), Vec::with_capacity(1024));
        let number = self.number;
        let mut tombstone = false;
        match self.topic.shape {
            Shape::Orders => self.words.order(number, &mut value),
            Shape::Clicks => self.words.click(number, &mut value),
            Shape::Readings => self.words.reading(number, &mut value),
            Shape::Users => {
                tombstone = self.words.below(TOMBSTONE_ONE_IN) == 0;
                self.words.order(number, &mut value);
            }
            Shape::Pictures => {
                let length = usize::try_from(300_000 + self.words.below(900_000)).unwrap_or(300_000);
                self.words.noise(length, &mut value);
            }
        }
        key.extend_from_slice(b"k-");
        self.words.token(8, &mut key);
        let mut trace = Vec::with_capacity(16);
        self.words.token(16, &mut trace);
        let headers: &[(&str, Option<&[u8]>)] = match self.topic.shape {
            Shape::Orders => &[("trace-id", Some(&trace)), ("schema", Some(b"orders/4"))],
            _ => &[],
        };
        adds.records += 1;
        adds.headers += headers.len() as u64;
        adds.tombstones += u64::from(tombstone);
        let value = (!tombstone).then_some(value.as_slice());
        builder.push(NewRecord { timestamp: self.now(), key: Some(&key), value, headers })?;
        self.number += 1;
        Ok(())
    }

    fn marker(&mut self, turn: usize) -> Result<Made, EncodeError> {
        let committed = self.words.below(ABORT_ONE_IN) != 0;
        self.producers[turn].left = None;
        let bytes = control_batch(&ControlMarker {
            offset: self.next_offset,
            leader_epoch: Some(self.epoch()),
            producer: self.producers[turn].id,
            producer_epoch: 0,
            coordinator_epoch: 0,
            timestamp: self.now(),
            committed,
        })?;
        let adds = Adds { commits: u64::from(committed), aborts: u64::from(!committed), ..Adds::default() };
        let next = self.next_offset.next().unwrap_or(Offset::MAX);
        self.made(bytes, next, adds)
    }

    fn made(&mut self, bytes: Vec<u8>, next_offset: Offset, adds: Adds) -> Result<Made, EncodeError> {
        self.next_offset = next_offset;
        Ok(Made { bytes, next_offset, adds })
    }
}
