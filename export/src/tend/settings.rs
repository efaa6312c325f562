//! How a table is kept in shape. Plain values.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Orphans are never younger: a commit under way, of any engine, ends long before.
pub const MIN_ORPHAN_AGE: Duration = DAY.saturating_mul(3);

/// What is done to a table, and when. The defaults keep everything bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TendSettings {
    /// How large files are made, in bytes. Files of less than three quarters of it count as small.
    pub target_file_bytes: u64,
    /// So many small files of a partition that is not written any more are put together. At least 2.
    pub min_small_files: usize,
    /// So many of one that is still written. At least 2.
    pub max_small_files: usize,
    /// A partition that got no file for so long counts as not written any more.
    pub closed_after: Duration,
    /// With more delete files than this a partition is rewritten without the deleted rows.
    pub max_delete_files: usize,
    /// With more of its rows deleted than this, in per cent, likewise.
    pub max_deleted_percent: u64,
    /// The most that one commit rewrites, in bytes of the old files.
    pub max_rewrite_bytes: u64,
    /// So many of the newest snapshots always stay. At least 1.
    pub keep_snapshots: usize,
    /// The others go when they are older.
    pub max_snapshot_age: Duration,
    /// With more snapshots than this the oldest go however young they are: each commit writes the list of all of them.
    pub max_snapshots: usize,
    /// With more manifests than this, small ones are put together.
    pub max_manifests: usize,
    /// Files that nothing names are removed when they are older. At least [`MIN_ORPHAN_AGE`].
    pub orphan_age: Duration,
    /// How often they are looked for: a listing of all of the table's files.
    pub orphan_interval: Duration,
    /// How often the table's files are looked at: all manifests are read.
    pub look_interval: Duration,
    /// Memory for keys of deletes and for rows being sorted, in bytes.
    pub memory_bytes: usize,
}

impl Default for TendSettings {
    fn default() -> Self {
        Self {
            target_file_bytes: 256 << 20,
            min_small_files: 8,
            max_small_files: 64,
            closed_after: Duration::from_secs(6 * 60 * 60),
            max_delete_files: 20,
            max_deleted_percent: 10,
            max_rewrite_bytes: 1 << 30,
            keep_snapshots: 100,
            max_snapshot_age: DAY.saturating_mul(5),
            max_snapshots: 1000,
            max_manifests: 100,
            orphan_age: MIN_ORPHAN_AGE,
            orphan_interval: DAY,
            look_interval: Duration::from_secs(10 * 60),
            memory_bytes: 256 << 20,
        }
    }
}

impl TendSettings {
    /// What is wrong with the values, each in a sentence; empty where nothing is.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut least = |name: &str, value: u64, least: u64| {
            if value < least {
                problems.push(format!("`{name}` is {value}; it must be {least} at least"));
            }
        };
        least("target_file_size", self.target_file_bytes, 1 << 20);
        least("min_small_files", number(self.min_small_files), 2);
        least("max_small_files", number(self.max_small_files), 2);
        least("max_rewrite_size", self.max_rewrite_bytes, self.target_file_bytes);
        least("keep_snapshots", number(self.keep_snapshots), 1);
        least("max_snapshots", number(self.max_snapshots), number(self.keep_snapshots));
        least("max_manifests", number(self.max_manifests), 2);
        least("memory", number(self.memory_bytes), 16 << 20);
        if self.orphan_age < MIN_ORPHAN_AGE {
            problems.push(
                "`orphan_age` is below 3 days; files of commits under way could be taken for orphans"
                    .to_owned(),
            );
        }
        problems
    }

    /// Files below this size are small.
    pub(super) fn small_bytes(&self) -> u64 {
        self.target_file_bytes / 4 * 3
    }
}

fn number(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_fine_and_bad_values_are_all_told() {
        assert_eq!(TendSettings::default().problems(), Vec::<String>::new());
        let bad = TendSettings {
            orphan_age: DAY,
            keep_snapshots: 0,
            max_rewrite_bytes: 1,
            ..TendSettings::default()
        };
        assert_eq!(bad.problems().len(), 3);
    }
}
