//! What a snapshot's summary says of its files: what came, what went, and how much there is.

use super::change::{Change, Operation};
use crate::manifest::{DataFile, FileContent};
use crate::snapshot::{OPERATION, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// Sums over files.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    data_files: u64,
    delete_files: u64,
    position_files: u64,
    vectors: u64,
    equality_files: u64,
    records: u64,
    positions: u64,
    equalities: u64,
    bytes: u64,
}

impl Sums {
    fn of<'a>(files: impl Iterator<Item = &'a DataFile>) -> Self {
        files.fold(Self::default(), |mut sums, file| {
            let add = |to: &mut u64, count: u64| *to = to.saturating_add(count);
            // Several vectors share a file; the table is no larger by it than by its part.
            let bytes = file.content_size.and_then(|size| u64::try_from(size).ok()).unwrap_or(file.file_size);
            add(&mut sums.bytes, bytes);
            match file.content {
                FileContent::Data => {
                    add(&mut sums.data_files, 1);
                    add(&mut sums.records, file.record_count);
                }
                FileContent::PositionDeletes => {
                    add(&mut sums.delete_files, 1);
                    add(
                        if file.content_offset.is_some() {
                            &mut sums.vectors
                        } else {
                            &mut sums.position_files
                        },
                        1,
                    );
                    add(&mut sums.positions, file.record_count);
                }
                FileContent::EqualityDeletes => {
                    add(&mut sums.delete_files, 1);
                    add(&mut sums.equality_files, 1);
                    add(&mut sums.equalities, file.record_count);
                }
            }
            sums
        })
    }
}

/// The summary of the snapshot that a change makes.
pub(super) fn summary(
    previous: Option<&Snapshot>,
    change: &Change,
    removed: &[DataFile],
) -> BTreeMap<String, String> {
    let added = || change.add.iter().chain(&change.add_deletes);
    let (came, went) = (Sums::of(added()), Sums::of(removed.iter()));
    let mut summary = change.summary.clone();
    summary.insert(OPERATION.to_owned(), word(change, removed).to_owned());
    let mut say = |key: &str, count: u64| {
        if count > 0 {
            summary.insert(key.to_owned(), count.to_string());
        }
    };
    say("added-data-files", came.data_files);
    say("deleted-data-files", went.data_files);
    say("added-delete-files", came.delete_files);
    say("removed-delete-files", went.delete_files);
    say("added-position-delete-files", came.position_files);
    say("removed-position-delete-files", went.position_files);
    say("added-dvs", came.vectors);
    say("removed-dvs", went.vectors);
    say("added-equality-delete-files", came.equality_files);
    say("removed-equality-delete-files", went.equality_files);
    say("added-records", came.records);
    say("deleted-records", went.records);
    say("added-position-deletes", came.positions);
    say("removed-position-deletes", went.positions);
    say("added-equality-deletes", came.equalities);
    say("removed-equality-deletes", went.equalities);
    say("added-files-size", came.bytes);
    say("removed-files-size", went.bytes);
    let partitions: BTreeSet<_> =
        added().chain(removed).map(|file| (file.spec_id, &file.partition)).collect();
    summary.insert("changed-partition-count".to_owned(), partitions.len().to_string());
    for (key, came, went) in [
        ("total-records", came.records, went.records),
        ("total-files-size", came.bytes, went.bytes),
        ("total-data-files", came.data_files, went.data_files),
        ("total-delete-files", came.delete_files, went.delete_files),
        ("total-position-deletes", came.positions, went.positions),
        ("total-equality-deletes", came.equalities, went.equalities),
    ] {
        // A total that the snapshot before does not tell, or that would be negative, is not known.
        let before = match previous {
            None => Some(0),
            Some(previous) => previous.count(key),
        };
        let total = before.and_then(|before| before.checked_add(came)?.checked_sub(went));
        if let Some(total) = total {
            summary.insert(key.to_owned(), total.to_string());
        } else {
            summary.remove(key);
        }
    }
    summary
}

/// The specification's word for what happened.
fn word(change: &Change, removed: &[DataFile]) -> &'static str {
    match change.operation {
        Operation::Append => "append",
        Operation::Replace => "replace",
        Operation::Overwrite => "overwrite",
        Operation::Delete => "delete",
        Operation::RowDelta => {
            match (change.add.is_empty(), change.add_deletes.is_empty() && removed.is_empty()) {
                (_, true) => "append",
                (true, false) => "delete",
                (false, false) => "overwrite",
            }
        }
    }
}
