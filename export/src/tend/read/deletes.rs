//! Rows that are deleted: by their place in a file, or by their key.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow_schema::{DataType, Schema};
use sha2::{Digest as _, Sha256};

use super::error::FileReadError;
use super::file::TableFile;
use super::project::field_id;
use crate::cdc::encode_key;

/// Reserved ids of the two columns of deletes by position.
const PATH_ID: i32 = 2_147_483_546;
const POSITION_ID: i32 = 2_147_483_545;

/// A file of deletes.
#[derive(Debug, Clone)]
pub struct DeleteFile {
    /// Where it is.
    pub location: String,
    /// Its data sequence number.
    pub sequence: i64,
    /// The ids of the key's columns, for deletes by key; else empty.
    pub equality_ids: Vec<i32>,
}

/// Deletes in memory. A key takes 48 bytes or so, whatever its length: of keys their SHA-256 is kept, cut to 128 bits.
#[derive(Debug, Clone, Default)]
pub struct Deletes {
    /// Deleted positions by file, ascending, each with the delete's sequence number.
    positions: HashMap<Arc<str>, Vec<(u64, i64)>>,
    /// Deletes by key: for each set of columns the largest sequence number of each key. One that is larger than a file's
    /// reaches its rows, whatever the smaller ones would do.
    keys: Vec<(Vec<i32>, HashMap<u128, i64>)>,
}

impl Deletes {
    /// Nothing is deleted.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.keys.is_empty()
    }

    /// How many deletes are held.
    #[must_use]
    pub fn len(&self) -> usize {
        let positions: usize = self.positions.values().map(Vec::len).sum();
        positions + self.keys.iter().map(|(_, keys)| keys.len()).sum::<usize>()
    }

    /// Reads a file of deletes by position. Of files for which `wanted` is false nothing is kept; `seen` is told every file
    /// that it names.
    ///
    /// # Errors
    /// Where the file cannot be read or is none of that kind.
    pub async fn load_positions(
        &mut self,
        file: &TableFile,
        deletes: &DeleteFile,
        wanted: &(dyn Fn(&str) -> bool + Sync),
        seen: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), FileReadError> {
        let schema = file.schema();
        let path = column(schema, PATH_ID, "file_path");
        let position = column(schema, POSITION_ID, "pos");
        let (Some(path), Some(position)) = (path, position) else {
            return Err(FileReadError::unsupported(
                file.location(),
                "it has no columns `file_path` and `pos`",
            ));
        };
        let mut batches = file.batches(Some(&[path, position]))?;
        while let Some((_, batch)) = batches.next().await? {
            // Columns keep their order in the file.
            let (first, second) = if path < position { (0, 1) } else { (1, 0) };
            let paths = batch.columns().get(first).and_then(|column| column.as_string_opt::<i32>());
            let positions =
                batch.columns().get(second).and_then(|column| column.as_primitive_opt::<Int64Type>());
            let (Some(paths), Some(positions)) = (paths, positions) else {
                return Err(FileReadError::unsupported(file.location(), "its columns are no text and long"));
            };
            for (path, position) in paths.iter().zip(positions.iter()) {
                let (Some(path), Some(position)) = (path, position.and_then(|at| u64::try_from(at).ok()))
                else {
                    return Err(FileReadError::unsupported(file.location(), "it names no row in a line"));
                };
                seen(path);
                if !wanted(path) {
                    continue;
                }
                match self.positions.get_mut(path) {
                    Some(list) => list.push((position, deletes.sequence)),
                    None => {
                        self.positions.insert(path.into(), vec![(position, deletes.sequence)]);
                    }
                }
            }
        }
        for list in self.positions.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
        Ok(())
    }

    /// Reads a file of deletes by key.
    ///
    /// # Errors
    /// Where the file cannot be read, or its key is none.
    pub async fn load_keys(&mut self, file: &TableFile, deletes: &DeleteFile) -> Result<(), FileReadError> {
        if deletes.equality_ids.is_empty() {
            return Err(FileReadError::unsupported(
                file.location(),
                "deletes by key whose key has no columns",
            ));
        }
        let mut ids = deletes.equality_ids.clone();
        ids.sort_unstable();
        ids.dedup();
        let set = match self.keys.iter().position(|(known, _)| *known == ids) {
            Some(at) => at,
            None => {
                self.keys.push((ids.clone(), HashMap::new()));
                self.keys.len() - 1
            }
        };
        let mut batches = file.batches(None)?;
        while let Some((_, batch)) = batches.next().await? {
            let columns = key_columns(file.location(), &batch, &ids)?;
            let Some((_, keys)) = self.keys.get_mut(set) else { continue };
            let mut key = Vec::new();
            for row in 0..batch.num_rows() {
                let hash = hash(file.location(), &columns, row, &mut key)?;
                let sequence = keys.entry(hash).or_insert(deletes.sequence);
                *sequence = (*sequence).max(deletes.sequence);
            }
        }
        Ok(())
    }

    /// Which rows of a file stay; `None` where all do. `sequence` is the file's, `first` the position of the batch's first
    /// row in it. The batch has the file's own columns, those of the keys among them.
    ///
    /// # Errors
    /// Where a key's column is of a type that cannot be one.
    pub fn staying(
        &self,
        location: &str,
        sequence: i64,
        first: u64,
        batch: &RecordBatch,
    ) -> Result<Option<BooleanArray>, FileReadError> {
        let rows = batch.num_rows();
        let mut stays = vec![true; rows];
        let positions = self.positions.get(location).map(Vec::as_slice).unwrap_or_default();
        let start = positions.partition_point(|(position, _)| *position < first);
        for (position, of) in positions.iter().skip(start) {
            let row = position.checked_sub(first).and_then(|row| usize::try_from(row).ok());
            let Some(stay) = row.and_then(|row| stays.get_mut(row)) else { break };
            if sequence <= *of {
                *stay = false;
            }
        }
        let mut key = Vec::new();
        for (ids, keys) in &self.keys {
            let columns = key_columns(location, batch, ids)?;
            for (row, stay) in stays.iter_mut().enumerate().filter(|(_, stay)| **stay) {
                let hash = hash(location, &columns, row, &mut key)?;
                if keys.get(&hash).is_some_and(|of| sequence < *of) {
                    *stay = false;
                }
            }
        }
        Ok(stays.contains(&false).then(|| stays.into()))
    }

    /// The ids of all columns that keys are made of.
    #[must_use]
    pub fn key_ids(&self) -> Vec<i32> {
        let mut ids: Vec<i32> = self.keys.iter().flat_map(|(ids, _)| ids.iter().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

fn column(schema: &Schema, id: i32, name: &str) -> Option<usize> {
    let by_id = schema.fields().iter().position(|field| field_id(field) == Some(id));
    by_id.or_else(|| schema.fields().iter().position(|field| field.name() == name))
}

/// The key's columns of a batch, in the order of their ids. One that the file does not have is null in all its rows.
fn key_columns(location: &str, batch: &RecordBatch, ids: &[i32]) -> Result<Vec<ArrayRef>, FileReadError> {
    let schema = batch.schema();
    let one = |id: &i32| {
        let at = schema.fields().iter().position(|field| field_id(field) == Some(*id));
        if let Some(at) = at.filter(|at| schema.field(*at).data_type().is_nested()) {
            let name = schema.field(at).name();
            return Err(FileReadError::unsupported(location, format!("key column `{name}` is no scalar")));
        }
        let column = at.and_then(|at| batch.columns().get(at).cloned());
        Ok(column.unwrap_or_else(|| new_null_array(&DataType::Int32, batch.num_rows())))
    };
    ids.iter().map(one).collect()
}

fn hash(location: &str, columns: &[ArrayRef], row: usize, key: &mut Vec<u8>) -> Result<u128, FileReadError> {
    key.clear();
    encode_key(columns, row, key).map_err(|error| FileReadError::decode(location, error))?;
    let digest: [u8; 32] = Sha256::digest(&key).into();
    let (half, _) = digest.split_at(16);
    Ok(half.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte)))
}

#[cfg(test)]
mod tests;
