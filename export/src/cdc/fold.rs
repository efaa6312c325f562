//! The changes of one commit to a current-state table: for each key what its last change left.
//!
//! ```text
//!  changes, in the order they were read ──► key ─► (last change, row or none)  ──►  equality deletes of all keys touched
//!                                                                                   + a row for each key that lives on
//! ```
//!
//! Both go into one snapshot: an equality delete meets only rows of earlier snapshots, so that the rows beside it stay. The
//! last change is the one of the largest offset. A key stands in one partition; where a topic has been given more partitions
//! and a key has moved, the change that was handled later (`cdc_ts`) counts, and of equal ones that of the higher partition.
//!
//! Memory: all rows that count are held until the commit, and what they have replaced up to as much again. The job asks
//! [`Fold::bytes`] and commits before it gets too much.

use std::collections::HashMap;

use arrow_array::cast::AsArray as _;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_select::interleave::{interleave, interleave_record_batch};

use super::change::Op;
use super::error::CdcError;
use super::flatten::Changes;
use super::keys::encode_key;
use super::settings::Truncate;
use super::widen::{WidenError, widen};

/// How many rows a batch given back has at most.
const BATCH_ROWS: usize = 16 << 10;

/// What one entry of the map costs beside its key, in bytes.
const ENTRY_BYTES: usize = 96;

/// Below so many rows that do not count any more, putting the others together is not worth it.
const MIN_DEAD_ROWS: usize = 64 << 10;

/// Changes of one commit, folded. See the module's own words.
#[derive(Debug)]
pub struct Fold {
    /// Where the key's columns stand in the batches.
    key: Vec<usize>,
    truncate: Truncate,
    /// Partitions of the topic.
    partitions: usize,
    batches: Vec<RecordBatch>,
    /// Columns of keys, from batches and from rows that changed their key.
    keys: Vec<Vec<ArrayRef>>,
    latest: HashMap<Box<[u8]>, Latest>,
    bytes: usize,
    rows: usize,
    truncated: bool,
}

#[derive(Debug, Clone, Copy)]
struct Latest {
    order: Order,
    /// Where the key's values stand in `keys`.
    key: (usize, usize),
    /// Where its row stands in `batches`; none after a delete.
    row: Option<(usize, usize)>,
}

#[derive(Debug, Clone, Copy)]
struct Order {
    partition: i32,
    offset: i64,
    ts: Option<i64>,
}

impl Order {
    fn is_after(&self, other: &Self) -> bool {
        if self.partition == other.partition {
            return self.offset > other.offset;
        }
        (self.ts, self.partition) > (other.ts, other.partition)
    }
}

/// What a commit has to do.
#[derive(Debug, Clone)]
pub struct Folded {
    /// Whether all rows of earlier snapshots go: their files are removed in the same commit.
    pub truncated: bool,
    /// The keys whose rows of earlier snapshots go: columns of the key, in batches.
    pub deletes: Vec<Vec<ArrayRef>>,
    /// The rows, in the order of partition and offset.
    pub rows: Vec<RecordBatch>,
}

impl Fold {
    /// Nothing yet. `key` is where the key's columns stand in the batches that will come; `partitions` is how many the
    /// topic has.
    #[must_use]
    pub fn new(key: Vec<usize>, truncate: Truncate, partitions: usize) -> Self {
        Self {
            key,
            truncate,
            partitions,
            batches: Vec::new(),
            keys: Vec::new(),
            latest: HashMap::new(),
            bytes: 0,
            rows: 0,
            truncated: false,
        }
    }

    /// Where the key's columns stand, where that was not known before: truncations have none.
    pub(super) fn know_key(&mut self, key: &[usize]) {
        if self.key.is_empty() {
            self.key = key.to_vec();
        }
    }

    /// Adds changes. `batch` has the rows that `changes` made, with the columns of the table; `partitions` and `offsets`
    /// have the position of each.
    ///
    /// # Errors
    /// [`CdcError::Truncated`], [`CdcError::TruncatedOverPartitions`], [`CdcError::Unavailable`] where a policy says to
    /// stop. Nothing has been added then: what came before can be committed, up to the position that the error names.
    pub fn push(
        &mut self,
        batch: &RecordBatch,
        partitions: &[i32],
        offsets: &[i64],
        changes: &Changes,
        names: &dyn Fn(usize) -> String,
    ) -> Result<(), CdcError> {
        let rows = changes.ops.len();
        if batch.num_rows() != rows || partitions.len() != rows || offsets.len() != rows {
            return Err(CdcError::Columns { given: batch.num_rows(), rows, planned: rows });
        }
        self.allow(partitions, offsets, changes, names)?;
        if !changes.ops.iter().any(|op| op.is_of_row()) {
            if changes.ops.contains(&Op::Truncate) {
                self.empty();
            }
            return Ok(());
        }
        let key: Vec<_> = self.key.iter().filter_map(|at| batch.columns().get(*at).cloned()).collect();
        let ts = changes.columns.get(1).and_then(|ts| ts.as_primitive_opt::<TimestampMicrosecondType>());
        self.bytes = self.bytes.saturating_add(batch.get_array_memory_size());
        self.batches.push(batch.clone());
        self.keys.push(key);
        let (at, own) = (self.batches.len() - 1, self.keys.len() - 1);
        let left = match &changes.left_keys {
            Some(left) => {
                self.keys.push(left_as(&left.columns, self.keys.last())?);
                Some((self.keys.len() - 1, left))
            }
            None => None,
        };
        for (row, ((op, partition), offset)) in changes.ops.iter().zip(partitions).zip(offsets).enumerate() {
            let ts = ts.filter(|ts| ts.is_valid(row)).map(|ts| ts.value(row));
            let order = Order { partition: *partition, offset: *offset, ts };
            match op {
                Op::Message => {}
                Op::Truncate => self.empty(),
                _ => {
                    if let Some((set, _)) = left.filter(|(_, left)| left.left.get(row) == Some(&true)) {
                        self.put((set, row), None, order)?;
                    }
                    let lives = op.leaves_row().then_some((at, row));
                    self.put((own, row), lives, order)?;
                }
            }
        }
        self.rows = self.rows.saturating_add(rows);
        self.compact_when_worth_it()
    }

    /// Whether a policy stands against what is to be added.
    fn allow(
        &self,
        partitions: &[i32],
        offsets: &[i64],
        changes: &Changes,
        names: &dyn Fn(usize) -> String,
    ) -> Result<(), CdcError> {
        let place = |row: usize| {
            (partitions.get(row).copied().unwrap_or(-1), offsets.get(row).copied().unwrap_or(-1))
        };
        let truncation = changes.ops.iter().position(|op| *op == Op::Truncate);
        if let Some((row, column)) = changes.unavailable
            && truncation.is_none_or(|truncation| row < truncation)
        {
            let (partition, offset) = place(row);
            return Err(CdcError::Unavailable { column: names(column), partition, offset });
        }
        if let Some(row) = truncation {
            let (partition, offset) = place(row);
            if self.truncate == Truncate::Stop {
                return Err(CdcError::Truncated { partition, offset });
            }
            if self.partitions != 1 {
                let partitions = self.partitions;
                return Err(CdcError::TruncatedOverPartitions { partition, offset, partitions });
            }
        }
        if let Some((row, column)) = changes.unavailable {
            let (partition, offset) = place(row);
            return Err(CdcError::Unavailable { column: names(column), partition, offset });
        }
        Ok(())
    }

    fn put(
        &mut self,
        key: (usize, usize),
        row: Option<(usize, usize)>,
        order: Order,
    ) -> Result<(), CdcError> {
        let Some(columns) = self.keys.get(key.0) else { return Ok(()) };
        let mut encoded = Vec::with_capacity(32);
        encode_key(columns, key.1, &mut encoded).map_err(|error| CdcError::KeyType {
            column: self.key.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            data_type: error.0,
        })?;
        let latest = Latest { order, key, row };
        match self.latest.get_mut(&*encoded) {
            Some(known) if order.is_after(&known.order) => *known = latest,
            Some(_) => {}
            None => {
                self.bytes = self.bytes.saturating_add(encoded.len() + ENTRY_BYTES);
                self.latest.insert(encoded.into(), latest);
            }
        }
        Ok(())
    }

    /// All that came before is gone.
    fn empty(&mut self) {
        self.latest.clear();
        self.truncated = true;
    }

    /// About how much memory is held, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many keys were touched.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.latest.len()
    }

    /// Whether there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.latest.is_empty() && !self.truncated
    }

    /// Lets rows go that have been replaced, once they are more than those that count.
    fn compact_when_worth_it(&mut self) -> Result<(), CdcError> {
        let dead = self.rows.saturating_sub(self.latest.len());
        if dead < MIN_DEAD_ROWS || dead < self.latest.len() {
            return Ok(());
        }
        let mut entries: Vec<_> = self.latest.values_mut().collect();
        entries.sort_unstable_by_key(|latest| (latest.order.partition, latest.order.offset));
        let keys = columns_of(&self.keys, &entries.iter().map(|latest| latest.key).collect::<Vec<_>>())?;
        let lives: Vec<_> = entries.iter().filter_map(|latest| latest.row).collect();
        let batches: Vec<_> = self.batches.iter().collect();
        let rows = if lives.is_empty() { None } else { Some(interleave_record_batch(&batches, &lives)?) };
        let mut at = 0;
        for (row, latest) in entries.into_iter().enumerate() {
            latest.key = (0, row);
            if latest.row.is_some() {
                latest.row = Some((0, at));
                at += 1;
            }
        }
        self.batches = rows.into_iter().collect();
        self.keys = vec![keys];
        self.rows = self.latest.len();
        let held: usize = self.batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let keys: usize = self.keys.iter().flatten().map(|column| column.get_array_memory_size()).sum();
        let map: usize = self.latest.keys().map(|key| key.len() + ENTRY_BYTES).sum();
        self.bytes = held.saturating_add(keys).saturating_add(map);
        Ok(())
    }

    /// What the commit has to do. `fresh` says that the table has no rows yet: then nothing has to be deleted.
    ///
    /// # Errors
    /// Where the columns of the batches do not fit each other.
    pub fn finish(self, fresh: bool) -> Result<Folded, CdcError> {
        let mut entries: Vec<_> = self.latest.values().copied().collect();
        // Two keys share an offset where a row has changed its key: their places tell them apart.
        entries.sort_unstable_by_key(|latest| (latest.order.partition, latest.order.offset, latest.key));
        let mut folded = Folded { truncated: self.truncated, deletes: Vec::new(), rows: Vec::new() };
        if !(fresh || self.truncated) {
            for some in entries.chunks(BATCH_ROWS) {
                let places: Vec<_> = some.iter().map(|latest| latest.key).collect();
                folded.deletes.push(columns_of(&self.keys, &places)?);
            }
        }
        let lives: Vec<_> = entries.iter().filter_map(|latest| latest.row).collect();
        let batches: Vec<_> = self.batches.iter().collect();
        for some in lives.chunks(BATCH_ROWS) {
            folded.rows.push(interleave_record_batch(&batches, some)?);
        }
        Ok(folded)
    }
}

/// Keys left behind, in the types that the table's columns have by now.
fn left_as(left: &[ArrayRef], own: Option<&Vec<ArrayRef>>) -> Result<Vec<ArrayRef>, CdcError> {
    let own = own.map(Vec::as_slice).unwrap_or_default();
    let widened = left.iter().zip(own).map(|(left, own)| match widen(left, own.data_type()) {
        Ok(column) => Ok(column),
        Err(WidenError::Arrow(error)) => Err(error.into()),
        Err(WidenError::Type { .. }) => {
            Err(CdcError::Columns { given: left.len(), rows: own.len(), planned: own.len() })
        }
    });
    widened.collect()
}

/// Rows of keys out of several sets of columns.
fn columns_of(sets: &[Vec<ArrayRef>], places: &[(usize, usize)]) -> Result<Vec<ArrayRef>, CdcError> {
    let width = sets.first().map_or(0, Vec::len);
    let mut columns = Vec::with_capacity(width);
    for at in 0..width {
        let sources: Vec<&dyn Array> =
            sets.iter().filter_map(|set| set.get(at).map(|c| c.as_ref())).collect();
        columns.push(interleave(&sources, places)?);
    }
    Ok(columns)
}

#[cfg(test)]
mod tests;
