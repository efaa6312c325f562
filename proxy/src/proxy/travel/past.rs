//! Topics as they stood, as far as somebody has asked for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::{Offset, TimestampMs, TopicIdPartition};
use firnline_reader::Reader;
use ring::digest;
use tokio::time::Instant;

use super::name::{PastName, When};
use crate::proxy::tier::Tiered;
use crate::serve::AsOf;
use crate::serve::logs::Logs;
use crate::serve::view::View;

/// How many are kept at once.
const PASTS: usize = 1000;
/// How many of them are of one topic: whoever may read one topic keeps no place from the others.
const OF_TOPIC: usize = 100;
/// How long one must have rested before it gives way to another one, whose time goes back from now: it would be fixed anew.
const RESTED: Duration = Duration::from_secs(3600);
/// The same of one whose time stands in its name: it comes again as it was.
const RESTED_FIXED: Duration = Duration::from_secs(60);

/// A topic as it stood.
#[derive(Debug)]
pub(crate) struct Past {
    /// The name that it was asked for by.
    pub(crate) name: Arc<str>,
    pub(crate) id: [u8; 16],
    /// The topic behind it.
    pub(crate) tiered: Arc<Tiered>,
    /// The same, and nothing else, as a server without brokers shows it. Whoever looks at it has the broker's consent.
    pub(crate) view: View,
    /// Its logs, each of which ends where it ended then.
    pub(crate) logs: Logs,
    /// How long it must have rested before it gives way.
    rest: Duration,
    used: Mutex<Instant>,
}

/// All of them. A time back from now is fixed when its name is first asked for, and stays as long as somebody asks.
#[derive(Debug)]
pub(crate) struct Pasts {
    reader: Reader,
    max_age: Duration,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    by_name: HashMap<Arc<str>, Arc<Past>>,
    by_id: HashMap<[u8; 16], Arc<Past>>,
}

impl Pasts {
    pub(crate) fn new(reader: Reader, max_age: Duration) -> Self {
        Self { reader, max_age, all: Mutex::default() }
    }

    /// The one that a name means, if it is known here.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Past>> {
        // A glance keeps those that are none from the lock.
        let past = name.contains('@').then(|| self.lock().by_name.get(name).cloned()).flatten();
        past.inspect(|past| past.touch())
    }

    /// The one with an id.
    pub(crate) fn with_id(&self, id: [u8; 16]) -> Option<Arc<Past>> {
        let past = is_made_here(id).then(|| self.lock().by_id.get(&id).cloned()).flatten();
        past.inspect(|past| past.touch())
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().by_id.is_empty()
    }

    /// Takes a name for a topic that a broker has told of; `None` where there is no room for another one.
    pub(crate) fn learn(
        &self,
        name: &str,
        of: &PastName<'_>,
        tiered: &Arc<Tiered>,
        now_ms: i64,
    ) -> Option<Arc<Past>> {
        let mut all = self.lock();
        if let Some(past) = all.by_name.get(name).filter(|past| past.is_of(tiered)) {
            past.touch();
            return Some(Arc::clone(past));
        }
        // One of this name that was of another topic goes.
        all.remove(name);
        all.make_room(tiered)?;
        let at = of.when.fix(now_ms);
        let name: Arc<str> = name.into();
        let past = Arc::new(Past {
            id: id(tiered, &name),
            tiered: Arc::clone(tiered),
            view: View::of((*tiered.topic).clone()),
            logs: self.logs(at, Arc::clone(tiered)),
            rest: if matches!(of.when, When::At(_)) { RESTED_FIXED } else { RESTED },
            used: Mutex::new(Instant::now()),
            name: Arc::clone(&name),
        });
        all.by_id.insert(past.id, Arc::clone(&past));
        all.by_name.insert(name, Arc::clone(&past));
        Some(past)
    }

    /// What was deleted since through this proxy is in them no more, though the tier may have it still.
    fn logs(&self, at: TimestampMs, tiered: Arc<Tiered>) -> Logs {
        let floor_of = move |tip: &TopicIdPartition| {
            tiered.place(tip.partition.get()).map_or(Offset::ZERO, |place| place.lock().floor())
        };
        Logs::new(self.reader.clone(), self.max_age).ending(Some(AsOf::Time(at))).above(Box::new(floor_of))
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    /// Has the one go that rests longest, where there are too many; `None` where none has rested long enough.
    fn make_room(&mut self, tiered: &Tiered) -> Option<()> {
        let of_topic = self.by_name.values().filter(|past| past.is_of(tiered)).count();
        let is_crowded = of_topic >= OF_TOPIC;
        if !is_crowded && self.by_name.len() < PASTS {
            return Some(());
        }
        let may_go = |past: &&Arc<Past>| (!is_crowded || past.is_of(tiered)) && past.rests() > past.rest;
        let oldest = self.by_name.values().filter(may_go).max_by_key(|past| past.rests())?;
        let name = Arc::clone(&oldest.name);
        self.remove(&name);
        Some(())
    }

    fn remove(&mut self, name: &str) {
        if let Some(past) = self.by_name.remove(name) {
            self.by_id.remove(&past.id);
        }
    }
}

impl Past {
    fn is_of(&self, tiered: &Tiered) -> bool {
        self.tiered.topic.id == tiered.topic.id
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn rests(&self) -> Duration {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// The same on every proxy and after every start: of the topic's own id and the name. Its version is 8, which says that
/// somebody has made it by a rule of his own; a broker draws such of version 4, so that the two never meet.
fn id(tiered: &Tiered, name: &str) -> [u8; 16] {
    let mut text = tiered.topic.id.as_bytes().to_vec();
    text.extend_from_slice(name.as_bytes());
    let digest = digest::digest(&digest::SHA256, &text);
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    id[6] = (id[6] & 0x0f) | 0x80;
    id[8] = (id[8] & 0x3f) | 0x80;
    id
}

/// Whether an id may be one of [`id()`]. No broker draws such, so that hot fetches take no lock.
const fn is_made_here(id: [u8; 16]) -> bool {
    id[6] & 0xf0 == 0x80
}

#[cfg(test)]
mod tests {
    use firnline_index::{TopicId, TopicName};
    use firnline_reader::{ReaderSettings, Workers};

    use super::*;
    use crate::proxy::tier::Known;
    use crate::serve::catalog::{Topic, Topics};

    fn tiered(number: u8) -> Arc<Tiered> {
        let (name, id) = (TopicName::new("orders").unwrap(), TopicId::from_bytes([number; 16]));
        let topic =
            Topic { name, id, partitions: 1, deleted: false, configs: std::collections::BTreeMap::new() };
        Arc::clone(Known::of(&Topics::new([topic]), &Known::default()).with_id(id).unwrap())
    }

    fn pasts() -> Pasts {
        let store = firnline_store::Store::memory(firnline_store::Env::seeded(1, 1_000_000_000_000));
        let settings = ReaderSettings { workers: Workers::Inline, ..ReaderSettings::default() };
        Pasts::new(Reader::new(store, settings), Duration::from_secs(60))
    }

    #[tokio::test(start_paused = true)]
    async fn one_topic_takes_no_place_from_others_and_what_rests_gives_way() {
        let (pasts, one, other) = (pasts(), tiered(1), tiered(2));
        let learn = |tiered: &Arc<Tiered>, name: &str| {
            pasts.learn(name, &PastName::read(name).unwrap(), tiered, 1_000_000_000_000).is_some()
        };
        let taken = (1..=2000).filter(|back| learn(&one, &format!("orders@-{back}s"))).count();
        assert_eq!(taken, OF_TOPIC);
        assert!(learn(&other, "orders@-1h"), "another topic has room");
        tokio::time::advance(RESTED_FIXED * 2).await;
        assert!(!learn(&one, "orders@-3000s"), "a time back from now stays as it was told");
        tokio::time::advance(RESTED * 2).await;
        assert!(pasts.named("orders@-7s").is_some(), "somebody reads it");
        assert!(learn(&one, "orders@2020-01-01") && pasts.named("orders@-7s").is_some());
        let all = pasts.lock();
        assert_eq!((all.by_name.len(), all.by_id.len()), (OF_TOPIC + 1, OF_TOPIC + 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_in_a_name_gives_way_sooner_and_comes_again() {
        let (pasts, one) = (pasts(), tiered(1));
        let learn = |name: &str| pasts.learn(name, &PastName::read(name).unwrap(), &one, 1_000_000_000_000);
        let first = learn("orders@2020-01-01").unwrap().id;
        for year in 2..=OF_TOPIC + 1 {
            learn(&format!("orders@{:04}-01-01", 1970 + year)).unwrap();
        }
        assert!(learn("orders@1999-12-31").is_none());
        tokio::time::advance(RESTED_FIXED * 2).await;
        assert!(learn("orders@1999-12-31").is_some());
        assert_eq!(learn("orders@2020-01-01").map(|past| past.id), Some(first));
    }
}
