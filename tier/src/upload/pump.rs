//! The part of an upload that blocks: reading the source, and turning batches into stored bytes.

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, BatchLimits, Parsed};
use firnline_index::ids::{LeaderEpoch, Offset};
use firnline_index::log_source::LogSource;
use firnline_index::segment::{SegmentOptions, SegmentSummary, SegmentWriter};

use super::UploadError;

/// Raw bytes asked of the source at a time.
const RUN_BYTES: usize = 1 << 20;

/// A source and what its batches are written into. Moves to a worker and back with each fill.
pub(super) struct Pump {
    source: Box<dyn LogSource>,
    writer: SegmentWriter,
    limits: BatchLimits,
    base: Offset,
    /// The newest epoch below the segment.
    last_epoch: Option<LeaderEpoch>,
    first_batch: Option<FirstBatch>,
}

/// What the first batch tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstBatch {
    /// Its leader epoch.
    pub(super) epoch: Option<LeaderEpoch>,
}

/// What one fill gave.
pub(super) struct Filled {
    /// Stored bytes, in order.
    pub(super) out: Vec<Bytes>,
    /// Raw bytes that were taken for them.
    pub(super) taken: u64,
    /// The first batch of all; `None` where there never was any.
    pub(super) first_batch: Option<FirstBatch>,
    /// Whether the source has no more.
    pub(super) ended: bool,
}

/// A segment that is written to its end.
pub(super) struct Ended {
    pub(super) summary: SegmentSummary,
    /// The last stored bytes.
    pub(super) out: Vec<Bytes>,
    /// Still to be asked whether it is final.
    pub(super) source: Box<dyn LogSource>,
}

impl Pump {
    pub(super) fn new(
        source: Box<dyn LogSource>,
        options: SegmentOptions,
        last_epoch: Option<LeaderEpoch>,
    ) -> Result<Self, UploadError> {
        let (limits, base) = (options.limits, options.base);
        let writer = SegmentWriter::new(options)?;
        Ok(Self { source, writer, limits, base, last_epoch, first_batch: None })
    }

    /// Takes runs from the source until about `bytes` were taken or it ends.
    pub(super) fn fill(mut self, bytes: usize) -> Result<(Self, Filled), UploadError> {
        let mut out = Vec::new();
        let mut taken = 0;
        let mut ended = false;
        while taken < bytes && !ended {
            match self.source.next_run(RUN_BYTES)? {
                Some(run) => {
                    taken += run.bytes.len();
                    self.look_at(&run.bytes)?;
                    self.writer.push(run.bytes, &mut out)?;
                }
                None => ended = true,
            }
        }
        let first_batch = self.first_batch;
        Ok((self, Filled { out, taken: taken as u64, first_batch, ended }))
    }

    /// Notes the first batch's epoch, which the key needs, and refuses one that is older than the tier's. A header that
    /// cannot be read is left to the writer, which names what is wrong with it.
    fn look_at(&mut self, run: &Bytes) -> Result<(), UploadError> {
        if self.first_batch.is_some() {
            return Ok(());
        }
        let Ok(Parsed::Header(header)) = BatchHeader::parse(run, self.base, &self.limits) else {
            return Ok(());
        };
        let found = header.leader_epoch;
        if let Some((known, found)) = self.last_epoch.zip(found)
            && found < known
        {
            return Err(UploadError::EpochBack { offset: header.base_offset, known, found });
        }
        self.first_batch = Some(FirstBatch { epoch: found });
        Ok(())
    }

    /// Ends the segment behind the last batch.
    pub(super) fn finish(self) -> Result<Ended, UploadError> {
        let mut out = Vec::new();
        let summary = self.writer.finish(&mut out)?;
        Ok(Ended { summary, out, source: self.source })
    }
}
