//! Manifest lists: the manifests of a snapshot.

use super::avro::{AvroError, Container, Encoder, Reader};
use super::error::ManifestError;
use super::read::Fields;
use super::schemas::{self, list};
use crate::snapshot::Snapshot;

/// The most manifests that one list names: more are an error rather than memory.
const MAX_MANIFESTS: usize = 1_000_000;

/// What kind of files a manifest has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ManifestContent {
    /// Data files.
    Data,
    /// Delete files.
    Deletes,
}

impl ManifestContent {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Deletes => "deletes",
        }
    }
}

/// One field of the partitions of all files in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSummary {
    /// Whether one is null.
    pub contains_null: bool,
    /// Whether one is NaN.
    pub contains_nan: Option<bool>,
    /// None is lower; single-value bytes.
    pub lower: Option<Vec<u8>>,
    /// None is higher; single-value bytes.
    pub upper: Option<Vec<u8>>,
}

/// A manifest as its list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFile {
    /// Where it is.
    pub path: String,
    /// Its size in bytes.
    pub length: u64,
    /// The spec that its files are partitioned by.
    pub spec_id: i32,
    /// What kind of files it has.
    pub content: ManifestContent,
    /// The sequence number of the snapshot that it was made for.
    pub sequence_number: i64,
    /// The lowest of its live files' sequence numbers.
    pub min_sequence_number: i64,
    /// The snapshot that it was made for.
    pub added_snapshot_id: i64,
    /// Entries of files that its snapshot added.
    pub added_files: u64,
    /// Entries of files that were there before.
    pub existing_files: u64,
    /// Entries of files that its snapshot removed.
    pub deleted_files: u64,
    /// Rows of the added files.
    pub added_rows: u64,
    /// Rows of the files that were there before.
    pub existing_rows: u64,
    /// Rows of the removed files.
    pub deleted_rows: u64,
    /// Its partitions, field by field; `None` where that is not told.
    pub partitions: Option<Vec<PartitionSummary>>,
    /// What readers of an encrypted manifest need.
    pub key_metadata: Option<Vec<u8>>,
    /// The id of the first row of its files that say none themselves (format version 3).
    pub first_row_id: Option<i64>,
}

impl ManifestFile {
    /// Whether the table has any of its files.
    #[must_use]
    pub fn has_live_files(&self) -> bool {
        self.live_files() > 0
    }

    /// How many of its files the table has.
    #[must_use]
    pub fn live_files(&self) -> u64 {
        self.added_files.saturating_add(self.existing_files)
    }

    /// How many rows those have.
    #[must_use]
    pub fn live_rows(&self) -> u64 {
        self.added_rows.saturating_add(self.existing_rows)
    }
}

/// The manifests that a list names.
pub(crate) fn read_list(bytes: &[u8], location: &str) -> Result<Vec<ManifestFile>, ManifestError> {
    let avro = |source| ManifestError::Avro { location: location.to_owned(), source };
    let mut reader = Reader::new(bytes).map_err(avro)?;
    let mut manifests = Vec::new();
    while let Some(record) = reader.next().map_err(avro)? {
        if manifests.len() >= MAX_MANIFESTS {
            return Err(avro(AvroError::TooLarge("any list of manifests")));
        }
        manifests.push(manifest(Fields::new(record, location))?);
    }
    Ok(manifests)
}

fn manifest(mut fields: Fields<'_>) -> Result<ManifestFile, ManifestError> {
    let content = match fields.int("content", list::CONTENT)?.unwrap_or(0) {
        0 => ManifestContent::Data,
        1 => ManifestContent::Deletes,
        _ => return Err(fields.bad("content", "is neither data nor deletes")),
    };
    // What was written for format version 1 has no sequence number: 0 stands for that.
    let sequence_number = fields.int("sequence_number", list::SEQUENCE_NUMBER)?.unwrap_or(0);
    let min_sequence_number = fields.int("min_sequence_number", list::MIN_SEQUENCE_NUMBER)?.unwrap_or(0);
    let partitions = match fields.array("partitions", list::PARTITIONS[0])? {
        None => None,
        Some(summaries) => {
            let location = fields.location();
            let summaries = summaries.into_iter().map(|summary| partition(Fields::new(summary, location)));
            Some(summaries.collect::<Result<_, _>>()?)
        }
    };
    Ok(ManifestFile {
        path: fields.required_text("manifest_path", list::PATH)?,
        length: fields.required_count("manifest_length", list::LENGTH)?,
        spec_id: fields.required_id("partition_spec_id", list::SPEC_ID)?,
        content,
        sequence_number,
        min_sequence_number,
        added_snapshot_id: fields.required_int("added_snapshot_id", list::ADDED_SNAPSHOT_ID)?,
        added_files: fields.required_count("added_files_count", list::ADDED_FILES)?,
        existing_files: fields.required_count("existing_files_count", list::EXISTING_FILES)?,
        deleted_files: fields.required_count("deleted_files_count", list::DELETED_FILES)?,
        added_rows: fields.required_count("added_rows_count", list::ADDED_ROWS)?,
        existing_rows: fields.required_count("existing_rows_count", list::EXISTING_ROWS)?,
        deleted_rows: fields.required_count("deleted_rows_count", list::DELETED_ROWS)?,
        partitions,
        key_metadata: fields.bytes("key_metadata", list::KEY_METADATA)?,
        first_row_id: fields.int("first_row_id", list::FIRST_ROW_ID)?,
    })
}

fn partition(mut fields: Fields<'_>) -> Result<PartitionSummary, ManifestError> {
    Ok(PartitionSummary {
        contains_null: fields.boolean("contains_null", list::CONTAINS_NULL)?.unwrap_or(true),
        contains_nan: fields.boolean("contains_nan", list::CONTAINS_NAN)?,
        lower: fields.bytes("lower_bound", list::LOWER)?,
        upper: fields.bytes("upper_bound", list::UPPER)?,
    })
}

/// The file of a snapshot's manifests, in their order.
pub(crate) fn write_list(
    manifests: &[ManifestFile],
    snapshot: &Snapshot,
    format_version: u8,
    sync: [u8; 16],
) -> std::io::Result<Vec<u8>> {
    let text = |id: Option<i64>| id.map_or_else(|| "null".to_owned(), |id| id.to_string());
    let mut header = vec![
        ("snapshot-id", snapshot.snapshot_id.to_string()),
        ("parent-snapshot-id", text(snapshot.parent_snapshot_id)),
        ("sequence-number", snapshot.sequence_number.to_string()),
        ("format-version", format_version.to_string()),
    ];
    if format_version >= 3 {
        header.push(("first-row-id", text(snapshot.first_row_id)));
    }
    let mut container = Container::new(&schemas::manifests(format_version), &header, sync);
    let mut encoder = Encoder::default();
    for manifest in manifests {
        encoder.clear();
        encode(manifest, format_version, &mut encoder);
        container.push(encoder.as_bytes())?;
    }
    container.finish()
}

fn encode(manifest: &ManifestFile, format_version: u8, to: &mut Encoder) {
    // Nothing that is counted here comes near i64::MAX; files of one manifest not near i32::MAX.
    let long = |to: &mut Encoder, count: u64| to.long(i64::try_from(count).unwrap_or(i64::MAX));
    let int = |to: &mut Encoder, count: u64| to.int(i32::try_from(count).unwrap_or(i32::MAX));
    to.text(&manifest.path);
    long(to, manifest.length);
    to.int(manifest.spec_id);
    to.int(i32::from(manifest.content == ManifestContent::Deletes));
    to.long(manifest.sequence_number);
    to.long(manifest.min_sequence_number);
    to.long(manifest.added_snapshot_id);
    int(to, manifest.added_files);
    int(to, manifest.existing_files);
    int(to, manifest.deleted_files);
    long(to, manifest.added_rows);
    long(to, manifest.existing_rows);
    long(to, manifest.deleted_rows);
    to.optional(manifest.partitions.as_deref(), |to, partitions| {
        to.array(partitions.len(), |to| {
            for summary in partitions {
                to.boolean(summary.contains_null);
                to.optional(summary.contains_nan, Encoder::boolean);
                to.optional(summary.lower.as_deref(), Encoder::bytes);
                to.optional(summary.upper.as_deref(), Encoder::bytes);
            }
        });
    });
    to.optional(manifest.key_metadata.as_deref(), Encoder::bytes);
    if format_version >= 3 {
        to.optional(manifest.first_row_id, Encoder::long);
    }
}
