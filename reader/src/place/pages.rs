//! Pages of older entries in memory. They never change.

use std::sync::Arc;

use firnline_index::manifest::{Manifest, Page, PageRef};
use firnline_index::{ObjectUuid, TopicId, TopicIdPartition};
use firnline_store::Store;

use crate::cache::Cache;
use crate::error::ReadError;
use crate::settings::ReaderSettings;
use crate::tasks::Tasks;

/// The pages of all partitions that were asked for.
pub(crate) struct Pages {
    store: Store,
    cache: Arc<Cache<(TopicId, ObjectUuid), Arc<Page>>>,
    tasks: Arc<Tasks>,
}

impl Pages {
    pub(crate) fn new(store: Store, settings: &ReaderSettings, tasks: Arc<Tasks>) -> Self {
        let weigh = |page: &Arc<Page>| page.memory_bytes();
        Self { store, cache: Arc::new(Cache::new(settings.manifest_cache_bytes / 2, weigh)), tasks }
    }

    /// The same pages, of which none is asked for.
    pub(crate) fn held(&self, tasks: &Arc<Tasks>) -> Self {
        let (store, cache) = (self.store.clone(), Arc::new(self.cache.apart()));
        Self { store, cache, tasks: Arc::clone(tasks) }
    }

    /// A page that the manifest, or a page of it, names. One GET unless it is held. Cancel safe.
    pub(crate) async fn get(&self, manifest: &Manifest, named: &PageRef) -> Result<Arc<Page>, ReadError> {
        let (store, named) = (self.store.clone(), *named);
        let (tip, cluster) = (manifest.tip.clone(), manifest.cluster_id.clone());
        let load = || async move { load(&store, &tip, &named, &cluster).await };
        self.cache.get_or_load(&self.tasks, &(manifest.tip.topic_id, named.uuid), load).await
    }
}

async fn load(
    store: &Store,
    tip: &TopicIdPartition,
    named: &PageRef,
    cluster: &firnline_index::ClusterId,
) -> Result<Arc<Page>, ReadError> {
    let key = named.object_key(tip).to_string();
    let fetched = store.get(&key).await.map_err(|error| ReadError::store(&key, error))?;
    let page = Page::decode_named(&fetched.bytes, named, cluster, tip);
    page.map(Arc::new).map_err(|source| ReadError::Manifest { object: key, source: Arc::new(source) })
}
