//! One table's job: rounds that read a topic's partitions, write files, and commit them with the new positions, exactly once.
//!
//! ```text
//!  open ── load or create ── claim (epoch + 1, owner = me) ─┐
//!                                                           ▼
//!  ┌── round: load ─ is it still mine? ─ resume each partition (lineage) ─ divide ──┐
//!  │                                                                                ▼
//!  │             write: feed ─ rows ─ files                     nothing of the table changes here
//!  │                                                                                ▼
//!  │             commit: dead letters first, then rows + positions + schema, ONE snapshot
//!  │                │ accepted                │ anything else: load, settle (settle.rs)
//!  └────────────────┴── Landed ◄──────────────┤
//!                       Again ── rebuilt on the new head, same files, same id
//!                       Abandon ── files are left to orphan removal, the round begins again, or the job stops
//! ```
//!
//! **What it promises.** Each decided record of the exported ranges is in exactly one row or dead letter of the table, whatever
//! stops it, whoever else commits. Every commit that moves positions or ownership makes a snapshot, an empty one where there
//! are no rows: so the catalog's check of the head is a check of the positions as well. A file that may be part of a table is
//! never deleted here. Dropping any future of it is as good as a crash, which costs at most a round's files.
//!
//! **What it leaves to others.** Which partitions there are and who exports which (`share/`), maintenance (`tend/`), undoing a cut
//! of the tier (`repair/`), decoding, encoding, and the one attempt at a commit (`firnline-table`).

mod commit;
mod dead;
mod error;
mod name;
mod open;
mod plan;
mod progress;
mod retry;
mod round;
mod run;
mod settle;
mod shape;
mod state;
pub mod table;
mod wire;
mod write;
mod written;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use firnline_decode::SchemaSource;
use firnline_index::{ClusterId, PartitionIndex};
use firnline_store::Env;
use firnline_store::env::RandomExt as _;
use firnline_table::{Catalog, Table, TableName};

pub(crate) use commit::Repair;
pub use error::{JobError, Next};
pub use name::{Collision, DEAD_LETTERS, dead_letter_name, table_name, table_names};
pub use plan::{Assignment, Backlog, divide, is_due, seconds_behind};
pub use progress::{Progress, Unwatched};
pub use round::{Committed, Round};
pub use run::Between;
pub use settle::{Now, Ours, Settled, Why, settle};
pub use shape::{Append, Pushed, Shape, ShapeError, Shaped, Shaping};
pub use state::Exported;
pub use wire::{MAX_WRITTEN_TEXT, WrittenError};
pub use written::{Counts, DeadSet, Written};

use crate::metrics::ExportMetrics;
use crate::rows::Layout;
use crate::settings::JobSettings;
use crate::source::TopicSource;
use crate::workers::Workers;
use dead::DeadTable;

/// What a job works with, beside its settings.
#[derive(Clone)]
pub struct JobParts {
    /// The topic.
    pub source: TopicSource,
    /// The cluster that it belongs to.
    pub cluster: ClusterId,
    /// Its partitions.
    pub partitions: Vec<PartitionIndex>,
    /// Where the table is.
    pub catalog: Arc<dyn Catalog>,
    /// Its name. The dead-letter table is called the same with [`DEAD_LETTERS`] behind it.
    pub table: TableName,
    /// The schema registry, if there is one.
    pub schemas: Option<Arc<dyn SchemaSource>>,
    /// How rows become what is committed: [`Append`], or what a current-state table needs.
    pub shaping: Arc<dyn Shaping>,
    /// Clock and randomness.
    pub env: Env,
    /// Where decoding and encoding run.
    pub workers: Workers,
    /// What is counted.
    pub metrics: Arc<ExportMetrics>,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
}

/// One table's export.
///
/// Not to be used by two at once, which it does not allow; two jobs of one table are allowed, and one of them stops.
pub struct Job {
    pub(crate) context: Context,
    state: State,
    /// Up to when partitions were exported, by their records' own times.
    newest_ms: BTreeMap<PartitionIndex, i64>,
}

/// What does not change while a job lives.
pub(crate) struct Context {
    pub(crate) source: TopicSource,
    pub(crate) cluster: ClusterId,
    pub(crate) partitions: Vec<PartitionIndex>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) table: TableName,
    pub(crate) schemas: Option<Arc<dyn SchemaSource>>,
    pub(crate) shaping: Arc<dyn Shaping>,
    pub(crate) env: Env,
    pub(crate) workers: Workers,
    pub(crate) metrics: Arc<ExportMetrics>,
    pub(crate) progress: Arc<dyn Progress>,
    pub(crate) settings: JobSettings,
    /// This exporter, as the table names its owner.
    pub(crate) instance: String,
}

/// How far a job is with its table.
enum State {
    /// Not taken over yet.
    New,
    /// It was this exporter's when it was loaded last.
    Owned,
    /// Another exporter has it now: nothing more is done.
    Fenced {
        /// Who.
        by: String,
        /// Under which epoch.
        epoch: u64,
    },
}

/// A table as it was loaded, and what follows from it.
pub(crate) struct Ready {
    table: Table,
    exported: Exported,
    layout: Arc<Layout>,
    dead: Option<DeadTable>,
}

impl Job {
    /// A job that has done nothing yet: the table is loaded, or made, and taken over by its first round.
    #[must_use]
    pub fn new(parts: JobParts, settings: JobSettings) -> Self {
        let JobParts {
            source,
            cluster,
            partitions,
            catalog,
            table,
            schemas,
            shaping,
            env,
            workers,
            metrics,
            progress,
        } = parts;
        let instance = env.random.hex_id();
        let context = Context {
            source,
            cluster,
            partitions,
            catalog,
            table,
            schemas,
            shaping,
            env,
            workers,
            metrics,
            progress,
            settings,
            instance,
        };
        Self { context, state: State::New, newest_ms: BTreeMap::new() }
    }

    /// The id that the table names this exporter by.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.context.instance
    }

    /// The table's name.
    #[must_use]
    pub fn table(&self) -> &TableName {
        &self.context.table
    }

    /// Which partitions the next rounds read: those that there are now, or this worker's share of them.
    pub fn set_partitions(&mut self, partitions: Vec<PartitionIndex>) {
        self.context.partitions = partitions;
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Context { table, instance, .. } = &self.context;
        f.debug_struct("Job")
            .field("table", &table.to_string())
            .field("instance", instance)
            .finish_non_exhaustive()
    }
}
