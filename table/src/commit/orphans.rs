//! Files in a table's directory that nothing leads to: what crashes, lost answers and failed deletions leave behind.
//!
//! A commit under way has written files that nothing leads to yet, and a commit of unknown outcome may land late. Both are told
//! from orphans by age alone: who gives the age has to be sure that no commit takes so long.

use super::error::BuildError;
use super::reach::{Missing, entries, manifests_of, may_delete};
use crate::catalog::Table;
use crate::io::ListedFile;
use crate::manifest::Entry;
use futures::TryStreamExt as _;
use std::collections::HashSet;

/// The most orphans of one run; the next one finds the rest.
const MAX_ORPHANS: usize = 100_000;

/// Files that catalogs keep beside metadata, of which no metadata tells.
const HINT: &str = "version-hint.text";

const METADATA_SUFFIXES: [&str; 3] = [".metadata.json", ".metadata.json.gz", ".gz.metadata.json"];

/// The files in a table's directory that no snapshot, no entry of the metadata log and no statistics lead to, and that were
/// last changed before `older_than_ms` (a moment, milliseconds since 1970, by the store's clock). Deletes nothing.
///
/// # Errors
/// [`BuildError::GcDisabled`]; [`BuildError::Nested`] where another table lies within; a file of the table that lies outside
/// the warehouse, so that it cannot be told from others; whatever cannot be read.
pub async fn orphans(table: &Table, older_than_ms: i64) -> Result<Vec<ListedFile>, BuildError> {
    may_delete(&table.metadata)?;
    let known = known(table).await?;
    let location = table.metadata.location();
    let metadata_directory = format!("{}/metadata/", table.io.key(location)?.trim_end_matches('/'));
    // Where the catalog does not say which metadata file is the current one, none is an orphan.
    let keeps_metadata = table.metadata_location.is_empty();
    let mut listing = table.io.list(location)?;
    let mut orphans = Vec::new();
    while let Some(page) = listing.next_page().await? {
        for file in page {
            let is_metadata = METADATA_SUFFIXES.iter().any(|suffix| file.key.ends_with(suffix));
            let own = file.key.strip_prefix(&metadata_directory);
            if is_metadata && own.is_none_or(|rest| rest.contains('/')) && !known.contains(&file.key) {
                return Err(BuildError::Nested { path: file.location, location: location.to_owned() });
            }
            let kept = known.contains(&file.key)
                || own == Some(HINT)
                || (is_metadata && keeps_metadata)
                || file.last_modified_ms >= older_than_ms;
            if !kept && orphans.len() < MAX_ORPHANS {
                orphans.push(file);
            }
        }
    }
    Ok(orphans)
}

/// The keys of all files that the table leads to. One that has no key here could be any of the listed ones under another name,
/// so nothing can be said then.
async fn known(table: &Table) -> Result<HashSet<String>, BuildError> {
    let (io, metadata) = (&table.io, &table.metadata);
    let snapshots: Vec<_> = metadata.snapshots().iter().collect();
    let manifests = manifests_of(io, &snapshots, Missing::IsAnError).await?;
    let mut known = HashSet::new();
    for path in snapshots.iter().filter_map(|snapshot| snapshot.manifest_list.as_deref()) {
        known.insert(io.key(path)?);
    }
    for path in manifests.values().map(|manifest| manifest.path.as_str()) {
        known.insert(io.key(path)?);
    }
    for path in metadata.metadata_log().iter().map(|entry| entry.metadata_file.as_str()) {
        known.insert(io.key(path)?);
    }
    if !table.metadata_location.is_empty() {
        known.insert(io.key(&table.metadata_location)?);
    }
    for (_, path) in metadata.statistics_files() {
        known.insert(io.key(path)?);
    }
    let live = manifests.values().filter(|manifest| manifest.has_live_files());
    let mut read = entries(io, metadata, live, Missing::IsAnError);
    while let Some(entries) = read.try_next().await? {
        for entry in entries.into_iter().filter(Entry::is_live) {
            known.insert(io.key(&entry.file.path)?);
        }
    }
    drop(read);
    Ok(known)
}
