//! A tier, a warehouse, and processes that export from the one to the other, all in one simulated store and one paused runtime.

use std::sync::Arc;
use std::time::Duration;

use arrow_schema::{DataType, Field, Fields};
use firnline_decode::WriterSchema;
use firnline_export::Workers;
use firnline_export::job::{Append, Job, JobParts, Unwatched};
use firnline_export::metrics::ExportMetrics;
use firnline_export::rows::{Part, RowSettings};
use firnline_export::settings::{JobSettings, RetrySettings, RoundSettings};
use firnline_export::source::TopicSource;
use firnline_store::Env;
use firnline_store::env::SeededRandom;
use firnline_store::sim::Simulation;
use firnline_table::catalog::FsCatalog;
use firnline_table::{Catalog, FileIo, TableName};

use crate::foreign::Foreign;
use crate::meddled::{Chances, Meddled};
use crate::tier::{START_MS, TestTier, cluster, partition, topic, topic_id};

/// All there is.
pub(crate) struct World {
    pub(crate) env: Env,
    pub(crate) sim: Simulation,
    pub(crate) tier: TestTier,
    seed: u64,
    processes: u64,
}

/// The table of the tests.
pub(crate) fn table() -> TableName {
    "db.shop_orders".parse().expect("a name")
}

/// Its dead letters.
pub(crate) fn dead_letters() -> TableName {
    "db.shop_orders_dlq".parse().expect("a name")
}

/// Values are JSON with one number; one with a fraction is no row.
pub(crate) fn settings() -> JobSettings {
    let fields: Fields = vec![Field::new("n", DataType::Int64, true)].into();
    JobSettings {
        rows: RowSettings {
            value: Part::Json(WriterSchema::declared(&fields)),
            max_rows: 7,
            ..RowSettings::default()
        },
        round: RoundSettings {
            target_bytes: 64 << 10,
            max_lag: Duration::ZERO,
            poll: Duration::from_secs(1),
        },
        retry: RetrySettings { round_attempts: Some(40), ..RetrySettings::default() },
        ..JobSettings::default()
    }
}

impl World {
    /// Must be made within a paused runtime of one thread.
    pub(crate) fn new(seed: u64, partitions: usize) -> Self {
        let env = Env::seeded(seed, START_MS);
        let sim = Simulation::new(seed, &env);
        let tier = TestTier::new(sim.clone(), partitions);
        Self { env, sim, tier, seed, processes: 0 }
    }

    /// Randomness of a process's own.
    fn own_env(&mut self) -> Env {
        self.processes += 1;
        let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(self.processes);
        Env { clock: Arc::clone(&self.env.clock), random: Arc::new(SeededRandom::new(seed)) }
    }

    /// The catalog as a process of its own sees it.
    pub(crate) fn catalog(&mut self) -> FsCatalog {
        let env = self.own_env();
        let io = FileIo::new(self.sim.connect(&env)).expect("a warehouse");
        FsCatalog::new(io, env)
    }

    pub(crate) fn foreign(&mut self) -> Foreign {
        let env = self.own_env();
        Foreign::new(self.catalog(), env)
    }

    /// An exporter in a process of its own.
    pub(crate) fn exporter(&mut self, chances: Chances) -> Job {
        self.exporter_with(chances, settings())
    }

    pub(crate) fn exporter_with(&mut self, chances: Chances, settings: JobSettings) -> Job {
        let env = self.own_env();
        let foreign = self.foreign();
        let catalog = Meddled::new(self.catalog(), foreign, Arc::clone(&self.own_env().random), chances);
        Job::new(self.parts(env, Arc::new(catalog)), settings)
    }

    pub(crate) fn parts(&self, env: Env, catalog: Arc<dyn Catalog>) -> JobParts {
        JobParts {
            source: TopicSource::new(self.tier.reader(&env), topic(), topic_id()),
            cluster: cluster(),
            partitions: (0..self.tier.partitions.len()).map(partition).collect(),
            catalog,
            table: table(),
            schemas: None,
            shaping: Arc::new(Append),
            env,
            workers: Workers::Inline,
            metrics: Arc::new(ExportMetrics::default()),
            progress: Arc::new(Unwatched),
        }
    }

    /// An operator's own process.
    pub(crate) fn operator(&mut self) -> JobParts {
        let env = self.own_env();
        let catalog = self.catalog();
        self.parts(env, Arc::new(catalog))
    }
}

/// Runs a test in a paused runtime of one thread: time moves when all wait, and the same seed gives the same history.
pub(crate) fn paused<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(test)
}
