//! The logs behind the answers: a reader, and what it does not remember.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firnline_index::manifest::Manifest;
use firnline_index::{Offset, TopicIdPartition};
use firnline_reader::{Bounds, Isolation, ReadError, ReadOutcome, Reader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

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
    /// Places for batches that are decoded.
    decodes: Arc<Semaphore>,
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
        Self { reader, absent: Mutex::default(), max_age, decodes: Arc::new(Semaphore::new(DECODES)) }
    }

    /// What the tier holds of a partition; `None` where it never held anything.
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
        Ok(self.manifest(tip, age).await?.map_or(NOTHING, |manifest| Bounds::of(&manifest)))
    }

    /// Batches from an offset on, as [`Reader::read`] gives them.
    pub(crate) async fn read(
        &self,
        tip: &TopicIdPartition,
        offset: Offset,
        max_bytes: usize,
        isolation: Isolation,
    ) -> Result<ReadOutcome, ReadError> {
        let nothing = ReadOutcome::AtEnd { bounds: NOTHING };
        if self.is_absent(tip) {
            return Ok(nothing);
        }
        let outcome = self.reader.read(tip, offset, max_bytes, isolation).await;
        Ok(self.known(tip, outcome)?.unwrap_or(nothing))
    }

    /// The same from memory alone, as [`Reader::read_held`] gives them.
    pub(crate) fn read_held(
        &self,
        tip: &TopicIdPartition,
        offset: Offset,
        max_bytes: usize,
        isolation: Isolation,
    ) -> Option<ReadOutcome> {
        self.reader.read_held(tip, offset, max_bytes, isolation)
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
