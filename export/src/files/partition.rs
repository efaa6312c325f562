//! Which rows go into which files.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use arrow_array::cast::AsArray as _;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array as _, RecordBatch, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::take::take_record_batch;

/// Rows of one partition, in their order.
pub type Split<K> = (K, Vec<RecordBatch>);

/// Divides rows.
pub trait Partitioner: Send + Sync + 'static {
    /// What tells partitions apart.
    type Key: Clone + Debug + Eq + Hash + Send + Sync + 'static;

    /// The rows of each partition.
    fn split(&self, rows: &RecordBatch) -> Result<Vec<Split<Self::Key>>, ArrowError>;

    /// Where files of a partition stand, below the table's own place: parts with `/` between them; empty for none.
    fn path(&self, key: &Self::Key) -> String;
}

/// One partition for all rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unpartitioned;

impl Partitioner for Unpartitioned {
    type Key = ();

    fn split(&self, rows: &RecordBatch) -> Result<Vec<Split<()>>, ArrowError> {
        Ok(vec![((), vec![rows.clone()])])
    }

    fn path(&self, (): &()) -> String {
        String::new()
    }
}

/// One given partition for all rows: whoever rewrites files knows which one it is.
#[derive(Debug, Clone)]
pub struct Given<K> {
    /// The partition.
    pub key: K,
    /// Where its files stand.
    pub path: String,
}

impl<K: Clone + Debug + Eq + Hash + Send + Sync + 'static> Partitioner for Given<K> {
    type Key = K;

    fn split(&self, rows: &RecordBatch) -> Result<Vec<Split<K>>, ArrowError> {
        Ok(vec![(self.key.clone(), vec![rows.clone()])])
    }

    fn path(&self, _: &K) -> String {
        self.path.clone()
    }
}

/// A partition for each day (UTC) of a column of timestamps in microseconds: the number of days since 1970-01-01, or `None`
/// for null. As Hive names them: `<column>=YYYY-MM-DD`.
#[derive(Debug, Clone)]
pub struct ByDay {
    /// The column's place.
    pub column: usize,
    /// What the directories are called.
    pub name: String,
}

/// What Hive calls the partition of null.
pub(crate) const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

const DAY_US: i64 = 86_400_000_000;

/// The first day that has no four-digit year. Behind it no reader of Hive's directories knows a date.
const YEAR_10000: i32 = 2_932_897;

impl Partitioner for ByDay {
    type Key = Option<i32>;

    fn split(&self, rows: &RecordBatch) -> Result<Vec<Split<Option<i32>>>, ArrowError> {
        let column = rows.columns().get(self.column);
        let times = column.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let Some(times) = times else {
            return Err(ArrowError::SchemaError(format!("column {} has no timestamps", self.column)));
        };
        let day = |row: usize| {
            let time = times.is_valid(row).then(|| times.value(row));
            time.and_then(|time| i32::try_from(time.div_euclid(DAY_US)).ok())
                .filter(|day| (0..YEAR_10000).contains(day))
        };
        split_rows(rows, day)
    }

    fn path(&self, key: &Option<i32>) -> String {
        let date = key.and_then(chrono::NaiveDate::from_epoch_days);
        match date {
            Some(date) => format!("{}={}", self.name, date.format("%Y-%m-%d")),
            None => format!("{}={HIVE_NULL}", self.name),
        }
    }
}

/// A stretch of rows of one partition.
struct Run {
    key: usize,
    start: usize,
    length: usize,
}

/// Divides rows by a key for each of them. Rows of a key that lie together stay slices of what was given; where keys change
/// often, rows are gathered instead.
///
/// # Errors
/// Arrow's own, of gathering.
pub fn split_rows<K: Clone + Eq + Hash>(
    rows: &RecordBatch,
    key_of: impl Fn(usize) -> K,
) -> Result<Vec<Split<K>>, ArrowError> {
    let (mut keys, mut places) = (Vec::<K>::new(), HashMap::new());
    let mut runs: Vec<Run> = Vec::new();
    for row in 0..rows.num_rows() {
        let key = key_of(row);
        match runs.last_mut() {
            Some(run) if keys[run.key] == key => run.length += 1,
            _ => {
                let place = *places.entry(key.clone()).or_insert_with(|| {
                    keys.push(key);
                    keys.len() - 1
                });
                runs.push(Run { key: place, start: row, length: 1 });
            }
        }
    }
    if keys.len() <= 1 {
        return Ok(keys.into_iter().map(|key| (key, vec![rows.clone()])).collect());
    }
    // A slice costs a pass over all columns as well: worth it for stretches, not for single rows.
    if rows.num_rows() / runs.len() >= 64 {
        let mut split: Vec<Split<K>> = keys.into_iter().map(|key| (key, Vec::new())).collect();
        for Run { key, start, length } in runs {
            split[key].1.push(rows.slice(start, length));
        }
        return Ok(split);
    }
    let mut places: Vec<Vec<u32>> = vec![Vec::new(); keys.len()];
    for Run { key, start, length } in runs {
        let range = start..start + length;
        places[key].extend(range.map(|row| u32::try_from(row).unwrap_or(u32::MAX)));
    }
    keys.into_iter()
        .zip(places)
        .map(|(key, places)| Ok((key, vec![take_record_batch(rows, &UInt32Array::from(places))?])))
        .collect()
}
