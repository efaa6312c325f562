//! Writing manifests.

use super::avro::{Container, Encoder};
use super::entry::{Entry, Status};
use super::error::ManifestError;
use super::file::DataFile;
use super::list::{ManifestContent, ManifestFile};
use super::schemas;
use super::summary::Collected;
use crate::metadata::TableMetadata;
use crate::partition::{PartitionColumn, PartitionError};
use crate::types::PrimitiveType;
use crate::value::Literal;
use bytes::Bytes;
use std::collections::BTreeMap;

/// A manifest under way, for files of one spec and one kind.
pub(crate) struct ManifestWriter {
    container: Container,
    encoder: Encoder,
    columns: Vec<PartitionColumn>,
    collected: Vec<Collected>,
    format_version: u8,
    location: String,
    manifest: ManifestFile,
    min_sequence_number: Option<i64>,
}

/// A manifest as its file's bytes.
pub(crate) struct WrittenManifest {
    pub(crate) bytes: Bytes,
    pub(crate) manifest: ManifestFile,
}

/// Whom a manifest is made for.
#[derive(Clone, Copy)]
pub(crate) struct For {
    pub(crate) snapshot_id: i64,
    pub(crate) sequence_number: i64,
}

impl ManifestWriter {
    pub(crate) fn new(
        metadata: &TableMetadata,
        spec_id: i32,
        content: ManifestContent,
        location: String,
        made_for: For,
        sync: [u8; 16],
    ) -> Result<Self, ManifestError> {
        let partition = |source| ManifestError::Partition { location: location.clone(), source };
        let columns = metadata.partition_columns(spec_id).map_err(partition)?;
        let spec = metadata.spec(spec_id).map(|spec| spec.fields.clone()).unwrap_or_default();
        let schema = metadata.current_schema();
        let format_version = metadata.format_version();
        // JSON of our own types has only text as keys.
        let json = |value: serde_json::Result<String>| value.unwrap_or_default();
        let header = [
            ("schema", json(serde_json::to_string(schema))),
            ("schema-id", schema.id().to_string()),
            ("partition-spec", json(serde_json::to_string(&spec))),
            ("partition-spec-id", spec_id.to_string()),
            ("format-version", format_version.to_string()),
            ("content", content.word().to_owned()),
        ];
        let container = Container::new(&schemas::entries(&columns, format_version), &header, sync);
        let collected = columns.iter().map(|_| Collected::default()).collect();
        let manifest = ManifestFile {
            path: location.clone(),
            length: 0,
            spec_id,
            content,
            sequence_number: made_for.sequence_number,
            min_sequence_number: made_for.sequence_number,
            added_snapshot_id: made_for.snapshot_id,
            added_files: 0,
            existing_files: 0,
            deleted_files: 0,
            added_rows: 0,
            existing_rows: 0,
            deleted_rows: 0,
            partitions: None,
            key_metadata: None,
            first_row_id: None,
        };
        Ok(Self {
            container,
            encoder: Encoder::default(),
            columns,
            collected,
            format_version,
            location,
            manifest,
            min_sequence_number: None,
        })
    }

    /// About how long its file is by now.
    pub(crate) fn length(&self) -> u64 {
        self.container.length() as u64
    }

    pub(crate) fn push(&mut self, entry: &Entry) -> Result<(), ManifestError> {
        let bad = |why| ManifestError::Value { location: self.location.clone(), field: "entry", why };
        let file = &entry.file;
        if file.content.is_delete() != (self.manifest.content == ManifestContent::Deletes) {
            return Err(bad("is not what its manifest is for"));
        }
        let fits = |(column, value): (&PartitionColumn, &Option<Literal>)| {
            value.as_ref().is_none_or(|value| value.fits(&column.value_type))
        };
        let same = file.spec_id == self.manifest.spec_id && file.partition.len() == self.columns.len();
        if !same || !self.columns.iter().zip(&file.partition).all(fits) {
            let source = PartitionError::Values { spec: file.spec_id, values: file.partition.clone() };
            return Err(ManifestError::Partition { location: self.location.clone(), source });
        }
        if entry.status != Status::Added && entry.sequence_number.is_none() {
            return Err(bad("is of a file that was there before and has no sequence number"));
        }
        self.count(entry);
        for (collected, value) in self.collected.iter_mut().zip(&file.partition) {
            collected.add(value.as_ref());
        }
        self.encoder.clear();
        encode_entry(entry, &self.columns, self.format_version, &mut self.encoder);
        self.container.push(self.encoder.as_bytes()).map_err(|_| ManifestError::Value {
            location: self.location.clone(),
            field: "entry",
            why: "could not be compressed",
        })
    }

    fn count(&mut self, entry: &Entry) {
        let manifest = &mut self.manifest;
        let (files, rows) = match entry.status {
            Status::Existing => (&mut manifest.existing_files, &mut manifest.existing_rows),
            Status::Added => (&mut manifest.added_files, &mut manifest.added_rows),
            Status::Deleted => (&mut manifest.deleted_files, &mut manifest.deleted_rows),
        };
        *files = files.saturating_add(1);
        *rows = rows.saturating_add(entry.file.record_count);
        if entry.is_live() {
            let number = entry.sequence_number.unwrap_or(manifest.sequence_number);
            self.min_sequence_number =
                Some(self.min_sequence_number.map_or(number, |least| least.min(number)));
        }
    }

    pub(crate) fn finish(self) -> Result<WrittenManifest, ManifestError> {
        let Self { container, collected, location, mut manifest, min_sequence_number, .. } = self;
        let bytes = container.finish().map_err(|_| ManifestError::Value {
            location,
            field: "entry",
            why: "could not be compressed",
        })?;
        manifest.length = bytes.len() as u64;
        manifest.min_sequence_number = min_sequence_number.unwrap_or(manifest.sequence_number);
        manifest.partitions = Some(collected.into_iter().map(Collected::finish).collect());
        Ok(WrittenManifest { bytes: bytes.into(), manifest })
    }
}

fn encode_entry(entry: &Entry, columns: &[PartitionColumn], format_version: u8, to: &mut Encoder) {
    to.int(entry.status.code());
    to.optional(entry.snapshot_id, Encoder::long);
    to.optional(entry.sequence_number, Encoder::long);
    to.optional(entry.file_sequence_number, Encoder::long);
    encode_file(&entry.file, columns, format_version, to);
}

fn encode_file(file: &DataFile, columns: &[PartitionColumn], format_version: u8, to: &mut Encoder) {
    to.int(file.content.code());
    to.text(&file.path);
    to.text(&file.format.to_string());
    for (column, value) in columns.iter().zip(&file.partition) {
        to.optional(value.as_ref(), |to, value| encode_literal(value, &column.value_type, to));
    }
    long(file.record_count, to);
    long(file.file_size, to);
    encode_counts(&file.column_sizes, to);
    encode_counts(&file.value_counts, to);
    encode_counts(&file.null_counts, to);
    encode_counts(&file.nan_counts, to);
    encode_bounds(&file.lower_bounds, to);
    encode_bounds(&file.upper_bounds, to);
    to.optional(file.key_metadata.as_deref(), Encoder::bytes);
    to.optional(unless_empty(&file.split_offsets), |to, offsets| {
        to.array(offsets.len(), |to| offsets.iter().for_each(|offset| to.long(*offset)));
    });
    to.optional(unless_empty(&file.equality_ids), |to, ids| {
        to.array(ids.len(), |to| ids.iter().for_each(|id| to.int(*id)));
    });
    to.optional(file.sort_order_id, Encoder::int);
    if format_version >= 3 {
        to.optional(file.first_row_id, Encoder::long);
    }
    to.optional(file.referenced_data_file.as_deref(), Encoder::text);
    if format_version >= 3 {
        to.optional(file.content_offset, Encoder::long);
        to.optional(file.content_size, Encoder::long);
    }
}

fn unless_empty<T>(values: &[T]) -> Option<&[T]> {
    (!values.is_empty()).then_some(values)
}

fn long(count: u64, to: &mut Encoder) {
    to.long(i64::try_from(count).unwrap_or(i64::MAX));
}

fn encode_counts(counts: &BTreeMap<i32, u64>, to: &mut Encoder) {
    to.optional((!counts.is_empty()).then_some(counts), |to, counts| {
        to.array(counts.len(), |to| {
            for (id, count) in counts {
                to.int(*id);
                long(*count, to);
            }
        });
    });
}

fn encode_bounds(bounds: &BTreeMap<i32, Vec<u8>>, to: &mut Encoder) {
    to.optional((!bounds.is_empty()).then_some(bounds), |to, bounds| {
        to.array(bounds.len(), |to| {
            for (id, bytes) in bounds {
                to.int(*id);
                to.bytes(bytes);
            }
        });
    });
}

/// A value that fits the type: that was checked.
fn encode_literal(value: &Literal, value_type: &PrimitiveType, to: &mut Encoder) {
    match value {
        Literal::Boolean(value) => to.boolean(*value),
        Literal::Int(value) => to.int(*value),
        Literal::Long(value) => to.long(*value),
        Literal::Float(value) => to.raw(&value.to_le_bytes()),
        Literal::Double(value) => to.raw(&value.to_le_bytes()),
        Literal::String(value) => to.text(value),
        Literal::Uuid(value) => to.raw(value),
        Literal::Fixed(value) => to.raw(value),
        Literal::Binary(value) => to.bytes(value),
        Literal::Decimal(value) => {
            let size = match value_type {
                PrimitiveType::Decimal { precision, .. } => schemas::decimal_size(*precision),
                _ => 16,
            };
            let bytes = value.to_be_bytes();
            to.raw(bytes.get(bytes.len().saturating_sub(size)..).unwrap_or_default());
        }
    }
}
