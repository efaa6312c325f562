//! The export of a topic: what is there, what is left, stretch by stretch.

use std::collections::BTreeMap;
use std::sync::Arc;

use firnline_decode::SchemaSource;
use firnline_index::manifest::Gap;
use firnline_index::{LeaderEpoch, Offset, OffsetRange, PartitionIndex};
use firnline_store::Store;

use super::PlainError;
use super::chunk::{Making, Stretching};
use super::files::{Finished, put};
use super::footer::{self, COLUMNS};
use super::names::{FileName, MAX_FILES};
use super::settings::{PlainRange, PlainSettings, Progress, fingerprint};
use super::survey::{Piece, Stretch, left, survey};
use crate::rows::{Layout, Part, RowSettings, RowStats};
use crate::source::{Fed, PartitionFeed, Position, RawBatches, SourceError, TopicSource};
use crate::workers::Workers;

/// How many bytes of batches are pushed before it is looked whether a stretch is long enough. Counted from a stretch's start,
/// so that its border does not depend on how the tier is read.
const STEP_BYTES: usize = 1 << 20;

/// An export of a topic to plain files.
pub struct PlainExport {
    making: Making,
    store: Store,
    fingerprint: String,
}

/// What an export did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlainReport {
    /// Records that were read, and what became of them.
    pub stats: RowStats,
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Files that were there.
    pub files_there: u64,
    /// Offsets that are lost in the tier, as it has recorded.
    pub gaps: Vec<(PartitionIndex, Gap)>,
    /// Offsets that went from the tier before they were exported.
    pub gone: Vec<(PartitionIndex, OffsetRange)>,
    /// One past the last offset that is exported, by partition.
    pub ends: BTreeMap<PartitionIndex, Offset>,
    /// Where a transaction stood in the way.
    pub undecided: BTreeMap<PartitionIndex, Offset>,
}

impl PlainExport {
    /// An export into `store`. `schemas` is needed where keys or values name their schemas; `exported_at` is what dead letters
    /// say, in microseconds since 1970. Makes no request.
    #[must_use]
    pub fn new(
        source: TopicSource,
        rows: RowSettings,
        schemas: Option<Arc<dyn SchemaSource>>,
        store: Store,
        settings: PlainSettings,
        workers: Workers,
        exported_at: i64,
    ) -> Self {
        let fingerprint = fingerprint(source.topic_id(), &rows);
        let making = Making { source, rows, schemas, settings, workers, exported_at };
        Self { making, store, fingerprint }
    }

    /// Exports what is wanted and not there, one partition after the other. Safe to run again whenever it was dropped, killed,
    /// or has failed.
    ///
    /// # Errors
    /// Any of [`PlainError`]. What was written stays.
    pub async fn run(
        &self,
        wanted: &[PlainRange],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<PlainReport, PlainError> {
        let found = survey(&self.store, self.making.source.topic(), &self.fingerprint).await?;
        let newest = found.values().filter_map(|stretches| stretches.values().next_back());
        let mut layout = Arc::new(self.layout(newest).await?);
        let mut report = PlainReport::default();
        for range in wanted {
            let stretches = found.get(&range.partition);
            self.partition(range, stretches, &mut layout, &mut report, progress).await?;
        }
        Ok(report)
    }

    /// The columns to begin with: those of the newest files, where a registry has said what they are, so that a field keeps
    /// its column from run to run.
    async fn layout(&self, newest: impl Iterator<Item = &Stretch>) -> Result<Layout, PlainError> {
        let rows = &self.making.rows;
        let mut layout = Layout::new(rows)?;
        if ![&rows.key, &rows.value].into_iter().any(|part| matches!(part, Part::Registry)) {
            return Ok(layout);
        }
        for stretch in newest.filter(|stretch| !stretch.key.starts_with('_')) {
            let footer = footer::read(&self.store, &stretch.key).await?;
            let named = footer.noted.get(COLUMNS).and_then(|json| serde_json::from_str(json).ok());
            let named: BTreeMap<String, String> = named.unwrap_or_default();
            layout = layout.joined(footer.schema.fields(), &named);
        }
        Ok(layout)
    }

    async fn partition(
        &self,
        range: &PlainRange,
        stretches: Option<&BTreeMap<Offset, Stretch>>,
        layout: &mut Arc<Layout>,
        report: &mut PlainReport,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), PlainError> {
        let PlainRange { partition, from, until } = *range;
        let source = &self.making.source;
        let done = stretches.and_then(|stretches| stretches.values().rfind(|stretch| stretch.is_done()));
        if let Some(done) = done {
            // Nothing may be added behind what is no longer part of the log.
            let end = Position { next_offset: done.range.end(), leader_epoch: done.leader_epoch };
            match source.resume(partition, Some(end)).await {
                // Whether what comes next is gone is told below, where it is known whether it is wanted.
                Ok(_) | Err(SourceError::BelowStart { .. }) => {}
                Err(SourceError::Cut { at, .. }) => {
                    return Err(PlainError::Cut { key: done.key.clone(), partition, at });
                }
                Err(error) => return Err(error.into()),
            }
        }
        let standing = source.standing(partition).await?;
        let end = until.unwrap_or(standing.end).min(standing.end);
        // Where an earlier run has ended below the tier's start, this one begins there, and finds out.
        let all = stretches.into_iter().flat_map(BTreeMap::values).map(|stretch| stretch.range);
        let before = all.filter(|range| range.start() <= standing.start).map(OffsetRange::end).max();
        let start = from.unwrap_or(before.map_or(standing.start, |before| before.min(standing.start)));
        let Ok(wanted) = OffsetRange::new(start, end) else { return Ok(()) };
        report.ends.insert(partition, end);
        for piece in left(stretches, wanted) {
            let Some(piece) = self.kept(partition, piece, standing.start, report)? else { continue };
            let mut run = Run { export: self, partition, layout, report, progress, until: end };
            if !run.piece(&piece).await? {
                break;
            }
        }
        Ok(())
    }

    /// What of a piece the tier still has.
    fn kept(
        &self,
        partition: PartitionIndex,
        piece: Piece,
        start: Offset,
        report: &mut PlainReport,
    ) -> Result<Option<Piece>, PlainError> {
        let range = match piece {
            Piece::Again(stretch) if stretch.range.start() < start => {
                let what =
                    format!("files of its stretch are missing, and the tier begins at offset {start} now");
                return Err(PlainError::Differs { key: stretch.key, what });
            }
            Piece::New(range) if range.start() < start => range,
            whole => return Ok(Some(whole)),
        };
        if !self.making.settings.skip_gone {
            return Err(SourceError::BelowStart { partition, next: range.start(), start }.into());
        }
        let gone = OffsetRange::new(range.start(), start.min(range.end()));
        report.gone.extend(gone.ok().map(|gone| (partition, gone)));
        let kept = OffsetRange::new(start, range.end()).ok().filter(|kept| !kept.is_empty());
        Ok(kept.map(Piece::New))
    }
}

impl std::fmt::Debug for PlainExport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let topic = self.making.source.topic();
        f.debug_struct("PlainExport")
            .field("topic", topic)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// One partition being exported.
struct Run<'a> {
    export: &'a PlainExport,
    partition: PartitionIndex,
    layout: &'a mut Arc<Layout>,
    report: &'a mut PlainReport,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    until: Offset,
}

/// How a stretch ended.
struct Ended {
    end: Offset,
    leader_epoch: Option<LeaderEpoch>,
    /// Batches that belong to the next one.
    rest: Option<RawBatches>,
    /// Whether the feed has no more.
    at_end: bool,
}

impl Run<'_> {
    /// Makes the stretches of a piece; `false` where the log is not decided so far.
    async fn piece(&mut self, piece: &Piece) -> Result<bool, PlainError> {
        let making = &self.export.making;
        let range = piece.range();
        let mut from = Position { next_offset: range.start(), leader_epoch: None };
        let mut feed = making.source.feed(self.partition, from, range.end());
        let mut rest = None;
        loop {
            let mut stretch = Stretching::begin(making, self.layout)?;
            let begin = from.next_offset;
            let whole = matches!(piece, Piece::Again(_));
            let ended = self.fill(&mut stretch, &mut feed, rest.take(), whole, from).await?;
            let (finished, stats, layout) = stretch.finish().await?;
            self.report.stats.add(&stats);
            if let Some(layout) = layout {
                *self.layout = layout;
            }
            let range = OffsetRange::new(begin, ended.end).unwrap_or(OffsetRange::EMPTY);
            let leader_epoch = match piece {
                Piece::New(_) => ended.leader_epoch,
                Piece::Again(stretch) => {
                    check(stretch, &ended, finished.len())?;
                    stretch.leader_epoch
                }
            };
            self.write(range, leader_epoch, finished).await?;
            self.tell(ended.end);
            if ended.at_end {
                let reached = ended.end >= piece.range().end();
                if !reached {
                    self.report.ends.insert(self.partition, ended.end);
                }
                if let Some(undecided) = feed.undecided_from() {
                    self.report.undecided.insert(self.partition, undecided);
                }
                return Ok(reached);
            }
            from = Position { next_offset: ended.end, leader_epoch: ended.leader_epoch };
            rest = ended.rest;
        }
    }

    /// Reads until the stretch is long enough, or the feed ends.
    async fn fill(
        &mut self,
        stretch: &mut Stretching<'_>,
        feed: &mut PartitionFeed,
        mut rest: Option<RawBatches>,
        whole: bool,
        from: Position,
    ) -> Result<Ended, PlainError> {
        let settings = &self.export.making.settings;
        let mut counted = 0;
        loop {
            let batches = match rest.take() {
                Some(batches) => batches,
                None => match feed.next().await? {
                    None => {
                        let Position { next_offset: end, leader_epoch } = feed.position();
                        let leader_epoch = leader_epoch.or(from.leader_epoch);
                        return Ok(Ended { end, leader_epoch, rest: None, at_end: true });
                    }
                    Some(Fed::Batches(batches)) => batches,
                    Some(Fed::Gap(gap)) if settings.pass_gaps => {
                        self.report.gaps.push((self.partition, gap));
                        continue;
                    }
                    Some(Fed::Gap(gap)) => return Err(PlainError::Gap { partition: self.partition, gap }),
                    Some(Fed::Gone(range)) if settings.skip_gone => {
                        self.report.gone.push((self.partition, range));
                        continue;
                    }
                    Some(Fed::Gone(range)) => {
                        let (next, start) = (range.start(), range.end());
                        return Err(SourceError::BelowStart { partition: self.partition, next, start }.into());
                    }
                },
            };
            let fits = fitting(&batches, STEP_BYTES.saturating_sub(counted));
            let (now, later) = batches.split_at(fits);
            counted += now.bytes();
            rest = later;
            stretch.push(now).await?;
            if counted < STEP_BYTES {
                continue;
            }
            counted = 0;
            if let Some((end, leader_epoch)) = stretch.end() {
                self.tell(end);
                let enough = !whole && stretch.bytes() >= settings.stretch_bytes;
                if enough && end < self.until {
                    let leader_epoch = leader_epoch.or(from.leader_epoch);
                    return Ok(Ended { end, leader_epoch, rest, at_end: false });
                }
            }
        }
    }

    async fn write(
        &mut self,
        range: OffsetRange,
        leader_epoch: Option<LeaderEpoch>,
        finished: Vec<Finished>,
    ) -> Result<(), PlainError> {
        let partition = self.partition;
        let files = finished.len();
        let of = u32::try_from(files).ok().filter(|of| *of <= MAX_FILES);
        let of = of.ok_or(PlainError::TooManyFiles { partition, files })?;
        let topic_id = self.export.making.source.topic_id().to_string();
        for (number, file) in (1..=of).zip(finished) {
            let name = FileName {
                partition,
                range,
                leader_epoch,
                fingerprint: self.export.fingerprint.clone(),
                number,
                of,
            };
            let key = format!("{}{name}", file.directory);
            let bytes = file.chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
            if put(&self.export.store, &key, file, &topic_id).await? {
                self.report.files += 1;
                self.report.file_bytes += bytes;
            } else {
                self.report.files_there += 1;
            }
        }
        Ok(())
    }

    fn tell(&mut self, next: Offset) {
        (self.progress)(Progress {
            partition: self.partition,
            next,
            until: self.until,
            rows: self.report.stats.rows,
            file_bytes: self.report.file_bytes,
        });
    }
}

/// A stretch that was begun must come out as it was.
fn check(stretch: &Stretch, ended: &Ended, files: usize) -> Result<(), PlainError> {
    let differs = |what| Err(PlainError::Differs { key: stretch.key.clone(), what });
    if ended.end != stretch.range.end() {
        return differs(format!("the log is decided up to offset {} only", ended.end));
    }
    if files as u64 != u64::from(stretch.files()) {
        return differs(format!("its stretch now comes to {files} files instead of {}", stretch.files()));
    }
    match ended.leader_epoch.zip(stretch.leader_epoch) {
        Some((found, recorded)) if found != recorded => {
            differs(format!("its stretch has leader epoch {found} in the tier"))
        }
        _ => Ok(()),
    }
}

/// How many of the batches are needed to have this many bytes; at least one.
fn fitting(batches: &RawBatches, bytes: usize) -> usize {
    let mut sum = 0;
    let enough = batches.batches().iter().position(|batch| {
        sum += batch.bytes.len();
        sum >= bytes
    });
    enough.map_or(usize::MAX, |at| at + 1)
}
