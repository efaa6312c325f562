//! Which files a table has.

use super::entry::Entry;
use super::error::ManifestError;
use super::file::DataFile;
use super::list::{ManifestFile, read_list};
use super::read::read_entries;
use crate::catalog::Table;
use crate::io::FileIo;
use crate::metadata::TableMetadata;
use crate::snapshot::Snapshot;
use futures::{StreamExt as _, TryStreamExt as _};

/// How many manifests are read at once.
pub(crate) const READS: usize = 8;

/// A file that a table has, and since when.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveFile {
    /// The file.
    pub file: DataFile,
    /// The snapshot that added it.
    pub snapshot_id: i64,
    /// Which deletes apply to it.
    pub sequence_number: i64,
    /// When it became part of the table.
    pub file_sequence_number: i64,
    /// The manifest that names it.
    pub manifest: String,
}

/// The manifests of a snapshot. One GET.
///
/// # Errors
/// A list that cannot be read.
pub async fn manifests(io: &FileIo, snapshot: &Snapshot) -> Result<Vec<ManifestFile>, ManifestError> {
    let location = snapshot.manifest_list.as_deref().ok_or(ManifestError::NoList(snapshot.snapshot_id))?;
    let bytes = io.get(location).await?;
    read_list(&bytes, location)
}

/// The entries of a manifest, those of removed files among them. One GET.
///
/// # Errors
/// A manifest that cannot be read.
pub async fn read_manifest(
    io: &FileIo,
    metadata: &TableMetadata,
    manifest: &ManifestFile,
) -> Result<Vec<Entry>, ManifestError> {
    let bytes = io.get(&manifest.path).await?;
    read_entries(&bytes, metadata, manifest)
}

/// All files of a table, data and deletes, in the order of its manifests. One GET for the list and one for each manifest.
///
/// # Errors
/// A manifest that cannot be read.
pub async fn live_files(table: &Table) -> Result<Vec<LiveFile>, ManifestError> {
    let Some(snapshot) = table.metadata.current_snapshot() else { return Ok(Vec::new()) };
    let manifests = manifests(&table.io, snapshot).await?;
    live_files_of(table, &manifests).await
}

/// The files of some of a table's manifests, in their order.
///
/// # Errors
/// A manifest that cannot be read.
pub async fn live_files_of(
    table: &Table,
    manifests: &[ManifestFile],
) -> Result<Vec<LiveFile>, ManifestError> {
    let wanted = manifests.iter().filter(|manifest| manifest.has_live_files());
    let read = futures::stream::iter(wanted).map(|manifest| async move {
        let entries = read_manifest(&table.io, &table.metadata, manifest).await?;
        Ok::<_, ManifestError>(
            entries.into_iter().filter(Entry::is_live).map(|entry| live(entry, manifest)).collect(),
        )
    });
    let files: Vec<Vec<LiveFile>> = read.buffered(READS).boxed().try_collect().await?;
    Ok(files.into_iter().flatten().collect())
}

fn live(entry: Entry, manifest: &ManifestFile) -> LiveFile {
    // A reader fills both in but the second, which older writers do not know: then it is as old as its data.
    let sequence_number = entry.sequence_number.unwrap_or(manifest.sequence_number);
    LiveFile {
        file: entry.file,
        snapshot_id: entry.snapshot_id.unwrap_or(manifest.added_snapshot_id),
        sequence_number,
        file_sequence_number: entry.file_sequence_number.unwrap_or(sequence_number),
        manifest: manifest.path.clone(),
    }
}
