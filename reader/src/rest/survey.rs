//! A replica's file, front to back: up to where it is whole, and which epochs wrote it.

use firnline_index::batch::{Batch, BatchError, BatchLimits, Batches, Sequence, control_marker, verify_crc};
use firnline_index::lineage::{EpochStart, Lineage, LineageError};
use firnline_index::log_source::{LogSource as _, SourceError};
use firnline_index::{Offset, OffsetRange, RawPosition};
use firnline_logdir::{FileSource, LocalLog, LocalRead, PartitionDir, ReadError, SourceOptions};

/// Bytes read at a time.
const RUN_BYTES: usize = 1 << 20;

/// What was found.
#[derive(Debug)]
pub(super) struct Surveyed {
    /// One past the last offset up to which all is whole.
    pub(super) end: Offset,
    pub(super) lineage: Lineage,
    /// Why it ends there, where the file goes on or should.
    pub(super) stopped: Option<Stopped>,
}

/// What ends a rest before its file ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error("a batch is damaged")]
    Batch(#[source] BatchError),
    #[error("the log cannot be read on")]
    Source(#[source] SourceError),
    #[error("the log cannot be read on")]
    File(#[source] ReadError),
    #[error("its leader epochs go back")]
    Epochs(#[source] LineageError),
    #[error("the log has no records {0}: a file is missing, or a batch is damaged")]
    Hole(OffsetRange),
}

/// Walks over the batches from `from` on. Holes below `cleaned_to` are a cleaner's work. Blocks; reads all of it.
pub(super) fn survey(
    partition: &PartitionDir,
    from: Offset,
    cleaned_to: Option<Offset>,
    options: &SourceOptions,
) -> Surveyed {
    let mut walk = Walk {
        sequence: Sequence::from(from),
        lineage: Lineage::empty(),
        cleaned_to,
        limits: options.limits,
    };
    let mut source = FileSource::open(partition, from, None, options);
    let stopped = loop {
        match source.next_run(RUN_BYTES) {
            Ok(None) => break None,
            Ok(Some(run)) => {
                if let Err(stopped) = walk.take(&run.bytes) {
                    break Some(stopped);
                }
            }
            // What was whole before the damage was not handed out with it.
            Err(error) => break Some(walk.singly(partition, options).unwrap_or(Stopped::Source(error))),
        }
    };
    Surveyed { end: walk.sequence.next_offset(), lineage: walk.lineage, stopped }
}

struct Walk {
    sequence: Sequence,
    lineage: Lineage,
    cleaned_to: Option<Offset>,
    limits: BatchLimits,
}

impl Walk {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        for batch in Batches::resume(bytes, RawPosition::ZERO, self.sequence, self.limits) {
            self.observe(&batch.map_err(Stopped::Batch)?)?;
        }
        Ok(())
    }

    /// Batch by batch, as far as they are whole; what stops it, if it is not the file's end.
    fn singly(&mut self, partition: &PartitionDir, options: &SourceOptions) -> Option<Stopped> {
        let log = LocalLog::new(partition.clone(), options.clone());
        loop {
            let bytes = match log.read(self.sequence.next_offset(), 1) {
                Ok(LocalRead::Data { bytes, .. }) => bytes,
                Ok(LocalRead::AtEnd { .. } | LocalRead::BelowStart { .. }) => return None,
                Err(error) => return Some(Stopped::File(error)),
            };
            if let Err(stopped) = self.take(&bytes) {
                return Some(stopped);
            }
        }
    }

    fn observe(&mut self, batch: &Batch<'_>) -> Result<(), Stopped> {
        let Batch { header, bytes, .. } = batch;
        let hole = OffsetRange::new(self.sequence.next_offset(), header.base_offset).ok();
        if let Some(hole) = hole.filter(|hole| !hole.is_empty())
            && self.cleaned_to.is_none_or(|cleaned| hole.end() > cleaned)
        {
            return Err(Stopped::Hole(hole));
        }
        verify_crc(header, bytes).map_err(Stopped::Batch)?;
        if header.control && header.record_count != Some(0) {
            control_marker(header, bytes).map_err(Stopped::Batch)?;
        }
        if let Some(epoch) = header.leader_epoch {
            let start = EpochStart { epoch, start: header.base_offset };
            self.lineage.extend(&[start]).map_err(Stopped::Epochs)?;
        }
        self.sequence.take(header).map_err(Stopped::Batch)
    }
}
