//! The one file that a copy reads, as a source of batches that ends only where the broker says that the file does.

use std::path::PathBuf;

use firnline_index::log_source::{Finality, LogSource, Run, SourceError, SourceErrorKind};
use firnline_logdir::{FileSource, SegmentFile, SourceOptions};

/// A file whose batches are not as many bytes as the broker counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} holds {found} bytes of whole batches, the broker counts {expected}")]
pub(super) struct OtherLength {
    path: PathBuf,
    expected: u64,
    found: u64,
}

/// A segment file of a known length.
pub(super) struct WholeFile {
    source: FileSource,
    path: PathBuf,
    expected: u64,
    taken: u64,
}

impl WholeFile {
    /// The segment in `file`, which must hold `expected` bytes of batches.
    pub(super) fn new(file: SegmentFile, expected: u64, options: &SourceOptions) -> Self {
        let path = file.path.clone();
        Self { source: FileSource::of_segment(file, options), path, expected, taken: 0 }
    }

    fn check(&self) -> Result<(), SourceError> {
        if self.taken == self.expected {
            return Ok(());
        }
        let wrong = OtherLength { path: self.path.clone(), expected: self.expected, found: self.taken };
        Err(SourceError { kind: SourceErrorKind::Damaged, cause: Box::new(wrong) })
    }
}

impl LogSource for WholeFile {
    fn next_run(&mut self, max_bytes: usize) -> Result<Option<Run>, SourceError> {
        let run = self.source.next_run(max_bytes)?;
        match &run {
            Some(run) => self.taken = self.taken.saturating_add(run.bytes.len() as u64),
            None => self.check()?,
        }
        Ok(run)
    }

    /// Asked before the object appears: what is not whole never does.
    fn finish(&mut self) -> Result<Finality, SourceError> {
        self.check()?;
        self.source.finish()
    }
}
