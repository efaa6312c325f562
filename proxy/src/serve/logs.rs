//! The logs behind the answers: a reader, and what it does not remember.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firnline_index::manifest::Manifest;
use firnline_index::{Offset, TimestampMs, TopicIdPartition};
use firnline_reader::{Bounds, ReadError, ReadOutcome, Reader, Sight};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::as_of::{AsOf, Cut, Seen};

/// How many partitions without a manifest are remembered.
const ABSENT: usize = 100_000;

/// Batches decoded at once, over all connections: an old one may unfold to 256 MiB.
const DECODES: usize = 2;

/// The bounds of a log in which there never was anything.
const NOTHING: Bounds =
    Bounds { start: Offset::ZERO, serving_start: Offset::ZERO, last_stable: Offset::ZERO, end: Offset::ZERO };

/// Every partition's log, as far as it is in the tier. A partition of which nothing was offloaded is an empty log.
#[derive(Debug)]
pub(crate) struct Logs {
    reader: Reader,
    /// When the store last said that a partition has no manifest. The reader keeps no failures, and a consumer asks for an
    /// empty partition twice a second.
    absent: Mutex<HashMap<TopicIdPartition, Instant>>,
    max_age: Duration,
    as_of: Option<AsOf>,
    floors: Option<Floors>,
    /// Where partitions end under it, once that was found.
    cuts: Mutex<HashMap<TopicIdPartition, Search>>,
    /// Places for batches that are decoded.
    decodes: Arc<Semaphore>,
}

/// The search for where a partition ends. Whoever waits for it moves it on; it goes on from there when the next one does, and may
/// take longer than any of them waits.
type Search = Shared<BoxFuture<'static, Result<Cut, ReadError>>>;

/// Below which offset nothing of a partition is to be seen.
pub(crate) type FloorOf = dyn Fn(&TopicIdPartition) -> Offset + Send + Sync;

struct Floors(Box<FloorOf>);

impl std::fmt::Debug for Floors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Floors")
    }
}

/// Where a partition is to end.
#[derive(Debug, Clone, Copy)]
enum At {
    Time(TimestampMs),
    Offset(Offset),
}

async fn find_cut(
    reader: Reader,
    tip: TopicIdPartition,
    at: At,
    manifest: Arc<Manifest>,
) -> Result<Cut, ReadError> {
    let end = match at {
        At::Time(at) => {
            let later = reader.find_timestamp(&tip, at).await?;
            later.map_or(manifest.tier_end, |batch| batch.header.base_offset)
        }
        At::Offset(end) => end,
    };
    let ended = reader.ended_at(&tip, end).await?;
    if ended.end <= manifest.serving_start && manifest.serving_start > Offset::ZERO {
        tracing::warn!(%tip, end = ended.end.get(), start = manifest.serving_start.get(),
            "all that a log held then is gone by now");
    }
    Ok(Cut::at(ended))
}

/// How new an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// As old as manifests may be.
    Usual,
    /// Asked of the store now.
    Now,
}

impl Logs {
    /// Logs by a reader; what is not there is asked for again after `max_age`.
    pub(crate) fn new(reader: Reader, max_age: Duration) -> Self {
        Self {
            reader,
            absent: Mutex::default(),
            max_age,
            as_of: None,
            floors: None,
            cuts: Mutex::default(),
            decodes: Arc::new(Semaphore::new(DECODES)),
        }
    }

    /// The same, as they stood.
    pub(crate) fn ending(self, as_of: Option<AsOf>) -> Self {
        Self { as_of, ..self }
    }

    /// The same without what was deleted since, which a manifest need not know yet. Of logs as they stood.
    pub(crate) fn above(self, floor_of: Box<FloorOf>) -> Self {
        Self { floors: Some(Floors(floor_of)), ..self }
    }

    /// Whether they are seen as they stood.
    pub(crate) const fn are_cut(&self) -> bool {
        self.as_of.is_some()
    }

    /// What the tier holds of a partition, as far as it is seen; `None` where it never held anything.
    pub(crate) async fn seen(&self, tip: &TopicIdPartition, age: Age) -> Result<Option<Seen>, ReadError> {
        let Some(manifest) = self.manifest(tip, age).await? else { return Ok(None) };
        let cut = self.cut(tip, &manifest).await?;
        Ok(Some(Seen { manifest, cut }))
    }

    /// Where a partition ends for whoever asks here, other than in the tier. Found once.
    async fn cut(&self, tip: &TopicIdPartition, manifest: &Arc<Manifest>) -> Result<Option<Cut>, ReadError> {
        let at = match &self.as_of {
            None => return Ok(None),
            Some(AsOf::Time(at)) => At::Time(*at),
            Some(AsOf::Offsets(offsets)) => match offsets.get(&(tip.topic_id, tip.partition)) {
                Some(end) => At::Offset(*end),
                None => return Ok(Some(Cut::nothing())),
            },
        };
        let search = {
            let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
            let begin =
                || find_cut(self.reader.clone(), tip.clone(), at, Arc::clone(manifest)).boxed().shared();
            cuts.entry(tip.clone()).or_insert_with(begin).clone()
        };
        let found = search.clone().await;
        if found.is_err() {
            let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
            if cuts.get(tip).is_some_and(|known| known.ptr_eq(&search)) {
                cuts.remove(tip);
            }
        }
        found.map(|cut| Some(cut.above(self.floor(tip))))
    }

    fn floor(&self, tip: &TopicIdPartition) -> Offset {
        self.floors.as_ref().map_or(Offset::ZERO, |floors| (floors.0)(tip))
    }

    /// Where a partition ends, where that was found. Waits for nothing.
    fn known_cut(&self, tip: &TopicIdPartition) -> Option<Cut> {
        let cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = cuts.get(tip)?.peek()?.as_ref().ok()?;
        Some(cut.above(self.floor(tip)))
    }

    /// What the tier holds of a partition, whoever sees it; `None` where it never held anything.
    pub(crate) async fn manifest(
        &self,
        tip: &TopicIdPartition,
        age: Age,
    ) -> Result<Option<Arc<Manifest>>, ReadError> {
        if age == Age::Usual && self.is_absent(tip) {
            return Ok(None);
        }
        let manifest = match age {
            Age::Usual => self.reader.manifest(tip).await,
            Age::Now => self.reader.newest_manifest(tip).await,
        };
        self.known(tip, manifest)
    }

    /// The bounds of a partition's log.
    pub(crate) async fn bounds(&self, tip: &TopicIdPartition, age: Age) -> Result<Bounds, ReadError> {
        Ok(self.seen(tip, age).await?.map_or(NOTHING, |seen| seen.bounds()))
    }

    /// Batches from an offset on, as [`Reader::read`] gives them.
    pub(crate) async fn read(
        &self,
        tip: &TopicIdPartition,
        offset: Offset,
        max_bytes: usize,
        sight: &Sight,
    ) -> Result<ReadOutcome, ReadError> {
        let nothing = ReadOutcome::AtEnd { bounds: NOTHING };
        if self.is_absent(tip) {
            return Ok(nothing);
        }
        let mut cut = None;
        if self.as_of.is_some() {
            let Some(seen) = self.seen(tip, Age::Usual).await? else { return Ok(nothing) };
            let bounds = seen.bounds();
            if offset >= bounds.end {
                return Ok(ReadOutcome::AtEnd { bounds });
            }
            if offset < bounds.start {
                return Ok(ReadOutcome::BelowStart { bounds });
            }
            cut = seen.cut;
        }
        let outcome = self.reader.read(tip, offset, max_bytes, sight.clone()).await;
        let outcome = self.known(tip, outcome)?.unwrap_or(nothing);
        Ok(match cut {
            None => outcome,
            Some(cut) => cut.read(offset, sight.isolation, outcome),
        })
    }

    /// The same from memory alone, as [`Reader::read_held`] gives them.
    pub(crate) fn read_held(
        &self,
        tip: &TopicIdPartition,
        offset: Offset,
        max_bytes: usize,
        sight: &Sight,
    ) -> Option<ReadOutcome> {
        let cut = if self.as_of.is_some() { Some(self.known_cut(tip)?) } else { None };
        let outcome = self.reader.read_held(tip, offset, max_bytes, sight.clone())?;
        Some(match cut {
            None => outcome,
            Some(cut) => cut.read(offset, sight.isolation, outcome),
        })
    }

    /// The bounds of a log as it stood, where they are known by now. Waits for nothing.
    pub(crate) fn bounds_held(&self, tip: &TopicIdPartition) -> Option<Bounds> {
        let cut = self.known_cut(tip)?;
        let manifest = self.manifest(tip, Age::Usual).now_or_never()?.ok()??;
        Some(cut.bounds(Bounds::of(&manifest)))
    }

    /// Waits for a place to decode a batch. It goes along with the work, which may outlive whoever asked for it.
    pub(crate) async fn decoding(&self) -> OwnedSemaphorePermit {
        let decodes = Arc::clone(&self.decodes);
        decodes.acquire_owned().await.expect("the semaphore is never closed")
    }

    /// The reader, for what it alone knows.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Whether the store said a moment ago that a partition has no manifest.
    pub(crate) fn is_absent(&self, tip: &TopicIdPartition) -> bool {
        let absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        absent.get(tip).is_some_and(|asked| asked.elapsed() < self.max_age)
    }

    fn known<T>(&self, tip: &TopicIdPartition, answer: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(found) => {
                absent.remove(tip);
                Ok(Some(found))
            }
            Err(ReadError::NoManifest { .. }) => {
                if absent.len() >= ABSENT {
                    absent.clear();
                }
                absent.insert(tip.clone(), Instant::now());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
