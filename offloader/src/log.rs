//! The log of one partition, as a pass sees it: extents to plan with, and batches to upload.
//!
//! A broker's directory is one such log. One read through a broker's Fetch API would be another: its extents are what
//! one request may span, its source what the answers carried.

use firnline_index::batch::{BatchHeader, Parsed};
use firnline_index::lineage::{EpochStart, Lineage};
use firnline_index::log_source::{LogSource, SourceError, SourceErrorKind};
use firnline_index::{LeaderEpoch, Offset, OffsetRange, TopicIdPartition};
use firnline_logdir::files::LeaderEpochEntry;
use firnline_logdir::{FileSource, LocalLog, LocalRead, PartitionDir, SourceOptions};

use crate::plan::Extent;

/// One partition's log on this machine. Calls block.
pub trait PartitionLog: std::fmt::Debug + Send + Sync {
    /// Which partition.
    fn tip(&self) -> &TopicIdPartition;

    /// What it consists of, oldest first; the last one is still written.
    fn extents(&self) -> Vec<Extent>;

    /// Its batches from `from` on, up to `until`, or to the log's end.
    fn open(&self, from: Offset, until: Option<Offset>) -> Result<Box<dyn LogSource>, SourceError>;

    /// The leader epoch of the batch that holds the offset before `at`. `None` where the log cannot tell: it begins at
    /// `at`, has a hole or damage there, or the batch carries no epoch.
    fn epoch_before(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        let _ = at;
        Ok(None)
    }

    /// The leader epoch of the first batch at or above `at`. `None` where the log cannot tell: it ends there, is damaged
    /// there, or the batch carries no epoch.
    fn epoch_from(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        let _ = at;
        Ok(None)
    }

    /// The offsets of the batch that holds both `at` and the offset before it. `None` where a batch begins at `at`, or the log
    /// cannot tell.
    fn batch_across(&self, at: Offset) -> Result<Option<OffsetRange>, SourceError> {
        let _ = at;
        Ok(None)
    }

    /// Whether the first batch at or above `at` is one that carries no leader epoch. `false` where the log cannot tell.
    fn lacks_epoch(&self, at: Offset) -> Result<bool, SourceError> {
        let _ = at;
        Ok(false)
    }

    /// The epochs that the broker notes beside its log: a hint that may be behind the log and is no proof. `None` where there is none
    /// that can be read.
    fn noted_epochs(&self) -> Option<Lineage> {
        None
    }

    /// Where a damage lies that was found in the batches of `[from, until)`, as an error that names the place. `None`
    /// where the log cannot tell, or is sound when it is looked at again.
    fn find_damage(&self, from: Offset, until: Offset) -> Option<SourceError> {
        let _ = (from, until);
        None
    }
}

/// A partition in a broker's log directory.
#[derive(Debug)]
pub struct DirectoryLog {
    /// The partition as it was found.
    pub dir: PartitionDir,
    /// How its files are read.
    pub options: SourceOptions,
}

impl PartitionLog for DirectoryLog {
    fn tip(&self) -> &TopicIdPartition {
        &self.dir.tip
    }

    fn extents(&self) -> Vec<Extent> {
        let extent = |file: &firnline_logdir::SegmentFile| Extent {
            base: file.base,
            bytes: file.len,
            sealed: !file.active,
        };
        self.dir.segments.iter().map(extent).collect()
    }

    fn open(&self, from: Offset, until: Option<Offset>) -> Result<Box<dyn LogSource>, SourceError> {
        Ok(Box::new(FileSource::open(&self.dir, from, until, &self.options)))
    }

    fn epoch_before(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        let Some(last) = at.get().checked_sub(1).and_then(Offset::from_kafka) else { return Ok(None) };
        Ok(self.header(last, |range| range.contains(last))?.and_then(|header| header.leader_epoch))
    }

    fn epoch_from(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        Ok(self.header(at, |_| true)?.and_then(|header| header.leader_epoch))
    }

    fn batch_across(&self, at: Offset) -> Result<Option<OffsetRange>, SourceError> {
        let across = |range: OffsetRange| range.start() < at && range.contains(at);
        let header = self.header(at, across)?;
        Ok(header.and_then(|header| OffsetRange::new(header.base_offset, header.next_offset()).ok()))
    }

    fn lacks_epoch(&self, at: Offset) -> Result<bool, SourceError> {
        Ok(self.header(at, |_| true)?.is_some_and(|header| header.leader_epoch.is_none()))
    }

    fn noted_epochs(&self) -> Option<Lineage> {
        let noted = self.dir.leader_epochs().ok()??.ok()?;
        let start = |entry: LeaderEpochEntry| EpochStart { epoch: entry.epoch, start: entry.start };
        Lineage::new(noted.into_iter().map(start).collect()).ok()
    }

    fn find_damage(&self, from: Offset, until: Offset) -> Option<SourceError> {
        self.dir.find_damage(from, until, &self.options).map(SourceError::from)
    }
}

impl DirectoryLog {
    /// The header of the batch that holds `offset`, or the first after it, if that is where it is `wanted`.
    fn header(
        &self,
        offset: Offset,
        wanted: impl Fn(OffsetRange) -> bool,
    ) -> Result<Option<BatchHeader>, SourceError> {
        let bytes = match LocalLog::new(self.dir.clone(), self.options.clone()).read(offset, 1) {
            Ok(LocalRead::Data { bytes, range }) if wanted(range) => bytes,
            Ok(_) => return Ok(None),
            Err(error) => match SourceError::from(error) {
                // Damage is told by whoever takes the batch; this only compares.
                error if error.kind == SourceErrorKind::Damaged => return Ok(None),
                error => return Err(error),
            },
        };
        Ok(match BatchHeader::parse(&bytes, Offset::ZERO, &self.options.limits) {
            Ok(Parsed::Header(header)) => Some(header),
            _ => None,
        })
    }
}
