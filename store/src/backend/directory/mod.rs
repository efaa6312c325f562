//! A store in a local directory: the same promises as S3, made of POSIX calls.
//!
//! Object `a/b/c` is the file `ROOT/a/b/c`, byte for byte. All else lives in `ROOT/.firnline-store/`: `tmp/` for files on
//! their way, `locks/` for update locks.
//!
//! - **Write**: temporary file → bytes → `fdatasync` → rename into place → `fsync` of the directory. A crash leaves the old
//!   object or the new one, and at most a temporary file, which the next writer sweeps ([`temp`]). A full disk fails before
//!   the rename.
//! - **Create**: the rename is `RENAME_NOREPLACE`, or `link(2)` where the file system lacks that; both are atomic.
//! - **Update**: under an exclusive `flock` of one of 256 lock files chosen by the key: compare the version, then rename.
//!   Deletes take the same lock, so an update cannot bring a deleted object back.
//! - **Version** = CRC-64/NVME of the content and its length. Time stamps and inode numbers will not do: a file system's
//!   clock ticks in milliseconds and inode numbers are used again at once. Content is what S3's own ETag stands for, too:
//!   going back to earlier bytes goes back to the earlier version there as here. The price is that telling a version reads
//!   the object, so `head` tells none.
//! - **Segments** are read back from the disk before they get into place, and their checksum compared with what was sent:
//!   this store vouches for its bytes as S3 does. **Parts** go to their place in one temporary file. Large objects pass by
//!   the page cache ([`direct`]); where that cannot be, they are flushed part by part and dropped from it.
//! - **Cancellation**: file calls run on tokio's blocking threads; a dropped future leaves the call to finish, as a request
//!   on the wire would.
//! - Empty directories stay behind a delete: removing them would race with a writer that has just made one.
//!   Symbolic links to directories are not followed by listings.

mod aligned;
mod direct;
mod files;
mod list;
mod lock;
mod parts;
mod temp;

use crate::backend::{
    Backend, ListFrom, ListedPage, Part, PartTag, PutMode, StoreChecksum, Stored, UploadId,
};
use crate::checksum::Sums;
use crate::env::{Random, RandomExt};
use crate::fault::{Attempt, Fault, FaultKind};
use crate::key::Key;
use crate::object::{Fetched, ObjectMeta, Payload, Version};
use aligned::AlignedBuffers;
use async_trait::async_trait;
use bytes::Bytes;
use direct::DIRECT_FROM;
use files::Root;
use parts::PartFile;
use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use temp::TempFile;

/// The most bytes per part. A part costs no request here, so it may be so small that its bytes are still in the processor's
/// cache when they are copied towards the disk, and its buffers soon used again. Less would only add calls.
pub(crate) const PART_BYTES: u64 = 1 << 20;

#[derive(Debug)]
pub(crate) struct DirectoryBackend {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: Root,
    random: Arc<dyn Random>,
    uploads: Mutex<HashMap<UploadId, Arc<PartFile>>>,
    buffers: AlignedBuffers,
}

impl DirectoryBackend {
    pub(crate) fn new(root: PathBuf, random: Arc<dyn Random>) -> Self {
        let (uploads, buffers) = (Mutex::default(), AlignedBuffers::default());
        Self { inner: Arc::new(Inner { root: Root::new(root), random, uploads, buffers }) }
    }

    /// Runs file calls on a blocking thread.
    async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Inner) -> Attempt<T> + Send + 'static,
    ) -> Attempt<T> {
        let inner = Arc::clone(&self.inner);
        match tokio::task::spawn_blocking(move || call(&inner)).await {
            Ok(answer) => answer,
            Err(join) if join.is_panic() => std::panic::resume_unwind(join.into_panic()),
            Err(join) => Err(Fault::caused(FaultKind::Lost, join)),
        }
    }
}

/// The version that content of this checksum and length has.
fn version_of(sums: &Sums) -> Version {
    Version::from_etag(format!("{:016x}-{:x}", sums.crc64, sums.length))
}

/// The checksum of what is on the disk, if it is that of what was sent.
fn verified(temp: &TempFile, sent: &Sums) -> Attempt<StoreChecksum> {
    let found = temp.read_back()?;
    if (found.length, found.crc64) != (sent.length, sent.crc64) {
        return Err(FaultKind::Corrupted.into());
    }
    Ok(StoreChecksum::Crc64Nvme(found.crc64))
}

impl Inner {
    fn upload(&self, id: &UploadId) -> Attempt<Arc<PartFile>> {
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.get(id).cloned().ok_or_else(|| FaultKind::NoUpload.into())
    }

    fn take_upload(&self, id: &UploadId) -> Option<Arc<PartFile>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    fn read_whole(&self, key: &Key, limit: u64) -> Attempt<Fetched> {
        let (file, meta) = self.root.open(key)?;
        if meta.len() > limit {
            return Err(FaultKind::TooLarge { size: meta.len(), limit }.into());
        }
        let bytes = files::read_at(&file, 0, meta.len(), &self.buffers)?;
        let version = version_of(&Sums::of(&bytes.clone().into(), false));
        Ok(Fetched { bytes, version })
    }

    /// The version without holding the object in memory.
    fn current_version(&self, key: &Key) -> Attempt<Option<Version>> {
        match self.root.open(key) {
            Ok((file, _)) => files::checksum(&file).map(|sums| Some(version_of(&sums))),
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn put(&self, key: &Key, payload: &Payload, mode: PutMode<'_>) -> Attempt<Stored> {
        if let PutMode::Create = mode
            && self.root.exists(key)?
        {
            return Err(FaultKind::Condition.into());
        }
        let mut temp = TempFile::create(&self.root, &self.random.hex_id())?;
        if payload.len() >= DIRECT_FROM {
            temp = temp.past_page_cache(&self.buffers);
        }
        temp.write(payload, 0)?;
        temp.sync()?;
        let sums = Sums::of(payload, false);
        let version = version_of(&sums);
        let checksum = match mode {
            PutMode::Segment(_) => Some(verified(&temp, &sums)?),
            _ => None,
        };
        match mode {
            PutMode::Unique | PutMode::Segment(_) => temp.persist(&self.root, key)?,
            PutMode::Create => temp.persist_new(&self.root, key)?,
            PutMode::Update(expected) => {
                let _lock = lock::exclusive(&self.root, key)?;
                if self.current_version(key)?.as_ref() != Some(expected) {
                    return Err(FaultKind::Condition.into());
                }
                temp.persist(&self.root, key)?;
            }
        }
        Ok(Stored { version, checksum })
    }

    fn complete(&self, key: &Key, id: &UploadId, parts: &[PartTag]) -> Attempt<Stored> {
        let file = self.upload(id)?;
        let temp = file.temp();
        let sums = Sums::joined(parts.iter().map(|part| &part.sums));
        let length = sums.length;
        let written = temp.length()?;
        if written != length {
            return Err(FaultKind::Truncated { expected: length, got: written }.into());
        }
        temp.sync()?;
        let checksum = Some(verified(temp, &sums)?);
        temp.persist(&self.root, key)?;
        self.take_upload(id);
        Ok(Stored { version: version_of(&sums), checksum })
    }
}

#[async_trait]
impl Backend for DirectoryBackend {
    async fn get(&self, key: &Key, unless: Option<&Version>, limit: u64) -> Attempt<Fetched> {
        let (key, unless) = (key.clone(), unless.cloned());
        self.blocking(move |inner| {
            let fetched = inner.read_whole(&key, limit)?;
            if unless.as_ref() == Some(&fetched.version) {
                return Err(FaultKind::Condition.into());
            }
            Ok(fetched)
        })
        .await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Attempt<Bytes> {
        let key = key.clone();
        self.blocking(move |inner| {
            let (file, meta) = inner.root.open(&key)?;
            if range.end > meta.len() {
                return Err(FaultKind::BeyondEnd { size: Some(meta.len()) }.into());
            }
            files::read_at(&file, range.start, range.end - range.start, &inner.buffers)
        })
        .await
    }

    async fn get_suffix(&self, key: &Key, length: u64) -> Attempt<(Bytes, u64)> {
        let key = key.clone();
        self.blocking(move |inner| {
            let (file, meta) = inner.root.open(&key)?;
            let start = meta.len().saturating_sub(length);
            Ok((files::read_at(&file, start, meta.len() - start, &inner.buffers)?, meta.len()))
        })
        .await
    }

    async fn head(&self, key: &Key) -> Attempt<ObjectMeta> {
        let key = key.clone();
        self.blocking(move |inner| {
            let (_, meta) = inner.root.open(&key)?;
            Ok(ObjectMeta { size: meta.len(), version: None, last_modified_ms: files::modified_ms(&meta) })
        })
        .await
    }

    async fn put(&self, key: &Key, payload: Payload, mode: PutMode<'_>) -> Attempt<Stored> {
        let key = key.clone();
        match mode {
            PutMode::Unique => self.blocking(move |inner| inner.put(&key, &payload, PutMode::Unique)).await,
            PutMode::Segment(_) => {
                self.blocking(move |inner| inner.put(&key, &payload, PutMode::Segment(None))).await
            }
            PutMode::Create => self.blocking(move |inner| inner.put(&key, &payload, PutMode::Create)).await,
            PutMode::Update(version) => {
                let version = version.clone();
                self.blocking(move |inner| inner.put(&key, &payload, PutMode::Update(&version))).await
            }
        }
    }

    async fn begin(&self, _key: &Key, _class: Option<&str>) -> Attempt<UploadId> {
        self.blocking(|inner| {
            let id = UploadId(inner.random.hex_id());
            let temp = TempFile::create(&inner.root, &id.0)?.past_page_cache(&inner.buffers);
            let uploads = &mut inner.uploads.lock().unwrap_or_else(PoisonError::into_inner);
            uploads.insert(id.clone(), PartFile::new(temp));
            Ok(id)
        })
        .await
    }

    async fn part(&self, _key: &Key, upload: &UploadId, part: Part) -> Attempt<PartTag> {
        let Part { number, offset, payload, sums } = part;
        self.inner.upload(upload)?.write(payload, offset).await?;
        Ok(PartTag { tag: number.to_string(), sums })
    }

    async fn complete(&self, key: &Key, upload: &UploadId, parts: &[PartTag]) -> Attempt<Stored> {
        let (key, upload, parts) = (key.clone(), upload.clone(), parts.to_vec());
        self.blocking(move |inner| inner.complete(&key, &upload, &parts)).await
    }

    async fn abort(&self, _key: &Key, upload: &UploadId) -> Attempt<()> {
        let temp = self.inner.take_upload(upload);
        self.blocking(move |_| {
            drop(temp);
            Ok(())
        })
        .await
    }

    async fn delete(&self, key: &Key) -> Attempt<()> {
        let key = key.clone();
        self.blocking(move |inner| {
            if !inner.root.exists(&key)? {
                return Ok(());
            }
            let _lock = lock::exclusive(&inner.root, &key)?;
            inner.root.remove(&key)
        })
        .await
    }

    async fn list(&self, prefix: &str, after: ListFrom<'_>, limit: usize) -> Attempt<ListedPage> {
        let after = match after {
            ListFrom::Start => String::new(),
            ListFrom::AfterKey(key) | ListFrom::Token(key) => key.to_owned(),
        };
        let prefix = prefix.to_owned();
        self.blocking(move |inner| list::page(&inner.root, &prefix, &after, limit)).await
    }
}

#[cfg(test)]
mod tests;
