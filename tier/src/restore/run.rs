//! From segments to files.

use bytes::Bytes;
use firnline_index::batch::{BatchError, Batches};
use firnline_index::ids::{Offset, OffsetRange, RawPosition};
use firnline_index::manifest::Entry;
use futures::StreamExt;
use tokio::sync::mpsc;

use super::{RestoreError, RestorePlan, RestoreReport};
use crate::Tier;
use crate::segments::BlockRun;

/// Bytes of a file at most, unless one batch has more: Kafka's default `segment.bytes`.
const FILE_BYTES: u64 = 1 << 30;
/// Offsets of a file at most: Kafka keeps them relative to the base, in 31 bits.
const FILE_OFFSETS: u64 = 0x7fff_ffff;
/// Pieces between the reading and the writing side; a piece is at most a block, as a rule 256 KiB.
const PIECES: usize = 64;

/// A step of the writing side.
#[derive(Debug)]
enum Piece {
    /// A file begins whose first batch has this base offset.
    File(Offset),
    /// Whole batches of it.
    Batches(Bytes),
}

/// What the writing side takes its files from. Blocks; use it on a thread for blocking work.
///
/// That nothing more comes does not mean that all came: [`Tier::restore`] gives back what the writing side returned only
/// where it did. So make visible what was written after that, not before.
#[derive(Debug)]
pub struct Pieces {
    pieces: mpsc::Receiver<Piece>,
    next: Option<Offset>,
}

impl Pieces {
    /// The base offset of the next file's first batch; `None` where there is no further file. What is left of the file
    /// before is passed over.
    pub fn next_file(&mut self) -> Option<Offset> {
        while self.next.is_none() {
            match self.pieces.blocking_recv()? {
                Piece::File(base) => self.next = Some(base),
                Piece::Batches(_) => {}
            }
        }
        self.next.take()
    }

    /// The next whole batches of the file; `None` at its end.
    pub fn next_batches(&mut self) -> Option<Bytes> {
        if self.next.is_some() {
            return None;
        }
        match self.pieces.blocking_recv()? {
            Piece::Batches(bytes) => Some(bytes),
            Piece::File(base) => {
                self.next = Some(base);
                None
            }
        }
    }
}

/// What is kept from one run of blocks to the next.
struct Restoring {
    range: OffsetRange,
    pieces: mpsc::Sender<Piece>,
    /// Base offset and bytes of the file under way.
    file: Option<(Offset, u64)>,
    report: RestoreReport,
}

/// Why a run of blocks was not passed on.
enum Stop {
    Failed(RestoreError),
    /// The writing side has gone; it says why.
    WriterGone,
}

impl Tier {
    /// Reads what `plan` names and hands it to `write`, which runs on a thread for blocking work and takes files and their
    /// batches from [`Pieces`]. Gives back what `write` returned once everything was read and written.
    ///
    /// Every block is checked whole before any of it is handed on. Cost: one GET per segment for its tail, one per 8 MiB.
    /// Memory: about 40 MiB. Dropping the future ends the reading; `write` then finds no further file.
    pub async fn restore<T, E>(
        &self,
        plan: &RestorePlan,
        write: impl FnOnce(Pieces) -> Result<T, E> + Send + 'static,
    ) -> Result<(T, RestoreReport), RestoreError>
    where
        T: Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let (sender, receiver) = mpsc::channel(PIECES);
        let reading = self.read_all(plan, sender);
        let writing = tokio::task::spawn_blocking(move || write(Pieces { pieces: receiver, next: None }));
        let (read, written) = futures::future::join(reading, writing).await;
        let written = written.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        match read {
            Err(Stop::Failed(error)) => Err(error),
            read => {
                let value = written.map_err(|error| RestoreError::Write(Box::new(error)))?;
                // A writer that leaves early and calls it success has not written everything.
                let report =
                    read.map_err(|_| RestoreError::Write("the writer stopped before the end".into()))?;
                Ok((value, report))
            }
        }
    }

    async fn read_all(&self, plan: &RestorePlan, pieces: mpsc::Sender<Piece>) -> Result<RestoreReport, Stop> {
        let report = RestoreReport::default();
        let mut state = Restoring { range: plan.range, pieces, file: None, report };
        for entry in &plan.entries {
            state = self.read_entry(plan, entry, state).await?;
        }
        Ok(state.report)
    }

    async fn read_entry(
        &self,
        plan: &RestorePlan,
        entry: &Entry,
        mut state: Restoring,
    ) -> Result<Restoring, Stop> {
        let key = entry.object_key(&plan.tip);
        let tail = self.segment_tail(&plan.tip, entry).await.map_err(|e| Stop::Failed(e.into()))?;
        let index = tail.index();
        let first = index.find_offset(plan.range.start()).unwrap_or(0);
        let last = index.find_offset(plan.range.end()).map_or(index.len(), |number| number + 1);
        let limits = self.settings().limits;
        let mut runs = std::pin::pin!(self.block_runs(&key, entry.location.start.get(), &tail, first..last));
        while let Some(run) = runs.next().await {
            let run = run.map_err(|(_, source)| {
                Stop::Failed(RestoreError::Store { key: key.clone(), source: Box::new(source) })
            })?;
            let key = key.clone();
            state = tokio::task::spawn_blocking(move || state.take(&key, run, limits))
                .await
                .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        }
        Ok(state)
    }
}

impl Restoring {
    /// Checks a run of blocks and passes their batches on. Blocks.
    fn take(
        mut self,
        key: &str,
        run: BlockRun,
        limits: firnline_index::batch::BatchLimits,
    ) -> Result<Self, Stop> {
        let decoder = run.decoder.clone();
        for (block, stored) in run.split() {
            let raw = decoder
                .decode(&block, stored)
                .map_err(|source| Stop::Failed(RestoreError::Block { key: key.to_owned(), source }))?;
            // Where in `raw` the batches lie that belong to the file under way and were not passed on yet.
            let mut ready = 0..0;
            let at = RawPosition::new(block.raw.start);
            for batch in Batches::new(&raw, at, block.first_offset, limits) {
                let batch = batch.map_err(|source| {
                    Stop::Failed(RestoreError::NotABatch { key: key.to_owned(), source })
                })?;
                let start = batch.position.checked_sub(at).and_then(|n| usize::try_from(n).ok());
                let start = start.expect("a batch lies inside the bytes that were walked");
                let header = batch.header;
                if header.next_offset() <= self.range.start() || header.base_offset >= self.range.end() {
                    self.pass(&raw, &mut ready)?;
                    continue;
                }
                // Segments of a broker's own manifest (`kip405`) may overlap; a log with offsets twice is none.
                if let Some(expected) = self.report.range.map(OffsetRange::end)
                    && header.base_offset < expected
                {
                    let back = BatchError::OffsetBack { expected, found: header.base_offset };
                    let source = back.at(batch.position);
                    return Err(Stop::Failed(RestoreError::NotABatch { key: key.to_owned(), source }));
                }
                if self.needs_file(header.base_offset, header.last_offset, u64::from(header.size)) {
                    self.pass(&raw, &mut ready)?;
                    self.send(Piece::File(header.base_offset))?;
                    self.file = Some((header.base_offset, 0));
                    self.report.files += 1;
                }
                if ready.is_empty() {
                    ready = start..start;
                }
                ready.end = start + batch.bytes.len();
                self.count(&header);
            }
            self.pass(&raw, &mut ready)?;
        }
        Ok(self)
    }

    fn needs_file(&self, base: Offset, last: Offset, size: u64) -> bool {
        self.file.is_none_or(|(file_base, bytes)| {
            let offsets = last.checked_sub(file_base).unwrap_or(u64::MAX);
            (bytes > 0 && bytes + size > FILE_BYTES) || offsets > FILE_OFFSETS || base < file_base
        })
    }

    fn count(&mut self, header: &firnline_index::batch::BatchHeader) {
        if let Some((_, bytes)) = &mut self.file {
            *bytes += u64::from(header.size);
        }
        let report = &mut self.report;
        let start = report.range.map_or(header.base_offset, OffsetRange::start);
        report.range = OffsetRange::new(start, header.next_offset()).ok();
        report.batches += 1;
        report.bytes += u64::from(header.size);
        report.newest_epoch = report.newest_epoch.max(header.leader_epoch);
        if header.producer.is_some() {
            report.newest_producer_timestamp = report.newest_producer_timestamp.max(header.max_timestamp);
        }
    }

    fn pass(&mut self, raw: &Bytes, ready: &mut std::ops::Range<usize>) -> Result<(), Stop> {
        if ready.start < ready.end {
            self.send(Piece::Batches(raw.slice(ready.clone())))?;
        }
        *ready = 0..0;
        Ok(())
    }

    fn send(&self, piece: Piece) -> Result<(), Stop> {
        self.pieces.blocking_send(piece).map_err(|_| Stop::WriterGone)
    }
}
