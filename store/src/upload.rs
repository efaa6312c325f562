//! Objects of any size: bytes go in as they come, parts go out in parallel, the object appears whole at the end.
//!
//! - **Memory.** A part's bytes are kept as the chain of buffers they came in (no copy) and counted against a
//!   [`ByteBudget`] from the first byte of the part until the store has it. The whole part is reserved at once, so an upload
//!   that holds a reservation can always finish its part and give it back: uploads cannot lock each other out.
//! - **Requests.** Up to one part: one PUT. Else one to begin, one per part, one to complete.
//! - **Order.** Parts may land in any order; nothing is visible before `complete`.
//! - **Retry.** Each part by itself. `complete` that is told "no such upload" looks whether the object is there: an earlier
//!   attempt's answer was lost.
//! - **Checked.** Where the store tells a checksum of the whole object it is compared with ours ([`Uploaded::verified`]);
//!   a difference is [`crate::ErrorKind::Corrupted`].
//! - **Crash, drop.** A dropped upload is aborted in the background, counted; [`Store::settle`] waits for that. After a crash
//!   the parts stay, invisible and billed, until a lifecycle rule of the bucket removes them; the local directory sweeps
//!   them itself.

use crate::backend::{Part, PartTag, PutMode, UploadId};
use crate::budget::{ByteBudget, Reservation};
use crate::checksum::{Summing, Sums};
use crate::counts::RequestKind;
use crate::error::StoreError;
use crate::fault::{Fault, FaultKind};
use crate::key::Key;
use crate::object::{Payload, Version};
use crate::settings::MAX_PARTS;
use crate::store::Store;
use bytes::Bytes;
use tokio::task::JoinSet;

/// How one object is uploaded.
#[derive(Clone, Debug)]
pub struct UploadOptions {
    /// The budget that the parts' bytes are taken from.
    pub budget: ByteBudget,
    /// About how many bytes will come, where known: small objects then reserve no whole part, and huge ones get parts large
    /// enough for the store's limit on their number. More bytes than this are fine.
    pub size_hint: Option<u64>,
}

/// An object on its way. Not cancel safe: when a call's future was dropped, drop the upload too.
#[derive(Debug)]
pub struct Upload {
    store: Store,
    key: Key,
    /// Instead of the store's class for segments.
    class: Option<String>,
    budget: ByteBudget,
    part_size: u64,
    /// Bytes that the hint still promises.
    expected: Option<u64>,
    current: Current,
    /// Set once the object turned out to be larger than one part.
    id: Option<UploadId>,
    under_way: JoinSet<Result<(usize, PartTag), StoreError>>,
    done: Vec<Option<PartTag>>,
    offset: u64,
}

/// The part being filled.
#[derive(Debug)]
struct Current {
    chunks: Vec<Bytes>,
    sums: Summing,
    length: u64,
    reservation: Option<Reservation>,
}

/// An object that is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Its version; `None` where only a look-up could tell it and does not (local directory after a lost answer).
    pub version: Option<Version>,
    /// Its length in bytes.
    pub size: u64,
    /// CRC-64/NVME of all its bytes as they were sent.
    pub crc64: u64,
    /// Whether the store computed a checksum of the whole object itself and it equals ours. If not, reading back is the
    /// only proof.
    pub verified: bool,
}

impl Store {
    /// Begins an upload to a key that nobody else writes. Makes no request yet.
    pub fn upload(&self, key: &str, options: UploadOptions) -> Result<Upload, StoreError> {
        let key = self.key(RequestKind::Put, key)?;
        let least = options.size_hint.unwrap_or(0).div_ceil(MAX_PARTS / 2);
        Ok(Upload {
            store: self.clone(),
            key,
            class: None,
            budget: options.budget,
            part_size: self.settings().part_size.max(least),
            expected: options.size_hint,
            current: Current::new(self.backend().tells_crc32c()),
            id: None,
            under_way: JoinSet::new(),
            done: Vec::new(),
            offset: 0,
        })
    }
}

impl Upload {
    /// In this storage class, instead of the store's class for segments. Where objects have none, it changes nothing.
    #[must_use]
    pub fn in_class(mut self, class: Option<String>) -> Self {
        self.class = class;
        self
    }

    /// Adds bytes to the end. Waits for the budget and for a free place among the parts under way, so a slow store slows
    /// down whoever reads the source. Fails with the error of any part that failed for good; then drop the upload.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            if self.current.length == self.part_size {
                self.send_part().await?;
            }
            if self.current.reservation.is_none() {
                let wanted = self.expected.map_or(self.part_size, |left| left.clamp(1, self.part_size));
                self.current.reservation =
                    Some(self.reserve(wanted.max(bytes.len().min(1 << 20) as u64)).await?);
            }
            let room = usize::try_from(self.part_size - self.current.length).unwrap_or(usize::MAX);
            let taken = bytes.split_to(room.min(bytes.len()));
            self.expected = self.expected.map(|left| left.saturating_sub(taken.len() as u64));
            self.current.add(taken);
        }
        Ok(())
    }

    /// Waits for budget, collecting finished parts meanwhile: their memory is what is waited for.
    async fn reserve(&mut self, bytes: u64) -> Result<Reservation, StoreError> {
        let budget = self.budget.clone();
        let reserved = budget.reserve(bytes);
        tokio::pin!(reserved);
        loop {
            tokio::select! {
                // In this order, so that the same run again is the same; a part that failed is told first.
                biased;
                Some(part) = self.under_way.join_next() => self.note(part)?,
                reservation = &mut reserved => return Ok(reservation),
            }
        }
    }

    async fn send_part(&mut self) -> Result<(), StoreError> {
        let id = match &self.id {
            Some(id) => id.clone(),
            None => {
                let begun = self
                    .store
                    .operation(RequestKind::Begin, self.key.as_str(), 0)
                    .run(|| self.store.backend().begin(&self.key, self.class.as_deref()))
                    .await?;
                self.id = Some(begun.clone());
                begun
            }
        };
        while self.under_way.len() >= self.store.settings().upload_concurrency {
            if let Some(part) = self.under_way.join_next().await {
                self.note(part)?;
            }
        }
        let place = self.done.len();
        let number = u32::try_from(place).ok().filter(|number| u64::from(*number) < MAX_PARTS);
        let number = number.ok_or_else(|| self.too_many_parts())?;
        let filled = std::mem::replace(&mut self.current, Current::new(self.store.backend().tells_crc32c()));
        let part =
            Part { number, offset: self.offset, payload: filled.chunks.into(), sums: filled.sums.finish() };
        self.offset += filled.length;
        self.done.push(None);
        let (store, key) = (self.store.clone(), self.key.clone());
        self.under_way.spawn(async move {
            let _held_until_sent = filled.reservation;
            let tag = store
                .operation(RequestKind::Part, key.as_str(), part.payload.len())
                .run(|| {
                    store.counts().sent(part.payload.len());
                    store.backend().part(&key, &id, part.clone())
                })
                .await?;
            Ok((place, tag))
        });
        Ok(())
    }

    fn note(
        &mut self,
        finished: Result<Result<(usize, PartTag), StoreError>, tokio::task::JoinError>,
    ) -> Result<(), StoreError> {
        match finished {
            Ok(part) => {
                let (place, tag) = part?;
                self.done[place] = Some(tag);
                Ok(())
            }
            Err(join) if join.is_panic() => std::panic::resume_unwind(join.into_panic()),
            Err(join) => {
                let lost = Fault::caused(FaultKind::Lost, join);
                Err(StoreError::new(RequestKind::Part, self.key.as_str(), self.store.url(), 1, lost))
            }
        }
    }

    /// Sends what is left and makes the object appear.
    pub async fn complete(mut self) -> Result<Uploaded, StoreError> {
        if self.id.is_none() {
            let sums = self.current.sums.finish();
            let payload = Payload::from(std::mem::take(&mut self.current.chunks));
            let mode = PutMode::Segment(self.class.as_deref());
            let stored = self.store.put_whole(&self.key, &payload, &sums, mode).await?;
            let verified = stored.checksum.is_some();
            return Ok(Uploaded {
                version: Some(stored.version),
                size: sums.length,
                crc64: sums.crc64,
                verified,
            });
        }
        if self.current.length > 0 {
            self.send_part().await?;
        }
        while let Some(part) = self.under_way.join_next().await {
            self.note(part)?;
        }
        let id = self.id.clone().expect("checked at the beginning");
        let tags: Vec<PartTag> =
            self.done.iter().cloned().map(|tag| tag.expect("every part was noted")).collect();
        let sums = Sums::joined(tags.iter().map(|tag| &tag.sums));
        let uploaded = self.finish(&id, &tags, &sums).await?;
        self.id = None;
        Ok(uploaded)
    }

    async fn finish(&self, id: &UploadId, tags: &[PartTag], sums: &Sums) -> Result<Uploaded, StoreError> {
        let operation = self.store.operation(RequestKind::Complete, self.key.as_str(), 0);
        let done = |version, verified| Uploaded { version, size: sums.length, crc64: sums.crc64, verified };
        match operation.attempts(|| self.store.backend().complete(&self.key, id, tags)).await {
            Ok(stored) => match stored.check(sums) {
                Ok(verified) => Ok(done(Some(stored.version), verified)),
                Err(fault) => {
                    Err(StoreError::new(RequestKind::Complete, self.key.as_str(), self.store.url(), 1, fault))
                }
            },
            // An earlier attempt may have completed it and lost its answer. The key is ours alone: length decides.
            Err(failure) if failure.fault.kind == FaultKind::NoUpload => {
                match self.store.head(self.key.as_str()).await {
                    Ok(found) if found.size == sums.length => Ok(done(found.version, false)),
                    _ => Err(operation.error(failure)),
                }
            }
            Err(failure) => Err(operation.error(failure)),
        }
    }

    /// Gives the upload up and waits until the store has thrown its parts away, or has failed to for good (counted).
    pub async fn abort(mut self) {
        self.under_way.shutdown().await;
        if let Some(id) = self.id.take() {
            abort(&self.store, &self.key, &id).await;
        }
    }

    fn too_many_parts(&self) -> StoreError {
        let fault = Fault::caused(
            FaultKind::Rejected,
            format!("more than {MAX_PARTS} parts of {} bytes", self.part_size),
        );
        StoreError::new(RequestKind::Part, self.key.as_str(), self.store.url(), 0, fault)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        self.store.counts().upload_abandoned();
        self.under_way.abort_all();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (store, key) = (self.store.clone(), self.key.clone());
        let mut aborts = self.store.aborts();
        while aborts.try_join_next().is_some() {}
        aborts.spawn_on(async move { abort(&store, &key, &id).await }, &runtime);
    }
}

async fn abort(store: &Store, key: &Key, id: &UploadId) {
    let aborted =
        store.operation(RequestKind::Abort, key.as_str(), 0).run(|| store.backend().abort(key, id)).await;
    if let Err(error) = aborted
        && !error.is_not_found()
    {
        store.counts().abort_failed();
        let error: &(dyn std::error::Error + 'static) = &error;
        tracing::warn!(
            key = key.as_str(),
            error,
            "an upload could not be aborted; its parts stay until a lifecycle rule removes them"
        );
    }
}

impl Current {
    fn new(with_crc32c: bool) -> Self {
        Self { chunks: Vec::new(), sums: Summing::new(with_crc32c), length: 0, reservation: None }
    }

    fn add(&mut self, bytes: Bytes) {
        self.sums.update(&bytes);
        self.length += bytes.len() as u64;
        self.chunks.push(bytes);
    }
}
