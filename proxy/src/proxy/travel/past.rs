//! Topics as they stood, as far as somebody has asked for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::TimestampMs;
use firnline_reader::Reader;
use ring::digest;
use tokio::time::Instant;

use super::name::PastName;
use crate::proxy::tier::Tiered;
use crate::serve::AsOf;
use crate::serve::logs::Logs;
use crate::serve::view::View;

/// How many are kept at once.
const PASTS: usize = 1000;
/// How long one must have rested before it gives way to another one.
const RESTED: Duration = Duration::from_secs(3600);

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
    used: Mutex<Instant>,
}

/// All of them. A time back from now is fixed when its name is first asked for, and stays as long as somebody asks.
#[derive(Debug)]
pub(crate) struct Pasts {
    reader: Reader,
    max_age: Duration,
    all: Mutex<HashMap<Arc<str>, Arc<Past>>>,
}

impl Pasts {
    pub(crate) fn new(reader: Reader, max_age: Duration) -> Self {
        Self { reader, max_age, all: Mutex::default() }
    }

    /// The one that a name means, if it is known here.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Past>> {
        let past = self.lock().get(name).cloned();
        past.inspect(|past| past.touch())
    }

    /// The one with an id.
    pub(crate) fn with_id(&self, id: [u8; 16]) -> Option<Arc<Past>> {
        let past = self.lock().values().find(|past| past.id == id).cloned();
        past.inspect(|past| past.touch())
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
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
        if let Some(past) = all.get(name).filter(|past| past.tiered.topic.id == tiered.topic.id) {
            past.touch();
            return Some(Arc::clone(past));
        }
        if all.len() >= PASTS && !all.contains_key(name) {
            let oldest = all.iter().map(|(name, past)| (past.rests(), name)).max()?;
            let name = (oldest.0 > RESTED).then(|| Arc::clone(oldest.1))?;
            all.remove(&name);
        }
        let at = of.when.fix(now_ms);
        let name: Arc<str> = name.into();
        let past = Arc::new(Past {
            id: id(tiered, &name),
            tiered: Arc::clone(tiered),
            view: View::of((*tiered.topic).clone()),
            logs: self.logs(at),
            used: Mutex::new(Instant::now()),
            name: Arc::clone(&name),
        });
        all.insert(name, Arc::clone(&past));
        Some(past)
    }

    fn logs(&self, at: TimestampMs) -> Logs {
        Logs::new(self.reader.clone(), self.max_age).ending(Some(AsOf::Time(at)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Past>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Past {
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
