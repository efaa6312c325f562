//! Manifests into fewer: every commit leaves one, and readers open them all.

use super::error::BuildError;
use super::produce::Producer;
use crate::manifest::{Entry, ManifestContent, ManifestFile, READS, Status, read_manifest};
use crate::metadata::TableMetadata;
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::BTreeMap;

const ENABLED: &str = "commit.manifest-merge.enabled";
const MIN_COUNT: &str = "commit.manifest.min-count-to-merge";
const TARGET_BYTES: &str = "commit.manifest.target-size-bytes";

const DEFAULT_MIN_COUNT: u64 = 100;
const DEFAULT_TARGET_BYTES: u64 = 8 << 20;

/// When manifests are merged.
#[derive(Clone, Copy, Debug)]
pub(super) struct MergePolicy {
    /// So many small ones of one kind at least.
    pub(super) min_count: usize,
    /// What is as large as this is not small; and how large merged ones become.
    pub(super) target_bytes: u64,
}

impl MergePolicy {
    /// As the table's properties say; `None`: never.
    pub(super) fn of(metadata: &TableMetadata) -> Option<Self> {
        if metadata.properties().get(ENABLED).is_some_and(|enabled| enabled.eq_ignore_ascii_case("false")) {
            return None;
        }
        let min_count = metadata.number(MIN_COUNT).unwrap_or(DEFAULT_MIN_COUNT).max(2);
        let min_count = usize::try_from(min_count).unwrap_or(usize::MAX);
        Some(Self { min_count, target_bytes: target_bytes(metadata) })
    }

    /// Whatever can be merged.
    pub(super) fn all(metadata: &TableMetadata) -> Self {
        Self { min_count: 2, target_bytes: target_bytes(metadata) }
    }
}

pub(super) fn target_bytes(metadata: &TableMetadata) -> u64 {
    metadata.number(TARGET_BYTES).unwrap_or(DEFAULT_TARGET_BYTES).max(1)
}

/// Which manifests become one: positions in the list, in its order.
pub(super) fn plan(manifests: &[ManifestFile], policy: MergePolicy, own: i64) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<(ManifestContent, i32), Vec<(usize, u64)>> = BTreeMap::new();
    for (position, manifest) in manifests.iter().enumerate() {
        // What this commit has written stays: it says what the commit did.
        if manifest.added_snapshot_id != own && manifest.length < policy.target_bytes {
            let group = groups.entry((manifest.content, manifest.spec_id)).or_default();
            group.push((position, manifest.length));
        }
    }
    let mut bins = Vec::new();
    for group in groups.into_values().filter(|group| group.len() >= policy.min_count) {
        let (mut bin, mut bytes) = (Vec::new(), 0_u64);
        for (position, length) in group {
            if bytes.saturating_add(length) > policy.target_bytes && !bin.is_empty() {
                bins.push(std::mem::take(&mut bin));
                bytes = 0;
            }
            bin.push(position);
            bytes = bytes.saturating_add(length);
        }
        bins.push(bin);
    }
    bins.retain(|bin| bin.len() > 1);
    bins
}

impl Producer<'_> {
    /// The manifests, some of them merged, and how many those were.
    pub(super) async fn merged(
        &mut self,
        manifests: Vec<ManifestFile>,
        policy: MergePolicy,
    ) -> Result<(Vec<ManifestFile>, usize), BuildError> {
        let bins = plan(&manifests, policy, self.made_for.snapshot_id);
        let count = bins.iter().map(Vec::len).sum();
        if bins.is_empty() {
            return Ok((manifests, count));
        }
        let mut slots: Vec<Vec<ManifestFile>> =
            manifests.into_iter().map(|manifest| vec![manifest]).collect();
        for bin in bins {
            let members: Vec<ManifestFile> =
                bin.iter().filter_map(|position| slots.get_mut(*position)?.pop()).collect();
            let merged = self.merge(members).await?;
            if let Some(slot) = bin.first().and_then(|first| slots.get_mut(*first)) {
                *slot = merged;
            }
        }
        Ok((slots.into_iter().flatten().collect(), count))
    }

    async fn merge(&mut self, members: Vec<ManifestFile>) -> Result<Vec<ManifestFile>, BuildError> {
        let Some((spec_id, content)) = members.first().map(|first| (first.spec_id, first.content)) else {
            return Ok(Vec::new());
        };
        let io = &self.table.io;
        let metadata = &self.metadata;
        // Those that only say what was removed have said it long enough.
        let read = futures::stream::iter(members.into_iter().filter(ManifestFile::has_live_files))
            .map(|manifest| async move { read_manifest(io, metadata, &manifest).await })
            .buffered(READS)
            .boxed();
        let entries: Vec<Vec<Entry>> = read.try_collect().await?;
        let existing = entries.into_iter().flatten().filter(Entry::is_live);
        let existing: Vec<Entry> =
            existing.map(|entry| Entry { status: Status::Existing, ..entry }).collect();
        self.write(spec_id, content, existing).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(content: ManifestContent, spec_id: i32, length: u64, added_snapshot_id: i64) -> ManifestFile {
        ManifestFile {
            path: String::new(),
            length,
            spec_id,
            content,
            sequence_number: 1,
            min_sequence_number: 1,
            added_snapshot_id,
            added_files: 1,
            existing_files: 0,
            deleted_files: 0,
            added_rows: 1,
            existing_rows: 0,
            deleted_rows: 0,
            partitions: None,
            key_metadata: None,
            first_row_id: None,
        }
    }

    #[test]
    fn kinds_specs_and_the_commits_own_are_kept_apart() {
        use ManifestContent::{Data, Deletes};
        let manifests = [
            manifest(Data, 0, 10, 9),
            manifest(Data, 0, 10, 1),
            manifest(Deletes, 0, 10, 1),
            manifest(Data, 1, 10, 1),
            manifest(Data, 0, 10, 2),
            manifest(Data, 0, 100, 2),
            manifest(Deletes, 0, 10, 3),
        ];
        let policy = MergePolicy { min_count: 2, target_bytes: 100 };
        assert_eq!(plan(&manifests, policy, 9), [vec![1, 4], vec![2, 6]]);
        assert!(plan(&manifests, MergePolicy { min_count: 3, ..policy }, 9).is_empty());
    }

    #[test]
    fn bins_do_not_outgrow_the_target() {
        let manifests: Vec<_> = (0..7).map(|id| manifest(ManifestContent::Data, 0, 40, id)).collect();
        let policy = MergePolicy { min_count: 2, target_bytes: 100 };
        assert_eq!(plan(&manifests, policy, 99), [vec![0, 1], vec![2, 3], vec![4, 5]]);
    }
}
