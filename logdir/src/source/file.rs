//! The segments of a partition as one source.

use std::collections::VecDeque;

use firnline_index::batch::Sequence;
use firnline_index::log_source::{Finality, LogSource, Run, SourceError};
use firnline_index::{Offset, OffsetRange};

use super::segment::{SegmentCheck, SegmentStream, Start};
use super::{ReadError, SourceOptions, Tail};
use crate::local::locate;
use crate::{PartitionDir, SegmentFile};

/// The batches of a partition's directory from one offset up to another, across segment files.
///
/// At most two files are open at a time; those read stay in mind until [`LogSource::finish`] has looked at each of them
/// again.
pub struct FileSource {
    ahead: VecDeque<SegmentFile>,
    current: Option<SegmentStream>,
    behind: Vec<SegmentCheck>,
    from: Offset,
    until: Option<Offset>,
    sequence: Sequence,
    options: SourceOptions,
    /// How the last segment ended.
    tail: Option<Tail>,
}

impl FileSource {
    /// A source of the batches in `[from, until)`; `until` absent means up to the end of the log. No file is opened
    /// yet. The first batch handed out is the first that reaches past `from`; where it begins below `from`, reading
    /// fails, as then the tier and this log cut their batches differently. The last is the last that ends at or below
    /// `until`.
    pub fn open(
        partition: &PartitionDir,
        from: Offset,
        until: Option<Offset>,
        options: &SourceOptions,
    ) -> Self {
        let wanted = partition.segments.iter().filter(|segment| {
            let before = segment.next_base.is_some_and(|next_base| next_base <= from);
            let after = until.is_some_and(|until| segment.base >= until);
            !before && !after
        });
        Self {
            ahead: wanted.cloned().collect(),
            current: None,
            behind: Vec::new(),
            from,
            until,
            sequence: Sequence::from(from),
            options: options.clone(),
            tail: None,
        }
    }

    /// A source of one sealed segment, whole. No file is opened yet.
    pub fn of_segment(segment: SegmentFile, options: &SourceOptions) -> Self {
        let from = segment.base;
        Self {
            ahead: VecDeque::from([segment]),
            current: None,
            behind: Vec::new(),
            from,
            until: None,
            sequence: Sequence::from(from),
            options: options.clone(),
            tail: None,
        }
    }

    /// How the last segment ended; `None` until `next_run` has given `None`, or where there was no segment to read.
    pub fn tail(&self) -> Option<Tail> {
        self.tail
    }

    /// One past the last offset handed out, or where the reading began.
    pub fn next_offset(&self) -> Offset {
        self.sequence.next_offset()
    }

    pub(crate) fn run(&mut self, max_bytes: usize) -> Result<Option<Run>, ReadError> {
        loop {
            let stream = match &mut self.current {
                Some(stream) => stream,
                None => match self.ahead.pop_front() {
                    Some(segment) => self.current.insert(self.start(segment)?),
                    None => return Ok(None),
                },
            };
            if let Some(run) = stream.next_run(max_bytes)? {
                self.sequence = stream.sequence();
                return Ok(Some(run));
            }
            self.tail = stream.tail();
            if matches!(self.tail, Some(Tail::Bound { .. })) {
                self.ahead.clear();
            }
            self.behind.extend(self.current.take().map(SegmentStream::into_check));
        }
    }

    fn start(&self, segment: SegmentFile) -> Result<SegmentStream, ReadError> {
        let mut position = 0;
        if segment.base < self.from {
            let located = locate(&segment, self.from, &self.options.limits)?;
            if let Some(header) = located.header.filter(|header| header.base_offset < self.from) {
                let batch = OffsetRange::new(header.base_offset, header.next_offset())
                    .expect("a batch that was stepped over ends above its base offset");
                let (from, path, position) = (self.from, segment.path.clone(), located.position);
                return Err(ReadError::InsideBatch { from, batch, path, position });
            }
            position = located.position;
        }
        let start = Start { position, sequence: self.sequence };
        SegmentStream::open_at(&segment, start, self.until, &self.options)
    }
}

impl LogSource for FileSource {
    fn next_run(&mut self, max_bytes: usize) -> Result<Option<Run>, SourceError> {
        Ok(self.run(max_bytes)?)
    }

    fn finish(&mut self) -> Result<Finality, SourceError> {
        for check in &self.behind {
            if let Some(change) = check.changed()? {
                let what = format!("{:?}: {change}", check.segment().path);
                return Ok(Finality::Changed { what });
            }
        }
        Ok(Finality::Stable)
    }
}
