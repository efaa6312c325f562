//! From header to header through a segment file, without reading what lies between where that is much.

use std::fs::File;

use firnline_index::batch::{BatchHeader, BatchLimits, HEADER_PEEK, Sequence};

use crate::SegmentFile;
use crate::source::{Place, ReadError, Step, read_exact, step};

/// What one read brings while batches are smaller than it.
const WINDOW: usize = 64 << 10;
/// What one read brings when the batch before was larger than a window: a page, as only its header is wanted.
const PAGE: usize = 4 << 10;

/// Walks the headers of a segment.
pub(crate) struct Headers<'a> {
    file: &'a File,
    segment: &'a SegmentFile,
    limits: &'a BatchLimits,
    sequence: Sequence,
    position: u64,
    window: Vec<u8>,
    window_at: u64,
    read_bytes: usize,
}

impl<'a> Headers<'a> {
    /// Begins at `position`, a batch boundary, with what the batches before it demand.
    pub(crate) fn new(
        file: &'a File,
        segment: &'a SegmentFile,
        limits: &'a BatchLimits,
        position: u64,
        sequence: Sequence,
    ) -> Self {
        Self {
            file,
            segment,
            limits,
            sequence,
            position,
            window: Vec::new(),
            window_at: position,
            read_bytes: WINDOW,
        }
    }

    /// The next batch's position and header; `None` at the end of the segment.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, BatchHeader)>, ReadError> {
        let mut needed = HEADER_PEEK;
        loop {
            let left = usize::try_from(self.segment.len.saturating_sub(self.position)).unwrap_or(usize::MAX);
            if self.in_window().len() < needed.min(left) {
                self.read(self.read_bytes.max(needed).min(left))?;
            }
            let (segment, file, limits) = (self.segment, self.file, self.limits);
            let bytes = window(&self.window, self.window_at, self.position);
            let mut place = Place { segment, file, limits, sequence: &mut self.sequence };
            match step(&mut place, bytes, self.position)? {
                Step::Batch(header) => {
                    let at = self.position;
                    self.position += u64::from(header.size);
                    let large = usize::try_from(header.size).map_or(true, |size| size > WINDOW);
                    self.read_bytes = if large { PAGE } else { WINDOW };
                    return Ok(Some((at, header)));
                }
                Step::NeedMore(more) => needed = more,
                Step::End(_) => return Ok(None),
            }
        }
    }

    /// What the batches so far demand of the next one.
    pub(crate) fn sequence(&self) -> Sequence {
        self.sequence
    }

    fn in_window(&self) -> &[u8] {
        window(&self.window, self.window_at, self.position)
    }

    fn read(&mut self, length: usize) -> Result<(), ReadError> {
        self.window.resize(length, 0);
        self.window_at = self.position;
        if !read_exact(self.file, self.segment, &mut self.window, self.position)? {
            let now = self.file.metadata().map_or(0, |metadata| metadata.len());
            let what = crate::Change::Shrunk { before: self.segment.len, now };
            return Err(ReadError::Changed { path: self.segment.path.clone(), what });
        }
        Ok(())
    }
}

/// The part of the window from `position` on.
fn window(window: &[u8], window_at: u64, position: u64) -> &[u8] {
    let skip = usize::try_from(position - window_at).unwrap_or(usize::MAX);
    window.get(skip..).unwrap_or_default()
}
