//! The batch at an offset, from this machine's disk.

mod headers;
mod hint;

use std::fs::File;

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, BatchLimits, Batches, Sequence, verify_crc};
use firnline_index::{Offset, OffsetRange, RawPosition, TimestampMs};

use crate::source::{FileSource, ReadError, SourceOptions, batch_damage, open_segment, read_exact};
use crate::{Change, PartitionDir, SegmentFile};
pub(crate) use headers::Headers;

/// Random access to a partition's directory as it was scanned.
///
/// Nothing is cached: each call opens the segment, looks for the offset with the help of the broker's `.index` where
/// that stands up to a check, and reads. One call costs 2 `open`, about 20 small reads in the index, and one or two
/// reads in the log. A log that changed since the scan is an error of kind *changed*; scan again.
#[derive(Debug, Clone)]
pub struct LocalLog {
    partition: PartitionDir,
    options: SourceOptions,
}

/// The answer to a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalRead {
    /// Whole batches, each with its CRC checked.
    Data {
        /// The batches, end to end.
        bytes: Bytes,
        /// From the first batch's base offset, which may lie below or, after compaction, above the offset asked for,
        /// up to one past the last batch's last offset.
        range: OffsetRange,
    },
    /// The offset lies below the first segment.
    BelowStart {
        /// The first segment's base offset.
        start: Offset,
    },
    /// The offset is at or beyond the end of the log as scanned.
    AtEnd {
        /// One past the last offset.
        end: Offset,
    },
}

/// Where a batch stands.
pub(crate) struct Located {
    pub(crate) position: u64,
    /// The batch; `None` at the end of the segment.
    pub(crate) header: Option<BatchHeader>,
    /// One past the last offset before that position.
    pub(crate) next_offset: Offset,
}

impl LocalLog {
    /// Takes a partition as scanned. `options.limits` and, for [`LocalLog::copy`], `options.buffers` are used.
    pub fn new(partition: PartitionDir, options: SourceOptions) -> Self {
        Self { partition, options }
    }

    /// The partition as scanned.
    pub fn partition(&self) -> &PartitionDir {
        &self.partition
    }

    /// The batches from the one that holds `from`, or the first after it, as many as fit in `max_bytes` but at least
    /// one, out of one segment. Allocates the larger of `max_bytes` and that batch, at most the rest of the segment.
    pub fn read(&self, from: Offset, max_bytes: usize) -> Result<LocalRead, ReadError> {
        let segments = &self.partition.segments;
        let Some(first) = segments.first() else { return Ok(LocalRead::AtEnd { end: Offset::ZERO }) };
        if from < first.base {
            return Ok(LocalRead::BelowStart { start: first.base });
        }
        let mut end = first.base;
        let skip = segments.partition_point(|segment| segment.base <= from).saturating_sub(1);
        for segment in segments.iter().skip(skip) {
            let located = locate(segment, from, &self.options.limits)?;
            if let Some(header) = located.header {
                return self.read_at(segment, located.position, &header, max_bytes);
            }
            end = located.next_offset;
        }
        Ok(LocalRead::AtEnd { end })
    }

    fn read_at(
        &self,
        segment: &SegmentFile,
        position: u64,
        header: &BatchHeader,
        max_bytes: usize,
    ) -> Result<LocalRead, ReadError> {
        let file = open_segment(segment)?;
        let left = usize::try_from(segment.len.saturating_sub(position)).unwrap_or(usize::MAX);
        let size = usize::try_from(header.size).unwrap_or(usize::MAX);
        let mut bytes = vec![0; max_bytes.max(size).min(left)];
        if !read_exact(&file, segment, &mut bytes, position)? {
            return Err(shrunk(segment, &file));
        }
        let mut length = 0;
        let mut end = header.base_offset;
        let lower_bound = header.base_offset;
        for batch in Batches::new(&bytes, RawPosition::new(position), lower_bound, self.options.limits) {
            // Behind the first one the buffer's end cuts a batch, or the log's own end does.
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) if length > 0 && error.is_end() => break,
                Err(error) => return Err(batch_damage(&segment.path, position + length as u64, error)),
            };
            if let Err(error) = verify_crc(&batch.header, batch.bytes) {
                // The torn last batch of a segment still written is beyond the log's end.
                if segment.active && length > 0 {
                    break;
                }
                return Err(batch_damage(&segment.path, position + length as u64, error));
            }
            length += batch.bytes.len();
            end = batch.header.next_offset();
        }
        bytes.truncate(length);
        let range = OffsetRange::new(header.base_offset, end).expect("offsets of walked batches rise");
        Ok(LocalRead::Data { bytes: bytes.into(), range })
    }

    /// Exactly `length` bytes of the log from the batch that begins at `first`, or the first behind it, across segments:
    /// what a block of a remote segment holds, to be checked against that block's CRC, which tells a hole that a cleaner
    /// has left from a batch that is missing. `None` where `first` lies inside a batch, or none ends `length` bytes further
    /// on. The caller bounds `length`.
    pub fn copy(&self, first: Offset, length: usize) -> Result<Option<Bytes>, ReadError> {
        let mut source = FileSource::open(&self.partition, first, None, &self.options);
        let mut copied = Vec::new();
        while copied.len() < length {
            let run = match source.run(length - copied.len()) {
                Ok(Some(run)) => run,
                Ok(None) | Err(ReadError::InsideBatch { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            if run.bytes.len() > length - copied.len() {
                return Ok(None);
            }
            if run.bytes.len() == length {
                return Ok(Some(run.bytes));
            }
            copied.extend_from_slice(&run.bytes);
        }
        Ok(Some(copied.into()))
    }

    /// The first batch with a timestamp at or after `at`, by its offsets, with its largest timestamp. Walks the headers
    /// of every segment until then: brokers' time indexes are hints that cannot be checked without that, so none is
    /// used. Costs about one read per 64 KiB.
    pub fn find_timestamp(&self, at: TimestampMs) -> Result<Option<(OffsetRange, TimestampMs)>, ReadError> {
        for segment in &self.partition.segments {
            let file = open_segment(segment)?;
            let start = Sequence::from(segment.base);
            let mut headers = Headers::new(&file, segment, &self.options.limits, 0, start);
            while let Some((_, header)) = headers.next()? {
                if let Some(max_timestamp) = header.max_timestamp.filter(|&timestamp| timestamp >= at) {
                    let range = OffsetRange::new(header.base_offset, header.next_offset())
                        .expect("a batch that was stepped over ends above its base offset");
                    return Ok(Some((range, max_timestamp)));
                }
            }
        }
        Ok(None)
    }

    /// One past the last offset of the log as scanned. Walks the headers of the active segment from the last place that
    /// its index names.
    pub fn end(&self) -> Result<Offset, ReadError> {
        match self.partition.segments.last() {
            None => Ok(Offset::ZERO),
            Some(segment) => Ok(locate(segment, Offset::MAX, &self.options.limits)?.next_offset),
        }
    }
}

/// Finds the first batch of `segment` that reaches past `wanted`.
pub(crate) fn locate(
    segment: &SegmentFile,
    wanted: Offset,
    limits: &BatchLimits,
) -> Result<Located, ReadError> {
    let file = open_segment(segment)?;
    let (position, sequence) =
        hint::near(segment, &file, wanted, limits).unwrap_or((0, Sequence::from(segment.base)));
    let mut headers = Headers::new(&file, segment, limits, position, sequence);
    loop {
        let next_offset = headers.sequence().next_offset();
        match headers.next()? {
            Some((_, header)) if header.next_offset() <= wanted => {}
            Some((position, header)) => {
                return Ok(Located { position, header: Some(header), next_offset });
            }
            None => return Ok(Located { position: segment.len, header: None, next_offset }),
        }
    }
}

fn shrunk(segment: &SegmentFile, file: &File) -> ReadError {
    let now = file.metadata().map_or(0, |metadata| metadata.len());
    let what = Change::Shrunk { before: segment.len, now };
    ReadError::Changed { path: segment.path.clone(), what }
}
