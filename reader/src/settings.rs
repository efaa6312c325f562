//! What a reader is told. Plain values; the store and the world are passed beside them.

use std::sync::Arc;
use std::time::Duration;

use firnline_index::ClusterId;
use firnline_store::{Store, StoreUrl};

use crate::disk::DiskSettings;
use crate::transactions::Decided;

/// The longest request for blocks, in bytes: where S3's throughput per request has flattened out and its latency has not
/// yet begun to hurt. An eighth more where that spares a request for what is left over.
pub(crate) const REQUEST_BYTES: u64 = 8 << 20;

/// The longest read of a local file, in bytes: what was read is still in the processor's cache when it is checked.
const LOCAL_REQUEST_BYTES: u64 = 1 << 20;

/// How far a scan reads ahead at most, in bytes: several go on at once, and each goes on with what it has.
const SCAN_READAHEAD_BYTES: u64 = 64 << 20;

/// The same of local files: the kernel reads ahead by itself.
const LOCAL_READAHEAD_BYTES: u64 = 8 << 20;

/// The first request of a sequential stream, in bytes: a short one, so that the first records come soon.
pub(crate) const FIRST_REQUEST_BYTES: u64 = 1 << 20;

/// The most that one [`crate::Reader::read`] gives, in bytes, a single larger batch excepted.
pub(crate) const MAX_READ_BYTES: usize = 16 << 20;

/// A segment up to this long, in stored bytes, is read whole instead of tail and blocks apart.
pub(crate) const WHOLE_SEGMENT_BYTES: u64 = 512 << 10;

/// How a reader works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReaderSettings {
    /// How old a manifest may be before it is asked for again. Never above the value in the tier's marker: deleters wait
    /// twice that.
    pub max_manifest_age: Duration,
    /// Memory for manifests and their pages, in bytes.
    pub manifest_cache_bytes: u64,
    /// Memory for block indexes and transactions of segments, in bytes. About 40 KiB a segment of 1 GiB.
    pub tail_cache_bytes: u64,
    /// Memory for the broker's own files that stand in segments, in bytes. About 600 KiB a segment of 1 GiB. Nobody but a broker
    /// asks for them: 0 keeps none.
    pub broker_file_cache_bytes: u64,
    /// Memory for checked blocks, in bytes.
    pub block_cache_bytes: u64,
    /// Memory for bytes on their way, over all reads and scans of the reader, in bytes. Half of it is kept for single
    /// reads, so that scans nobody goes on with cannot stop them.
    pub budget_bytes: u64,
    /// What is kept on disk of what was read; `None` = nothing.
    pub disk: Option<DiskSettings>,
    /// How far one sequential stream reads ahead at most, in bytes.
    pub readahead_bytes: u64,
    /// The cluster whose tier this is; a manifest of another one is refused. `None` = not checked.
    pub cluster_id: Option<ClusterId>,
    /// Who checks and decompresses blocks.
    pub workers: Workers,
}

impl Default for ReaderSettings {
    fn default() -> Self {
        Self {
            max_manifest_age: Duration::from_secs(30),
            manifest_cache_bytes: 64 << 20,
            tail_cache_bytes: 64 << 20,
            broker_file_cache_bytes: 0,
            block_cache_bytes: 320 << 20,
            budget_bytes: 192 << 20,
            disk: None,
            readahead_bytes: 160 << 20,
            cluster_id: None,
            workers: Workers::Threads,
        }
    }
}

/// The longest request of a scan of this store, and how far it reads ahead at most, in bytes.
pub(crate) fn scan_sizes(store: &Store, settings: &ReaderSettings) -> (u64, u64) {
    match store.settings().url {
        StoreUrl::Directory { .. } => {
            (LOCAL_REQUEST_BYTES, settings.readahead_bytes.min(LOCAL_READAHEAD_BYTES))
        }
        _ => (REQUEST_BYTES, settings.readahead_bytes.min(SCAN_READAHEAD_BYTES)),
    }
}

/// Which records a consumer may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Isolation {
    /// All.
    #[default]
    ReadUncommitted,
    /// Those below the first undecided transaction; which of them were aborted is told beside them.
    ReadCommitted,
}

/// What a consumer may see of a log.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// Which records.
    pub isolation: Isolation,
    /// What is known of transactions that are open at the tier's end, for readers of committed records.
    pub decided: Option<Arc<Decided>>,
}

impl From<Isolation> for Sight {
    fn from(isolation: Isolation) -> Self {
        Self { isolation, decided: None }
    }
}

/// Who does work that would hold up the async threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Workers {
    /// The runtime's threads for blocking work.
    #[default]
    Threads,
    /// The caller itself, at once. For tests on one thread whose time is paused: the order of things is then the same in
    /// every run.
    Inline,
}

impl Workers {
    /// Runs `work` to its end and gives back what it returned; a panic in it goes on here. Work that was begun is not
    /// cancelled with the future.
    pub(crate) async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match self {
            Self::Inline => work(),
            Self::Threads => match tokio::task::spawn_blocking(work).await {
                Ok(value) => value,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // Only a runtime that shuts down refuses blocking work, and it drops this future as well.
                    Err(_) => std::future::pending().await,
                },
            },
        }
    }
}
