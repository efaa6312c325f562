//! Which files are rewritten together: a pure decision.
//!
//! A *rewrite* takes data files of one partition, leaves out what is deleted in them, and puts the rest into files of the
//! target size. Its new files get the data sequence number `sequence`: all deletes up to it have been applied, all later
//! ones still reach the new files.
//!
//! ```text
//!  sequence   1    2    3    4    5    6    7
//!  data       ▓    ▓         ▓    ▓                 rewritten: those up to 5
//!  deletes         ×    ×              ×    ×       applied: 2, 3 (loaded up to the memory limit) → sequence = 5
//!                                                   6 and 7 reach the new files as they reached the old
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{Content, FileFact};
use super::settings::TendSettings;

/// What one key of a delete costs in memory, in bytes: a hash, a sequence number, and the map's room.
const KEY_BYTES: u64 = 64;

/// Why files are rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// They are small and many.
    SmallFiles,
    /// Too much of them is deleted, or by too many files.
    Deletes,
}

/// Files to be rewritten in one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// Why.
    pub why: Why,
    /// The partition.
    pub partition: Arc<str>,
    /// The data files, in the order they are read.
    pub files: Vec<Arc<str>>,
    /// The delete files to be applied.
    pub deletes: Vec<Arc<str>>,
    /// The data sequence number of the new files.
    pub sequence: i64,
    /// Bytes of the data files.
    pub bytes: u64,
}

/// A partition that cannot be kept in shape, with why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The partition.
    pub partition: Arc<str>,
    /// Why, in words.
    pub why: String,
}

/// What is to be rewritten, the most urgent first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RewritePlan {
    /// Each is a commit of its own. After one has been made, the others are planned anew.
    pub rewrites: Vec<Rewrite>,
    /// What should be, but cannot.
    pub skipped: Vec<Skipped>,
}

/// Plans over all files of a snapshot whose sequence number is `sequence`.
#[must_use]
pub fn plan(files: &[FileFact], sequence: i64, settings: &TendSettings, now_ms: i64) -> RewritePlan {
    let mut partitions: BTreeMap<&Arc<str>, Vec<&FileFact>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.content == Content::Data) {
        partitions.entry(&file.partition).or_default().push(file);
    }
    let deletes: Vec<_> = files.iter().filter(|file| file.content != Content::Data).collect();
    let mut plan = RewritePlan::default();
    let mut small = Vec::new();
    for (partition, data) in partitions {
        // Files of an earlier spec stay as they are: new ones cannot be written beside them.
        if !data.iter().all(|file| file.current_spec) {
            continue;
        }
        let reaching: Vec<&FileFact> =
            deletes.iter().copied().filter(|deletes| data.iter().any(|data| deletes.reaches(data))).collect();
        let part = Part { partition, data, reaching, sequence, settings };
        match part.deletes() {
            Ok(Some(rewrite)) => plan.rewrites.push(rewrite),
            Ok(None) => match part.small(now_ms) {
                Ok(rewrite) => small.extend(rewrite),
                Err(skipped) => plan.skipped.push(skipped),
            },
            Err(skipped) => plan.skipped.push(skipped),
        }
    }
    plan.rewrites.append(&mut small);
    plan
}

/// One partition.
struct Part<'a> {
    partition: &'a Arc<str>,
    data: Vec<&'a FileFact>,
    reaching: Vec<&'a FileFact>,
    sequence: i64,
    settings: &'a TendSettings,
}

impl Part<'_> {
    /// A rewrite because of deletes, where there are too many.
    fn deletes(&self) -> Result<Option<Rewrite>, Skipped> {
        let rows: u64 = self.data.iter().map(|file| file.rows).sum();
        let deleted: u64 = self.reaching.iter().map(|file| file.rows).sum();
        let share =
            u128::from(deleted) * 100 > u128::from(rows) * u128::from(self.settings.max_deleted_percent);
        if self.reaching.is_empty() || !(share || self.reaching.len() > self.settings.max_delete_files) {
            return Ok(None);
        }
        let (sequence, applied) = self.applicable()?;
        let reached = |data: &&FileFact| {
            data.sequence <= sequence && applied.iter().any(|deletes| deletes.reaches(data))
        };
        let files: Vec<_> = self.data.iter().copied().filter(reached).collect();
        Ok(self.rewrite(Why::Deletes, files, sequence, &applied))
    }

    /// A rewrite because of small files, where there are many.
    fn small(&self, now_ms: i64) -> Result<Option<Rewrite>, Skipped> {
        let closed = self.data.iter().all(|file| {
            let age = file.added_ms.map(|added| now_ms.saturating_sub(added));
            age.is_none_or(|age| u128::try_from(age).unwrap_or(0) >= self.settings.closed_after.as_millis())
        });
        let least = if closed { self.settings.min_small_files } else { self.settings.max_small_files };
        let is_small = |file: &&FileFact| file.bytes < self.settings.small_bytes();
        if self.data.iter().copied().filter(|file| is_small(file)).count() < least.max(2) {
            return Ok(None);
        }
        let (sequence, applied) = self.applicable()?;
        let files: Vec<_> =
            self.data.iter().copied().filter(is_small).filter(|file| file.sequence <= sequence).collect();
        let rewrite = self.rewrite(Why::SmallFiles, files, sequence, &applied);
        // It must leave fewer files, or it would be done over and over.
        Ok(rewrite.filter(|rewrite| {
            let after = rewrite.bytes.div_ceil(self.settings.target_file_bytes.max(1));
            u64::try_from(rewrite.files.len()).is_ok_and(|before| after < before)
        }))
    }

    /// The deletes that are applied together, and the sequence number up to which they are all there are: as many of the
    /// oldest as memory holds. Deletes of one sequence number are not taken apart.
    fn applicable(&self) -> Result<(i64, Vec<&FileFact>), Skipped> {
        let mut all = self.data.iter().chain(&self.reaching);
        if let Some(other) = all.find(|file| !file.readable) {
            let why = format!(
                "{} is no Parquet file; rewrite the partition with the engine that wrote it",
                other.path
            );
            return Err(Skipped { partition: Arc::clone(self.partition), why });
        }
        let budget = u64::try_from(self.settings.memory_bytes / 2).unwrap_or(u64::MAX) / KEY_BYTES;
        let mut by_sequence: BTreeMap<i64, Vec<&FileFact>> = BTreeMap::new();
        for deletes in &self.reaching {
            by_sequence.entry(deletes.sequence).or_default().push(deletes);
        }
        let (mut applied, mut keys) = (Vec::new(), 0_u64);
        for (sequence, files) in by_sequence {
            let more: u64 = files.iter().map(|file| file.rows).sum();
            keys = keys.saturating_add(more);
            if keys > budget {
                if applied.is_empty() {
                    let why = format!(
                        "one commit deletes {more} rows, whose keys do not fit into the memory for maintenance ({} bytes)",
                        self.settings.memory_bytes
                    );
                    return Err(Skipped { partition: Arc::clone(self.partition), why });
                }
                return Ok((sequence - 1, applied));
            }
            applied.extend(files);
        }
        Ok((self.sequence, applied))
    }

    fn rewrite(
        &self,
        why: Why,
        mut files: Vec<&FileFact>,
        sequence: i64,
        applied: &[&FileFact],
    ) -> Option<Rewrite> {
        files.sort_by(|a, b| {
            (a.first_offset, a.sequence, &a.path).cmp(&(b.first_offset, b.sequence, &b.path))
        });
        let (mut bytes, mut taken) = (0_u64, Vec::new());
        for file in files {
            let more = bytes.saturating_add(file.bytes);
            if more > self.settings.max_rewrite_bytes && !taken.is_empty() {
                break;
            }
            bytes = more;
            taken.push(file);
        }
        if taken.is_empty() {
            return None;
        }
        let reaches = |deletes: &&&FileFact| taken.iter().any(|data| deletes.reaches(data));
        let deletes = applied.iter().filter(reaches).map(|file| Arc::clone(&file.path)).collect();
        Some(Rewrite {
            why,
            partition: Arc::clone(self.partition),
            files: taken.iter().map(|file| Arc::clone(&file.path)).collect(),
            deletes,
            sequence,
            bytes,
        })
    }
}

/// The deletes by keys that reach nothing any more, once `removed` is gone: `live` are the files before that. What is put in
/// the place of `removed` has the data sequence number `sequence`.
#[must_use]
pub fn spent_equality_deletes(live: &[FileFact], removed: &[Arc<str>], sequence: i64) -> Vec<Arc<str>> {
    let gone = |file: &FileFact| removed.contains(&file.path);
    let spent = |deletes: &&FileFact| {
        let rest = live.iter().filter(|file| file.content == Content::Data && !gone(file));
        let reached_by_new = !removed.is_empty()
            && deletes.sequence > sequence
            && live.iter().any(|file| gone(file) && deletes.reaches(file));
        !reached_by_new && !rest.into_iter().any(|data| deletes.reaches(data))
    };
    let equality = live.iter().filter(|file| file.content == Content::EqualityDeletes);
    equality.filter(spent).map(|file| Arc::clone(&file.path)).collect()
}

#[cfg(test)]
mod tests;
