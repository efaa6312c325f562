//! The files of a table's current snapshot, from its manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use firnline_table::manifest::ManifestError;
use firnline_table::{DataFile, FileContent, FileFormat, Table};

use super::facts::{Content, FileFact};

/// The reserved id of the path in deletes by position.
const PATH_ID: i32 = 2_147_483_546;

/// A file of the current snapshot.
#[derive(Debug, Clone)]
pub struct LiveFile {
    /// What planning has to know.
    pub fact: FileFact,
    /// For deletes by key: the ids of its columns.
    pub equality_ids: Vec<i32>,
    /// The ids of the columns that it has values of; empty where the file does not tell.
    pub columns: BTreeSet<i32>,
    /// Why it cannot be read here; `None` where it can.
    pub unread: Option<String>,
    /// All about it.
    pub file: DataFile,
}

/// All files of the current snapshot.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// The snapshot; `None` where the table has none.
    pub snapshot: Option<i64>,
    /// Its sequence number.
    pub sequence: i64,
    /// The files.
    pub files: Vec<LiveFile>,
}

impl Live {
    /// Reads all manifests of the current snapshot. One GET for the list, one for each manifest.
    ///
    /// # Errors
    /// Where one of them cannot be read.
    pub async fn of(table: &Table) -> Result<Self, ManifestError> {
        let metadata = &table.metadata;
        let Some(snapshot) = metadata.current_snapshot() else { return Ok(Self::default()) };
        let made: BTreeMap<i64, i64> = metadata
            .snapshots()
            .iter()
            .map(|snapshot| (snapshot.snapshot_id, snapshot.timestamp_ms))
            .collect();
        let offset_id = schema_of(table).field_with_name("kafka_offset").ok().and_then(super::read::field_id);
        let default_spec = metadata.default_spec().spec_id;
        let unpartitioned: BTreeSet<i32> =
            metadata.specs().iter().filter(|spec| spec.fields.is_empty()).map(|spec| spec.spec_id).collect();
        let entries = firnline_table::live_files(table).await?;
        let files = entries
            .into_iter()
            .map(|entry| {
                let file = entry.file;
                let content = match file.content {
                    FileContent::Data => Content::Data,
                    FileContent::PositionDeletes => Content::PositionDeletes,
                    FileContent::EqualityDeletes => Content::EqualityDeletes,
                };
                let bound = |bounds: &BTreeMap<i32, Vec<u8>>| {
                    let bytes: [u8; 8] = bounds.get(&offset_id?)?.as_slice().try_into().ok()?;
                    Some(i64::from_le_bytes(bytes))
                };
                let unread = (file.format != FileFormat::Parquet)
                    .then(|| format!("{} is no Parquet file but {}", file.path, file.format));
                let fact = FileFact {
                    path: file.path.as_str().into(),
                    content,
                    partition: format!("{}/{:?}", file.spec_id, file.partition).into(),
                    unpartitioned: unpartitioned.contains(&file.spec_id),
                    current_spec: file.spec_id == default_spec,
                    readable: unread.is_none(),
                    bytes: file.file_size,
                    rows: file.record_count,
                    sequence: entry.sequence_number,
                    added: entry.file_sequence_number,
                    added_ms: made.get(&entry.snapshot_id).copied(),
                    first_offset: bound(&file.lower_bounds),
                    last_offset: bound(&file.upper_bounds),
                    only: only(&file),
                };
                LiveFile {
                    fact,
                    equality_ids: file.equality_ids.clone(),
                    columns: file.value_counts.keys().copied().collect(),
                    unread,
                    file,
                }
            })
            .collect();
        Ok(Self { snapshot: Some(snapshot.snapshot_id), sequence: snapshot.sequence_number, files })
    }

    /// What planning has to know.
    #[must_use]
    pub fn facts(&self) -> Vec<FileFact> {
        self.files.iter().map(|file| file.fact.clone()).collect()
    }

    /// The file at a location.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&LiveFile> {
        self.files.iter().find(|file| &*file.fact.path == path)
    }
}

/// The one file that deletes by position are about, where they are about one: told, or to be seen from their bounds, which
/// Iceberg's writers do not cut for paths.
fn only(file: &DataFile) -> Option<Arc<str>> {
    if file.content != FileContent::PositionDeletes {
        return None;
    }
    if let Some(path) = &file.referenced_data_file {
        return Some(path.as_str().into());
    }
    let (lower, upper) = (file.lower_bounds.get(&PATH_ID)?, file.upper_bounds.get(&PATH_ID)?);
    (lower == upper).then(|| std::str::from_utf8(lower).ok().map(Into::into)).flatten()
}

/// The table's columns of today, with their ids.
#[must_use]
pub fn schema_of(table: &Table) -> SchemaRef {
    table.metadata.current_schema().arrow().map_or_else(|_| Arc::new(Schema::empty()), Arc::new)
}
