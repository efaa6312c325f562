//! The topics of the demo: between them every codec, transactions, headers, tombstones and big batches.

use firnline_index::batch::Compression;

/// What a topic's records look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Orders of transactional producers, with headers.
    Orders,
    /// Page views.
    Clicks,
    /// Sensor readings.
    Readings,
    /// The latest state per user, with tombstones for those who left.
    Users,
    /// Pictures: few records, each larger than a block.
    Pictures,
}

/// One topic.
#[derive(Debug, Clone, Copy)]
pub struct Topic {
    /// Its name.
    pub name: &'static str,
    /// How many partitions it has.
    pub partitions: i32,
    /// The codec of its producers.
    pub codec: Compression,
    /// What its records look like.
    pub shape: Shape,
    /// Its part of the log's bytes, in hundredths.
    pub share: u64,
    /// Bytes of records in a batch, before compression.
    pub batch_bytes: usize,
    /// Milliseconds from one record to the next.
    pub pace_ms: u64,
}

/// All topics; the shares add up to 100.
pub const TOPICS: [Topic; 6] = [
    Topic {
        name: "clicks",
        partitions: 2,
        codec: Compression::Snappy,
        shape: Shape::Clicks,
        share: 32,
        batch_bytes: 64 << 10,
        pace_ms: 320,
    },
    Topic {
        name: "images",
        partitions: 1,
        codec: Compression::None,
        shape: Shape::Pictures,
        share: 23,
        batch_bytes: 900 << 10,
        pace_ms: 315_000,
    },
    Topic {
        name: "invoices",
        partitions: 1,
        codec: Compression::Gzip,
        shape: Shape::Orders,
        share: 4,
        batch_bytes: 32 << 10,
        pace_ms: 500,
    },
    Topic {
        name: "orders",
        partitions: 3,
        codec: Compression::Lz4,
        shape: Shape::Orders,
        share: 30,
        batch_bytes: 32 << 10,
        pace_ms: 265,
    },
    Topic {
        name: "sensors",
        partitions: 1,
        codec: Compression::Zstd,
        shape: Shape::Readings,
        share: 5,
        batch_bytes: 128 << 10,
        pace_ms: 91,
    },
    Topic {
        name: "users",
        partitions: 1,
        codec: Compression::Zstd,
        shape: Shape::Users,
        share: 6,
        batch_bytes: 16 << 10,
        pace_ms: 281,
    },
];

#[cfg(test)]
mod tests {
    use super::TOPICS;

    #[test]
    fn shares_are_hundredths_of_the_whole() {
        assert_eq!(TOPICS.iter().map(|topic| topic.share).sum::<u64>(), 100);
        assert!(TOPICS.is_sorted_by_key(|topic| topic.name));
    }
}
