//! The handle, and what stands behind it.

use std::fmt;
use std::num::NonZero;
use std::sync::{Arc, OnceLock};

use firnline_index::TopicIdPartition;
use firnline_index::manifest::{Entry, Manifest};
use firnline_logdir::LocalLog;
use firnline_store::{ByteBudget, Store};
use tokio::sync::Semaphore;

use crate::disk::{Disk, DiskStats};
use crate::error::ReadError;
use crate::fetch::{Blocks, Fetcher};
use crate::keys::SegmentKeys;
use crate::local::LocalLogs;
use crate::named::Named;
use crate::open::{Opener, Segment};
use crate::place::{Age, Manifests, Pages};
use crate::read::Streams;
use crate::rest::Rests;
use crate::settings::ReaderSettings;
use crate::stats::{Counters, ReaderStats};
use crate::tasks::Tasks;

/// Reads a tier. Cheap to clone; clones share caches, budget and flights.
///
/// Must be used within a tokio runtime. Any number of calls may run at once. Every call may be dropped at any time: what it
/// has asked the store for still comes, and is kept.
#[derive(Clone)]
pub struct Reader {
    pub(crate) inner: Arc<Inner>,
}

/// What clones share.
pub(crate) struct Inner {
    pub(crate) manifests: Manifests,
    pub(crate) pages: Pages,
    pub(crate) opener: Opener,
    pub(crate) blocks: Blocks,
    pub(crate) fetcher: Fetcher,
    pub(crate) streams: Arc<Streams>,
    /// Whether it may ask the store for anything.
    pub(crate) brings: bool,
    /// For scans; the other half of the budget is for single reads.
    pub(crate) scan_budget: ByteBudget,
    pub(crate) settings: ReaderSettings,
    pub(crate) rests: Arc<Rests>,
    pub(crate) named: Named,
    /// The same caches, for reads that make no request.
    pub(crate) held: OnceLock<Arc<Inner>>,
    tasks: Arc<Tasks>,
}

impl Reader {
    /// A reader of the tier in `store`. Makes no request.
    #[must_use]
    pub fn new(store: Store, settings: ReaderSettings) -> Self {
        Self::with_keys(store, settings, None)
    }

    /// A reader that opens sealed segments, too, with what `keys` gives. Makes no request. Where the settings name a disk
    /// cache, a task begins to open its directory: within a tokio runtime.
    #[must_use]
    pub fn with_keys(store: Store, settings: ReaderSettings, keys: Option<Arc<dyn SegmentKeys>>) -> Self {
        let tasks = Arc::<Tasks>::default();
        let counters = Arc::<Counters>::default();
        let budget = ByteBudget::new(settings.budget_bytes / 2);
        let rests = Arc::<Rests>::default();
        let disk = settings.disk.as_ref().map(|disk| Disk::start(disk, settings.workers, &tasks));
        let fetcher = Fetcher {
            store: store.clone(),
            disk: disk.clone(),
            workers: settings.workers,
            local: Arc::<LocalLogs>::default(),
            counters: Arc::clone(&counters),
            checking: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get))),
        };
        let inner = Inner {
            manifests: Manifests::new(
                store.clone(),
                &settings,
                Arc::clone(&rests),
                Arc::clone(&tasks),
                Arc::clone(&counters),
            ),
            pages: Pages::new(store.clone(), &settings, Arc::clone(&tasks)),
            opener: Opener::new(store, &settings, budget.clone(), Arc::clone(&tasks), counters)
                .with_keys(keys)
                .with_disk(disk)
                .with_rests(Arc::clone(&rests)),
            blocks: Blocks::new(&settings, fetcher.clone(), budget, Arc::clone(&tasks)),
            fetcher,
            streams: Arc::new(Streams::new(settings.readahead_bytes, settings.block_cache_bytes)),
            brings: true,
            scan_budget: ByteBudget::new(settings.budget_bytes / 2),
            settings,
            rests,
            named: Named::new(),
            held: OnceLock::new(),
            tasks,
        };
        Self { inner: Arc::new(inner) }
    }

    /// What the tier holds of a partition, at most [`ReaderSettings::max_manifest_age`] old. At most one GET.
    ///
    /// # Errors
    /// [`ReadError::NoManifest`] where the tier has nothing of it; the store's and the manifest's own.
    pub async fn manifest(&self, tip: &TopicIdPartition) -> Result<Arc<Manifest>, ReadError> {
        self.inner.manifests.get(tip, Age::Usual).await
    }

    /// The same, asked of the store now: for an answer that must not rest on a manifest from before. One GET, shared by all
    /// who ask while it is under way.
    ///
    /// # Errors
    /// As for [`Self::manifest`].
    pub async fn newest_manifest(&self, tip: &TopicIdPartition) -> Result<Arc<Manifest>, ReadError> {
        self.inner.manifests.get(tip, self.inner.manifests.newer_than_now()).await
    }

    /// Names this machine's own log of a partition, or takes it back. Blocks that it has, by their checksums in the tier,
    /// are read from there instead of the store.
    pub fn set_local(&self, tip: TopicIdPartition, log: Option<LocalLog>) {
        self.inner.fetcher.local.set(tip, log);
    }

    pub(crate) fn rests(&self) -> &Rests {
        &self.inner.rests
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> ReaderStats {
        self.inner.fetcher.counters.snapshot()
    }

    /// What the disk cache holds and has done; all zero where there is none.
    #[must_use]
    pub fn disk_stats(&self) -> DiskStats {
        self.inner.fetcher.disk.as_ref().map(Disk::stats).unwrap_or_default()
    }

    /// Ends what still goes on behind callers that have left, and waits for it. Calls under way fail with
    /// [`ReadError::Closed`].
    pub async fn shutdown(&self) {
        self.inner.tasks.stop().await;
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("store", &self.inner.fetcher.store).finish_non_exhaustive()
    }
}

impl Inner {
    /// What reads from memory alone.
    pub(crate) fn held(&self) -> &Arc<Self> {
        self.held.get_or_init(|| {
            let tasks = Arc::new(Tasks::refusing());
            Arc::new(Self {
                manifests: self.manifests.held(&tasks),
                pages: self.pages.held(&tasks),
                opener: self.opener.held(&tasks),
                blocks: self.blocks.held(&tasks),
                fetcher: self.fetcher.clone(),
                streams: Arc::clone(&self.streams),
                brings: false,
                scan_budget: self.scan_budget.clone(),
                settings: self.settings.clone(),
                rests: Arc::clone(&self.rests),
                named: self.named.clone(),
                held: OnceLock::new(),
                tasks,
            })
        })
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Opens a segment for reads that come again: its tail is kept, and its blocks where they come along.
    pub(crate) async fn open(&self, manifest: &Manifest, entry: &Entry) -> Result<Segment, ReadError> {
        let blocks = self.blocks.clone();
        self.opener.open(manifest, entry, move |segment, all| blocks.keep(segment, all)).await
    }
}
