//! Taking files out of manifests: each manifest that names one is written anew, without it but for an entry that says so.

use super::change::{Change, RemovedFile};
use super::error::{BuildError, NAMED};
use super::produce::Producer;
use crate::io::FileIo;
use crate::manifest::READS;
use crate::manifest::{DataFile, Entry, FileContent, ManifestContent, ManifestFile, Status, read_manifest};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::{BTreeMap, HashSet};

/// Files to remove, by what tells one from another: the place, not its spelling.
struct Wanted {
    /// Whether each was found.
    files: BTreeMap<(bool, String), BTreeMap<Option<i64>, bool>>,
}

impl Wanted {
    fn new(io: &FileIo, remove: &[RemovedFile]) -> Self {
        let mut files: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for file in remove {
            let key = (file.content.is_delete(), place(io, &file.path));
            files.entry(key).or_default().insert(file.content_offset, false);
        }
        Self { files }
    }

    fn has(&self, content: ManifestContent) -> bool {
        let deletes = content == ManifestContent::Deletes;
        self.files.keys().any(|(is_delete, _)| *is_delete == deletes)
    }

    /// Whether a file is to go; then it counts as found.
    fn takes(&mut self, io: &FileIo, file: &DataFile) -> bool {
        let key = (file.content.is_delete(), place(io, &file.path));
        let Some(offsets) = self.files.get_mut(&key) else { return false };
        let mut taken = false;
        for (offset, found) in offsets {
            if offset.is_none() || *offset == file.content_offset {
                *found = true;
                taken = true;
            }
        }
        taken
    }

    fn missing(&self) -> Result<(), BuildError> {
        let missing: Vec<&str> = self
            .files
            .iter()
            .flat_map(|((_, path), offsets)| {
                offsets.values().filter(|found| !**found).map(move |_| path.as_str())
            })
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let named = missing.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        Err(BuildError::NotThere { count: missing.len(), named })
    }
}

/// A file's place, however it is spelled; what lies elsewhere by its text.
fn place(io: &FileIo, location: &str) -> String {
    io.key(location).unwrap_or_else(|_| location.to_owned())
}

impl Producer<'_> {
    /// The manifests without the files that the change removes, and those files.
    pub(super) async fn without(
        &mut self,
        manifests: Vec<ManifestFile>,
        remove: &[RemovedFile],
    ) -> Result<(Vec<ManifestFile>, Vec<DataFile>), BuildError> {
        if remove.is_empty() {
            return Ok((manifests, Vec::new()));
        }
        let io = self.table.io.clone();
        let metadata = std::sync::Arc::clone(&self.metadata);
        let mut wanted = Wanted::new(&io, remove);
        let (data, deletes) = (wanted.has(ManifestContent::Data), wanted.has(ManifestContent::Deletes));
        let concerned = |manifest: &ManifestFile| {
            let asked = if manifest.content == ManifestContent::Data { data } else { deletes };
            asked && manifest.has_live_files()
        };
        let mut read = futures::stream::iter(manifests)
            .map(|manifest| {
                let (io, metadata) = (&io, &metadata);
                async move {
                    if !concerned(&manifest) {
                        return Ok((manifest, None));
                    }
                    let entries = read_manifest(io, metadata, &manifest).await?;
                    Ok::<_, BuildError>((manifest, Some(entries)))
                }
            })
            .buffered(READS)
            .boxed();
        let (mut kept, mut removed) = (Vec::new(), Vec::new());
        while let Some((manifest, entries)) = read.try_next().await? {
            let entries = entries.unwrap_or_default();
            let goes: Vec<bool> =
                entries.iter().map(|entry| entry.is_live() && wanted.takes(&io, &entry.file)).collect();
            if !goes.contains(&true) {
                kept.push(manifest);
                continue;
            }
            let mut rewritten = Vec::with_capacity(entries.len());
            for (entry, goes) in entries.into_iter().zip(goes) {
                if goes {
                    removed.push(entry.file.clone());
                    rewritten.push(Entry {
                        status: Status::Deleted,
                        snapshot_id: Some(self.made_for.snapshot_id),
                        ..entry
                    });
                } else if entry.is_live() {
                    rewritten.push(Entry { status: Status::Existing, ..entry });
                }
            }
            kept.extend(self.write(manifest.spec_id, manifest.content, rewritten).await?);
        }
        wanted.missing()?;
        Ok((kept, removed))
    }

    /// Finds deletes of rows in the files to be replaced that came since those were read and would be lost.
    pub(super) async fn check_overtaken(
        &self,
        manifests: &[ManifestFile],
        change: &Change,
    ) -> Result<(), BuildError> {
        let Some(base) = change.made_from else { return Ok(()) };
        let metadata = &self.table.metadata;
        let head = metadata.current_snapshot().map_or(base, |head| head.snapshot_id);
        if head == base {
            return Ok(());
        }
        let Some(base) = metadata.history().find(|snapshot| snapshot.snapshot_id == base) else {
            // The table was rolled back, or its history is gone: what came since cannot be told.
            return Err(BuildError::Overtaken { by: head });
        };
        let io = &self.table.io;
        let replaced: HashSet<String> = change.remove.iter().map(|file| place(io, &file.path)).collect();
        let since = manifests.iter().filter(|manifest| {
            manifest.content == ManifestContent::Deletes
                && manifest.has_live_files()
                && manifest.sequence_number > base.sequence_number
        });
        for manifest in since {
            for entry in read_manifest(io, metadata, manifest).await? {
                let number = entry.sequence_number.unwrap_or(manifest.sequence_number);
                if !entry.is_live() || number <= base.sequence_number {
                    continue;
                }
                let lost = match entry.file.content {
                    FileContent::Data => false,
                    // Where it does not say which file it is about, it may be about any.
                    FileContent::PositionDeletes => {
                        let about = entry.file.referenced_data_file.as_deref();
                        about.is_none_or(|path| replaced.contains(&place(io, path)))
                    }
                    FileContent::EqualityDeletes => change.keep_sequence.is_none_or(|kept| kept >= number),
                };
                if lost {
                    return Err(BuildError::Overtaken { by: entry.snapshot_id.unwrap_or(head) });
                }
            }
        }
        Ok(())
    }
}
