//! The dead-letter table: records that are no rows, with their bytes, place and reason.
//!
//! It is committed **before** the table's own positions pass its records, and keeps positions of its own. A crash between the
//! two commits leaves dead letters of a range that the next exporter reads again. It then looks up which of them are there, by
//! partition, offset and epoch, and adds only the others: an exporter with other settings may find other records bad, so the
//! position alone would lose some. That look costs requests only after such a crash.
//!
//! It is made with the first dead letter, never before.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use firnline_table::Table;

use super::error::JobError;
use super::plan::Assignment;
use super::state::Exported;
use super::table::{Evolving, Ground, Rows, SpecPartitioner, data_file};
use super::written::DeadSet;
use super::{Context, Ready};
use crate::files::FileSet;
use crate::position::{Advance, Position};
use crate::rows::{RowsError, conform};

/// The dead-letter table as it was loaded.
#[derive(Debug, Clone)]
pub(super) struct DeadTable {
    pub(super) table: Table,
    pub(super) exported: Exported,
}

/// Dead letters by where their records stand: partition, offset, epoch.
type Places = BTreeSet<(i32, i64, Option<i32>)>;

/// The dead letters of one round.
pub(super) struct DeadWriting<'a> {
    context: &'a Context,
    table: Option<DeadTable>,
    stem: String,
    /// Those that an earlier attempt has committed.
    present: Places,
    files: Option<FileSet<SpecPartitioner>>,
}

impl<'a> DeadWriting<'a> {
    /// Looks up what is there already of the ranges that will be read.
    pub(super) async fn begin(
        context: &'a Context,
        ready: &Ready,
        commit: &str,
        assignments: &[Assignment],
    ) -> Result<Self, JobError> {
        let mut present = Places::new();
        if let Some(dead) = &ready.dead {
            let ahead = assignments.iter().filter(|assignment| dead.is_ahead(assignment));
            let partitions: BTreeSet<i32> = ahead.map(|assignment| assignment.partition.get()).collect();
            if !partitions.is_empty() {
                let mut rows =
                    Rows::of(&dead.table, context.workers).await.map_err(|error| context.of_table(error))?;
                while let Some(places) =
                    rows.next(&partitions).await.map_err(|error| context.of_table(error))?
                {
                    present.extend(places);
                }
            }
        }
        let stem = format!("{commit}-dead");
        Ok(Self { context, table: ready.dead.clone(), stem, present, files: None })
    }

    /// Adds dead letters, but those that are there.
    pub(super) async fn push(&mut self, dead: RecordBatch) -> Result<(), JobError> {
        let dead = without(&dead, &self.present)?;
        if dead.num_rows() == 0 {
            return Ok(());
        }
        let table = match &mut self.table {
            Some(table) => table,
            none => none.insert(self.context.open_dead().await?),
        };
        let evolving = Evolving::of(&table.table);
        let schema = evolving.arrow().map_err(|error| self.context.of_table(error))?;
        let dead = conform(&dead, &schema)?;
        let files = match &mut self.files {
            Some(files) => files,
            none => none.insert(self.context.file_set(&table.table, &evolving, schema, self.stem.clone())?),
        };
        Ok(files.push(dead).await?)
    }

    /// Ends the files. `ranges` is what the round has read.
    pub(super) async fn finish(self, ranges: &[Advance]) -> Result<Option<DeadSet>, JobError> {
        let (Some(files), Some(table)) = (self.files, self.table) else { return Ok(None) };
        let mut add = Vec::new();
        for file in files.finish().await? {
            add.push(data_file(&file, &table.table));
        }
        let ranges = ranges.iter().map(|range| table.advance(range)).collect();
        Ok(Some(DeadSet { add, ranges, ground: Ground::of(&table.table) }))
    }
}

impl DeadTable {
    /// Whether it holds dead letters from beyond where the table stands.
    fn is_ahead(&self, assignment: &Assignment) -> bool {
        let own = self.exported.positions.get(assignment.partition);
        own.is_some_and(|own| own.next_offset > assignment.position.next_offset)
    }

    /// The same range as this table goes through it, from its own position, and never back.
    fn advance(&self, range: &Advance) -> Advance {
        let own = self.exported.positions.get(range.partition);
        let to = match own {
            Some(own) if own.next_offset > range.to.next_offset => own,
            _ => range.to,
        };
        let from = own.unwrap_or(Position::at(range.from));
        Advance {
            partition: range.partition,
            from: from.next_offset,
            from_epoch: from.leader_epoch,
            fresh: own.is_none(),
            to,
            // Only what the table itself says of it counts.
            decided_by: None,
        }
    }
}

/// The rows that stand at none of these places.
fn without(dead: &RecordBatch, present: &Places) -> Result<RecordBatch, JobError> {
    if present.is_empty() {
        return Ok(dead.clone());
    }
    let column = |name: &str| {
        dead.column_by_name(name)
            .ok_or_else(|| RowsError::Columns { what: format!("dead letters lack {name}") })
    };
    let (partitions, offsets, epochs) =
        (column("kafka_partition")?, column("kafka_offset")?, column("kafka_leader_epoch")?);
    let uneven = || RowsError::Columns { what: "dead letters have other types".to_owned() };
    let partitions = partitions.as_primitive_opt::<Int32Type>().ok_or_else(uneven)?;
    let offsets = offsets.as_primitive_opt::<Int64Type>().ok_or_else(uneven)?;
    let epochs = epochs.as_primitive_opt::<Int32Type>().ok_or_else(uneven)?;
    let keep: BooleanArray = (0..dead.num_rows())
        .map(|row| {
            let epoch = epochs.is_valid(row).then(|| epochs.value(row));
            Some(!present.contains(&(partitions.value(row), offsets.value(row), epoch)))
        })
        .collect();
    Ok(filter_record_batch(dead, &keep).map_err(|error| RowsError::Arrow(Arc::new(error)))?)
}
