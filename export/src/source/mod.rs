//! One topic's partitions as an export reads them: decided records only, in order, from where the last export ended.
//!
//! ```text
//!  recorded position ─► resume: held against the manifest's lineage ─► feed ─► RawBatches | Gap | Gone
//!                            └► Cut, BelowStart: the table and the tier have parted
//! ```
//!
//! What it promises: control batches and aborted transactions are left out, and their offsets passed; nothing at or beyond
//! the first undecided transaction is given; an offset is given once by one feed, whatever overlaps in the tier; a
//! position is gone on with only if the tier still has the log that it was recorded under.
//!
//! What it leaves to others: records (`rows/`), which topic has which id, how far a round goes. Requests, retries and memory
//! of what is read ahead are the reader's. Everything here may be dropped at any time.

mod error;
mod feed;
mod lineage;
mod raw;

use std::sync::Arc;

use firnline_index::manifest::Manifest;
use firnline_index::{
    LeaderEpoch, Offset, PartitionIndex, TimestampMs, TopicId, TopicIdPartition, TopicName,
};
use firnline_reader::Reader;

pub use error::SourceError;
pub use feed::{Fed, PartitionFeed};
pub use raw::{LeftOut, RawBatch, RawBatches};

/// How far a partition is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The first offset that is not exported yet.
    pub next_offset: Offset,
    /// The leader epoch of the last batch below it that has one; `None` where there is none, as in magic 0 and 1.
    pub leader_epoch: Option<LeaderEpoch>,
}

/// What the tier holds of a partition.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The first offset.
    pub start: Offset,
    /// The first offset behind the newest recorded gap.
    pub serving_start: Offset,
    /// One past the last offset.
    pub end: Offset,
    /// Where the first transaction begins that is open at the end: an export cannot pass it yet.
    pub open_from: Option<Offset>,
    /// The largest timestamp of the newest segment.
    pub newest_timestamp: Option<TimestampMs>,
    /// All of it.
    pub manifest: Arc<Manifest>,
}

/// The partitions of one topic id in a tier. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TopicSource {
    reader: Reader,
    topic: TopicName,
    topic_id: TopicId,
}

impl TopicSource {
    /// The topic of this id. Makes no request. A topic that was deleted and made again has another id, and is another source.
    #[must_use]
    pub fn new(reader: Reader, topic: TopicName, topic_id: TopicId) -> Self {
        Self { reader, topic, topic_id }
    }

    /// The topic's name.
    #[must_use]
    pub fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// The topic's id.
    #[must_use]
    pub fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    /// A partition's full name.
    #[must_use]
    pub fn tip(&self, partition: PartitionIndex) -> TopicIdPartition {
        TopicIdPartition { topic: self.topic.clone(), topic_id: self.topic_id, partition }
    }

    /// What the tier holds of a partition, as old as the reader's manifests may be. At most one GET.
    ///
    /// # Errors
    /// [`SourceError::Read`], also where the tier has nothing of it.
    pub async fn standing(&self, partition: PartitionIndex) -> Result<Standing, SourceError> {
        let manifest = self.reader.manifest(&self.tip(partition)).await;
        let manifest = manifest.map_err(|source| SourceError::Read { partition, source })?;
        Ok(Standing {
            start: manifest.tier_start,
            serving_start: manifest.serving_start,
            end: manifest.tier_end,
            open_from: manifest.open_transactions.iter().map(|open| open.first_offset).min(),
            newest_timestamp: manifest.entries.last().and_then(|entry| entry.max_timestamp),
            manifest,
        })
    }

    /// Where the export of a partition goes on: at `recorded`, if the tier still has the log that this was recorded under; at
    /// the tier's start where nothing is recorded. At most one GET, one more before bad news is told, and one more of the
    /// log itself where the position lies more than a thousand epochs back.
    ///
    /// # Errors
    /// [`SourceError::Cut`] where an unclean election took away what was exported; [`SourceError::BelowStart`] where what
    /// comes next is gone from the tier; [`SourceError::Read`].
    pub async fn resume(
        &self,
        partition: PartitionIndex,
        recorded: Option<Position>,
    ) -> Result<Position, SourceError> {
        let tip = self.tip(partition);
        let read = |source| SourceError::Read { partition, source };
        let manifest = self.reader.manifest(&tip).await.map_err(read)?;
        let Some(position) = recorded else {
            return Ok(Position { next_offset: manifest.tier_start, leader_epoch: None });
        };
        let mut verdict = lineage::check(&manifest, &position);
        if !matches!(verdict, lineage::Verdict::Fits) {
            // A manifest may be older than what was exported under another one.
            let manifest = self.reader.newest_manifest(&tip).await.map_err(read)?;
            verdict = lineage::check(&manifest, &position);
        }
        match verdict {
            lineage::Verdict::Fits => Ok(position),
            lineage::Verdict::Cut { at } => Err(SourceError::Cut { partition, position, at }),
            lineage::Verdict::BelowStart { start } => {
                Err(SourceError::BelowStart { partition, next: position.next_offset, start })
            }
            lineage::Verdict::Unknown { last } => match lineage::of_log(&self.reader, &tip, last).await {
                Err(source) => Err(read(source)),
                Ok(found) if lineage::agrees(&position, found) => Ok(position),
                // Where the two parted is not known here, but it is not above this.
                Ok(_) => Err(SourceError::Cut { partition, position, at: last }),
            },
        }
    }

    /// How far a partition would be decided if its log ended at `offset`: the first offset of the first transaction that is open
    /// there, else `offset` itself. As costly as [`Reader::ended_at`].
    ///
    /// # Errors
    /// [`SourceError::Read`].
    pub async fn decided_up_to(
        &self,
        partition: PartitionIndex,
        offset: Offset,
    ) -> Result<Offset, SourceError> {
        let ended = self.reader.ended_at(&self.tip(partition), offset).await;
        let ended = ended.map_err(|source| SourceError::Read { partition, source })?;
        Ok(if ended.last_stable < ended.end { ended.last_stable } else { offset })
    }

    /// Everything decided from a position up to `until`, in order. Makes no request before the first [`PartitionFeed::next`].
    #[must_use]
    pub fn feed(&self, partition: PartitionIndex, from: Position, until: Offset) -> PartitionFeed {
        PartitionFeed::new(&self.reader, self.tip(partition), from, until)
    }
}
