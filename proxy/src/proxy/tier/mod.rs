//! What a proxy knows of the tier, in memory: which topics are in it, where each partition's tier begins and ends, and where
//! the brokers' logs stand.
//!
//! | what | from where |
//! |---|---|
//! | topics | the catalog, by listing the topic objects |
//! | starts and ends | the summaries of the sidecars, each minute; manifests that were read since |
//! | high watermarks, last stable offsets, log starts | answers of brokers that pass |
//! | which id a name means | Metadata that passes |
//!
//! Looking something up makes no request and takes no lock that is held across one.

mod behind;
mod known;
mod marks;
mod place;
mod summaries;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use firnline_index::ClusterId;
use firnline_reader::Reader;
use firnline_store::Store;
use firnline_store::env::Env;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

pub(crate) use behind::Behind;
pub(crate) use known::{Known, Named, Tiered};
pub(crate) use marks::{Marks, start_to_tell};
pub(crate) use place::Place;

use crate::proxy::travel::Pasts;
use crate::serve::catalog::{Catalog, CatalogError};
use crate::serve::logs::Logs;
use summaries::Summaries;

/// How old what is known may be where a topic is asked for that is not.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// How long it is believed that a partition has nothing in the tier. A reader that is refused at once, or told that its log begins
/// where the broker's does, would pass over what comes a moment later.
const ABSENT_AGE: Duration = Duration::from_secs(1);

/// The tier that a proxy fills from.
#[derive(Debug)]
pub struct Archive {
    /// The cluster whose tier it is.
    pub cluster_id: ClusterId,
    /// Its topics.
    pub catalog: Catalog,
    /// Its bytes.
    pub reader: Reader,
    /// Where floors are written, and summaries are read.
    pub store: Store,
    /// How old its manifests may be.
    pub max_manifest_age: Duration,
    /// Whether floors may be written. Where not, DeleteRecords is refused for topics of the tier.
    pub may_delete: bool,
    /// For ids, and the time.
    pub env: Env,
}

/// The same, as connections use it.
#[derive(Debug)]
pub(crate) struct Tier {
    pub(crate) cluster_id: ClusterId,
    pub(crate) logs: Logs,
    pub(crate) store: Store,
    pub(crate) may_delete: bool,
    pub(crate) env: Env,
    /// Topics as they stood, where such are served.
    pub(crate) pasts: Option<Pasts>,
    catalog: Catalog,
    summaries: tokio::sync::Mutex<Summaries>,
    known: RwLock<Arc<Known>>,
    /// When it was begun to read anew what may have changed.
    read: Mutex<Option<Instant>>,
    /// The same, of the last time that all of it could be read.
    has_read: Mutex<Option<Instant>>,
    /// Somebody wants it read anew.
    again: Notify,
}

impl Tier {
    pub(crate) fn new(archive: Archive, time_travel: bool) -> Self {
        let Archive { cluster_id, catalog, reader, store, max_manifest_age, may_delete, env } = archive;
        let known = Known::of(&catalog.topics(), &Known::default());
        Self {
            pasts: time_travel.then(|| Pasts::new(reader.clone(), max_manifest_age)),
            logs: Logs::new(reader, max_manifest_age.min(ABSENT_AGE)),
            summaries: tokio::sync::Mutex::new(Summaries::new(store.clone(), cluster_id.clone())),
            known: RwLock::new(Arc::new(known)),
            cluster_id,
            store,
            may_delete,
            env,
            catalog,
            read: Mutex::default(),
            has_read: Mutex::default(),
            again: Notify::new(),
        }
    }

    /// What is known now.
    pub(crate) fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads anew what may have changed where somebody asks for a topic that is not known, as long as the client may wait and
    /// not more often than every few seconds: most such topics are none of the tier.
    pub(crate) async fn look_again(&self, patience: Duration) {
        let read = *self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.is_none_or(|read| read.elapsed() >= LOOK_AGAIN) {
            // What was read by then is known; the rest is read in its turn.
            let _ = timeout(patience, self.refresh_topics()).await;
        }
    }

    /// Whether a topic that is not known was not in the tier at a time. Where that is not known, it is read anew before long;
    /// while it cannot be read, it is not known of any topic, however unlikely, that it did not come to the tier before.
    pub(crate) fn has_looked_since(&self, at: Instant) -> bool {
        let has_read = *self.has_read.lock().unwrap_or_else(PoisonError::into_inner);
        let has_looked = has_read.is_some_and(|began| began >= at);
        if !has_looked {
            self.again.notify_one();
        }
        has_looked
    }

    /// Reads it anew as often as `age` says, and where somebody wants it, for topics, every few seconds. Never returns.
    pub(crate) async fn keep_fresh(&self, age: Duration) {
        loop {
            self.refresh().await;
            let until = Instant::now() + age;
            while timeout_at(until, self.again.notified()).await.is_ok() {
                let read = *self.read.lock().unwrap_or_else(PoisonError::into_inner);
                sleep_until(read.map_or_else(Instant::now, |read| read + LOOK_AGAIN)).await;
                self.refresh_topics().await;
            }
        }
    }

    /// Reads anew what may have changed. What cannot be read stays as it was known. Cancel safe.
    pub(crate) async fn refresh(&self) {
        self.refresh_topics().await;
        let known = self.known();
        let mut summaries = self.summaries.lock().await;
        summaries.refresh().await;
        for (topic, partition, marks) in summaries.marks() {
            if let Some(place) = known.with_id(topic).and_then(|topic| topic.place(partition.get())) {
                place.lock().note_marks(marks);
            }
        }
        for (topic, partition) in summaries.held() {
            if let Some(place) = known.with_id(topic).and_then(|topic| topic.place(partition.get())) {
                place.lock().note_held();
            }
        }
    }

    /// The same for topics alone.
    async fn refresh_topics(&self) {
        let began = Some(Instant::now());
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = began;
        let read = self.catalog.refresh().await;
        let before = self.known();
        let known = Arc::new(Known::of(&self.catalog.topics(), &before));
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        match read {
            Ok(()) => *self.has_read.lock().unwrap_or_else(PoisonError::into_inner) = began,
            Err(error) => report(&error),
        }
    }
}

fn report(error: &CatalogError) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, "the topics of the tier could not be read anew; those known stay");
}
