//! What there is to take back: from positions, lineages, and the rows themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use firnline_index::manifest::Manifest;
use firnline_index::{LeaderEpoch, Offset, PartitionIndex};
use firnline_table::Table;

use super::RepairError;
use super::seek::{Log, Seek};
use crate::job::table::{LiveFiles, TableError, live_files, offset_bounds};
use crate::job::{Context, Exported, Job, JobError, JobParts};
use crate::position::{CONTINUED, Position, Positions};
use crate::settings::JobSettings;
use crate::source::SourceError;
use crate::tend::read::TableFile;

/// What a repair would do. Planning changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairPlan {
    /// The partitions whose log was cut below where they were exported; empty where there is nothing to repair.
    pub partitions: Vec<PartitionRepair>,
    /// Files that are written anew without the rows taken back, and files that go because no row is left in them.
    pub files: u64,
    /// Bytes of those files.
    pub file_bytes: u64,
}

/// What a repair takes back of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionRepair {
    /// The partition.
    pub partition: PartitionIndex,
    /// How far it was exported.
    pub from: Position,
    /// Where it goes on: rows from this offset on are taken back.
    pub back_to: Position,
    /// Rows taken back.
    pub rows: u64,
    /// Dead letters taken back.
    pub dead_letters: u64,
}

/// One of the two tables, and which of its rows go.
pub(super) struct Side {
    pub(super) table: Table,
    pub(super) exported: Exported,
    pub(super) live: LiveFiles,
    /// Numbers of files in `live` with rows that go, and how many of which partition.
    pub(super) touched: Vec<(usize, BTreeMap<i32, u64>)>,
}

/// A whole plan.
pub(super) struct Planned {
    pub(super) back_to: BTreeMap<i32, Position>,
    pub(super) main: Side,
    pub(super) dead: Option<Side>,
    pub(super) plan: RepairPlan,
}

/// What a repair would do.
///
/// Reads the columns of partition, offset and epoch of those files that may have rows in question.
///
/// # Errors
/// Where the table cannot be repaired, or read.
pub async fn plan(parts: JobParts, settings: JobSettings) -> Result<RepairPlan, RepairError> {
    let job = Job::new(parts, settings);
    Ok(planned(&job.context).await?.map_or_else(
        || RepairPlan { partitions: Vec::new(), files: 0, file_bytes: 0 },
        |planned| planned.plan,
    ))
}

/// `None` where there is nothing to repair.
pub(super) async fn planned(context: &Context) -> Result<Option<Planned>, RepairError> {
    let (table, exported) = context.loaded().await?;
    if crate::job::table::property(&table, CONTINUED).is_some() {
        return Err(RepairError::TwoTopics { table: table.name.to_string() });
    }
    let dead = context.loaded_dead().await?;
    let mut cut = BTreeMap::new();
    let of_dead = dead.as_ref().map(|(_, exported)| &exported.positions);
    for positions in [Some(&exported.positions), of_dead].into_iter().flatten() {
        for (partition, position) in positions.iter() {
            for position in [Some(position), positions.decided_by(partition)].into_iter().flatten() {
                if let Some(log) = cut_log(context, partition, position).await? {
                    cut.insert(partition.get(), (partition, log));
                }
            }
        }
    }
    if cut.is_empty() {
        return Ok(None);
    }
    let mut sides = vec![Side::of(table, exported).await.map_err(|error| context.of_table(error))?];
    if let Some((table, exported)) = dead {
        sides.push(Side::of(table, exported).await.map_err(|error| context.of_table(error))?);
    }
    let mut seeks: BTreeMap<i32, Seek> = cut.keys().map(|partition| (*partition, Seek::default())).collect();
    for side in &sides {
        if side.live.deletes() > 0 {
            let (table, count) = (side.table.name.to_string(), side.live.deletes());
            return Err(RepairError::HasDeletes { table, count });
        }
        side.seek(context, &cut, &mut seeks).await?;
    }
    let mut back_to = BTreeMap::new();
    for (number, (partition, manifest)) in &cut {
        let position = seeks.get(number).copied().unwrap_or_default().position(manifest.tier_start);
        let recorded = sides[0].exported.positions.get(*partition).unwrap_or(position);
        // The position itself never goes forward by a repair.
        let position = if position.next_offset > recorded.next_offset { recorded } else { position };
        known(*partition, recorded, position, manifest)?;
        let position = decided(context, *partition, position, manifest).await?;
        back_to.insert(*number, position);
    }
    for side in &mut sides {
        side.count(context, &back_to).await?;
    }
    let mut sides = sides.into_iter();
    let Some(main) = sides.next() else { return Ok(None) };
    let dead = sides.next();
    let plan = described(&back_to, &cut, &main, dead.as_ref());
    Ok(Some(Planned { back_to, main, dead, plan }))
}

/// The log that the tier has of a partition, where it is not the one that was exported.
async fn cut_log(
    context: &Context,
    partition: PartitionIndex,
    position: Position,
) -> Result<Option<Arc<Manifest>>, RepairError> {
    match context.source.resume(partition, Some(position)).await {
        Ok(_) | Err(SourceError::BelowStart { .. }) => Ok(None),
        Err(SourceError::Cut { .. }) => {
            let standing = context.source.standing(partition).await.map_err(JobError::from)?;
            Ok(Some(standing.manifest))
        }
        Err(error) => Err(JobError::from(error).into()),
    }
}

/// Back to where no transaction was open: one that is open at the place of the cut may have been decided by a marker that the
/// cut has taken away, and may be decided otherwise now. Its records are there still, but which of them are rows is not known.
async fn decided(
    context: &Context,
    partition: PartitionIndex,
    position: Position,
    manifest: &Manifest,
) -> Result<Position, RepairError> {
    let at = context.source.decided_up_to(partition, position.next_offset).await.map_err(JobError::from)?;
    let at = at.max(manifest.tier_start);
    if at >= position.next_offset {
        return Ok(position);
    }
    let before = at.get().checked_sub(1).and_then(Offset::from_kafka);
    let leader_epoch = before.and_then(|before| manifest.lineage.epoch_at(before));
    Ok(Position { next_offset: at, leader_epoch })
}

/// Whether the place that was found is one that the lineage speaks of.
fn known(
    partition: PartitionIndex,
    recorded: Position,
    found: Position,
    manifest: &Manifest,
) -> Result<(), RepairError> {
    match manifest.lineage.first() {
        Some(first) if first.start > manifest.tier_start && found.next_offset <= first.start => {
            Err(RepairError::TooFarBack { partition, position: recorded, known: first.start })
        }
        _ => Ok(()),
    }
}

type Cut = BTreeMap<i32, (PartitionIndex, Arc<Manifest>)>;

impl Side {
    async fn of(table: Table, exported: Exported) -> Result<Self, TableError> {
        let live = live_files(&table).await?;
        Ok(Self { table, exported, live, touched: Vec::new() })
    }

    /// Looks for the last row of each partition that is right.
    async fn seek(
        &self,
        context: &Context,
        cut: &Cut,
        seeks: &mut BTreeMap<i32, Seek>,
    ) -> Result<(), RepairError> {
        // Files with the largest offsets first: most others need not be read then.
        let mut files: Vec<(usize, Offset)> = self
            .live
            .data()
            .map(|(number, file)| (number, offset_bounds(&self.table, file).map_or(MOST, |(_, upper)| upper)))
            .collect();
        files.sort_by_key(|(_, upper)| std::cmp::Reverse(*upper));
        for (number, upper) in files {
            if !seeks.values().any(|seek| seek.could_lie_below(upper)) {
                continue;
            }
            self.each_row(context, number, &mut |partition, offset, epoch| {
                if let (Some((_, manifest)), Some(seek)) = (cut.get(&partition), seeks.get_mut(&partition)) {
                    let log = Log { lineage: &manifest.lineage, end: manifest.tier_end };
                    seek.row(&log, offset, epoch);
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Counts, file by file, the rows that go.
    async fn count(
        &mut self,
        context: &Context,
        back_to: &BTreeMap<i32, Position>,
    ) -> Result<(), RepairError> {
        let least = back_to.values().map(|position| position.next_offset).min().unwrap_or(MOST);
        let mut touched = Vec::new();
        for (number, file) in self.live.data() {
            if offset_bounds(&self.table, file).is_some_and(|(_, upper)| upper < least) {
                continue;
            }
            let mut counts = BTreeMap::new();
            self.each_row(context, number, &mut |partition, offset, _| {
                if back_to.get(&partition).is_some_and(|position| offset >= position.next_offset) {
                    *counts.entry(partition).or_insert(0) += 1;
                }
            })
            .await?;
            if !counts.is_empty() {
                touched.push((number, counts));
            }
        }
        self.touched = touched;
        Ok(())
    }

    async fn each_row(
        &self,
        context: &Context,
        number: usize,
        each: &mut (dyn FnMut(i32, Offset, Option<LeaderEpoch>) + Send),
    ) -> Result<(), RepairError> {
        let at = |error: TableError| RepairError::from(context.of_table(error));
        let file = self.live.file(number).ok_or_else(|| at(TableError::columns("a file that is none")))?;
        let opened = open(context, &self.table, file).await?;
        // Another engine's file may have rows of its own alone.
        let Some(places) = Places::of(&opened, &self.table) else { return Ok(()) };
        let mut batches = opened.batches(Some(&places.columns())).map_err(|error| at(error.into()))?;
        while let Some((_, rows)) = batches.next().await.map_err(|error| at(error.into()))? {
            places.each(&rows, each).map_err(at)?;
        }
        Ok(())
    }
}

const MOST: Offset = Offset::MAX;

/// Opens one of a table's files.
pub(super) async fn open(
    context: &Context,
    table: &Table,
    file: &firnline_table::DataFile,
) -> Result<TableFile, RepairError> {
    let size = Some(file.file_size);
    let opened = TableFile::open(Arc::new(table.io.clone()), &file.path, size, context.workers).await;
    opened.map_err(|error| context.of_table(error.into()).into())
}

/// Where partition, offset and epoch stand in a file.
pub(super) struct Places {
    partition: usize,
    offset: usize,
    epoch: Option<usize>,
}

impl Places {
    /// By the ids that the table's columns have.
    pub(super) fn of(file: &TableFile, table: &Table) -> Option<Self> {
        let column = |name: &str| {
            let id = crate::job::table::column_id(table, name)?;
            file.schema().fields().iter().position(|field| crate::tend::read::field_id(field) == Some(id))
        };
        Some(Self {
            partition: column("kafka_partition")?,
            offset: column("kafka_offset")?,
            epoch: column("kafka_leader_epoch"),
        })
    }

    fn columns(&self) -> Vec<usize> {
        [Some(self.partition), Some(self.offset), self.epoch].into_iter().flatten().collect()
    }

    /// Where a column stands once only these are read: columns keep their order.
    fn projected(&self, of: usize) -> usize {
        self.columns().into_iter().filter(|column| *column < of).count()
    }

    fn each(
        &self,
        rows: &RecordBatch,
        each: &mut (dyn FnMut(i32, Offset, Option<LeaderEpoch>) + Send),
    ) -> Result<(), TableError> {
        let column = |of: usize| rows.columns().get(self.projected(of));
        let partitions = column(self.partition).and_then(|c| c.as_primitive_opt::<Int32Type>());
        let offsets = column(self.offset).and_then(|c| c.as_primitive_opt::<Int64Type>());
        let (Some(partitions), Some(offsets)) = (partitions, offsets) else {
            return Err(TableError::columns("kafka_partition and kafka_offset are no int and long"));
        };
        let epochs = self.epoch.and_then(column).and_then(|c| c.as_primitive_opt::<Int32Type>());
        for row in 0..rows.num_rows() {
            let epoch = epochs.filter(|epochs| epochs.is_valid(row)).map(|epochs| epochs.value(row));
            if let Ok(offset) = Offset::new(offsets.value(row)) {
                each(partitions.value(row), offset, epoch.and_then(LeaderEpoch::from_kafka));
            }
        }
        Ok(())
    }

    /// Which rows of a batch with all columns stay.
    pub(super) fn staying(
        &self,
        rows: &RecordBatch,
        back_to: &BTreeMap<i32, Position>,
    ) -> Result<arrow_array::BooleanArray, TableError> {
        let column = |of: usize| rows.columns().get(of);
        let partitions = column(self.partition).and_then(|c| c.as_primitive_opt::<Int32Type>());
        let offsets = column(self.offset).and_then(|c| c.as_primitive_opt::<Int64Type>());
        let (Some(partitions), Some(offsets)) = (partitions, offsets) else {
            return Err(TableError::columns("kafka_partition and kafka_offset are no int and long"));
        };
        let goes = |row: usize| {
            let position = back_to.get(&partitions.value(row));
            position.is_some_and(|position| offsets.value(row) >= position.next_offset.get())
        };
        Ok((0..rows.num_rows()).map(|row| Some(!goes(row))).collect())
    }
}

fn described(back_to: &BTreeMap<i32, Position>, cut: &Cut, main: &Side, dead: Option<&Side>) -> RepairPlan {
    let of = |side: &Side, partition: &i32| -> u64 {
        side.touched.iter().filter_map(|(_, counts)| counts.get(partition)).sum()
    };
    let partitions = back_to
        .iter()
        .filter_map(|(number, position)| {
            let (partition, _) = cut.get(number)?;
            Some(PartitionRepair {
                partition: *partition,
                from: main.exported.positions.get(*partition).unwrap_or(*position),
                back_to: *position,
                rows: of(main, number),
                dead_letters: dead.map_or(0, |dead| of(dead, number)),
            })
        })
        .collect();
    let touched = [Some(main), dead]
        .into_iter()
        .flatten()
        .flat_map(|side| side.touched.iter().filter_map(|(number, _)| side.live.file(*number)));
    let (files, file_bytes) =
        touched.fold((0, 0), |(files, bytes), file| (files + 1, bytes + file.file_size));
    RepairPlan { partitions, files, file_bytes }
}

/// The positions of a table once it is repaired; never further than they are.
pub(super) fn set_back(positions: &Positions, back_to: &BTreeMap<i32, Position>) -> Positions {
    let mut set = positions.clone();
    for (partition, position) in positions.iter() {
        if let Some(back) =
            back_to.get(&partition.get()).filter(|back| back.next_offset <= position.next_offset)
        {
            set.set(partition, *back);
        }
    }
    set
}
