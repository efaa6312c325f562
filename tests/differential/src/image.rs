//! The log of a partition as its leader gave it out while all of it was there: every byte, and what its batches say.

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::wire::Connection;

/// A version that names topics and that each broker speaks.
const FETCH: i16 = 11;
const STEP_BYTES: i32 = 4 << 20;

/// A batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Its first offset, as its head says; of old formats the last one.
    pub base: i64,
    /// Its last offset.
    pub last: i64,
    /// Where it begins in the bytes of the log.
    pub start: usize,
    /// Where the next one begins.
    pub end: usize,
    /// Kafka's number of the codec.
    pub codec: u8,
    /// Records in it; a cleaner leaves batches without any.
    pub records: i32,
    /// The newest time in it; −1 for none.
    pub newest: i64,
    /// Its message format.
    pub magic: u8,
}

/// A transaction that was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Aborted {
    /// Its producer.
    pub producer: i64,
    /// Its first record's offset.
    pub first: i64,
    /// Its marker's offset.
    pub last: i64,
}

/// The log of a partition.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Its batches.
    pub batches: Vec<Batch>,
    /// Its aborted transactions, in the order of their markers.
    pub aborted: Vec<Aborted>,
    /// The high watermark.
    pub end: i64,
    /// The last stable offset.
    pub stable: i64,
}

impl Image {
    /// Reads the log of a partition from its leader.
    pub fn read(leader: &str, topic: &str, partition: i32) -> Self {
        let mut connection = Connection::open(leader).unwrap_or_else(|error| panic!("{error}"));
        let mut image = Self::default();
        let mut open: Vec<(i64, i64)> = Vec::new();
        loop {
            let next = image.batches.last().map_or(0, |batch| batch.last + 1);
            let asked = FetchPartition::default()
                .with_partition(partition)
                .with_fetch_offset(next)
                .with_partition_max_bytes(STEP_BYTES);
            let name = TopicName(StrBytes::from_string(topic.to_owned()));
            let request = FetchRequest::default()
                .with_replica_id((-1).into())
                .with_max_bytes(STEP_BYTES)
                .with_session_epoch(-1)
                .with_topics(vec![FetchTopic::default().with_topic(name).with_partitions(vec![asked])]);
            let answer = connection.ask(&request, FETCH, FETCH).unwrap_or_else(|error| panic!("{error}"));
            let data = &answer.responses[0].partitions[0];
            assert_eq!(data.error_code, 0, "{topic}/{partition} at {next}");
            (image.end, image.stable) = (data.high_watermark, data.last_stable_offset);
            let records = data.records.clone().unwrap_or_default();
            if records.is_empty() {
                assert_eq!(next, image.end, "{topic}/{partition}: nothing at {next}");
                return image;
            }
            image.append(&records, &mut open);
        }
    }

    /// Adds whole batches; the rest of a cut one is asked for again. `open` are the producers with a transaction open,
    /// and where that began.
    pub fn append(&mut self, records: &[u8], open: &mut Vec<(i64, i64)>) {
        let mut at = 0;
        while let Some((mut batch, rest)) = Head::read(&records[at..]) {
            let from = self.bytes.len();
            self.bytes.extend_from_slice(&records[at..at + batch.end]);
            at += batch.end;
            (batch.start, batch.end) = (from, self.bytes.len());
            if let Some(producer) = rest.transactional {
                match rest.marker {
                    Some(commits) => {
                        if let Some(index) = open.iter().position(|(other, _)| *other == producer) {
                            let (producer, first) = open.swap_remove(index);
                            if !commits {
                                self.aborted.push(Aborted { producer, first, last: batch.base });
                            }
                        }
                    }
                    None if open.iter().all(|(other, _)| *other != producer) => {
                        open.push((producer, batch.base));
                    }
                    None => {}
                }
            }
            self.batches.push(batch);
        }
    }

    /// The first batch that reaches to `offset` or beyond it.
    pub fn batch_of(&self, offset: i64) -> Option<&Batch> {
        self.batches.get(self.batches.partition_point(|batch| batch.last < offset))
    }

    /// Whether it begins in a format from before there were epochs, transactions, or even times.
    pub fn is_old(&self) -> bool {
        self.batches.first().is_some_and(|batch| batch.magic < 2)
    }

    /// The batch that has the first record of this time or a later one.
    pub fn batch_at(&self, time: i64) -> Option<&Batch> {
        self.batches.iter().find(|batch| batch.newest >= time)
    }

    /// The offset after the last whole batch that ends at or below a position in the bytes.
    pub fn next_at(&self, position: usize) -> i64 {
        let count = self.batches.partition_point(|batch| batch.end <= position);
        count.checked_sub(1).map_or(0, |last| self.batches[last].last + 1)
    }
}

/// What decides about transactions.
struct Head {
    /// The producer, where the batch belongs to a transaction.
    transactional: Option<i64>,
    /// Of a marker: whether it commits.
    marker: Option<bool>,
}

impl Head {
    /// The batch at the front, as if the log began there; `None` where it is cut off.
    fn read(bytes: &[u8]) -> Option<(Batch, Self)> {
        let size = usize::try_from(i32_at(bytes, 8)?).ok()?.checked_add(12)?;
        let bytes = bytes.get(..size)?;
        let base = i64_at(bytes, 0)?;
        let magic = *bytes.get(16)?;
        if magic < 2 {
            let newest = if magic == 1 { i64_at(bytes, 18)? } else { -1 };
            let batch = Batch {
                base,
                last: base,
                start: 0,
                end: size,
                codec: bytes[17] & 7,
                records: 1,
                newest,
                magic,
            };
            return Some((batch, Self { transactional: None, marker: None }));
        }
        let attributes = *bytes.get(22)?;
        let batch = Batch {
            base,
            last: base + i64::from(i32_at(bytes, 23)?),
            start: 0,
            end: size,
            codec: attributes & 7,
            records: i32_at(bytes, 57)?,
            newest: i64_at(bytes, 35)?,
            magic,
        };
        let producer = i64_at(bytes, 43)?;
        let transactional = (attributes & 0x10 != 0).then_some(producer);
        // A marker's only record: length, attributes, deltas, the key's length, then the key: version and type.
        let marker = (attributes & 0x20 != 0).then(|| bytes.get(61 + 8).is_some_and(|kind| *kind == 1));
        Some((batch, Self { transactional, marker }))
    }
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
