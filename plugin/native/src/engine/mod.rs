//! The core: values in, values out. It has a runtime of its own; every call blocks the thread that makes it, up to a
//! deadline, and may be made from any number of threads at once.
//!
//! | the broker asks | answer |
//! |---|---|
//! | keep this segment | [`Engine::start_copy`], [`Copy::wait`] |
//! | its bytes from this position on | [`Engine::fetch`], [`FetchStream::read`] |
//! | one of its five files | [`Engine::index`] |
//! | it is not needed any more | [`Engine::delete`] |
//!
//! The store is first spoken to in [`Engine::open`]. Where it does not answer then, the broker starts all the same, and each
//! call tries again; where it answers that something is wrong, opening fails with it.

mod attached;
mod close;
mod copy;
mod delete;
mod failure;
mod fetch;
mod files;
mod index;
mod leftovers;
mod metrics;
mod open;
mod projection;
mod rates;
mod scrub;
mod segment;
mod source;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use firnline_index::manifest::Writer;
use firnline_index::{ClusterId, NodeId};
use firnline_reader::{Reader, ReaderSettings};
use firnline_store::{Env, Store};
use firnline_tier::keys::KeyRing;
use firnline_tier::{SegmentForm, Tier, TierSettings};
use tokio::sync::{OnceCell, watch};

pub use copy::{Copy, CopyFiles};
pub use failure::{Failure, FailureKind};
pub use fetch::FetchStream;
pub use firnline_index::custom_metadata::{CustomMetadata, MAX_CUSTOM_METADATA, Origin};
pub use scrub::EngineScrub;
pub use segment::{IndexType, Segment};

use close::Lifetime;
use leftovers::Leftovers;
use projection::Projection;
use rates::Rates;

/// The engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// How an engine works. Plain values; the store and the world are passed beside them.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// The cluster whose tier it is. A broker does not tell it to its plugins.
    pub cluster_id: ClusterId,
    /// How segments are written.
    pub tier: TierSettings,
    /// How they are read. The cluster is put in here by the engine.
    pub reader: ReaderSettings,
    /// How they are stored, where that differs from the tier's settings.
    pub form: SegmentForm,
    /// How long a call may keep a broker's thread.
    pub deadlines: EngineDeadlines,
    /// Threads of the runtime. Each waits for the store on behalf of any number of calls.
    pub threads: usize,
    /// The broker that it works for, where that is known: manifests tell it.
    pub broker: Option<NodeId>,
    /// How often manifests are written of what was copied and deleted.
    pub projection_interval: Duration,
    /// Bytes a second that are sent to the store, over all copies; `None` is without a limit.
    pub upload_rate: Option<u64>,
    /// Bytes a second that are read from it, over all fetches.
    pub download_rate: Option<u64>,
    /// How it reads again what it tiers, to find damage; `None` = not at all.
    pub scrub: Option<EngineScrub>,
}

/// How long calls may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineDeadlines {
    /// A fetch, a read, an index: the broker itself has given up on the consumer's behalf long before.
    pub read: Duration,
    /// A delete.
    pub delete: Duration,
    /// A copy of no length; one second more for each 512 KiB, as for every write.
    pub copy: Duration,
    /// Opening, and closing.
    pub close: Duration,
}

impl Default for EngineDeadlines {
    fn default() -> Self {
        Self {
            read: Duration::from_secs(30),
            delete: Duration::from_secs(120),
            copy: Duration::from_secs(120),
            close: Duration::from_secs(30),
        }
    }
}

/// What an engine works with; passed beside its settings.
#[derive(Debug, Clone)]
pub struct EngineParts {
    /// Where the tier is.
    pub store: Store,
    /// Time and randomness.
    pub env: Env,
    /// What wraps the keys of encrypted topics, where there is one.
    pub ring: Option<Arc<dyn KeyRing>>,
}

struct Inner {
    settings: EngineSettings,
    parts: EngineParts,
    lifetime: Lifetime,
    core: OnceCell<Core>,
    counts: Counts,
    projection: Projection,
    rates: Rates,
    leftovers: Leftovers,
}

/// What there is once the store has answered.
struct Core {
    tier: Tier,
    reader: Reader,
}

/// What was done so far.
#[derive(Debug, Default)]
struct Counts {
    copied: AtomicU64,
    copied_bytes: AtomicU64,
    copies_failed: AtomicU64,
    fetches: AtomicU64,
    fetched_bytes: AtomicU64,
    indexes: AtomicU64,
    deletes: AtomicU64,
    scrub_findings: AtomicU64,
}

impl Inner {
    fn writer(&self, core: &Core) -> Option<Writer> {
        self.settings.broker.map(|broker| core.tier.writer(broker, None))
    }

    /// Runs a call on the thread that makes it, within a deadline; ends it when the engine closes. What it has asked the
    /// store for goes on without it where somebody may ask for the same again.
    fn call<T>(
        &self,
        what: &'static str,
        limit: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let call = self.lifetime.enter(what)?;
        call.block_on(async {
            let mut closing: watch::Receiver<bool> = call.closing();
            tokio::select! {
                biased;
                () = close::closed(&mut closing) => Err(Failure::closed(what)),
                outcome = tokio::time::timeout(limit, work) => {
                    outcome.unwrap_or_else(|_| Err(Failure::late(what, limit)))
                }
            }
        })
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({} of {})", self.inner.parts.store, self.inner.settings.cluster_id)
    }
}
