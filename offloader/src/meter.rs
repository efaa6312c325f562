//! Counting what is read.

use std::sync::Arc;

use firnline_index::TopicIdPartition;
use firnline_index::log_source::{Finality, LogSource, Run, SourceError};

use crate::progress::Progress;

/// A source that tells how many bytes were taken from it.
pub(crate) struct Metered {
    source: Box<dyn LogSource>,
    tip: TopicIdPartition,
    progress: Arc<dyn Progress>,
}

impl Metered {
    pub(crate) fn new(
        source: Box<dyn LogSource>,
        tip: TopicIdPartition,
        progress: Arc<dyn Progress>,
    ) -> Self {
        Self { source, tip, progress }
    }
}

impl LogSource for Metered {
    fn next_run(&mut self, max_bytes: usize) -> Result<Option<Run>, SourceError> {
        let run = self.source.next_run(max_bytes)?;
        if let Some(run) = &run {
            self.progress.read(&self.tip, run.bytes.len() as u64);
        }
        Ok(run)
    }

    fn finish(&mut self) -> Result<Finality, SourceError> {
        self.source.finish()
    }
}
