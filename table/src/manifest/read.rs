//! Entries of manifests, whoever wrote them, with all that they inherit filled in.

use super::avro::{AvroError, Datum, Reader};
use super::entry::{Entry, Status};
use super::error::ManifestError;
use super::file::{DataFile, FileContent};
use super::list::{ManifestContent, ManifestFile};
use super::schemas::{entry, file};
use crate::metadata::TableMetadata;
use crate::partition::PartitionColumn;
use crate::types::PrimitiveType;
use crate::value::{Literal, decimal};
use std::collections::BTreeMap;

/// The most entries of one manifest: more are an error rather than memory.
const MAX_ENTRIES: usize = 2_000_000;

/// All entries of a manifest, removed files' among them.
pub(crate) fn read_entries(
    bytes: &[u8],
    metadata: &TableMetadata,
    manifest: &ManifestFile,
) -> Result<Vec<Entry>, ManifestError> {
    let location = manifest.path.as_str();
    let avro = |source| ManifestError::Avro { location: location.to_owned(), source };
    let columns = metadata
        .partition_columns(manifest.spec_id)
        .map_err(|source| ManifestError::Partition { location: location.to_owned(), source })?;
    let mut reader = Reader::new(bytes).map_err(avro)?;
    let mut entries = Vec::new();
    let mut next_row_id = manifest.first_row_id;
    while let Some(record) = reader.next().map_err(avro)? {
        if entries.len() >= MAX_ENTRIES {
            return Err(avro(AvroError::TooLarge("any manifest")));
        }
        let mut entry = read_entry(Fields::new(record, location), &columns, manifest)?;
        number_rows(&mut entry, &mut next_row_id);
        entries.push(entry);
    }
    Ok(entries)
}

fn read_entry(
    mut fields: Fields<'_>,
    columns: &[PartitionColumn],
    manifest: &ManifestFile,
) -> Result<Entry, ManifestError> {
    let status = fields.required_int("status", entry::STATUS)?;
    let status = Status::of_code(status).ok_or_else(|| fields.bad("status", "is none that is known"))?;
    // What its writer could not know is its manifest's; an entry of a file that was there before has to know it.
    let inherits = status == Status::Added || manifest.sequence_number == 0;
    let inherited = inherits.then_some(manifest.sequence_number);
    let snapshot_id = fields.int("snapshot_id", entry::SNAPSHOT_ID)?.or(Some(manifest.added_snapshot_id));
    let sequence_number = fields.int("sequence_number", entry::SEQUENCE_NUMBER)?.or(inherited);
    if sequence_number.is_none() {
        return Err(fields.bad("sequence_number", "is missing in an entry that cannot inherit one"));
    }
    let file_sequence_number = fields.int("file_sequence_number", entry::FILE_SEQUENCE_NUMBER)?.or(inherited);
    let record = fields.take(entry::DATA_FILE).ok_or_else(|| fields.bad("data_file", "is missing"))?;
    let file = read_file(Fields::new(record, fields.location()), columns, manifest)?;
    Ok(Entry { status, snapshot_id, sequence_number, file_sequence_number, file })
}

fn read_file(
    mut fields: Fields<'_>,
    columns: &[PartitionColumn],
    manifest: &ManifestFile,
) -> Result<DataFile, ManifestError> {
    let content = fields.int("content", file::CONTENT)?.unwrap_or(0);
    let content =
        FileContent::of_code(content).ok_or_else(|| fields.bad("content", "is none that is known"))?;
    if content.is_delete() != (manifest.content == ManifestContent::Deletes) {
        return Err(fields.bad("content", "is not what its manifest is for"));
    }
    let mut partition = fields.take(file::PARTITION).ok_or_else(|| fields.bad("partition", "is missing"))?;
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        let value = match partition.take(column.id) {
            None => None,
            Some(value) => {
                let value = literal(value, &column.value_type);
                Some(value.ok_or_else(|| fields.bad("partition", "has a value that its spec cannot have"))?)
            }
        };
        values.push(value);
    }
    let format = fields.required_text("file_format", file::FORMAT)?;
    Ok(DataFile {
        content,
        path: fields.required_text("file_path", file::PATH)?,
        // Every text is a format.
        format: format.parse().unwrap_or(super::file::FileFormat::Other(format)),
        spec_id: manifest.spec_id,
        partition: values,
        record_count: fields.required_count("record_count", file::RECORD_COUNT)?,
        file_size: fields.required_count("file_size_in_bytes", file::FILE_SIZE)?,
        column_sizes: fields.counts("column_sizes", file::COLUMN_SIZES)?,
        value_counts: fields.counts("value_counts", file::VALUE_COUNTS)?,
        null_counts: fields.counts("null_value_counts", file::NULL_COUNTS)?,
        nan_counts: fields.counts("nan_value_counts", file::NAN_COUNTS)?,
        lower_bounds: fields.bounds("lower_bounds", file::LOWER_BOUNDS)?,
        upper_bounds: fields.bounds("upper_bounds", file::UPPER_BOUNDS)?,
        key_metadata: fields.bytes("key_metadata", file::KEY_METADATA)?,
        split_offsets: fields.longs("split_offsets", file::SPLIT_OFFSETS)?,
        equality_ids: fields.ids("equality_ids", file::EQUALITY_IDS)?,
        sort_order_id: fields.id("sort_order_id", file::SORT_ORDER_ID)?,
        first_row_id: fields.int("first_row_id", file::FIRST_ROW_ID)?,
        referenced_data_file: fields.text("referenced_data_file", file::REFERENCED_DATA_FILE)?,
        content_offset: fields.int("content_offset", file::CONTENT_OFFSET)?,
        content_size: fields.int("content_size_in_bytes", file::CONTENT_SIZE)?,
    })
}

/// Rows of files that say no first row id are numbered from the manifest's, one file after the other.
fn number_rows(entry: &mut Entry, next: &mut Option<i64>) {
    let Some(first) = *next else {
        // Nobody has numbered the manifest's rows yet.
        entry.file.first_row_id = None;
        return;
    };
    if entry.is_live() && entry.file.content == FileContent::Data && entry.file.first_row_id.is_none() {
        entry.file.first_row_id = Some(first);
        let rows = i64::try_from(entry.file.record_count).unwrap_or(i64::MAX);
        *next = Some(first.saturating_add(rows));
    }
}

/// A partition's value as its spec has it. Numbers of a column that was widened since are taken, too.
fn literal(value: Datum, value_type: &PrimitiveType) -> Option<Literal> {
    use PrimitiveType as T;
    Some(match (value, value_type) {
        (Datum::Boolean(value), T::Boolean) => Literal::Boolean(value),
        (Datum::Int(value), T::Int | T::Date) => Literal::Int(i32::try_from(value).ok()?),
        (
            Datum::Int(value),
            T::Long | T::Time | T::Timestamp | T::TimestampTz | T::TimestampNs | T::TimestampTzNs,
        ) => Literal::Long(value),
        (Datum::Float(value), T::Float) => Literal::Float(value),
        (Datum::Float(value), T::Double) => Literal::Double(value.into()),
        (Datum::Double(value), T::Double) => Literal::Double(value),
        (Datum::Bytes(bytes), T::Decimal { .. }) => Literal::Decimal(decimal(&bytes)?),
        (Datum::Text(text), T::String) => Literal::String(text),
        (Datum::Bytes(bytes), T::Uuid) => Literal::Uuid(bytes.try_into().ok()?),
        (Datum::Text(text), T::Uuid) => Literal::Uuid(*uuid::Uuid::parse_str(&text).ok()?.as_bytes()),
        (Datum::Bytes(bytes), T::Fixed(length)) => {
            (usize::try_from(*length).ok()? == bytes.len()).then_some(Literal::Fixed(bytes))?
        }
        (Datum::Bytes(bytes), T::Binary) => Literal::Binary(bytes),
        _ => return None,
    })
}

/// A record whose fields are taken out one by one, with errors that say where.
pub(super) struct Fields<'a> {
    record: Datum,
    location: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn new(record: Datum, location: &'a str) -> Self {
        Self { record, location }
    }

    pub(super) fn location(&self) -> &'a str {
        self.location
    }

    pub(super) fn bad(&self, field: &'static str, why: &'static str) -> ManifestError {
        ManifestError::Value { location: self.location.to_owned(), field, why }
    }

    fn take(&mut self, id: i32) -> Option<Datum> {
        self.record.take(id)
    }

    fn missing(&self, field: &'static str) -> ManifestError {
        self.bad(field, "is missing")
    }

    pub(super) fn int(&mut self, field: &'static str, id: i32) -> Result<Option<i64>, ManifestError> {
        match self.take(id) {
            None => Ok(None),
            Some(Datum::Int(value)) => Ok(Some(value)),
            Some(_) => Err(self.bad(field, "is no number")),
        }
    }

    pub(super) fn required_int(&mut self, field: &'static str, id: i32) -> Result<i64, ManifestError> {
        self.int(field, id)?.ok_or_else(|| self.missing(field))
    }

    fn id(&mut self, field: &'static str, id: i32) -> Result<Option<i32>, ManifestError> {
        let value = self.int(field, id)?;
        value.map(i32::try_from).transpose().map_err(|_| self.bad(field, "is out of range"))
    }

    pub(super) fn required_id(&mut self, field: &'static str, id: i32) -> Result<i32, ManifestError> {
        self.id(field, id)?.ok_or_else(|| self.missing(field))
    }

    pub(super) fn required_count(&mut self, field: &'static str, id: i32) -> Result<u64, ManifestError> {
        u64::try_from(self.required_int(field, id)?).map_err(|_| self.bad(field, "is negative"))
    }

    pub(super) fn boolean(&mut self, field: &'static str, id: i32) -> Result<Option<bool>, ManifestError> {
        match self.take(id) {
            None => Ok(None),
            Some(Datum::Boolean(value)) => Ok(Some(value)),
            Some(_) => Err(self.bad(field, "is neither true nor false")),
        }
    }

    fn text(&mut self, field: &'static str, id: i32) -> Result<Option<String>, ManifestError> {
        match self.take(id) {
            None => Ok(None),
            Some(Datum::Text(value)) => Ok(Some(value)),
            Some(_) => Err(self.bad(field, "is no text")),
        }
    }

    pub(super) fn required_text(&mut self, field: &'static str, id: i32) -> Result<String, ManifestError> {
        self.text(field, id)?.ok_or_else(|| self.missing(field))
    }

    pub(super) fn bytes(&mut self, field: &'static str, id: i32) -> Result<Option<Vec<u8>>, ManifestError> {
        match self.take(id) {
            None => Ok(None),
            Some(Datum::Bytes(value)) => Ok(Some(value)),
            Some(_) => Err(self.bad(field, "is not made of bytes")),
        }
    }

    pub(super) fn array(
        &mut self,
        field: &'static str,
        id: i32,
    ) -> Result<Option<Vec<Datum>>, ManifestError> {
        match self.take(id) {
            None => Ok(None),
            Some(Datum::Array(values)) => Ok(Some(values)),
            Some(_) => Err(self.bad(field, "is no list")),
        }
    }

    fn longs(&mut self, field: &'static str, ids: [i32; 2]) -> Result<Vec<i64>, ManifestError> {
        let [id, _] = ids;
        let values = self.array(field, id)?.unwrap_or_default();
        let values: Option<Vec<i64>> = values
            .into_iter()
            .map(|value| match value {
                Datum::Int(value) => Some(value),
                _ => None,
            })
            .collect();
        values.ok_or_else(|| self.bad(field, "holds what is no number"))
    }

    fn ids(&mut self, field: &'static str, ids: [i32; 2]) -> Result<Vec<i32>, ManifestError> {
        let values = self.longs(field, ids)?.into_iter().map(i32::try_from);
        values.collect::<Result<_, _>>().map_err(|_| self.bad(field, "is out of range"))
    }

    fn pairs(&mut self, field: &'static str, ids: [i32; 3]) -> Result<Vec<(i32, Datum)>, ManifestError> {
        let [id, key_id, value_id] = ids;
        let mut pairs = Vec::new();
        for mut pair in self.array(field, id)?.unwrap_or_default() {
            let key = match pair.take(key_id) {
                Some(Datum::Int(key)) => i32::try_from(key).ok(),
                _ => None,
            };
            let key = key.ok_or_else(|| self.bad(field, "has a key that is no field id"))?;
            pairs.push((key, pair.take(value_id).ok_or_else(|| self.missing(field))?));
        }
        Ok(pairs)
    }

    fn counts(&mut self, field: &'static str, ids: [i32; 3]) -> Result<BTreeMap<i32, u64>, ManifestError> {
        let mut counts = BTreeMap::new();
        for (key, value) in self.pairs(field, ids)? {
            let Datum::Int(count) = value else { return Err(self.bad(field, "holds what is no number")) };
            // Some writers say −1 for what they do not know.
            if let Ok(count) = u64::try_from(count) {
                counts.insert(key, count);
            }
        }
        Ok(counts)
    }

    fn bounds(
        &mut self,
        field: &'static str,
        ids: [i32; 3],
    ) -> Result<BTreeMap<i32, Vec<u8>>, ManifestError> {
        let mut bounds = BTreeMap::new();
        for (key, value) in self.pairs(field, ids)? {
            let Datum::Bytes(bytes) = value else {
                return Err(self.bad(field, "holds what is not made of bytes"));
            };
            bounds.insert(key, bytes);
        }
        Ok(bounds)
    }
}
