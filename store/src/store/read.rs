//! Reads: one request each, as many more as retries need.

use super::Store;
use crate::counts::RequestKind;
use crate::error::StoreError;
use crate::fault::{Attempt, FaultKind};
use crate::key::Key;
use crate::object::{Fetched, ObjectMeta, Version};
use crate::settings::MAX_WHOLE_GET;
use bytes::Bytes;
use std::ops::Range;

impl Store {
    /// A whole object of at most [`MAX_WHOLE_GET`] bytes, with its version. One GET. Fails with `TooLarge` beyond that
    /// without having read it.
    pub async fn get(&self, key: &str) -> Result<Fetched, StoreError> {
        let key = self.key(RequestKind::Get, key)?;
        self.operation(RequestKind::Get, key.as_str(), 0).run(|| self.get_once(&key, None)).await
    }

    /// The object if it is no longer `known`, else `None`. One GET, which moves no bytes when nothing has changed.
    pub async fn get_if_changed(&self, key: &str, known: &Version) -> Result<Option<Fetched>, StoreError> {
        let key = self.key(RequestKind::Get, key)?;
        self.operation(RequestKind::Get, key.as_str(), 0)
            .run_conditional(|| self.get_once(&key, Some(known)))
            .await
    }

    async fn get_once(&self, key: &Key, known: Option<&Version>) -> Attempt<Fetched> {
        let fetched = self.backend().get(key, known, MAX_WHOLE_GET).await?;
        self.counts().received(fetched.bytes.len() as u64);
        Ok(fetched)
    }

    /// Exactly the bytes of `range`. One GET; none for an empty range. Fails with `BeyondEnd` when the object ends before
    /// the range does, with `Truncated` when the store keeps sending other bytes than asked for.
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let key = self.key(RequestKind::Get, key)?;
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let length = range.end - range.start;
        self.operation(RequestKind::Get, key.as_str(), length)
            .run(|| async {
                let bytes = self.backend().get_range(&key, range.clone()).await?;
                self.counts().received(bytes.len() as u64);
                if bytes.len() as u64 != length {
                    return Err(FaultKind::Truncated { expected: length, got: bytes.len() as u64 }.into());
                }
                Ok(bytes)
            })
            .await
    }

    /// The object's last `length` bytes (all of it if it has fewer) and the object's length. One GET; on Azure, which has
    /// no such request, a HEAD and a GET. `length` 0 gives no bytes and is a HEAD.
    pub async fn get_suffix(&self, key: &str, length: u64) -> Result<(Bytes, u64), StoreError> {
        if length == 0 {
            return Ok((Bytes::new(), self.head(key).await?.size));
        }
        let key = self.key(RequestKind::Get, key)?;
        self.operation(RequestKind::Get, key.as_str(), length)
            .run(|| async {
                let (bytes, size) = self.backend().get_suffix(&key, length).await?;
                self.counts().received(bytes.len() as u64);
                let expected = length.min(size);
                if bytes.len() as u64 != expected {
                    return Err(FaultKind::Truncated { expected, got: bytes.len() as u64 }.into());
                }
                Ok((bytes, size))
            })
            .await
    }

    /// Length, version and time of an object. One HEAD.
    pub async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        let key = self.key(RequestKind::Head, key)?;
        self.operation(RequestKind::Head, key.as_str(), 0).run(|| self.backend().head(&key)).await
    }
}
