//! A table's files: those that were written, and those that are live.

use arrow_schema::Schema as ArrowSchema;
use firnline_index::Offset;
use firnline_table::manifest::LiveFile;
use firnline_table::{DataFile, FileContent, Literal, RemovedFile, Table};

use super::{PartitionKey, TableError, column_id};
use crate::files::WrittenFile;
use crate::rows::FIELD_ID;

/// The property that says where a table's files go, as all engines know it.
const DATA_PATH: &str = "write.data.path";

/// What the locations of a table's data files begin with.
#[must_use]
pub fn data_prefix(table: &Table) -> String {
    let own = super::property(table, DATA_PATH).map(|path| path.trim_end_matches('/').to_owned());
    own.unwrap_or_else(|| format!("{}/data", table.metadata.location().trim_end_matches('/')))
}

/// A file of rows, as a manifest has it. Rows came in the order of partition and offset only by chance, so that no sort order
/// is claimed.
#[must_use]
pub fn data_file(file: &WrittenFile<PartitionKey>, table: &Table) -> DataFile {
    let spec = table.metadata.default_spec().spec_id;
    described(file, FileContent::Data, spec, file.partition.values().to_vec())
}

/// A file of rows in the place of another one: of the same spec and partition.
#[must_use]
pub fn data_file_in<K>(file: &WrittenFile<K>, instead_of: &DataFile) -> DataFile {
    described(file, FileContent::Data, instead_of.spec_id, instead_of.partition.clone())
}

/// A file of keys whose rows go; `keys` are its columns, with their ids.
///
/// # Errors
/// Where a column has no id.
pub fn equality_file(
    file: &WrittenFile<PartitionKey>,
    table: &Table,
    keys: &ArrowSchema,
) -> Result<DataFile, TableError> {
    let spec = table.metadata.default_spec().spec_id;
    let mut described = described(file, FileContent::EqualityDeletes, spec, file.partition.values().to_vec());
    let ids = keys.fields().iter().map(|field| field.metadata().get(FIELD_ID).and_then(|id| id.parse().ok()));
    let ids: Option<Vec<i32>> = ids.collect();
    described.equality_ids = ids.ok_or_else(|| TableError::columns("a column of a key has no id"))?;
    Ok(described)
}

fn described<K>(
    file: &WrittenFile<K>,
    content: FileContent,
    spec: i32,
    partition: Vec<Option<Literal>>,
) -> DataFile {
    let mut described = DataFile::new(content, file.location.clone(), spec, partition, file.rows, file.size);
    for column in &file.columns {
        let id = column.field_id;
        described.column_sizes.insert(id, column.bytes);
        described.value_counts.insert(id, column.values);
        described.null_counts.extend(column.nulls.map(|nulls| (id, nulls)));
        described.nan_counts.extend(column.nans.map(|nans| (id, nans)));
        described.lower_bounds.extend(column.lower.clone().map(|bytes| (id, bytes)));
        described.upper_bounds.extend(column.upper.clone().map(|bytes| (id, bytes)));
    }
    described.split_offsets.clone_from(&file.split_offsets);
    described
}

/// The files that a table's head has.
#[derive(Debug, Clone)]
pub struct LiveFiles(Vec<LiveFile>);

/// The files that a table's head has. Reads its manifests.
///
/// # Errors
/// Where they cannot be read.
pub async fn live_files(table: &Table) -> Result<LiveFiles, TableError> {
    Ok(LiveFiles(firnline_table::live_files(table).await.map_err(TableError::manifests)?))
}

impl LiveFiles {
    /// Files of rows, with their numbers.
    pub fn data(&self) -> impl Iterator<Item = (usize, &DataFile)> {
        let all = self.0.iter().enumerate().map(|(number, live)| (number, &live.file));
        all.filter(|(_, file)| file.content == FileContent::Data)
    }

    /// How many files of deletes there are.
    #[must_use]
    pub fn deletes(&self) -> usize {
        self.0.iter().filter(|live| live.file.content.is_delete()).count()
    }

    /// The file of this number.
    #[must_use]
    pub fn file(&self, number: usize) -> Option<&DataFile> {
        self.0.get(number).map(|live| &live.file)
    }

    /// All of them, to be removed.
    #[must_use]
    pub fn removed(&self) -> Vec<RemovedFile> {
        self.0.iter().map(|live| RemovedFile::of(&live.file)).collect()
    }
}

/// The smallest and the largest Kafka offset in a file, where that is known.
#[must_use]
pub fn offset_bounds(table: &Table, file: &DataFile) -> Option<(Offset, Offset)> {
    let id = column_id(table, "kafka_offset")?;
    let bound = |bounds: &std::collections::BTreeMap<i32, Vec<u8>>| {
        let bytes: [u8; 8] = bounds.get(&id)?.as_slice().try_into().ok()?;
        Offset::new(i64::from_le_bytes(bytes)).ok()
    };
    Some((bound(&file.lower_bounds)?, bound(&file.upper_bounds)?))
}
