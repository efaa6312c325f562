//! What an export counts: names, and the numbers behind them.
//!
//! One [`ExportMetrics`] per table, handed to its job; whoever serves a metrics page takes a [`MetricsSnapshot`] when asked,
//! so counting costs an atomic addition and nothing is counted twice. Labels have fixed words: [`Failure`] and the reasons
//! of dead letters.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

macro_rules! names {
    ($($name:ident = $text:literal, $help:literal;)*) => {
        $(#[doc = $help] pub const $name: &str = $text;)*
        /// Every metric of an export with what it counts.
        pub const ALL: &[(&str, &str)] = &[$(($text, $help)),*];
    };
}

names! {
    BEHIND_TIER = "firnline_export_behind_tier_seconds", "How far the table is behind the tier, by the records' own times; absent where nothing tells.";
    BACKLOG_OFFSETS = "firnline_export_backlog_offsets", "Offsets that the tier has and the table does not have yet.";
    ROWS = "firnline_export_rows_total", "Rows that became part of the table.";
    READ_BYTES = "firnline_export_read_bytes_total", "Uncompressed bytes of keys, values and headers of those rows.";
    FILE_BYTES = "firnline_export_file_bytes_total", "Bytes of the files that became part of the table.";
    FILES = "firnline_export_files_total", "Files that became part of the table.";
    DEAD_LETTERS = "firnline_export_dead_letters_total", "Records that became dead letters, by reason.";
    LOST_OFFSETS = "firnline_export_lost_offsets_total", "Offsets that the tier has recorded as lost or let go before they were exported.";
    COMMITS = "firnline_export_commits_total", "Commits to the table.";
    COMMIT_FAILURES = "firnline_export_commit_failures_total", "Attempts to commit that were not plainly accepted, by kind: conflict, unknown, refused, unavailable.";
    COMMIT_SECONDS = "firnline_export_commit_seconds", "Time of commits, all attempts together: sum and count.";
    LAST_COMMIT = "firnline_export_last_commit_time_seconds", "When the table was last committed to, in seconds since 1970.";
    ABANDONED = "firnline_export_abandoned_rounds_total", "Rounds whose files were given up because the table had moved on.";
    STALLS = "firnline_export_stalls_total", "Times that the export stood still because a schema registry did not answer.";
    ROUND_FAILURES = "firnline_export_round_failures_total", "Rounds that failed and were tried again.";
}

/// How an attempt to commit failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The table had moved on.
    Conflict,
    /// Nobody knows whether it landed.
    Unknown,
    /// The catalog refused it.
    Refused,
    /// It was not sent.
    Unavailable,
}

impl Failure {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Conflict, Self::Unknown, Self::Refused, Self::Unavailable];

    const fn place(self) -> usize {
        match self {
            Self::Conflict => 0,
            Self::Unknown => 1,
            Self::Refused => 2,
            Self::Unavailable => 3,
        }
    }

    /// The label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The most reasons of dead letters that are told apart; the rest counts as `other`.
const MAX_REASONS: usize = 64;

/// Stands for "not known".
const NONE: u64 = u64::MAX;

/// What one table's export has counted.
#[derive(Debug)]
pub struct ExportMetrics {
    behind_tier_seconds: AtomicU64,
    backlog_offsets: AtomicU64,
    rows: AtomicU64,
    read_bytes: AtomicU64,
    file_bytes: AtomicU64,
    files: AtomicU64,
    lost_offsets: AtomicU64,
    commits: AtomicU64,
    commit_failures: [AtomicU64; 4],
    commit_micros: AtomicU64,
    last_commit_ms: AtomicU64,
    abandoned: AtomicU64,
    stalls: AtomicU64,
    round_failures: AtomicU64,
    /// Seldom touched: once a round, and only where there are any.
    dead_letters: Mutex<BTreeMap<String, u64>>,
}

impl Default for ExportMetrics {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            behind_tier_seconds: AtomicU64::new(NONE),
            backlog_offsets: zero(),
            rows: zero(),
            read_bytes: zero(),
            file_bytes: zero(),
            files: zero(),
            lost_offsets: zero(),
            commits: zero(),
            commit_failures: [zero(), zero(), zero(), zero()],
            commit_micros: zero(),
            last_commit_ms: AtomicU64::new(NONE),
            abandoned: zero(),
            stalls: zero(),
            round_failures: zero(),
            dead_letters: Mutex::default(),
        }
    }
}

/// What became part of a table by one commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Added {
    /// Rows.
    pub rows: u64,
    /// Uncompressed bytes of keys, values and headers.
    pub read_bytes: u64,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Offsets known lost.
    pub lost_offsets: u64,
}

impl ExportMetrics {
    /// Tells how far the table is behind.
    pub fn set_behind(&self, seconds: Option<u64>, offsets: u64) {
        self.behind_tier_seconds.store(seconds.unwrap_or(NONE), Ordering::Relaxed);
        self.backlog_offsets.store(offsets, Ordering::Relaxed);
    }

    /// A commit landed, after this time, at this moment.
    pub fn committed(&self, added: Added, took: Duration, now_ms: i64) {
        self.rows.fetch_add(added.rows, Ordering::Relaxed);
        self.read_bytes.fetch_add(added.read_bytes, Ordering::Relaxed);
        self.files.fetch_add(added.files, Ordering::Relaxed);
        self.file_bytes.fetch_add(added.file_bytes, Ordering::Relaxed);
        self.lost_offsets.fetch_add(added.lost_offsets, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.commit_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.last_commit_ms.store(u64::try_from(now_ms).unwrap_or(0), Ordering::Relaxed);
    }

    /// An attempt to commit was not plainly accepted.
    pub fn commit_failed(&self, failure: Failure) {
        self.commit_failures[failure.place()].fetch_add(1, Ordering::Relaxed);
    }

    /// So many records became dead letters for this reason.
    pub fn dead_letters(&self, reason: &str, count: u64) {
        let mut all = self.dead_letters.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.contains_key(reason) || all.len() < MAX_REASONS;
        *all.entry(if known { reason } else { "other" }.to_owned()).or_default() += count;
    }

    /// A round's files were given up.
    pub fn abandoned(&self) {
        self.abandoned.fetch_add(1, Ordering::Relaxed);
    }

    /// The registry did not answer.
    pub fn stalled(&self) {
        self.stalls.fetch_add(1, Ordering::Relaxed);
    }

    /// A round failed and will be tried again.
    pub fn round_failed(&self) {
        self.round_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn snapshot(&self) -> MetricsSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let known = |value: u64| (value != NONE).then_some(value);
        MetricsSnapshot {
            behind_tier_seconds: known(get(&self.behind_tier_seconds)),
            backlog_offsets: get(&self.backlog_offsets),
            added: Added {
                rows: get(&self.rows),
                read_bytes: get(&self.read_bytes),
                files: get(&self.files),
                file_bytes: get(&self.file_bytes),
                lost_offsets: get(&self.lost_offsets),
            },
            commits: get(&self.commits),
            commit_failures: Failure::ALL
                .map(|failure| (failure, get(&self.commit_failures[failure.place()]))),
            commit_time: Duration::from_micros(get(&self.commit_micros)),
            last_commit_ms: known(get(&self.last_commit_ms)),
            abandoned: get(&self.abandoned),
            stalls: get(&self.stalls),
            round_failures: get(&self.round_failures),
            dead_letters: self.dead_letters.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// The numbers at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsSnapshot {
    /// [`BEHIND_TIER`].
    pub behind_tier_seconds: Option<u64>,
    /// [`BACKLOG_OFFSETS`].
    pub backlog_offsets: u64,
    /// [`ROWS`], [`READ_BYTES`], [`FILES`], [`FILE_BYTES`], [`LOST_OFFSETS`].
    pub added: Added,
    /// [`COMMITS`].
    pub commits: u64,
    /// [`COMMIT_FAILURES`].
    pub commit_failures: [(Failure, u64); 4],
    /// The sum of [`COMMIT_SECONDS`]; its count is `commits`.
    pub commit_time: Duration,
    /// [`LAST_COMMIT`].
    pub last_commit_ms: Option<u64>,
    /// [`ABANDONED`].
    pub abandoned: u64,
    /// [`STALLS`].
    pub stalls: u64,
    /// [`ROUND_FAILURES`].
    pub round_failures: u64,
    /// [`DEAD_LETTERS`], by reason.
    pub dead_letters: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_prefix_and_a_unit_and_are_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for (name, help) in ALL {
            assert!(name.starts_with("firnline_export_") && help.ends_with('.'), "{name}");
            assert!(["_total", "_seconds", "_offsets"].iter().any(|unit| name.ends_with(unit)), "{name}");
            assert!(seen.insert(name), "{name}");
        }
    }

    #[test]
    fn what_is_counted_is_told() {
        let metrics = ExportMetrics::default();
        assert_eq!(metrics.snapshot().behind_tier_seconds, None);
        metrics.set_behind(Some(3), 9);
        metrics.committed(Added { rows: 5, ..Added::default() }, Duration::from_millis(20), 1_000);
        metrics.commit_failed(Failure::Unknown);
        metrics.dead_letters("truncated", 2);
        let seen = metrics.snapshot();
        assert_eq!((seen.behind_tier_seconds, seen.backlog_offsets, seen.added.rows), (Some(3), 9, 5));
        assert_eq!(seen.commit_failures[1], (Failure::Unknown, 1));
        assert_eq!((seen.last_commit_ms, seen.dead_letters["truncated"]), (Some(1_000), 2));
    }

    #[test]
    fn reasons_do_not_grow_without_end() {
        let metrics = ExportMetrics::default();
        for reason in 0..1_000 {
            metrics.dead_letters(&reason.to_string(), 1);
        }
        let seen = metrics.snapshot().dead_letters;
        assert_eq!((seen.len(), seen.values().sum::<u64>()), (MAX_REASONS + 1, 1_000));
    }
}
