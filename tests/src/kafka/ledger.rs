//! The account of what was written: every record that a broker has acknowledged, with the offset that it gave.

use std::collections::BTreeMap;
use std::fmt;

use super::Isolation;

/// What a producer sends.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Topic name.
    pub topic: String,
    /// Partition number.
    pub partition: i32,
    /// Create time in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Record key.
    pub key: Option<Vec<u8>>,
    /// Record value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in order; names may repeat.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl fmt::Debug for Message {
    // Values run to hundreds of KiB: enough to tell two records apart is enough.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brief = |bytes: &Option<Vec<u8>>| match bytes {
            None => "null".to_owned(),
            Some(bytes) => format!("{} bytes {:02x?}…", bytes.len(), &bytes[..bytes.len().min(8)]),
        };
        f.debug_struct("Message")
            .field("timestamp_ms", &self.timestamp_ms)
            .field("key", &brief(&self.key))
            .field("value", &brief(&self.value))
            .field("headers", &self.headers.len())
            .finish()
    }
}

/// A message at the offset that the broker gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The record's offset in its partition.
    pub offset: i64,
    /// What was sent.
    pub message: Message,
}

/// What became of an acknowledged record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Written outside a transaction, or in one that was committed.
    Committed,
    /// Its transaction was aborted.
    Aborted,
    /// Its transaction was never ended.
    Open,
}

/// Everything acknowledged, in offset order for each partition.
#[derive(Debug, Default, Clone)]
pub struct Ledger {
    partitions: BTreeMap<(String, i32), BTreeMap<i64, Entry>>,
    // How many times records were noted, which numbers the transactions.
    notes: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    message: Message,
    fate: Fate,
    /// The transactional id, and a number that each transaction has for itself.
    transaction: Option<(String, u64)>,
}

impl Ledger {
    /// Notes the acknowledged records of one transaction, or of none. Panics when a broker gave one offset twice.
    pub fn note(&mut self, records: Vec<Record>, fate: Fate, transactional_id: Option<&str>) {
        self.notes += 1;
        for Record { offset, message } in records {
            let partition = self.partitions.entry((message.topic.clone(), message.partition)).or_default();
            let transaction = transactional_id.map(|id| (id.to_owned(), self.notes));
            let before = partition.insert(offset, Entry { message, fate, transaction });
            assert!(before.is_none(), "the broker gave offset {offset} twice");
        }
    }

    /// The partitions written to.
    pub fn partitions(&self) -> impl Iterator<Item = (&str, i32)> {
        self.partitions.keys().map(|(topic, partition)| (topic.as_str(), *partition))
    }

    /// Forgets what was written to a partition from an offset on: it was lost.
    pub fn lose(&mut self, topic: &str, partition: i32, from: i64) {
        if let Some(records) = self.partitions.get_mut(&(topic.to_owned(), partition)) {
            records.split_off(&from);
        }
    }

    /// The topics written to, with their number of partitions.
    pub fn topics(&self) -> BTreeMap<String, i32> {
        let mut topics = BTreeMap::new();
        for (topic, partition) in self.partitions() {
            let count = topics.entry(topic.to_owned()).or_insert(0);
            *count = (*count).max(partition + 1);
        }
        topics
    }

    /// All records of a partition below `end` that a consumer of this isolation sees. Under
    /// [`Isolation::ReadCommitted`] the caller's `end` lies at or below the last stable offset.
    pub fn visible(&self, topic: &str, partition: i32, end: i64, isolation: Isolation) -> Vec<Record> {
        let Some(records) = self.partitions.get(&(topic.to_owned(), partition)) else {
            return Vec::new();
        };
        records
            .range(..end)
            .filter(|(_, entry)| isolation == Isolation::ReadUncommitted || entry.fate == Fate::Committed)
            .map(|(&offset, entry)| Record { offset, message: entry.message.clone() })
            .collect()
    }

    /// A lower bound of the first offset below `end` whose transaction is not decided below `end`; `end` if all are.
    ///
    /// A producer begins a transaction only after the markers of the one before it were written, so that of each
    /// producer only the last transaction below `end` can be undecided.
    pub fn first_undecided(&self, topic: &str, partition: i32, end: i64) -> i64 {
        let Some(records) = self.partitions.get(&(topic.to_owned(), partition)) else {
            return end;
        };
        let mut last_begun: BTreeMap<&str, (u64, i64)> = BTreeMap::new();
        for (&offset, entry) in records.range(..end) {
            if let Some((producer, number)) = &entry.transaction {
                let last = last_begun.entry(producer).or_insert((*number, offset));
                if last.0 != *number {
                    *last = (*number, offset);
                }
            }
        }
        last_begun.values().map(|(_, first)| *first).min().unwrap_or(end)
    }

    /// What became of the record at an offset; none where there is a marker or nothing.
    pub fn fate(&self, topic: &str, partition: i32, offset: i64) -> Option<Fate> {
        self.partitions.get(&(topic.to_owned(), partition))?.get(&offset).map(|entry| entry.fate)
    }

    /// How many records of a topic met this fate.
    pub fn count(&self, topic: &str, fate: Fate) -> usize {
        let of_topic = self.partitions.iter().filter(|((name, _), _)| name == topic);
        of_topic.flat_map(|(_, records)| records.values()).filter(|entry| entry.fate == fate).count()
    }
}

/// Compares what was read with what must have been read; panics at the first record that differs.
pub fn assert_same_records(what: &str, expected: &[Record], found: &[Record]) {
    for (expected, found) in expected.iter().zip(found) {
        assert_eq!(expected, found, "{what}");
    }
    let beyond = expected.get(found.len()).or_else(|| found.get(expected.len()));
    assert_eq!(
        expected.len(),
        found.len(),
        "{what}: number of records; the first that only one side has: {beyond:?}"
    );
}
