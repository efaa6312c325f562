//! A round's reading and writing: from ranges of partitions to files that nobody names yet.
//!
//! ```text
//!  feed ─► pump ─► Rows ─► shape ─► FileSet (data)            one partition after the other, all into the same files
//!   │        ├───► dead ─► those not there yet ─► FileSet (dead letters)
//!   │        └───► Grow ─► files so far are closed, the schema grows in memory, the pump goes on with it
//!   └ Gap, Gone: by the settings
//! ```
//!
//! Nothing here changes the table. Dropping it at any point leaves at most files that orphan removal finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use firnline_index::manifest::Manifest;
use firnline_index::{Offset, OffsetRange, PartitionIndex};
use firnline_store::env::RandomExt as _;
use firnline_table::DataFile;

use super::commit::{Columns, columns_text};
use super::dead::DeadWriting;
use super::error::JobError;
use super::plan::Assignment;
use super::retry::Pauses;
use super::shape::{Pushed, Shape, ShapeError, Shaped};
use super::table::{
    Evolving, Ground, IoSink, SpecPartitioner, data_file, data_prefix, equality_file, is_empty,
};
use super::written::{Counts, Written};
use super::{Context, Ready};
use crate::files::{FileSet, Naming};
use crate::position::{Advance, Position};
use crate::rows::{Encoded, Grown, Layout, Pumped, RowEncoder, RowPump};
use crate::settings::{DeadLetters, Policy};
use crate::source::{Fed, PartitionFeed, RawBatches};

/// One round being written.
pub(super) struct Writing<'a> {
    context: &'a Context,
    ready: &'a Ready,
    commit: String,
    evolving: Evolving,
    layout: Arc<Layout>,
    pump: RowPump,
    shape: Box<dyn Shape>,
    files: Option<FileSet<SpecPartitioner>>,
    /// How many sets of files were begun: part of their names.
    sets: u32,
    dead: DeadWriting<'a>,
    ranges: Vec<Advance>,
    add: Vec<DataFile>,
    add_deletes: Vec<DataFile>,
    replaces_all: bool,
    missing: Vec<(PartitionIndex, OffsetRange)>,
    counts: Counts,
    newest_ms: BTreeMap<PartitionIndex, i64>,
    /// The partition being read, and where what is at hand of it begins.
    reading: (PartitionIndex, Offset),
    grows_first: Option<Columns>,
}

/// Writes a round: what was assigned, as far as there is room for it.
///
/// # Errors
/// Any of [`JobError`]; then nothing of it was committed.
pub(super) async fn write(
    context: &Context,
    ready: &Ready,
    assignments: &[Assignment],
) -> Result<Wrote, JobError> {
    let mut writing = Writing::begin(context, ready, assignments).await?;
    for assignment in assignments {
        if writing.is_full() {
            break;
        }
        writing.read(assignment).await?;
        if let Some(columns) = writing.grows_first.take() {
            return Ok(Wrote::GrowsFirst(columns));
        }
    }
    let written = writing.finish().await?;
    Ok(Wrote::Set(Box::new(written)))
}

/// What came of writing a round.
pub(super) enum Wrote {
    /// Its files.
    Set(Box<Written>),
    /// The table needs these columns first, in a commit of their own; what was written is given up.
    GrowsFirst(Columns),
}

impl<'a> Writing<'a> {
    async fn begin(
        context: &'a Context,
        ready: &'a Ready,
        assignments: &[Assignment],
    ) -> Result<Self, JobError> {
        let commit = context.env.random.hex_id();
        let evolving = Evolving::of(&ready.table);
        let layout = Arc::clone(&ready.layout);
        let now_us = context.env.clock.now_ms().saturating_mul(1000);
        let rows = context.settings.rows.clone();
        let encoder = match context.shaping.own(&rows) {
            Some(own) => RowEncoder::new(Arc::new(Layout::own(&own)), own, now_us)?,
            None => RowEncoder::new(Arc::clone(&layout), rows, now_us)?,
        };
        let pump = RowPump::new(encoder, context.schemas.clone(), context.workers);
        let shape = context.shaping.begin(&layout).map_err(|error| context.shape(error))?;
        let dead = DeadWriting::begin(context, ready, &commit, assignments).await?;
        Ok(Self {
            context,
            ready,
            commit,
            evolving,
            layout,
            pump,
            shape,
            files: None,
            sets: 0,
            dead,
            ranges: Vec::new(),
            add: Vec::new(),
            add_deletes: Vec::new(),
            replaces_all: false,
            missing: Vec::new(),
            counts: Counts::default(),
            newest_ms: BTreeMap::new(),
            reading: (PartitionIndex::ZERO, Offset::ZERO),
            grows_first: None,
        })
    }

    /// Whether what was written is enough for one commit.
    fn is_full(&self) -> bool {
        let files = self.files.as_ref().map_or(0, FileSet::bytes);
        let finished: u64 = self.add.iter().map(|file| file.file_size).sum();
        files.saturating_add(finished) >= self.context.settings.round.target_bytes.max(1)
            || self.shape.held() >= self.context.settings.files.memory
    }

    async fn read(&mut self, assignment: &Assignment) -> Result<(), JobError> {
        let partition = assignment.partition;
        let mut feed = self.context.source.feed(partition, assignment.position, assignment.until);
        let (mut bytes, mut transactional) = (0u64, false);
        while bytes < assignment.bytes && !self.is_full() {
            let from = feed.position().next_offset;
            match feed.next().await? {
                None => break,
                Some(Fed::Batches(batches)) => {
                    let (range, size) = (batches.range(), batches.bytes() as u64);
                    transactional |= has_transactions(&batches);
                    bytes = bytes.saturating_add(size);
                    self.reading = (partition, range.start());
                    self.pump.push(batches)?;
                    self.drain().await?;
                    if self.grows_first.is_some() {
                        return Ok(());
                    }
                    self.context.progress.read(partition, range, size);
                }
                Some(Fed::Gap(gap)) => {
                    // What was asked for may begin inside it.
                    let range = OffsetRange::new(from.max(gap.range.start()), gap.range.end());
                    let range = range.unwrap_or(gap.range);
                    if self.context.settings.missing.lost == Policy::Refuse {
                        return Err(JobError::LostOffsets { partition, range });
                    }
                    self.missing.push((partition, range));
                }
                Some(Fed::Gone(range)) => {
                    if self.context.settings.missing.gone == Policy::Refuse {
                        return Err(gone(partition, range));
                    }
                    self.missing.push((partition, range));
                }
            }
        }
        // So that what was counted is this partition's.
        if let Some(encoded) = self.pump.flush().await? {
            self.take(encoded).await?;
        }
        self.passed(assignment, &feed, transactional).await
    }

    /// Where the partition will stand, if that is further than before.
    async fn passed(
        &mut self,
        assignment: &Assignment,
        feed: &PartitionFeed,
        transactional: bool,
    ) -> Result<(), JobError> {
        let (partition, to) = (assignment.partition, feed.position());
        if to.next_offset <= assignment.position.next_offset {
            return Ok(());
        }
        let decided_by = if assignment.closed && !transactional {
            None
        } else {
            // As new as what was read, or newer.
            decided_by(&self.context.source.standing(partition).await?.manifest, to.next_offset)
        };
        self.ranges.push(Advance {
            partition,
            from: assignment.position.next_offset,
            from_epoch: assignment.position.leader_epoch,
            fresh: assignment.fresh,
            to,
            decided_by,
        });
        Ok(())
    }

    /// Takes what comes of what was pushed, all of it.
    async fn drain(&mut self) -> Result<(), JobError> {
        let mut pauses = Pauses::new(&self.context.settings.retry, &self.context.env.random);
        let mut stalls = 0;
        loop {
            match self.pump.next().await {
                Ok(Pumped::Hungry) => return Ok(()),
                Ok(Pumped::Rows(encoded)) => self.take(encoded).await?,
                Ok(Pumped::Grow(grown)) => {
                    if !self.grow(&grown).await? {
                        return Ok(());
                    }
                }
                // A registry that is down is waited for: its records are not bad.
                Err(error)
                    if error.is_retriable() && stalls < self.context.settings.retry.registry_attempts =>
                {
                    stalls += 1;
                    self.context.metrics.stalled();
                    self.context.progress.stalled("schema registry");
                    tracing::warn!(table = %self.context.table, error = %error, "the export waits for the schema registry");
                    pauses.pause().await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn take(&mut self, mut encoded: Encoded) -> Result<(), JobError> {
        self.counts.rows += encoded.stats.rows;
        self.counts.read_bytes += encoded.stats.bytes();
        for (reason, count) in &encoded.stats.dead {
            *self.counts.dead.entry((*reason).to_owned()).or_default() += count;
        }
        if let Some(newest) = encoded.stats.max_timestamp {
            let known = self.newest_ms.entry(self.reading.0).or_insert(newest.get());
            *known = (*known).max(newest.get());
        }
        if let Some(dead) = encoded.dead.take() {
            let reason = encoded.stats.dead.keys().next().copied();
            self.add_dead(dead, reason).await?;
        }
        loop {
            match self.shape.push(&mut encoded).map_err(|error| self.context.shape(error))? {
                Pushed::Taken { rows, dead } => {
                    if let Some(dead) = dead {
                        self.add_dead(dead, None).await?;
                    }
                    return match rows {
                        Some(rows) => self.add_rows(rows).await,
                        None => Ok(()),
                    };
                }
                Pushed::Grow(grown) => {
                    if !self.grow_table(&grown).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn add_dead(&mut self, dead: RecordBatch, reason: Option<&'static str>) -> Result<(), JobError> {
        if self.context.settings.dead_letters == DeadLetters::Stop {
            let (partition, from) = self.reading;
            let reason = reason.unwrap_or("refused").to_owned();
            return Err(JobError::DeadLetter { partition, from, reason });
        }
        self.dead.push(dead).await
    }

    async fn add_rows(&mut self, rows: RecordBatch) -> Result<(), JobError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let files = match &mut self.files {
            Some(files) => files,
            none => {
                self.sets += 1;
                let stem = format!("{}-{}", self.commit, self.sets);
                none.insert(self.context.file_set(
                    &self.ready.table,
                    &self.evolving,
                    self.layout.schema(),
                    stem,
                )?)
            }
        };
        Ok(files.push(rows).await?)
    }

    /// The records that come next have fields that the table has no column for: it gets them with this round's commit. `false`
    /// where that has to be a commit of its own.
    async fn grow(&mut self, grown: &Grown) -> Result<bool, JobError> {
        let Some(layout) = self.grown(grown)? else { return Ok(false) };
        // What is at hand has the old columns.
        if let Some(encoded) = self.pump.relayout(layout.as_ref().clone()).await? {
            self.take(encoded).await?;
        }
        self.switch_to(layout).await?;
        Ok(true)
    }

    /// The shape wants other columns, for rows that are not taken yet.
    async fn grow_table(&mut self, grown: &Grown) -> Result<bool, JobError> {
        let Some(layout) = self.grown(grown)? else { return Ok(false) };
        self.switch_to(layout).await?;
        Ok(true)
    }

    /// The columns as the table is to have them; `None` where they have to be committed first.
    fn grown(&mut self, grown: &Grown) -> Result<Option<Arc<Layout>>, JobError> {
        let layout = self.evolving.grow(grown).map_err(|error| self.context.of_table(error))?;
        tracing::info!(
            table = %self.context.table, added = grown.added.len(), widened = grown.widened.len(), "the schema grows"
        );
        if self.shape.one_schema() {
            let schema = self.evolving.change().map_err(|error| self.context.of_table(error))?;
            self.grows_first = Some(Columns { layout, schema, completes: true });
            return Ok(None);
        }
        Ok(Some(Arc::new(layout)))
    }

    async fn switch_to(&mut self, layout: Arc<Layout>) -> Result<(), JobError> {
        self.end_files().await?;
        self.layout = layout;
        self.shape.relayout(&self.layout).map_err(|error| self.context.shape(error))
    }

    /// Ends the files that are open: those that come have other columns.
    async fn end_files(&mut self) -> Result<(), JobError> {
        if let Some(files) = self.files.take() {
            for file in files.finish().await? {
                self.add.push(data_file(&file, &self.ready.table));
            }
        }
        Ok(())
    }

    /// Writes what the shape has held back, and ends all files.
    async fn end_set(&mut self) -> Result<(), JobError> {
        let is_empty = is_empty(&self.ready.table) && self.add.is_empty();
        let Shaped { replaces_all, rows, deletes } =
            self.shape.finish(is_empty).map_err(|error| self.context.shape(error))?;
        self.replaces_all |= replaces_all;
        for rows in rows {
            self.add_rows(rows).await?;
        }
        self.end_files().await?;
        let mut files = None;
        let deletes: Vec<RecordBatch> = deletes.into_iter().filter(|batch| batch.num_rows() > 0).collect();
        let Some(keys) = deletes.first().map(RecordBatch::schema) else { return Ok(()) };
        for batch in deletes {
            let files = match &mut files {
                Some(files) => files,
                none => {
                    let stem = format!("{}-{}-deletes", self.commit, self.sets);
                    let keys = Arc::clone(&keys);
                    none.insert(self.context.file_set(&self.ready.table, &self.evolving, keys, stem)?)
                }
            };
            files.push(batch).await?;
        }
        let Some(files) = files else { return Ok(()) };
        for file in files.finish().await? {
            let file = equality_file(&file, &self.ready.table, &keys);
            self.add_deletes.push(file.map_err(|error| self.context.of_table(error))?);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Written, JobError> {
        self.end_set().await?;
        let schema = self.evolving.change().map_err(|error| self.context.of_table(error))?;
        let dead = self.dead.finish(&self.ranges).await?;
        Ok(Written {
            commit: self.commit,
            ground: Ground::of(&self.ready.table),
            schema,
            ranges: self.ranges,
            add: self.add,
            add_deletes: self.add_deletes,
            replaces_all: self.replaces_all,
            dead,
            columns: columns_text(&self.layout),
            missing: self.missing,
            counts: self.counts,
            newest_ms: self.newest_ms,
        })
    }
}

impl Context {
    pub(super) fn shape(&self, source: ShapeError) -> JobError {
        JobError::Shape { table: self.table.to_string(), source }
    }

    /// Files for rows of a table.
    pub(super) fn file_set(
        &self,
        table: &firnline_table::Table,
        evolving: &Evolving,
        schema: SchemaRef,
        stem: String,
    ) -> Result<FileSet<SpecPartitioner>, JobError> {
        let naming = Naming { prefix: data_prefix(table), stem };
        let partitioner =
            SpecPartitioner::new(table, evolving.schema(), &schema).map_err(|error| self.of_table(error))?;
        let sink = Arc::new(IoSink::new(table.io.clone()));
        Ok(FileSet::new(schema, self.settings.files.clone(), naming, partitioner, sink, self.workers)?)
    }
}

/// Whether there is anything of a transaction in these, be it only a marker.
fn has_transactions(batches: &RawBatches) -> bool {
    let left_out = batches.left_out();
    left_out.control_batches > 0
        || left_out.aborted_batches > 0
        || batches.batches().iter().any(|batch| batch.header.transactional)
}

/// Where the markers may lie that have decided transactions of records below `next`: nowhere beyond `next` itself, where a
/// segment ends there with no transaction open; else anywhere up to the tier's end.
fn decided_by(manifest: &Manifest, next: Offset) -> Option<Position> {
    let closed = manifest.entries.iter().any(|entry| entry.range.end() == next && entry.stable_end >= next);
    (!closed && next < manifest.tier_end).then(|| Position {
        next_offset: manifest.tier_end,
        leader_epoch: manifest.lineage.last().map(|last| last.epoch),
    })
}

fn gone(partition: PartitionIndex, range: OffsetRange) -> JobError {
    crate::source::SourceError::BelowStart { partition, next: range.start(), start: range.end() }.into()
}
