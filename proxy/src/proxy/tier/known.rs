//! The topics of the tier, by id and by name, each with what is known of its partitions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::{TopicId, TopicIdPartition};
use tokio::time::Instant;

use super::Place;
use crate::proxy::fetch::Seam;
use crate::serve::catalog::{Topic, Topics};

/// How old a word on which id a name means may be where bytes are served by it.
const NAME_AGE: Duration = Duration::from_secs(5);

/// How old it may be where an answer is still to come that it has to hold for.
const NAME_AGE_AHEAD: Duration = Duration::from_secs(4);

/// A topic of the tier. What is known of its partitions outlives the catalog that it was read with.
#[derive(Debug)]
pub(crate) struct Tiered {
    pub(crate) topic: Arc<Topic>,
    places: Vec<Arc<PlaceLock>>,
}

/// One partition, each half under its lock.
#[derive(Debug, Default)]
pub(crate) struct PlaceLock {
    place: Mutex<Place>,
    seam: Mutex<Seam>,
}

impl PlaceLock {
    /// Held for a moment: nothing is waited for under it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of transactions at the tier's end. Never taken while the other one is held.
    pub(crate) fn seam(&self) -> MutexGuard<'_, Seam> {
        self.seam.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tiered {
    /// A partition by Kafka's number.
    pub(crate) fn place(&self, partition: i32) -> Option<&PlaceLock> {
        self.places.get(usize::try_from(partition).ok()?).map(|place| &**place)
    }

    /// The name under which the reader knows it.
    pub(crate) fn tip(&self, partition: i32) -> Option<TopicIdPartition> {
        self.topic.partition(partition)
    }

    fn of(topic: &Arc<Topic>, before: Option<&Arc<Self>>) -> Arc<Self> {
        if let Some(before) = before.filter(|before| before.topic.partitions == topic.partitions) {
            return Arc::clone(before);
        }
        // Shared with those who go on with what was known: a floor that one of them notes holds for all.
        let known = |partition: u32| before.and_then(|before| before.places.get(partition as usize)).cloned();
        let place = |partition| known(partition).unwrap_or_default();
        Arc::new(Self { topic: Arc::clone(topic), places: (0..topic.partitions).map(place).collect() })
    }
}

/// All topics that bear a name.
#[derive(Debug)]
pub(crate) struct Named {
    all: Vec<Arc<Tiered>>,
    live: Arc<Mutex<Option<Live>>>,
}

/// Which of them a broker said that it means, and when.
#[derive(Debug, Clone, Copy)]
struct Live {
    id: TopicId,
    at: Instant,
}

impl Named {
    /// The one that the name means, as a broker told a moment ago. `Err` where that was too long ago, `Ok(None)` where it is
    /// one that is not in the tier.
    pub(crate) fn live(&self) -> Result<Option<&Arc<Tiered>>, Stale> {
        self.live_at(Instant::now())
    }

    /// The same as of a moment: what was certain then does not become uncertain by what takes long since.
    pub(crate) fn live_at(&self, now: Instant) -> Result<Option<&Arc<Tiered>>, Stale> {
        let live = *self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let live = live.filter(|live| now.saturating_duration_since(live.at) < NAME_AGE).ok_or(Stale)?;
        Ok(self.all.iter().find(|topic| topic.topic.id == live.id))
    }

    /// The one that it meant when that was told last; where it never was, the only one that there is.
    pub(crate) fn last(&self) -> Option<&Arc<Tiered>> {
        let live = *self.live.lock().unwrap_or_else(PoisonError::into_inner);
        match (live, &self.all[..]) {
            (Some(live), all) => all.iter().find(|topic| topic.topic.id == live.id),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// Whether a word on which one it means may be too old by the time that an answer comes.
    pub(crate) fn is_aging(&self) -> bool {
        let live = *self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.is_none_or(|live| live.at.elapsed() >= NAME_AGE_AHEAD)
    }

    /// Whether there are several and nobody has told which one it means.
    pub(crate) fn is_unclear(&self) -> bool {
        self.last().is_none() && self.live().is_err()
    }

    /// One of them, whichever it means.
    pub(crate) fn any(&self) -> Option<&Arc<Tiered>> {
        self.last().or_else(|| self.all.first())
    }

    /// A broker has said which one it means.
    pub(crate) fn note(&self, id: TopicId) {
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(Live { id, at: Instant::now() });
    }
}

/// It was told too long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stale;

/// All topics of the tier at one time.
#[derive(Debug, Default)]
pub(crate) struct Known {
    by_id: HashMap<TopicId, Arc<Tiered>>,
    by_name: HashMap<String, Named>,
}

impl Known {
    /// Those of a catalog, with what was known of them before.
    pub(crate) fn of(topics: &Topics, before: &Self) -> Self {
        let mut known = Self::default();
        for topic in topics.incarnations() {
            let tiered = Tiered::of(topic, before.by_id.get(&topic.id));
            known.by_id.insert(topic.id, Arc::clone(&tiered));
            let name = topic.name.as_str();
            match known.by_name.get_mut(name) {
                Some(named) => named.all.push(tiered),
                None => {
                    let live =
                        before.by_name.get(name).map_or_else(Arc::default, |named| Arc::clone(&named.live));
                    known.by_name.insert(name.to_owned(), Named { all: vec![tiered], live });
                }
            }
        }
        known
    }

    /// The topic with an id.
    pub(crate) fn with_id(&self, id: TopicId) -> Option<&Arc<Tiered>> {
        self.by_id.get(&id)
    }

    /// How many topics there are, and how many partitions.
    pub(crate) fn count(&self) -> (u64, u64) {
        let partitions = self.by_id.values().map(|topic| topic.places.len() as u64).sum();
        (self.by_id.len() as u64, partitions)
    }

    /// The topics of a name.
    pub(crate) fn named(&self, name: &str) -> Option<&Named> {
        self.by_name.get(name)
    }
}
