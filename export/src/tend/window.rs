//! Rows in the order of the log, as far as memory goes: what has come in is sorted by partition and offset whenever so much
//! of it is there. Small files of many partitions become row groups in which a partition stands together.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{ArrowError, Schema};
use arrow_select::interleave::interleave_record_batch;

/// How many rows a batch given out has at most.
const BATCH_ROWS: usize = 8192;

/// Rows waiting to be sorted.
#[derive(Debug)]
pub(super) struct Window {
    /// The columns of partition and offset; none where the table does not have them.
    by: Option<(usize, usize)>,
    limit: usize,
    batches: Vec<RecordBatch>,
    bytes: usize,
}

impl Window {
    pub(super) fn new(schema: &Schema, limit: usize) -> Self {
        let at = |name: &str| schema.index_of(name).ok();
        Self { by: at("kafka_partition").zip(at("kafka_offset")), limit, batches: Vec::new(), bytes: 0 }
    }

    /// Takes rows; gives out those that there is no room for any more, in order.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<Vec<RecordBatch>, ArrowError> {
        if self.by.is_none() {
            return Ok(vec![batch]);
        }
        self.bytes = self.bytes.saturating_add(batch.get_array_memory_size());
        self.batches.push(batch);
        // Sorting copies: half of the room is for the copy.
        if self.bytes < self.limit / 2 { Ok(Vec::new()) } else { self.flush() }
    }

    /// Gives out the rest.
    pub(super) fn flush(&mut self) -> Result<Vec<RecordBatch>, ArrowError> {
        let batches = std::mem::take(&mut self.batches);
        self.bytes = 0;
        let Some((partition, offset)) = self.by else { return Ok(batches) };
        if batches.is_empty() {
            return Ok(batches);
        }
        let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
        for (at, batch) in batches.iter().enumerate() {
            let partitions = batch.columns().get(partition).and_then(|c| c.as_primitive_opt::<Int32Type>());
            let offsets = batch.columns().get(offset).and_then(|c| c.as_primitive_opt::<Int64Type>());
            let (Some(partitions), Some(offsets)) = (partitions, offsets) else { return Ok(batches) };
            for row in 0..batch.num_rows() {
                let value = |valid: bool, value: i64| valid.then_some(value);
                let partition = value(partitions.is_valid(row), i64::from(partitions.value(row)));
                rows.push((partition, value(offsets.is_valid(row), offsets.value(row)), at, row));
            }
        }
        if rows.is_sorted() {
            return Ok(batches);
        }
        rows.sort_unstable();
        let places: Vec<_> = rows.into_iter().map(|(_, _, at, row)| (at, row)).collect();
        let sources: Vec<_> = batches.iter().collect();
        places.chunks(BATCH_ROWS).map(|places| interleave_record_batch(&sources, places)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int32Array, Int64Array};

    use super::*;

    fn batch(rows: &[(i32, i64)]) -> RecordBatch {
        let partitions: ArrayRef = Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.0)));
        let offsets: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1)));
        RecordBatch::try_from_iter([("kafka_partition", partitions), ("kafka_offset", offsets)]).unwrap()
    }

    fn rows(batches: &[RecordBatch]) -> Vec<(i32, i64)> {
        let of = |batch: &RecordBatch| {
            let partitions = batch.column(0).as_primitive::<Int32Type>().values().to_vec();
            partitions.into_iter().zip(batch.column(1).as_primitive::<Int64Type>().values().to_vec())
        };
        batches.iter().flat_map(of).collect()
    }

    #[test]
    fn rows_come_out_in_the_order_of_the_log() {
        let first = batch(&[(1, 5), (0, 9)]);
        let mut window = Window::new(&first.schema(), 1 << 20);
        assert!(window.push(first).unwrap().is_empty());
        assert!(window.push(batch(&[(0, 3), (1, 1)])).unwrap().is_empty());
        assert_eq!(rows(&window.flush().unwrap()), [(0, 3), (0, 9), (1, 1), (1, 5)]);
        assert!(window.flush().unwrap().is_empty());
    }

    #[test]
    fn without_room_they_come_out_in_parts() {
        let first = batch(&[(1, 5), (0, 9)]);
        let mut window = Window::new(&first.schema(), 0);
        assert_eq!(rows(&window.push(first).unwrap()), [(0, 9), (1, 5)]);
        assert_eq!(rows(&window.push(batch(&[(0, 1)])).unwrap()), [(0, 1)]);
    }

    #[test]
    fn rows_that_are_not_the_logs_keep_their_order() {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![2, 1]));
        let other = RecordBatch::try_from_iter([("id", ids)]).unwrap();
        let mut window = Window::new(&other.schema(), 1 << 20);
        assert_eq!(window.push(other.clone()).unwrap(), [other]);
    }
}
