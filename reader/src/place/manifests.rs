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
use crate::rest::{Rests, Seen};
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
    /// What stopped brokers have behind what manifests tell.
    rests: Arc<Rests>,
    /// How often a store was asked for a manifest.
    asked: Arc<AtomicU64>,
}

struct Held {
    /// As it is seen: what stopped brokers have is laid behind what the tier tells.
    seen: Seen,
    told: Told,
    /// When the store was asked, not when it answered: the content is at least as new as this.
    asked: Instant,
    /// Which asking that was.
    number: u64,
}

/// What the tier tells of a partition.
#[derive(Clone)]
struct Told(Option<(Arc<Manifest>, Version)>);

impl Manifests {
    pub(crate) fn new(
        store: Store,
        settings: &ReaderSettings,
        rests: Arc<Rests>,
        tasks: Arc<Tasks>,
        counters: Arc<Counters>,
    ) -> Self {
        let weigh = |held: &Arc<Held>| held.memory_bytes();
        Self {
            source: Source { store, cluster_id: settings.cluster_id.clone(), rests, asked: Arc::default() },
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
            return Ok(Arc::clone(&held.seen.manifest));
        }
        // The second time is for who follows a flight that took off before the moment he needs.
        for _ in 0..2 {
            count(&self.counters.manifest_loads, 1);
            let (source, wanted, known) = (self.source.clone(), tip.clone(), self.cache.get(tip));
            let load = || async move { source.load(&wanted, known).await.map(Arc::new) };
            let good = |held: &Arc<Held>| self.is_new_enough(held, age);
            let held = self.cache.get_or_reload(&self.tasks, tip, good, load).await?;
            if age == Age::Usual || self.is_new_enough(&held, age) {
                return Ok(Arc::clone(&held.seen.manifest));
            }
        }
        Err(ReadError::Unsettled { tip: tip.clone() })
    }

    /// What the tier itself tells of a partition, asked of the store now; `None` where it has nothing of it.
    pub(crate) async fn told(&self, tip: &TopicIdPartition) -> Result<Option<Arc<Manifest>>, ReadError> {
        Ok(self.source.told(tip, None).await?.0.map(|(manifest, _)| manifest))
    }

    /// The age of manifests that nobody has asked for yet.
    pub(crate) fn newer_than_now(&self) -> Age {
        Age::After(self.source.asked.load(Ordering::Relaxed))
    }

    fn is_new_enough(&self, held: &Held, age: Age) -> bool {
        let is_new = match age {
            Age::Usual => held.asked.elapsed() < self.max_age,
            Age::After(number) => held.number > number,
        };
        is_new && held.seen.changes == self.source.rests.changes()
    }
}

impl Held {
    /// What it weighs; a manifest that is seen as it was told is one.
    fn memory_bytes(&self) -> usize {
        let told = self.told.0.as_ref().filter(|(told, _)| !Arc::ptr_eq(told, &self.seen.manifest));
        self.seen.manifest.memory_bytes() + told.map_or(0, |(told, _)| told.memory_bytes())
    }
}

impl Source {
    async fn load(&self, tip: &TopicIdPartition, known: Option<Arc<Held>>) -> Result<Held, ReadError> {
        let (asked, number) = (Instant::now(), self.asked.fetch_add(1, Ordering::Relaxed) + 1);
        let told = self.told(tip, known).await?;
        let manifest = told.0.as_ref().map(|(manifest, _)| manifest);
        let none = || ReadError::NoManifest { tip: tip.clone(), store: self.store.to_string() };
        let seen = self.rests.over(tip, manifest, none)?;
        Ok(Held { seen, told, asked, number })
    }

    /// What the tier tells. One GET, which moves no bytes where `known` is what it still tells.
    async fn told(&self, tip: &TopicIdPartition, known: Option<Arc<Held>>) -> Result<Told, ReadError> {
        let key = ObjectKey::Manifest { tip: tip.clone() }.to_string();
        let known = known.and_then(|held| held.told.0.clone());
        let answer = match &known {
            None => self.store.get(&key).await.map(Some),
            Some((_, version)) => self.store.get_if_changed(&key, version).await,
        };
        let fetched = match (answer, known) {
            (Ok(Some(fetched)), _) => fetched,
            (Ok(None), Some(known)) => return Ok(Told(Some(known))),
            (Ok(None), None) => unreachable!("only a conditional read can find nothing new"),
            (Err(error), _) if error.is_not_found() => return Ok(Told(None)),
            (Err(error), _) => return Err(ReadError::store(&key, error)),
        };
        let manifest = Manifest::decode(&fetched.bytes).and_then(|manifest| {
            self.check(&manifest, tip)?;
            Ok(manifest)
        });
        let manifest =
            manifest.map_err(|source| ReadError::Manifest { object: key, source: Arc::new(source) })?;
        Ok(Told(Some((Arc::new(manifest), fetched.version))))
    }

    /// A manifest may have been copied to the wrong place; its checksum does not tell.
    fn check(&self, manifest: &Manifest, tip: &TopicIdPartition) -> Result<(), ManifestError> {
        manifest.expect_origin(self.cluster_id.as_ref().unwrap_or(&manifest.cluster_id), tip)
    }
}
