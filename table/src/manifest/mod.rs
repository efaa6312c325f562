//! Manifests: the lists of a table's files, and the lists of those lists.
//!
//! ```text
//! snapshot ── manifest list ──┬── manifest: entries of data files, of one partition spec
//!                             ├── manifest: entries of delete files
//!                             └── …
//! ```
//!
//! Both are Avro files, found by field id whoever wrote them. Entries inherit what their writer could not know: an ADDED entry
//! without sequence numbers has those of its manifest, whatever other entry has to say its own. What is read is bounded by
//! the file's size before anything is allocated for it.

mod avro;
mod entry;
mod error;
mod file;
mod list;
mod live;
mod read;
mod schemas;
mod summary;
#[cfg(test)]
mod tests;
mod write;

pub use entry::{Entry, Status};
pub use error::ManifestError;
pub use file::{DataFile, FileContent, FileFormat};
pub use list::{ManifestContent, ManifestFile, PartitionSummary};
pub use live::{LiveFile, live_files, live_files_of, manifests, read_manifest};

pub(crate) use list::{read_list, write_list};
pub(crate) use live::READS;
pub(crate) use read::read_entries;
pub(crate) use write::{For, ManifestWriter};

/// Reading manifests from bytes, for fuzzing and tools that look at files: what a manifest of this table holds.
///
/// # Errors
/// What is no manifest.
pub fn parse_manifest(
    bytes: &[u8],
    metadata: &crate::metadata::TableMetadata,
    manifest: &ManifestFile,
) -> Result<Vec<Entry>, ManifestError> {
    read_entries(bytes, metadata, manifest)
}

/// Reading a manifest list from bytes, for the same purposes.
///
/// # Errors
/// What is no manifest list.
pub fn parse_list(bytes: &[u8], location: &str) -> Result<Vec<ManifestFile>, ManifestError> {
    read_list(bytes, location)
}
