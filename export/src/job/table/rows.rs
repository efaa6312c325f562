//! Where a table's rows come from: partition, offset and epoch of each, file by file.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use firnline_table::{DataFile, Table};

use super::{TableError, column_id, live_files};
use crate::tend::read::{TableFile, field_id};
use crate::workers::Workers;

/// Reads the places of a table's rows.
pub(crate) struct Rows {
    table: Table,
    left: VecDeque<DataFile>,
    workers: Workers,
}

impl Rows {
    /// Of all its files.
    pub(crate) async fn of(table: &Table, workers: Workers) -> Result<Self, TableError> {
        let live = live_files(table).await?;
        let left = live.data().map(|(_, file)| file.clone()).collect();
        Ok(Self { table: table.clone(), left, workers })
    }

    /// Those of the next file that are of one of these partitions; `None` at the end.
    pub(crate) async fn next(
        &mut self,
        partitions: &BTreeSet<i32>,
    ) -> Result<Option<Vec<(i32, i64, Option<i32>)>>, TableError> {
        let Some(file) = self.left.pop_front() else { return Ok(None) };
        let size = Some(file.file_size);
        let opened = TableFile::open(Arc::new(self.table.io.clone()), &file.path, size, self.workers).await?;
        let place = |name: &str| {
            let id = column_id(&self.table, name)?;
            opened.schema().fields().iter().position(|field| field_id(field) == Some(id))
        };
        // Another engine's file may have rows of its own alone.
        let (Some(partition), Some(offset)) = (place("kafka_partition"), place("kafka_offset")) else {
            return Ok(Some(Vec::new()));
        };
        let epoch = place("kafka_leader_epoch");
        let wanted: Vec<usize> = [Some(partition), Some(offset), epoch].into_iter().flatten().collect();
        let mut batches = opened.batches(Some(&wanted))?;
        let mut places = Vec::new();
        while let Some((_, rows)) = batches.next().await? {
            // Columns keep their order in the file.
            let at = |of: usize| rows.columns().get(wanted.iter().filter(|other| **other < of).count());
            let epochs = epoch.and_then(at).and_then(|column| column.as_primitive_opt::<Int32Type>());
            let partitions_of = at(partition).and_then(|column| column.as_primitive_opt::<Int32Type>());
            let offsets = at(offset).and_then(|column| column.as_primitive_opt::<Int64Type>());
            let (Some(of), Some(offsets)) = (partitions_of, offsets) else {
                return Err(TableError::columns(format!("{} has other types of columns", file.path)));
            };
            let ours = (0..rows.num_rows()).filter(|row| partitions.contains(&of.value(*row)));
            places.extend(ours.map(|row| {
                let epoch = epochs.filter(|epochs| epochs.is_valid(row)).map(|epochs| epochs.value(row));
                (of.value(row), offsets.value(row), epoch)
            }));
        }
        Ok(Some(places))
    }
}
