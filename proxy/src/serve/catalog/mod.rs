//! The catalog: which topics and partitions a tier has, told from memory and read anew now and then.
//!
//! Reading it costs one LIST per thousand topics, and one GET for each topic object that is new or has changed by size or
//! time; the first reading so one for each topic. A reading that fails leaves what was known. Partitions are told by the
//! topic objects; what a partition holds is the reader's to say.

mod topics;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use firnline_index::keys::{KeyPrefix, ObjectKey};
use firnline_index::topic::TopicObject;
use firnline_index::{TopicId, TopicName};
use firnline_store::env::Clock;
use firnline_store::{ListedObject, Store, StoreError, Version};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Mutex;

pub use topics::{Topic, Topics};

use super::codes::{self, Code};

/// The most topics that are held.
pub const MAX_TOPICS: usize = 100_000;
/// The most partitions that are held, over all topics.
pub const MAX_PARTITIONS: u64 = 1_000_000;
/// Topic objects read at once.
const READS: usize = 16;
/// How old an object must be, by its store's clock against ours, before an unchanged size and time are believed: some
/// stores tell whole seconds, and two changes may share one.
const SETTLED_MS: i64 = 60_000;

/// A catalog that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The store did not answer, or refused.
    #[error("list the topics of the tier")]
    Store(#[source] Box<StoreError>),
    /// More of something than is held in memory.
    #[error("the tier has more than {limit} {what}, the most that are served")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are held.
        limit: u64,
    },
}

impl CatalogError {
    /// The stable code for the error page.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Store(_) => codes::TOPICS,
            Self::TooMany { .. } => codes::TOO_MANY,
        }
    }
}

/// The topics of the tier in a store.
#[derive(Debug)]
pub struct Catalog {
    store: Store,
    clock: Arc<dyn Clock>,
    /// What the topic objects said, by key. Held while reading: there is one reading at a time.
    objects: Mutex<BTreeMap<String, Known>>,
    topics: RwLock<Told>,
}

/// The topics, by where they were found.
#[derive(Debug, Default)]
struct Told {
    tier: Vec<Topic>,
    disks: Vec<Topic>,
    all: Arc<Topics>,
}

/// A topic object as it was read.
#[derive(Debug, Clone)]
struct Known {
    size: u64,
    modified_ms: i64,
    read_ms: i64,
    version: Version,
    topic: Option<Topic>,
}

impl Catalog {
    /// Reads the catalog for the first time. A server without one would hide what there is, so there is none without.
    ///
    /// # Errors
    /// The store's, and that there is more than is held.
    pub async fn load(store: Store, clock: Arc<dyn Clock>) -> Result<Self, CatalogError> {
        let catalog = Self { store, clock, objects: Mutex::default(), topics: RwLock::default() };
        catalog.refresh().await?;
        Ok(catalog)
    }

    /// What was read last.
    #[must_use]
    pub fn topics(&self) -> Arc<Topics> {
        Arc::clone(&self.topics.read().unwrap_or_else(PoisonError::into_inner).all)
    }

    /// Takes topics that stopped brokers have on their disks in the place of those before. Where the tier has one, too, it is
    /// the tier that tells of it, but for partitions that it does not know.
    pub fn set_disks(&self, topics: Vec<Topic>) {
        self.tell(|told| told.disks = topics);
    }

    fn tell(&self, change: impl FnOnce(&mut Told)) {
        let mut told = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut told);
        let topics = Topics::new(merged(&told.tier, &told.disks));
        for name in topics.unclear().filter(|name| !told.all.unclear().any(|known| known == *name)) {
            tracing::warn!(topic = %name, "the topic was created several times; each is served as NAME@ID alone");
        }
        told.all = Arc::new(topics);
    }

    /// Reads anew what has changed. Cancel safe: what was known stays.
    ///
    /// # Errors
    /// As for [`Self::load`]; what was known stays.
    pub async fn refresh(&self) -> Result<(), CatalogError> {
        let mut objects = self.objects.lock().await;
        let mut listing = self.store.list(&KeyPrefix::Topics.to_string(), None);
        let mut found = BTreeMap::new();
        while let Some(page) = listing.next_page().await.map_err(store_error)? {
            let wanted = page.into_iter().filter_map(|listed| match listed.key.parse() {
                Ok(ObjectKey::Topic { topic, topic_id }) => Some((listed, topic, topic_id)),
                _ => None,
            });
            let known = &*objects;
            let read = wanted.map(|(listed, topic, id)| {
                let before = known.get(&listed.key).cloned();
                self.read(listed, topic, id, before)
            });
            let read: Vec<_> = stream::iter(read).buffer_unordered(READS).try_collect().await?;
            found.extend(read.into_iter().flatten());
            if found.len() > MAX_TOPICS {
                return Err(CatalogError::TooMany { what: "topics", limit: MAX_TOPICS as u64 });
            }
        }
        let topics: Vec<Topic> = found.values().filter_map(|known| known.topic.clone()).collect();
        if topics.iter().map(|topic| u64::from(topic.partitions)).sum::<u64>() > MAX_PARTITIONS {
            return Err(CatalogError::TooMany { what: "partitions", limit: MAX_PARTITIONS });
        }
        self.tell(|told| told.tier = topics);
        *objects = found;
        Ok(())
    }

    /// A topic object by its place in a listing; `None` where it is gone meanwhile.
    async fn read(
        &self,
        listed: ListedObject,
        topic: TopicName,
        id: TopicId,
        known: Option<Known>,
    ) -> Result<Option<(String, Known)>, CatalogError> {
        let ListedObject { key, size, last_modified_ms: modified_ms } = listed;
        let read_ms = self.clock.now_ms();
        let unchanged = |known: &Known| {
            let settled = known.read_ms.saturating_sub(modified_ms) > SETTLED_MS;
            settled && known.size == size && known.modified_ms == modified_ms
        };
        if let Some(known) = known.as_ref().filter(|known| unchanged(known)) {
            return Ok(Some((key, known.clone())));
        }
        let answer = match &known {
            Some(known) => self.store.get_if_changed(&key, &known.version).await,
            None => self.store.get(&key).await.map(Some),
        };
        let fetched = match answer {
            Ok(fetched) => fetched,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(store_error(error)),
        };
        let Some(fetched) = fetched else {
            return Ok(known.map(|known| (key, Known { size, modified_ms, read_ms, ..known })));
        };
        let object = TopicObject::decode(&fetched.bytes);
        let told = match object {
            Ok(object) if object.topic == topic && object.topic_id == id => Some(Topic::of(&object)),
            Ok(object) => {
                tracing::warn!(key, topic = %object.topic, id = %object.topic_id,
                    "the topic object belongs to another topic; this one is not served");
                None
            }
            Err(error) => {
                tracing::warn!(
                    key,
                    error = &error as &dyn std::error::Error,
                    "the topic object cannot be read; what was known of the topic stays"
                );
                known.and_then(|known| known.topic)
            }
        };
        Ok(Some((key, Known { size, modified_ms, read_ms, version: fetched.version, topic: told })))
    }
}

/// Topics of the tier, with what the disks know beyond them, up to the most that are held: a directory's name may say any number.
fn merged(tier: &[Topic], disks: &[Topic]) -> Vec<Topic> {
    let mut all: HashMap<_, _> = tier.iter().map(|topic| (topic.id, topic.clone())).collect();
    let mut partitions: u64 = tier.iter().map(|topic| u64::from(topic.partitions)).sum();
    for topic in disks {
        let known = all.get(&topic.id).map_or(0, |known| known.partitions);
        let more = u64::from(topic.partitions.saturating_sub(known));
        if partitions + more > MAX_PARTITIONS || (known == 0 && all.len() >= MAX_TOPICS) {
            tracing::warn!(topic = %topic.name, id = %topic.id, partitions = topic.partitions,
                "a topic on the disks is more than is served; it is left out");
            continue;
        }
        partitions += more;
        let known = all.entry(topic.id).or_insert_with(|| topic.clone());
        known.partitions = known.partitions.max(topic.partitions);
    }
    all.into_values().collect()
}

fn store_error(error: StoreError) -> CatalogError {
    CatalogError::Store(Box::new(error))
}
