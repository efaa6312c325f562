//! A store in memory, for tests: every promise of a good store, kept exactly.

use crate::backend::{
    Backend, ListFrom, ListedPage, PageToken, Part, PartTag, PutMode, StoreChecksum, Stored, UploadId,
};
use crate::checksum::crc64;
use crate::env::Clock;
use crate::fault::{Attempt, FaultKind};
use crate::key::Key;
use crate::object::{Fetched, ListedObject, ObjectMeta, Payload, Version};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub(crate) struct MemoryBackend {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Object>,
    uploads: HashMap<UploadId, BTreeMap<u32, Payload>>,
    /// Never used twice: versions and upload ids are made of it.
    counter: u64,
}

#[derive(Clone, Debug)]
struct Object {
    bytes: Bytes,
    version: Version,
    modified_ms: i64,
}

impl MemoryBackend {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn object(&self, key: &Key) -> Attempt<Object> {
        self.state().objects.get(key.as_str()).cloned().ok_or_else(|| FaultKind::NotFound.into())
    }

    fn store(&self, state: &mut State, key: &str, bytes: Bytes) -> Stored {
        state.counter += 1;
        let version = Version::from_etag(format!("m{}", state.counter));
        let checksum = Some(StoreChecksum::Crc64Nvme(crc64(&bytes)));
        let object = Object { bytes, version: version.clone(), modified_ms: self.clock.now_ms() };
        state.objects.insert(key.to_owned(), object);
        Stored { version, checksum }
    }
}

/// What the simulation does behind everybody's back.
impl MemoryBackend {
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    pub(crate) fn peek(&self, key: &str) -> Option<Bytes> {
        self.state().objects.get(key).map(|object| object.bytes.clone())
    }

    /// What a listing says of an object.
    pub(crate) fn line(&self, key: &str) -> Option<ListedObject> {
        self.state().objects.get(key).map(|object| listed(key, object))
    }

    pub(crate) fn plant(&self, key: &str, bytes: Bytes) {
        self.store(&mut self.state(), key, bytes);
    }

    pub(crate) fn lose(&self, key: &str) {
        self.state().objects.remove(key);
    }

    pub(crate) fn open_uploads(&self) -> usize {
        self.state().uploads.len()
    }
}

fn listed(key: &str, object: &Object) -> ListedObject {
    let size = object.bytes.len() as u64;
    ListedObject { key: key.to_owned(), size, last_modified_ms: object.modified_ms }
}

fn slice(bytes: &Bytes, range: Range<u64>) -> Attempt<Bytes> {
    let beyond = FaultKind::BeyondEnd { size: Some(bytes.len() as u64) };
    let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
        return Err(beyond.into());
    };
    if start > end || end > bytes.len() {
        return Err(beyond.into());
    }
    Ok(bytes.slice(start..end))
}

#[async_trait]
impl Backend for MemoryBackend {
    async fn get(&self, key: &Key, unless: Option<&Version>, limit: u64) -> Attempt<Fetched> {
        let object = self.object(key)?;
        let size = object.bytes.len() as u64;
        if unless == Some(&object.version) {
            return Err(FaultKind::Condition.into());
        }
        if size > limit {
            return Err(FaultKind::TooLarge { size, limit }.into());
        }
        Ok(Fetched { bytes: object.bytes, version: object.version })
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Attempt<Bytes> {
        slice(&self.object(key)?.bytes, range)
    }

    async fn get_suffix(&self, key: &Key, length: u64) -> Attempt<(Bytes, u64)> {
        let bytes = self.object(key)?.bytes;
        let size = bytes.len() as u64;
        Ok((slice(&bytes, size.saturating_sub(length)..size)?, size))
    }

    async fn head(&self, key: &Key) -> Attempt<ObjectMeta> {
        let object = self.object(key)?;
        let size = object.bytes.len() as u64;
        Ok(ObjectMeta { size, version: Some(object.version), last_modified_ms: object.modified_ms })
    }

    async fn put(&self, key: &Key, payload: Payload, mode: PutMode<'_>) -> Attempt<Stored> {
        let mut state = self.state();
        let current = state.objects.get(key.as_str()).map(|object| &object.version);
        let holds = match mode {
            PutMode::Unique | PutMode::Segment(_) => true,
            PutMode::Create => current.is_none(),
            PutMode::Update(expected) => current == Some(expected),
        };
        if !holds {
            return Err(FaultKind::Condition.into());
        }
        Ok(self.store(&mut state, key.as_str(), payload.to_bytes()))
    }

    async fn begin(&self, _key: &Key, _class: Option<&str>) -> Attempt<UploadId> {
        let mut state = self.state();
        state.counter += 1;
        let id = UploadId(format!("u{}", state.counter));
        state.uploads.insert(id.clone(), BTreeMap::new());
        Ok(id)
    }

    async fn part(&self, _key: &Key, upload: &UploadId, part: Part) -> Attempt<PartTag> {
        let mut state = self.state();
        let parts = state.uploads.get_mut(upload).ok_or(FaultKind::NoUpload)?;
        parts.insert(part.number, part.payload);
        Ok(PartTag { tag: part.number.to_string(), sums: part.sums })
    }

    async fn complete(&self, key: &Key, upload: &UploadId, parts: &[PartTag]) -> Attempt<Stored> {
        let mut state = self.state();
        let stored = state.uploads.remove(upload).ok_or(FaultKind::NoUpload)?;
        if stored.len() != parts.len() {
            return Err(FaultKind::Rejected.into());
        }
        let chunks: Vec<Bytes> =
            stored.values().flat_map(|payload| payload.chunks().iter().cloned()).collect();
        Ok(self.store(&mut state, key.as_str(), Payload::from(chunks).to_bytes()))
    }

    async fn abort(&self, _key: &Key, upload: &UploadId) -> Attempt<()> {
        self.state().uploads.remove(upload);
        Ok(())
    }

    async fn delete(&self, key: &Key) -> Attempt<()> {
        self.state().objects.remove(key.as_str());
        Ok(())
    }

    async fn list(&self, prefix: &str, after: ListFrom<'_>, limit: usize) -> Attempt<ListedPage> {
        let after = match after {
            ListFrom::Start => "",
            ListFrom::AfterKey(key) | ListFrom::Token(key) => key,
        };
        let state = self.state();
        let mut objects: Vec<_> = state
            .objects
            .range(prefix.max(after).to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(key, _)| key.as_str() > after)
            .take(limit.saturating_add(1))
            .map(|(key, object)| listed(key, object))
            .collect();
        let more = objects.len() > limit;
        objects.truncate(limit);
        let next = objects.last().filter(|_| more).map(|last| PageToken::AfterKey(last.key.clone()));
        Ok(ListedPage { objects, next })
    }
}
