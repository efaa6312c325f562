//! Objects that no manifest names, on their way out.
//!
//! ```text
//!  condemn (a commit after which nothing names them) ──► wait ──► read the manifest ──► strike what it names ──► delete
//! ```
//!
//! The wait is for readers: a manifest may be as old in one of them as the marker says, and twice that is waited. The second
//! look is for whatever we have not thought of: an object that is named again, by whomever, stays.

use std::collections::BTreeMap;
use std::time::Duration;

use firnline_index::{OffsetRange, TopicIdPartition};
use firnline_store::StoreError;
use futures::StreamExt;
use tokio::time::Instant;

use super::memory::GcMemory;
use super::names::Striker;
use crate::{LoadedManifest, ReadError, Step, Tier};

/// Deletes under way at once.
const PARALLEL: usize = 4;

/// Why an object goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// A segment below the tier's start.
    Retired,
    /// A segment, or a page, that was never committed or was replaced.
    Unnamed,
    /// A page of a manifest that names it no longer.
    Page,
    /// A floor that the manifest has.
    Floor,
}

impl Why {
    /// The reason's name: lower case, stable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retired => "retired",
            Self::Unnamed => "unnamed",
            Self::Page => "page",
            Self::Floor => "floor",
        }
    }
}

/// One object that is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doomed {
    /// Why.
    pub why: Why,
    /// Its length in bytes.
    pub size: u64,
    /// Last change by the store's clock, milliseconds since 1970, where it was listed.
    pub last_modified_ms: Option<i64>,
}

/// Objects of one partition that nothing names since a commit of ours. Kept in memory only: what a crash forgets, gc finds
/// again.
#[derive(Debug, Clone)]
#[must_use = "nothing is deleted before it is passed to Tier::delete_condemned"]
pub struct Condemned {
    tip: TopicIdPartition,
    /// By key.
    objects: BTreeMap<String, Doomed>,
    /// Where live entries could have names in common with them.
    within: OffsetRange,
    /// The generation after which nothing named them.
    generation: u64,
    due: Instant,
    striker: Striker,
}

impl Condemned {
    pub(crate) fn new(
        tier: &Tier,
        now: &LoadedManifest,
        objects: BTreeMap<String, Doomed>,
        within: OffsetRange,
        striker: Striker,
    ) -> Self {
        let wait = tier.marker().max_manifest_age.saturating_mul(2);
        let (tip, generation) = (now.manifest.tip.clone(), now.manifest.generation);
        Self { tip, objects, within, generation, due: Instant::now() + wait, striker }
    }

    /// Whose they are.
    #[must_use]
    pub fn tip(&self) -> &TopicIdPartition {
        &self.tip
    }

    /// What goes, by key.
    #[must_use]
    pub fn objects(&self) -> &BTreeMap<String, Doomed> {
        &self.objects
    }

    /// When it may be deleted.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.due
    }

    /// How long that is from now.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }
}

/// What became of condemned objects.
#[derive(Debug, Default)]
pub struct Deleted {
    /// Objects that are gone.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that a manifest names again. They stay.
    pub named_again: Vec<String>,
    /// Objects that the store refused to delete, or did not answer for. They stay for a later gc.
    pub refused: Vec<(String, StoreError)>,
}

/// Nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The manifest or a page of it could not be read.
    #[error("read the manifest of {tip} before deleting")]
    Read {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: ReadError,
    },
    /// The manifest is gone.
    #[error("the manifest of {tip} is gone; nothing of it is deleted; run firnline verify")]
    ManifestGone {
        /// The partition.
        tip: TopicIdPartition,
    },
    /// The manifest is older than the one that condemned.
    #[error(
        "the manifest of {tip} went back from generation {condemned} to {found}; nothing of it is deleted; run firnline verify"
    )]
    WentBack {
        /// The partition.
        tip: TopicIdPartition,
        /// The generation that no longer named the objects.
        condemned: u64,
        /// The generation found.
        found: u64,
    },
}

impl DeleteError {
    /// Whether another attempt may succeed without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Read { source: ReadError::Store(error), .. } if error.is_retriable())
    }
}

impl Tier {
    /// Waits until condemned objects are due, looks at the manifest once more, and deletes what it still does not name.
    /// Each deletion is logged. Objects that are gone already count as deleted.
    ///
    /// One GET, one more for each page in which names could stand, one DELETE an object. May be dropped at any time and
    /// called again: nothing is deleted that may not be.
    pub async fn delete_condemned(
        &self,
        condemned: &Condemned,
        memory: &mut GcMemory,
    ) -> Result<Deleted, DeleteError> {
        tokio::time::sleep_until(condemned.due).await;
        let tip = &condemned.tip;
        let read_error = |source| DeleteError::Read { tip: tip.clone(), source };
        self.before(Step::DeleteRead).await;
        let head = self.manifest(tip).await.map_err(read_error)?;
        let head = head.ok_or_else(|| DeleteError::ManifestGone { tip: tip.clone() })?.manifest;
        if head.generation < condemned.generation {
            let (condemned, found) = (condemned.generation, head.generation);
            return Err(DeleteError::WentBack { tip: tip.clone(), condemned, found });
        }
        let mut objects = condemned.objects.clone();
        let mut striker = condemned.striker.clone();
        striker.strike(self, &head, condemned.within, &mut objects).await.map_err(read_error)?;
        let named_again = condemned.objects.keys().filter(|key| !objects.contains_key(*key));
        let mut done = Deleted { named_again: named_again.cloned().collect(), ..Deleted::default() };
        for key in &done.named_again {
            tracing::error!(%tip, %key, "an object that was to be deleted is named again; it stays");
        }
        let mut answers = futures::stream::iter(objects)
            .map(|(key, doomed)| async move {
                self.before(Step::Delete).await;
                let answer = self.store().delete(&key).await;
                (key, doomed, answer)
            })
            .buffered(PARALLEL);
        while let Some((key, doomed, answer)) = answers.next().await {
            match answer {
                Ok(()) => {
                    tracing::info!(%tip, %key, bytes = doomed.size, why = doomed.why.name(), "object deleted");
                    done.objects += 1;
                    done.bytes = done.bytes.saturating_add(doomed.size);
                    memory.deleted(&key, doomed.last_modified_ms);
                }
                Err(error) => {
                    tracing::warn!(%tip, %key, %error, "an object was not deleted");
                    memory.refused(&key);
                    done.refused.push((key, error));
                }
            }
        }
        Ok(done)
    }
}
