//! Manifests in memory, asked for again when they are too old. Safety does not rest on their age: who finds that an
//! object is gone asks for a newer manifest and plans again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{Manifest, ManifestError};
use firnline_index::{ClusterId, TopicIdPartition};
use firnline_store::{Store, Version};
use tokio::time::Instant;

use crate::cache::Cache;
use crate::error::ReadError;
use crate::settings::ReaderSettings;
use crate::stats::{Counters, count};
use crate::tasks::Tasks;

/// How new a manifest must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// Not older than the setting.
    Usual,
    /// Asked for after so many others: times may be equal, numbers are not.
    After(u64),
}

/// The manifests of all partitions that were asked for.
pub(crate) struct Manifests {
    source: Source,
    cache: Arc<Cache<TopicIdPartition, Arc<Held>>>,
    max_age: Duration,
    tasks: Arc<Tasks>,
    counters: Arc<Counters>,
}

#[derive(Clone)]
struct Source {
    store: Store,
    cluster_id: Option<ClusterId>,
    /// How often a store was asked for a manifest.
    asked: Arc<AtomicU64>,
}

struct Held {
    manifest: Arc<Manifest>,
    version: Version,
    /// When the store was asked, not when it answered: the content is at least as new as this.
    asked: Instant,
    /// Which asking that was.
    number: u64,
}

impl Manifests {
    pub(crate) fn new(
        store: Store,
        settings: &ReaderSettings,
        tasks: Arc<Tasks>,
        counters: Arc<Counters>,
    ) -> Self {
        let weigh = |held: &Arc<Held>| held.manifest.memory_bytes();
        Self {
            source: Source { store, cluster_id: settings.cluster_id.clone(), asked: Arc::default() },
            // Half for heads, half for pages.
            cache: Arc::new(Cache::new(settings.manifest_cache_bytes / 2, weigh)),
            max_age: settings.max_manifest_age,
            tasks,
            counters,
        }
    }

    /// The same manifests, of which none is asked for.
    pub(crate) fn held(&self, tasks: &Arc<Tasks>) -> Self {
        Self {
            source: self.source.clone(),
            cache: Arc::new(self.cache.apart()),
            max_age: self.max_age,
            tasks: Arc::clone(tasks),
            counters: Arc::clone(&self.counters),
        }
    }

    /// The partition's manifest. No request while the one held is young enough, else one GET, which moves no bytes when
    /// nothing has changed. Cancel safe.
    pub(crate) async fn get(&self, tip: &TopicIdPartition, age: Age) -> Result<Arc<Manifest>, ReadError> {
        if let Some(held) = self.cache.get(tip).filter(|held| self.is_new_enough(held, age)) {
            count(&self.counters.manifest_hits, 1);
            return Ok(Arc::clone(&held.manifest));
        }
        // The second time is for who follows a flight that took off before the moment he needs.
        for _ in 0..2 {
            count(&self.counters.manifest_loads, 1);
            let (source, wanted, known) = (self.source.clone(), tip.clone(), self.cache.get(tip));
            let load = || async move { source.load(&wanted, known).await.map(Arc::new) };
            let good = |held: &Arc<Held>| self.is_new_enough(held, age);
            let held = self.cache.get_or_reload(&self.tasks, tip, good, load).await?;
            if age == Age::Usual || self.is_new_enough(&held, age) {
                return Ok(Arc::clone(&held.manifest));
            }
        }
        Err(ReadError::Unsettled { tip: tip.clone() })
    }

    /// The age of manifests that nobody has asked for yet.
    pub(crate) fn newer_than_now(&self) -> Age {
        Age::After(self.source.asked.load(Ordering::Relaxed))
    }

    fn is_new_enough(&self, held: &Held, age: Age) -> bool {
        match age {
            Age::Usual => held.asked.elapsed() < self.max_age,
            Age::After(number) => held.number > number,
        }
    }
}

impl Source {
    async fn load(&self, tip: &TopicIdPartition, known: Option<Arc<Held>>) -> Result<Held, ReadError> {
        let key = ObjectKey::Manifest { tip: tip.clone() }.to_string();
        let (asked, number) = (Instant::now(), self.asked.fetch_add(1, Ordering::Relaxed) + 1);
        let answer = match &known {
            None => self.store.get(&key).await.map(Some),
            Some(held) => self.store.get_if_changed(&key, &held.version).await,
        };
        let fetched = match (answer, known) {
            (Ok(Some(fetched)), _) => fetched,
            (Ok(None), Some(held)) => {
                let (manifest, version) = (Arc::clone(&held.manifest), held.version.clone());
                return Ok(Held { manifest, version, asked, number });
            }
            (Ok(None), None) => unreachable!("only a conditional read can find nothing new"),
            (Err(error), _) if error.is_not_found() => {
                return Err(ReadError::NoManifest { tip: tip.clone(), store: self.store.to_string() });
            }
            (Err(error), _) => return Err(ReadError::store(&key, error)),
        };
        let manifest = Manifest::decode(&fetched.bytes).and_then(|manifest| {
            self.check(&manifest, tip)?;
            Ok(manifest)
        });
        let manifest =
            manifest.map_err(|source| ReadError::Manifest { object: key, source: Arc::new(source) })?;
        Ok(Held { manifest: Arc::new(manifest), version: fetched.version, asked, number })
    }

    /// A manifest may have been copied to the wrong place; its checksum does not tell.
    fn check(&self, manifest: &Manifest, tip: &TopicIdPartition) -> Result<(), ManifestError> {
        manifest.expect_origin(self.cluster_id.as_ref().unwrap_or(&manifest.cluster_id), tip)
    }
}
