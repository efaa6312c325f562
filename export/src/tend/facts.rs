//! What planning has to know of a table's files. Plain values, made from manifests elsewhere.

use std::sync::Arc;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Content {
    /// Rows.
    Data,
    /// Places of deleted rows.
    PositionDeletes,
    /// Keys of deleted rows.
    EqualityDeletes,
}

/// A file of the current snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFact {
    /// Where it is.
    pub path: Arc<str>,
    /// What it holds.
    pub content: Content,
    /// Which partition it is of: equal where spec and values are.
    pub partition: Arc<str>,
    /// Whether its spec has no fields: deletes of such a spec by keys reach into all partitions.
    pub unpartitioned: bool,
    /// Whether it is of the spec that new files are written by.
    pub current_spec: bool,
    /// Whether it can be read here: Parquet files can.
    pub readable: bool,
    /// Its size.
    pub bytes: u64,
    /// How many rows it has.
    pub rows: u64,
    /// Its data sequence number: which deletes reach it, or which rows its deletes reach.
    pub sequence: i64,
    /// When it was added, as a sequence number: a file in the place of others keeps their data sequence number, not this.
    pub added: i64,
    /// When the snapshot that added it was made, in milliseconds since 1970; `None` where that is gone.
    pub added_ms: Option<i64>,
    /// The smallest Kafka offset in it, for order.
    pub first_offset: Option<i64>,
    /// The largest Kafka offset in it.
    pub last_offset: Option<i64>,
    /// For deletes by position that name one file: which.
    pub only: Option<Arc<str>>,
}

impl FileFact {
    /// Whether these deletes can reach rows of that file.
    #[must_use]
    pub fn reaches(&self, data: &Self) -> bool {
        let same = self.partition == data.partition;
        match self.content {
            Content::Data => false,
            Content::EqualityDeletes => (same || self.unpartitioned) && data.sequence < self.sequence,
            // They name files, and none that came after them.
            Content::PositionDeletes => {
                same && data.sequence <= self.sequence
                    && data.added <= self.added
                    && self.only.as_ref().is_none_or(|only| *only == data.path)
            }
        }
    }
}
