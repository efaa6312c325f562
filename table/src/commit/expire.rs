//! Forgetting snapshots: which ones, and the commit that does it.

use crate::catalog::Table;
use crate::snapshot::{MAIN, RefKind, Snapshot};
use crate::update::{TableRequirement, TableUpdate};
use std::collections::{BTreeMap, BTreeSet};

/// What is kept where a branch has no rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpirePolicy {
    /// So many snapshots of each branch at least; one in any case.
    pub keep_min: usize,
    /// Snapshots that are younger, milliseconds.
    pub max_age_ms: i64,
}

/// A commit that forgets snapshots, ready to be sent. Files are only deleted after it has landed: see
/// [`unreferenced`](super::unreferenced).
#[derive(Clone, Debug)]
pub struct Expiry {
    /// What has to hold.
    pub requirements: Vec<TableRequirement>,
    /// What is done.
    pub updates: Vec<TableUpdate>,
    /// The snapshots that are forgotten, oldest first.
    pub snapshots: Vec<i64>,
    /// Names that have grown too old, as their own rules say.
    pub refs: Vec<String>,
}

/// The snapshots that may go: those that no name stands for, that are older than the policy says, and of which the branch has
/// enough without them. `None` if there are none. Nothing is read or written.
#[must_use]
pub fn expire(table: &Table, policy: &ExpirePolicy, now_ms: i64) -> Option<Expiry> {
    let metadata = &table.metadata;
    let by_id: BTreeMap<i64, &Snapshot> =
        metadata.snapshots().iter().map(|one| (one.snapshot_id, one)).collect();
    let younger_than = |snapshot: &Snapshot, age: i64| snapshot.timestamp_ms >= now_ms.saturating_sub(age);
    let (mut kept, mut known, mut old_refs) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (name, reference) in metadata.refs() {
        let snapshot = by_id.get(&reference.snapshot_id);
        let is_old = match (reference.max_ref_age_ms, snapshot) {
            (Some(age), Some(snapshot)) => !younger_than(snapshot, age),
            _ => false,
        };
        if is_old && name != MAIN {
            old_refs.push(name.clone());
            continue;
        }
        if reference.kind == RefKind::Tag {
            kept.insert(reference.snapshot_id);
            known.insert(reference.snapshot_id);
            continue;
        }
        let own_min = reference.min_snapshots_to_keep.and_then(|min| usize::try_from(min).ok());
        let min = own_min.unwrap_or(policy.keep_min).max(1);
        let age = reference.max_snapshot_age_ms.unwrap_or(policy.max_age_ms);
        let mut enough = false;
        for (count, snapshot) in metadata.ancestors(reference.snapshot_id).enumerate() {
            known.insert(snapshot.snapshot_id);
            enough = enough || (count >= min && !younger_than(snapshot, age));
            if !enough {
                kept.insert(snapshot.snapshot_id);
            }
        }
    }
    // What nothing leads to may be a commit that somebody has prepared, so it stays as long as others.
    kept.extend(
        by_id
            .values()
            .filter(|one| !known.contains(&one.snapshot_id) && younger_than(one, policy.max_age_ms))
            .map(|one| one.snapshot_id),
    );
    let mut gone: Vec<&Snapshot> =
        by_id.into_values().filter(|one| !kept.contains(&one.snapshot_id)).collect();
    gone.sort_by_key(|snapshot| (snapshot.sequence_number, snapshot.timestamp_ms));
    if gone.is_empty() && old_refs.is_empty() {
        return None;
    }
    let snapshots: Vec<i64> = gone.iter().map(|snapshot| snapshot.snapshot_id).collect();
    Some(Expiry {
        requirements: requirements(table),
        updates: updates(table, &snapshots, &old_refs),
        snapshots,
        refs: old_refs,
    })
}

/// Every name still stands for what it stood for: a tag that came since would keep a snapshot.
fn requirements(table: &Table) -> Vec<TableRequirement> {
    let metadata = &table.metadata;
    let mut requirements = vec![TableRequirement::AssertTableUuid { uuid: metadata.uuid() }];
    requirements.extend(metadata.refs().iter().map(|(name, reference)| {
        TableRequirement::AssertRefSnapshotId {
            ref_name: name.clone(),
            snapshot_id: Some(reference.snapshot_id),
        }
    }));
    requirements
}

fn updates(table: &Table, snapshots: &[i64], refs: &[String]) -> Vec<TableUpdate> {
    let mut updates = Vec::new();
    updates.extend(refs.iter().map(|name| TableUpdate::RemoveSnapshotRef { ref_name: name.clone() }));
    for &snapshot_id in snapshots {
        let (statistics, partition_statistics) = table.metadata.has_statistics(snapshot_id);
        if statistics {
            updates.push(TableUpdate::RemoveStatistics { snapshot_id });
        }
        if partition_statistics {
            updates.push(TableUpdate::RemovePartitionStatistics { snapshot_id });
        }
    }
    if !snapshots.is_empty() {
        updates.push(TableUpdate::RemoveSnapshots { snapshot_ids: snapshots.to_vec() });
    }
    updates
}
