//! What is told, as far as it is compared.

use bytes::Bytes;

use crate::image::Image;

/// A partition's entry in the answer to a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Kafka's error code.
    pub error: i16,
    /// The high watermark.
    pub end: i64,
    /// The last stable offset.
    pub stable: i64,
    /// The log's start; −1 before version 5, too.
    pub start: i64,
    /// Producers and first offsets of aborted transactions.
    pub aborted: Option<Vec<(i64, i64)>>,
    /// The replica to read from instead.
    pub preferred: i32,
    /// The records; `None` for none at all, which librdkafka takes for a broken answer.
    pub records: Option<Bytes>,
}

/// What is kept of an entry: its records stand in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Kafka's error code.
    pub error: i16,
    /// The offset behind the last whole batch; `None` where there is none.
    pub next: Option<i64>,
    /// Producers and first offsets of aborted transactions.
    pub aborted: Option<Vec<(i64, i64)>>,
}

impl Kept {
    /// An entry that was left out: nothing new.
    pub const NOTHING: Self = Self { error: 0, next: None, aborted: None };

    /// What is kept of an entry for `offset`.
    pub fn of(entry: &Entry, offset: i64, image: Option<&Image>) -> Self {
        let next = image.and_then(|image| entry.next(offset, image));
        Self { error: entry.error, next, aborted: entry.aborted.clone() }
    }
}

impl Entry {
    /// The offset behind its last whole batch.
    pub fn next(&self, offset: i64, image: &Image) -> Option<i64> {
        let records = self.records.as_ref()?;
        let batch = image.batch_of(offset)?;
        let end = batch.start + records.len();
        (end >= batch.end).then(|| image.next_at(end))
    }

    /// Whether there are records.
    pub fn has_records(&self) -> bool {
        self.records.as_ref().is_some_and(|records| !records.is_empty())
    }
}

/// What is told of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Kafka's error code.
    pub error: i16,
    /// Of the record.
    pub timestamp: i64,
    /// Of the record.
    pub offset: i64,
    /// Of the record's batch.
    pub epoch: i32,
}

/// What is told of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Kafka's error code.
    pub error: i16,
    /// The epoch told of.
    pub epoch: i32,
    /// Where it ends.
    pub end: i64,
}

/// What was told while all was local.
#[derive(Debug, Clone)]
pub enum Before {
    /// For each round, for each partition.
    Fetch(Vec<Vec<Kept>>),
    /// For each partition.
    Times(Vec<Place>),
    /// For each partition.
    Epochs(Vec<End>),
}
