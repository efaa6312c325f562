//! One segment file, front to back.

use std::fs::File;

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, HEADER_PEEK, Sequence};
use firnline_index::log_source::Run;
use firnline_index::{Offset, OffsetRange};

use super::SourceOptions;
use super::error::ReadError;
use super::page_cache::PageCache;
use super::read::{open_segment, read_exact};
use super::stat::{Change, compare};
use super::tail::Tail;
use super::walk::{Place, Step, step};
use crate::{IoProblem, SegmentFile};

/// A segment's batches in order, read straight into pooled buffers and handed out as slices of them.
///
/// Reads up to the length that the file had when it was found, so that a file still written ends, too. Each byte is
/// copied once, out of the page cache; only the beginning of a batch that a buffer's end cuts is copied again.
pub struct SegmentStream {
    segment: SegmentFile,
    file: File,
    options: SourceOptions,
    page_cache: PageCache,
    /// Where in the file `rest` begins.
    position: u64,
    /// Read, but not handed out yet.
    rest: Bytes,
    sequence: Sequence,
    /// Whether the next run is the first, which tells the hole before it.
    first: bool,
    until: Option<Offset>,
    last: Option<LastBatch>,
    tail: Option<Tail>,
}

/// Enough of the last batch to know it again: its header holds offset, epoch, length and CRC.
struct LastBatch {
    position: u64,
    header: Bytes,
}

/// Tells whether a segment that was read is still what it was.
pub struct SegmentCheck {
    segment: SegmentFile,
    read_to: u64,
    last: Option<(File, LastBatch)>,
}

impl SegmentCheck {
    /// The segment as it was found.
    pub fn segment(&self) -> &SegmentFile {
        &self.segment
    }

    /// Looks at the file again: how it differs from what was found, if it does.
    pub fn changed(&self) -> Result<Option<Change>, ReadError> {
        let change = compare(&self.segment, self.read_to)?;
        let Some((file, last)) = self.last.as_ref().filter(|_| change.is_none()) else { return Ok(change) };
        // It may have been cut and written again without a trace in its length.
        let mut now = vec![0; last.header.len()];
        let whole = read_exact(file, &self.segment, &mut now, last.position)?;
        let same = whole && now == last.header;
        Ok((!same).then_some(Change::LastBatch { position: last.position }))
    }
}

/// A place to begin that is known to be a batch boundary.
pub(crate) struct Start {
    /// Where in the file.
    pub(crate) position: u64,
    /// What the batches before demand of the next one.
    pub(crate) sequence: Sequence,
}

/// What walking over headers came to.
enum Walk {
    /// A run of so many bytes.
    Run(Run, usize),
    /// Nothing whole is there; so many bytes would be needed.
    NeedMore(usize),
    End(Tail),
}

impl SegmentStream {
    /// Opens the whole segment. The file must still be the one that was found.
    pub fn open(segment: &SegmentFile, options: &SourceOptions) -> Result<Self, ReadError> {
        let start = Start { position: 0, sequence: Sequence::from(segment.base) };
        Self::open_at(segment, start, None, options)
    }

    pub(crate) fn open_at(
        segment: &SegmentFile,
        start: Start,
        until: Option<Offset>,
        options: &SourceOptions,
    ) -> Result<Self, ReadError> {
        let file = open_segment(segment)?;
        let page_cache = PageCache::new(&file, start.position, segment.len, options.spare_page_cache);
        Ok(Self {
            segment: segment.clone(),
            file,
            options: options.clone(),
            page_cache,
            position: start.position,
            rest: Bytes::new(),
            sequence: start.sequence,
            first: true,
            until,
            last: None,
            tail: None,
        })
    }

    /// The next run of whole batches: as many as fit in `max_bytes`, but at least one. `None` at the end.
    pub fn next_run(&mut self, max_bytes: usize) -> Result<Option<Run>, ReadError> {
        let mut needed = HEADER_PEEK;
        while self.tail.is_none() {
            if self.rest.len() < needed {
                self.fill(max_bytes.max(needed))?;
            }
            match self.walk(max_bytes)? {
                Walk::Run(run, length) => {
                    self.rest = self.rest.split_off(length);
                    self.position += length as u64;
                    self.first = false;
                    self.page_cache.after_read(&self.file, self.position);
                    return Ok(Some(run));
                }
                Walk::NeedMore(bytes) => needed = bytes,
                Walk::End(tail) => {
                    self.page_cache.after_read(&self.file, self.segment.len);
                    self.rest = Bytes::new();
                    self.tail = Some(tail);
                }
            }
        }
        Ok(None)
    }

    /// How the segment ended; `None` until `next_run` has given `None`.
    pub fn tail(&self) -> Option<Tail> {
        self.tail
    }

    pub(crate) fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// Ends the reading. What is left to do is to look at the file again.
    pub fn into_check(self) -> SegmentCheck {
        // Only a file still written is looked into; the others need not stay open.
        let last = self.last.filter(|_| self.segment.active).map(|last| (self.file, last));
        SegmentCheck { segment: self.segment, read_to: self.position, last }
    }

    /// Makes `rest` at least as long as `wanted`, or up to the end of the file.
    fn fill(&mut self, wanted: usize) -> Result<(), ReadError> {
        let left = usize::try_from(self.segment.len.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = wanted.min(left);
        if wanted <= self.rest.len() {
            return Ok(());
        }
        let mut buffer = self.options.buffers.take(wanted);
        buffer.vec.extend_from_slice(&self.rest);
        self.rest = Bytes::new();
        while buffer.vec.len() < wanted {
            let at = self.position + buffer.vec.len() as u64;
            let count = rustix::io::retry_on_intr(|| {
                rustix::io::pread(&self.file, rustix::buffer::spare_capacity(&mut buffer.vec), at)
            })
            .map_err(IoProblem::at("read", &self.segment.path))?;
            if count == 0 {
                let what = Change::Shrunk { before: self.segment.len, now: at };
                return Err(ReadError::Changed { path: self.segment.path.clone(), what });
            }
        }
        // The buffer may have had more room than was asked for: what a broker has appended since is not ours to take.
        buffer.vec.truncate(left);
        self.rest = buffer.freeze();
        Ok(())
    }

    /// Steps over as many whole batches in `rest` as `max_bytes` allows.
    fn walk(&mut self, max_bytes: usize) -> Result<Walk, ReadError> {
        let before = self.sequence.next_offset();
        let mut length = 0;
        let mut last_length = 0;
        let mut taken: Option<(OffsetRange, u32)> = None;
        let stop = loop {
            let position = self.position + length as u64;
            let bytes = &self.rest[length..];
            let mut sequence = self.sequence;
            let mut place = Place {
                segment: &self.segment,
                file: &self.file,
                limits: &self.options.limits,
                sequence: &mut sequence,
            };
            let header = match step(&mut place, bytes, position)? {
                Step::Batch(header) => header,
                Step::NeedMore(needed) => break Walk::NeedMore(needed),
                Step::End(tail) => break Walk::End(tail),
            };
            if self.until.is_some_and(|until| header.next_offset() > until) {
                break Walk::End(Tail::Bound { position });
            }
            let size = usize::try_from(header.size).unwrap_or(usize::MAX);
            if size > bytes.len() || (taken.is_some() && length + size > max_bytes) {
                break Walk::NeedMore(size);
            }
            self.sequence = sequence;
            (length, last_length) = (length + size, size);
            taken = Some(extend(taken, &header));
        };
        // What stopped the walk behind whole batches is met again, and told, at the next call.
        let Some((range, batches)) = taken else { return Ok(stop) };
        if self.segment.active {
            let at = length - last_length;
            self.last = Some(LastBatch {
                position: self.position + at as u64,
                header: Bytes::copy_from_slice(&self.rest[at..at + last_length.min(HEADER_PEEK)]),
            });
        }
        let hole = OffsetRange::new(before, range.start()).ok().filter(|hole| self.first && !hole.is_empty());
        let bytes = self.rest.slice(..length);
        let sealed = !self.segment.active;
        Ok(Walk::Run(Run { bytes, range, batches, hole_before: hole, sealed }, length))
    }
}

/// The range and count of a run that goes on with one more batch.
fn extend(taken: Option<(OffsetRange, u32)>, header: &BatchHeader) -> (OffsetRange, u32) {
    let (start, batches) = taken.map_or((header.base_offset, 0), |(range, batches)| (range.start(), batches));
    let range = OffsetRange::new(start, header.next_offset())
        .expect("the sequence takes no batch that begins below the one before it");
    (range, batches.saturating_add(1))
}
