//! What a table knows about one file.

use crate::value::{Literal, passed_bounds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileContent {
    /// Rows.
    Data,
    /// Places of rows that are deleted.
    PositionDeletes,
    /// Values of rows that are deleted.
    EqualityDeletes,
}

impl FileContent {
    /// Whether it says what is deleted.
    #[must_use]
    pub fn is_delete(self) -> bool {
        self != Self::Data
    }

    pub(super) fn code(self) -> i32 {
        match self {
            Self::Data => 0,
            Self::PositionDeletes => 1,
            Self::EqualityDeletes => 2,
        }
    }

    pub(super) fn of_code(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::Data),
            1 => Some(Self::PositionDeletes),
            2 => Some(Self::EqualityDeletes),
            _ => None,
        }
    }
}

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileFormat {
    /// Apache Parquet.
    Parquet,
    /// Apache Avro.
    Avro,
    /// Apache ORC.
    Orc,
    /// Puffin, for deletion vectors.
    Puffin,
    /// One that is kept, not understood.
    Other(String),
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parquet => "PARQUET",
            Self::Avro => "AVRO",
            Self::Orc => "ORC",
            Self::Puffin => "PUFFIN",
            Self::Other(text) => text,
        })
    }
}

/// What is not known is kept, so every text is a format. Case does not matter.
impl FromStr for FileFormat {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let known = [Self::Parquet, Self::Avro, Self::Orc, Self::Puffin];
        let found = known.into_iter().find(|format| format.to_string().eq_ignore_ascii_case(text));
        Ok(found.unwrap_or_else(|| Self::Other(text.to_owned())))
    }
}

/// A data file or delete file, and what is known of what is in it. Its JSON is for passing it from one of our processes to
/// another, and no format of Iceberg's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataFile {
    /// What is in it.
    pub content: FileContent,
    /// Where it is: a whole location.
    pub path: String,
    /// How it is written.
    pub format: FileFormat,
    /// The spec that it is partitioned by.
    pub spec_id: i32,
    /// Its partition: a value for each of the spec's fields.
    pub partition: Vec<Option<Literal>>,
    /// Its rows.
    pub record_count: u64,
    /// Its exact size in bytes: readers find its footer by it.
    pub file_size: u64,
    /// Bytes on disk by column.
    #[serde(default)]
    pub column_sizes: BTreeMap<i32, u64>,
    /// Values, nulls and NaN among them, by column.
    #[serde(default)]
    pub value_counts: BTreeMap<i32, u64>,
    /// Nulls by column.
    #[serde(default)]
    pub null_counts: BTreeMap<i32, u64>,
    /// NaN by column.
    #[serde(default)]
    pub nan_counts: BTreeMap<i32, u64>,
    /// Nothing in a column is lower; single-value bytes.
    #[serde(default, with = "passed_bounds")]
    pub lower_bounds: BTreeMap<i32, Vec<u8>>,
    /// Nothing in a column is higher; single-value bytes.
    #[serde(default, with = "passed_bounds")]
    pub upper_bounds: BTreeMap<i32, Vec<u8>>,
    /// What readers of an encrypted file need.
    #[serde(default)]
    pub key_metadata: Option<Vec<u8>>,
    /// Where readers may split it, in ascending order.
    #[serde(default)]
    pub split_offsets: Vec<i64>,
    /// The columns whose values say which rows are deleted.
    #[serde(default)]
    pub equality_ids: Vec<i32>,
    /// The order that it is sorted by.
    #[serde(default)]
    pub sort_order_id: Option<i32>,
    /// The id of its first row (format version 3); `None` for a file that is added.
    #[serde(default)]
    pub first_row_id: Option<i64>,
    /// The one data file that a file of positions is about.
    #[serde(default)]
    pub referenced_data_file: Option<String>,
    /// Where in the file its deletion vector begins.
    #[serde(default)]
    pub content_offset: Option<i64>,
    /// How long that is.
    #[serde(default)]
    pub content_size: Option<i64>,
}

impl DataFile {
    /// A Parquet file of which no more is known.
    #[must_use]
    pub fn new(
        content: FileContent,
        path: impl Into<String>,
        spec_id: i32,
        partition: Vec<Option<Literal>>,
        record_count: u64,
        file_size: u64,
    ) -> Self {
        Self {
            content,
            path: path.into(),
            format: FileFormat::Parquet,
            spec_id,
            partition,
            record_count,
            file_size,
            column_sizes: BTreeMap::new(),
            value_counts: BTreeMap::new(),
            null_counts: BTreeMap::new(),
            nan_counts: BTreeMap::new(),
            lower_bounds: BTreeMap::new(),
            upper_bounds: BTreeMap::new(),
            key_metadata: None,
            split_offsets: Vec::new(),
            equality_ids: Vec::new(),
            sort_order_id: None,
            first_row_id: None,
            referenced_data_file: None,
            content_offset: None,
            content_size: None,
        }
    }
}
