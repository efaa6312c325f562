//! Offsets that a log leaves out.
//!
//! Kafka leaves out offsets only where a cleaner has compacted. In any other log a hole means that a file is missing, or
//! that a flipped bit has moved a batch: the base offset lies outside Kafka's own checksum. So holes are refused unless
//! the operator says that the topic is compacted.

use firnline_index::batch::{BatchLimits, Batches};
use firnline_index::log_source::{Finality, LogSource, Run, SourceError, SourceErrorKind};
use firnline_index::{Offset, OffsetRange, RawPosition};

/// What to do about offsets that a log leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Holes {
    /// They mean damage: stop before them.
    #[default]
    Refuse,
    /// The topic is or was compacted.
    Allow,
}

/// A log that leaves out offsets although it must not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the log has no records {missing}: a segment file is missing, or a batch is damaged; where the topic is or was \
     compacted this is in order, then allow holes for it"
)]
pub struct HoleInLog {
    /// What is left out.
    pub missing: OffsetRange,
}

/// A source whose batches must follow each other without a hole, from the offset asked for to the one promised.
pub(crate) struct Gapless {
    source: Box<dyn LogSource>,
    next: Offset,
    until: Offset,
    limits: BatchLimits,
}

impl Gapless {
    /// Everything from `from` to `until` must be there.
    pub(crate) fn new(source: Box<dyn LogSource>, from: Offset, until: Offset, limits: BatchLimits) -> Self {
        Self { source, next: from, until, limits }
    }

    fn check(&mut self, run: &Run) -> Result<(), SourceError> {
        for batch in Batches::new(&run.bytes, RawPosition::ZERO, self.next, self.limits) {
            let header = batch.map_err(|cause| damaged(Box::new(cause)))?.header;
            self.must_be(header.base_offset)?;
            self.next = header.next_offset();
        }
        Ok(())
    }

    fn must_be(&self, found: Offset) -> Result<(), SourceError> {
        match OffsetRange::new(self.next, found) {
            Ok(missing) if !missing.is_empty() => Err(damaged(Box::new(HoleInLog { missing }))),
            _ => Ok(()),
        }
    }
}

fn damaged(cause: Box<dyn std::error::Error + Send + Sync>) -> SourceError {
    SourceError { kind: SourceErrorKind::Damaged, cause }
}

impl LogSource for Gapless {
    fn next_run(&mut self, max_bytes: usize) -> Result<Option<Run>, SourceError> {
        match self.source.next_run(max_bytes)? {
            Some(run) => {
                self.check(&run)?;
                Ok(Some(run))
            }
            None => {
                self.must_be(self.until)?;
                Ok(None)
            }
        }
    }

    fn finish(&mut self) -> Result<Finality, SourceError> {
        self.source.finish()
    }
}
