//! What a kind of store must be able to do: one attempt at each request, no retry, no counting.

#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
pub(crate) mod cloud;
pub(crate) mod directory;
pub(crate) mod memory;

use crate::checksum::Sums;
use crate::fault::{Attempt, FaultKind};
use crate::key::Key;
use crate::object::{Fetched, ListedObject, ObjectMeta, Payload, Version};
use async_trait::async_trait;
use bytes::Bytes;
use std::fmt;
use std::ops::Range;

/// One attempt at each kind of request. Implementations keep no prefix in the keys they hand out.
#[async_trait]
pub(crate) trait Backend: fmt::Debug + Send + Sync {
    /// The whole object, if it has at most `limit` bytes; [`FaultKind::Condition`] when it still is `unless`.
    async fn get(&self, key: &Key, unless: Option<&Version>, limit: u64) -> Attempt<Fetched>;

    /// Exactly the bytes of a range that is not empty.
    async fn get_range(&self, key: &Key, range: Range<u64>) -> Attempt<Bytes>;

    /// The last `length` bytes, or all if there are fewer, and the object's length. `length` is not 0.
    async fn get_suffix(&self, key: &Key, length: u64) -> Attempt<(Bytes, u64)>;

    async fn head(&self, key: &Key) -> Attempt<ObjectMeta>;

    /// Whether the store's own checksum is a CRC-32C, which then has to be computed here too.
    fn tells_crc32c(&self) -> bool {
        false
    }

    async fn put(&self, key: &Key, payload: Payload, mode: PutMode<'_>) -> Attempt<Stored>;

    /// Begins an object of several parts, in this storage class, else in the one of segments.
    async fn begin(&self, key: &Key, class: Option<&str>) -> Attempt<UploadId>;

    /// One part; the same number again replaces it.
    async fn part(&self, key: &Key, upload: &UploadId, part: Part) -> Attempt<PartTag>;

    /// The object appears, whole or not at all. `parts` in order, without holes.
    async fn complete(&self, key: &Key, upload: &UploadId, parts: &[PartTag]) -> Attempt<Stored>;

    async fn abort(&self, key: &Key, upload: &UploadId) -> Attempt<()>;

    /// Absent objects count as deleted.
    async fn delete(&self, key: &Key) -> Attempt<()>;

    /// Up to about `limit` objects whose keys begin with `prefix` and come after `after`, in the order of their bytes.
    async fn list(&self, prefix: &str, after: ListFrom<'_>, limit: usize) -> Attempt<ListedPage>;
}

/// On what condition a put writes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PutMode<'a> {
    /// Under a key that nobody else writes: no condition.
    Unique,
    /// The same for a segment, in this storage class, else in the one of segments.
    Segment(Option<&'a str>),
    Create,
    Update(&'a Version),
}

/// What a write came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) version: Version,
    /// The checksum of the whole object as the store computed it from what it received, where it tells one.
    pub(crate) checksum: Option<StoreChecksum>,
}

/// A checksum that a store computed itself over the whole object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreChecksum {
    /// CRC-64/NVME (S3 and compatible).
    Crc64Nvme(u64),
    /// CRC-32C (Google Cloud Storage).
    Crc32c(u32),
}

impl Stored {
    /// Whether the store vouches for the bytes: `Ok(false)` where it tells no checksum, [`FaultKind::Corrupted`] where it
    /// tells another one than ours.
    pub(crate) fn check(&self, sent: &Sums) -> Attempt<bool> {
        let equal = match self.checksum {
            None => return Ok(false),
            Some(StoreChecksum::Crc64Nvme(crc)) => crc == sent.crc64,
            Some(StoreChecksum::Crc32c(crc)) => sent.crc32c == Some(crc),
        };
        if equal { Ok(true) } else { Err(FaultKind::Corrupted.into()) }
    }
}

/// A multipart upload under way, in the store's own words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UploadId(pub(crate) String);

/// One part on its way.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Counts from 0.
    pub(crate) number: u32,
    /// Where in the object it begins.
    pub(crate) offset: u64,
    pub(crate) payload: Payload,
    pub(crate) sums: Sums,
}

/// A part that the store has.
#[derive(Clone, Debug)]
pub(crate) struct PartTag {
    #[cfg_attr(
        not(any(feature = "s3", feature = "gcs", feature = "azure")),
        expect(dead_code, reason = "only clouds name their parts")
    )]
    pub(crate) tag: String,
    pub(crate) sums: Sums,
}

/// Where a page of a listing begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ListFrom<'a> {
    Start,
    AfterKey(&'a str),
    Token(&'a str),
}

/// One page of a listing.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListedPage {
    pub(crate) objects: Vec<ListedObject>,
    pub(crate) next: Option<PageToken>,
}

/// How to ask for the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PageToken {
    AfterKey(String),
    #[cfg_attr(
        not(any(feature = "s3", feature = "gcs", feature = "azure")),
        expect(dead_code, reason = "only clouds give tokens")
    )]
    Token(String),
}

impl PageToken {
    pub(crate) fn from(&self) -> ListFrom<'_> {
        match self {
            Self::AfterKey(key) => ListFrom::AfterKey(key),
            Self::Token(token) => ListFrom::Token(token),
        }
    }
}
