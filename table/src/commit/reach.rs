//! Which files snapshots lead to, and what only forgotten ones led to.

use super::error::BuildError;
use crate::catalog::Table;
use crate::io::FileIo;
use crate::manifest::{Entry, ManifestError, ManifestFile, READS, manifests, read_manifest};
use crate::metadata::TableMetadata;
use crate::snapshot::Snapshot;
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::{BTreeMap, BTreeSet, HashSet};

const GC_ENABLED: &str = "gc.enabled";

/// What only forgotten snapshots led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreferenced {
    /// Data and delete files.
    pub data: Vec<String>,
    /// Manifests.
    pub manifests: Vec<String>,
    /// Lists of manifests.
    pub lists: Vec<String>,
    /// Statistics.
    pub statistics: Vec<String>,
    /// Files in another place than the warehouse: they are not to be deleted from here.
    pub outside: Vec<String>,
}

impl Unreferenced {
    /// All that may be deleted, in the order in which it should be: what leads to a file goes after the file, so that a run
    /// that is cut short can be made again.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let parts = [&self.data, &self.statistics, &self.manifests, &self.lists];
        parts.into_iter().flatten().map(String::as_str)
    }
}

/// Files that snapshots of `before` led to and no snapshot of `after` does. `after` is the table as it was loaded **after** the
/// expiry had landed, so that whatever was committed in between counts. Reads the manifests of both.
///
/// # Errors
/// [`BuildError::GcDisabled`]; a manifest of a kept snapshot that cannot be read.
pub async fn unreferenced(before: &Table, after: &Table) -> Result<Unreferenced, BuildError> {
    may_delete(&after.metadata)?;
    if before.metadata.uuid() != after.metadata.uuid() {
        return Err(BuildError::Invalid("the two are not the same table".to_owned()));
    }
    let io = &after.io;
    let is_gone = |snapshot: &&Snapshot| after.metadata.snapshot(snapshot.snapshot_id).is_none();
    let gone: Vec<&Snapshot> = before.metadata.snapshots().iter().filter(is_gone).collect();
    let mut found = Unreferenced::default();
    if gone.is_empty() {
        return Ok(found);
    }
    let kept = after.metadata.snapshots().iter().collect::<Vec<_>>();
    let kept_lists: BTreeSet<&str> = kept.iter().filter_map(|one| one.manifest_list.as_deref()).collect();
    let kept_manifests = manifests_of(io, &kept, Missing::IsAnError).await?;
    let gone_manifests: Vec<ManifestFile> = manifests_of(io, &gone, Missing::IsGone)
        .await?
        .into_iter()
        .filter(|(path, _)| !kept_manifests.contains_key(path))
        .map(|(_, manifest)| manifest)
        .collect();

    let mut candidates = BTreeMap::new();
    let mut read = entries(io, &before.metadata, gone_manifests.iter(), Missing::IsGone);
    while let Some(entries) = read.try_next().await? {
        for path in entries.into_iter().map(|entry| entry.file.path) {
            match io.key(&path) {
                Ok(key) => drop(candidates.insert(key, path)),
                Err(_) => found.outside.push(path),
            }
        }
    }
    drop(read);
    if !candidates.is_empty() {
        let live = kept_manifests.values().filter(|manifest| manifest.has_live_files());
        let mut read = entries(io, &after.metadata, live, Missing::IsAnError);
        while let Some(entries) = read.try_next().await? {
            for entry in entries.into_iter().filter(Entry::is_live) {
                if let Ok(key) = io.key(&entry.file.path) {
                    candidates.remove(&key);
                }
            }
        }
    }
    found.data = candidates.into_values().collect();
    let mut tell = |to: fn(&mut Unreferenced) -> &mut Vec<String>, path: &str| {
        if io.key(path).is_ok() {
            to(&mut found).push(path.to_owned())
        } else {
            found.outside.push(path.to_owned())
        }
    };
    for manifest in &gone_manifests {
        tell(|found| &mut found.manifests, &manifest.path);
    }
    for list in gone.iter().filter_map(|snapshot| snapshot.manifest_list.as_deref()) {
        if !kept_lists.contains(list) {
            tell(|found| &mut found.lists, list);
        }
    }
    let kept_statistics: BTreeSet<&str> = after.metadata.statistics_files().map(|(_, path)| path).collect();
    for (_, path) in before.metadata.statistics_files() {
        if !kept_statistics.contains(path) {
            tell(|found| &mut found.statistics, path);
        }
    }
    found.outside.sort();
    found.outside.dedup();
    Ok(found)
}

/// Whether files of the table may be deleted at all.
pub(super) fn may_delete(metadata: &TableMetadata) -> Result<(), BuildError> {
    let disabled =
        metadata.properties().get(GC_ENABLED).is_some_and(|enabled| enabled.eq_ignore_ascii_case("false"));
    if disabled { Err(BuildError::GcDisabled) } else { Ok(()) }
}

/// What a file that is not there means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Somebody was here before.
    IsGone,
    /// The table is damaged, or was changed meanwhile.
    IsAnError,
}

impl Missing {
    fn allow<T: Default>(self, read: Result<T, ManifestError>) -> Result<T, ManifestError> {
        match read {
            Err(error) if self == Self::IsGone && error.is_not_found() => Ok(T::default()),
            read => read,
        }
    }
}

/// The manifests of some snapshots, each once, by where they are.
pub(super) async fn manifests_of(
    io: &FileIo,
    snapshots: &[&Snapshot],
    missing: Missing,
) -> Result<BTreeMap<String, ManifestFile>, BuildError> {
    let lists = futures::stream::iter(snapshots.iter().copied())
        .map(|snapshot| async move { missing.allow(manifests(io, snapshot).await) })
        .buffered(READS)
        .boxed();
    let lists: Vec<Vec<ManifestFile>> = lists.try_collect().await?;
    let mut all = BTreeMap::new();
    let mut seen = HashSet::new();
    for manifest in lists.into_iter().flatten() {
        let place = io.key(&manifest.path).unwrap_or_else(|_| manifest.path.clone());
        if seen.insert(place.clone()) {
            all.insert(place, manifest);
        }
    }
    Ok(all)
}

/// The entries of manifests, one manifest after the other.
pub(super) fn entries<'a>(
    io: &'a FileIo,
    metadata: &'a TableMetadata,
    manifests: impl Iterator<Item = &'a ManifestFile> + Send + 'a,
    missing: Missing,
) -> futures::stream::BoxStream<'a, Result<Vec<Entry>, BuildError>> {
    futures::stream::iter(manifests)
        .map(move |manifest| async move { Ok(missing.allow(read_manifest(io, metadata, manifest).await)?) })
        .buffered(READS)
        .boxed()
}
