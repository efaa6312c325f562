//! What an export is told. Plain values; stores, catalogs, clocks and metrics are passed beside them.

use std::time::Duration;

use firnline_index::{Offset, PartitionIndex, TopicId};
use std::collections::BTreeMap;

use crate::files::FileSettings;
use crate::rows::RowSettings;

/// What one table's job is told.
#[derive(Debug, Clone, Default)]
pub struct JobSettings {
    /// How records become rows.
    pub rows: RowSettings,
    /// How rows become files.
    pub files: FileSettings,
    /// How the table is made where it is not there yet.
    pub table: TableSettings,
    /// How much is read before each commit, and how long is waited for it.
    pub round: RoundSettings,
    /// What becomes of records that are no rows.
    pub dead_letters: DeadLetters,
    /// What becomes of offsets that the tier does not have.
    pub missing: Missing,
    /// Where partitions begin that the table has no position of.
    pub start: Start,
    /// How failures are met.
    pub retry: RetrySettings,
    /// The topic id that the table's records came from so far, where its topic was made anew and the table is to go on with
    /// the new one.
    pub continue_as: Option<TopicId>,
}

/// How a table is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSettings {
    /// Where it lies; `None` leaves that to the catalog.
    pub location: Option<String>,
    /// Iceberg's format version: 2, or 3. Athena reads no 3.
    pub format_version: u8,
    /// The partitioning, as transforms in words: `day(kafka_timestamp)`, `bucket(16, id)`, `country`. Empty for none.
    pub partitioning: Vec<String>,
    /// Further properties of the table.
    pub properties: BTreeMap<String, String>,
    /// Columns of the table that tell rows apart, by name; for current-state tables.
    pub identifier: Vec<String>,
}

impl Default for TableSettings {
    fn default() -> Self {
        Self {
            location: None,
            format_version: 2,
            partitioning: vec!["day(kafka_timestamp)".to_owned()],
            properties: BTreeMap::new(),
            identifier: Vec::new(),
        }
    }
}

/// How much one commit brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundSettings {
    /// About how many bytes of files a commit brings. So many bytes of the log make a round due at once, too.
    pub target_bytes: u64,
    /// How long what is in the tier may wait for its commit.
    pub max_lag: Duration,
    /// How often the tier is looked at.
    pub poll: Duration,
}

impl Default for RoundSettings {
    fn default() -> Self {
        Self { target_bytes: 256 << 20, max_lag: Duration::from_secs(60), poll: Duration::from_secs(10) }
    }
}

/// What becomes of records that are no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeadLetters {
    /// They go to the dead-letter table beside the table.
    #[default]
    Table,
    /// The export stops in front of the first.
    Stop,
}

/// What becomes of offsets that the tier does not have (any more).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Offsets that the tier has on record as lost.
    pub lost: Policy,
    /// Offsets that went from the tier, by retention or deletion, before they were exported.
    pub gone: Policy,
}

impl Default for Missing {
    fn default() -> Self {
        Self { lost: Policy::Record, gone: Policy::Refuse }
    }
}

/// Whether the export goes on behind something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// It goes on, and says so in the snapshot's summary and the metrics.
    Record,
    /// It stops with an error.
    Refuse,
}

/// Where partitions begin that the table has no position of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Start {
    /// With the first record that the tier has.
    #[default]
    Earliest,
    /// At these offsets; partitions that are not named begin with the first record. Offsets below the tier's start are its start.
    Offsets(BTreeMap<PartitionIndex, Offset>),
}

/// How failures are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// How often a commit is tried before the round fails. Its files are kept for the next attempts meanwhile.
    pub commit_attempts: u32,
    /// How often a round is tried before a run ends with its error; without an end where it is `None`.
    pub round_attempts: Option<u32>,
    /// The first pause; each is twice the one before, and drawn anew up to that.
    pub first_pause: Duration,
    /// How often a schema registry that does not answer is asked again before the round is given up.
    pub registry_attempts: u32,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            commit_attempts: 12,
            round_attempts: None,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(30),
            registry_attempts: 20,
        }
    }
}
