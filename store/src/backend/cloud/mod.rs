//! S3, Google Cloud Storage and Azure through the crate `object_store`; besides [`crate::credentials`] the only module that
//! names it.
//!
//! Its own retries are off, so that one attempt is one request and the counts are true. Two exceptions: Azure has no
//! request for an object's end ([`Backend::get_suffix`] is a HEAD and a GET there), and a 409 that does not say what it
//! means is settled by a HEAD.
//!
//! What an answer means is read from its status and code ([`answer`]), which the client library does not pass on: it calls
//! a 409 on a create "already exists", though S3 says by it that nothing was applied. So every answer is seen on its way
//! through the HTTP client ([`http`]), by the task that waits for it.
//!
//! **Integrity on the way up.** S3: a CRC-64/NVME of every object and part goes along and the store refuses what differs;
//! over TLS the payload is otherwise unsigned, over plain HTTP it is signed (SHA-256) as well. The whole object's checksum
//! that S3 tells at the end is compared with ours. GCS: the CRC-32C it tells is compared. Azure: neither; what was sent has
//! to be read back.

mod answer;
mod client;
mod http;

pub(crate) use client::open;

use crate::backend::{Backend, ListFrom, ListedPage, PageToken, Part, PartTag, PutMode, Stored, UploadId};
use crate::fault::{Attempt, Fault, FaultKind};
use crate::key::Key;
use crate::object::{Fetched, ListedObject, ObjectMeta, Payload, Version};
use answer::Answer;
use async_trait::async_trait;
use bytes::Bytes;
use client::Client;
use futures::StreamExt;
use object_store::list::PaginatedListOptions;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt, PutMode as WireMode,
    PutMultipartOptions, PutOptions, PutPayload, UpdateVersion,
};
use std::ops::Range;
use std::sync::Arc;

/// Which protocol differences matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cloud {
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "not built in"))]
    S3,
    Gcs,
    Azure,
}

#[derive(Debug)]
pub(crate) struct CloudBackend {
    cloud: Cloud,
    client: Arc<dyn Client>,
    /// Without slashes at its ends; may be empty.
    prefix: String,
    /// Whether listings can be begun after any key. Amazon's and Google's own can; among those that speak S3, SeaweedFS
    /// skips keys when asked to, and among those that speak Azure, not all know the request.
    starts_anywhere: bool,
    /// What segments carry; everything else stays in the bucket's default class.
    segment_attributes: Attributes,
}

impl CloudBackend {
    fn path(&self, key: &Key) -> Attempt<Path> {
        let full =
            if self.prefix.is_empty() { key.as_str().to_owned() } else { format!("{}/{key}", self.prefix) };
        Path::parse(full).map_err(|e| Fault::caused(FaultKind::Rejected, e))
    }

    fn segment_attributes(&self, class: Option<&str>) -> Attributes {
        class.map_or_else(|| self.segment_attributes.clone(), |class| class_attributes(Some(class)))
    }

    /// Runs one call of the client and turns what came back over the wire into a fault, if it was one.
    async fn call<T>(&self, call: impl Future<Output = object_store::Result<T>>) -> Attempt<(T, Answer)> {
        let (result, answer) = http::watch(call).await;
        match result {
            Ok(value) => Ok((value, answer)),
            Err(error) => Err(answer.into_fault(error)),
        }
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Attempt<GetResult> {
        let bounded = match &options.range {
            Some(GetRange::Bounded(range)) => Some(range.clone()),
            _ => None,
        };
        let (result, answer) = http::watch(self.client.get_opts(path, options)).await;
        let error = match result {
            Ok(result) => return Ok(result),
            Err(error) => error,
        };
        let size = answer.size;
        let fault = answer.into_fault(error);
        match bounded {
            // A success whose headers do not fit the request: no range, another one, or one of an object that is too short.
            Some(range) if fault.kind == FaultKind::Malformed => {
                let kind = match size {
                    Some(size) if range.end > size => FaultKind::BeyondEnd { size: Some(size) },
                    _ => FaultKind::Truncated { expected: range.end - range.start, got: 0 },
                };
                Err(Fault { kind, ..fault })
            }
            _ => Err(fault),
        }
    }

    async fn put_opts(&self, key: &Key, payload: &Payload, mode: PutMode<'_>) -> Attempt<Stored> {
        let path = self.path(key)?;
        let (mode, attributes) = match mode {
            PutMode::Unique => (WireMode::Overwrite, Attributes::new()),
            PutMode::Segment(class) => (WireMode::Overwrite, self.segment_attributes(class)),
            PutMode::Create => (WireMode::Create, Attributes::new()),
            PutMode::Update(version) => (
                WireMode::Update(UpdateVersion {
                    e_tag: version.etag.as_deref().map(str::to_owned),
                    version: version.generation.as_deref().map(str::to_owned),
                }),
                Attributes::new(),
            ),
        };
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        let (result, answer) = self.call(self.client.put_opts(&path, wire(payload), options)).await?;
        Ok(Stored { version: self.version(result.e_tag, result.version), checksum: answer.checksum })
    }

    /// GCS compares generations, the others ETags. S3's version ids exist only in versioned buckets and take part in no
    /// condition.
    fn version(&self, etag: Option<String>, version: Option<String>) -> Version {
        let generation = if self.cloud == Cloud::Gcs { version } else { None };
        Version { etag: etag.map(Into::into), generation: generation.map(Into::into) }
    }

    /// The text that keys of this store begin with in the bucket.
    fn full_prefix(&self, prefix: &str) -> String {
        if self.prefix.is_empty() { prefix.to_owned() } else { format!("{}/{prefix}", self.prefix) }
    }
}

fn wire(payload: &Payload) -> PutPayload {
    payload.chunks().iter().cloned().collect()
}

/// The body of an answer as one buffer; free where it came in one piece.
async fn collect(result: GetResult, expected: u64) -> Attempt<Bytes> {
    let size = usize::try_from(expected).map_err(|e| Fault::caused(FaultKind::Rejected, e))?;
    let mut stream = result.into_stream();
    let mut first: Option<Bytes> = None;
    let mut joined = Vec::new();
    let mut got = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(e) => return Err(Fault::caused(FaultKind::Truncated { expected, got }, e)),
        };
        got += chunk.len() as u64;
        if got > expected {
            return Err(FaultKind::Truncated { expected, got }.into());
        }
        if chunk.len() == size {
            first = Some(chunk);
        } else {
            if joined.capacity() == 0 {
                joined.reserve_exact(size);
            }
            joined.extend_from_slice(&chunk);
        }
    }
    if got != expected {
        return Err(FaultKind::Truncated { expected, got }.into());
    }
    Ok(first.unwrap_or_else(|| joined.into()))
}

#[async_trait]
impl Backend for CloudBackend {
    async fn get(&self, key: &Key, unless: Option<&Version>, limit: u64) -> Attempt<Fetched> {
        let if_none_match = unless.and_then(|version| version.etag.as_deref()).map(str::to_owned);
        let options = GetOptions { if_none_match, ..GetOptions::default() };
        let result = self.get_opts(&self.path(key)?, options).await?;
        let size = result.meta.size;
        if size > limit {
            return Err(FaultKind::TooLarge { size, limit }.into());
        }
        let version = self.version(result.meta.e_tag.clone(), result.meta.version.clone());
        // A store that does not know conditional reads sends the object again.
        if unless == Some(&version) {
            return Err(FaultKind::Condition.into());
        }
        Ok(Fetched { bytes: collect(result, size).await?, version })
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Attempt<Bytes> {
        let options = GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
        let result = self.get_opts(&self.path(key)?, options).await?;
        if result.range != range {
            return Err(FaultKind::BeyondEnd { size: Some(result.meta.size) }.into());
        }
        collect(result, range.end - range.start).await
    }

    async fn get_suffix(&self, key: &Key, length: u64) -> Attempt<(Bytes, u64)> {
        let path = self.path(key)?;
        let range = if self.cloud == Cloud::Azure {
            let (meta, _) = self.call(self.client.head(&path)).await?;
            if meta.size == 0 {
                return Ok((Bytes::new(), 0));
            }
            GetRange::Bounded(meta.size.saturating_sub(length)..meta.size)
        } else {
            GetRange::Suffix(length)
        };
        let options = GetOptions { range: Some(range), ..GetOptions::default() };
        let result = self.get_opts(&path, options).await?;
        let size = result.meta.size;
        let expected = length.min(size);
        if result.range != (size - expected..size) {
            return Err(FaultKind::Truncated {
                expected,
                got: result.range.end.saturating_sub(result.range.start),
            }
            .into());
        }
        Ok((collect(result, expected).await?, size))
    }

    async fn head(&self, key: &Key) -> Attempt<ObjectMeta> {
        let path = self.path(key)?;
        let (meta, _) = self.call(self.client.head(&path)).await?;
        Ok(ObjectMeta {
            size: meta.size,
            version: Some(self.version(meta.e_tag, meta.version)),
            last_modified_ms: meta.last_modified.timestamp_millis(),
        })
    }

    fn tells_crc32c(&self) -> bool {
        self.cloud == Cloud::Gcs
    }

    async fn put(&self, key: &Key, payload: Payload, mode: PutMode<'_>) -> Attempt<Stored> {
        match self.put_opts(key, &payload, mode).await {
            // A 409 without a code that says which kind it is.
            Err(fault) if fault.kind == FaultKind::Conflict => match (mode, self.head(key).await) {
                (PutMode::Create, Ok(_)) => Err(FaultKind::Condition.into()),
                _ => Err(Fault { kind: FaultKind::Busy, ..fault }),
            },
            // S3 answers an update of an absent object with 404.
            Err(Fault { kind: FaultKind::NotFound, .. }) if matches!(mode, PutMode::Update(_)) => {
                Err(FaultKind::Condition.into())
            }
            other => other,
        }
    }

    async fn begin(&self, key: &Key, class: Option<&str>) -> Attempt<UploadId> {
        let path = self.path(key)?;
        let options =
            PutMultipartOptions { attributes: self.segment_attributes(class), ..Default::default() };
        let (id, _) = self.call(self.client.create_multipart_opts(&path, options)).await?;
        Ok(UploadId(id))
    }

    async fn part(&self, key: &Key, upload: &UploadId, part: Part) -> Attempt<PartTag> {
        let path = self.path(key)?;
        let number = part.number as usize;
        let put = self.client.put_part(&path, &upload.0, number, wire(&part.payload));
        match self.call(put).await {
            Ok((id, _)) => Ok(PartTag { tag: id.content_id, sums: part.sums }),
            // Nothing else can be missing from the sight of a part.
            Err(Fault { kind: FaultKind::NotFound, cause, .. }) => {
                Err(Fault { kind: FaultKind::NoUpload, retry_after: None, cause })
            }
            Err(fault) => Err(fault),
        }
    }

    async fn complete(&self, key: &Key, upload: &UploadId, parts: &[PartTag]) -> Attempt<Stored> {
        let path = self.path(key)?;
        let parts = parts.iter().map(|part| PartId { content_id: part.tag.clone() }).collect();
        match self.call(self.client.complete_multipart(&path, &upload.0, parts)).await {
            Ok((result, answer)) => {
                Ok(Stored { version: self.version(result.e_tag, result.version), checksum: answer.checksum })
            }
            Err(Fault { kind: FaultKind::NotFound, cause, .. }) => {
                Err(Fault { kind: FaultKind::NoUpload, retry_after: None, cause })
            }
            Err(fault) => Err(fault),
        }
    }

    async fn abort(&self, key: &Key, upload: &UploadId) -> Attempt<()> {
        let path = self.path(key)?;
        match self.call(self.client.abort_multipart(&path, &upload.0)).await {
            Ok(_) => Ok(()),
            Err(Fault { kind: FaultKind::NoUpload | FaultKind::NotFound, .. }) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    async fn delete(&self, key: &Key) -> Attempt<()> {
        let path = self.path(key)?;
        let gone = self.client.delete_stream(futures::stream::iter([Ok(path)]).boxed());
        let first = async { gone.into_future().await.0.unwrap_or_else(|| Ok(Path::default())) };
        self.call(first).await?;
        Ok(())
    }

    async fn list(&self, prefix: &str, after: ListFrom<'_>, limit: usize) -> Attempt<ListedPage> {
        let full = self.full_prefix(prefix);
        let mut options = PaginatedListOptions { max_keys: Some(limit), ..Default::default() };
        match after {
            // The caller drops what comes before the start.
            ListFrom::AfterKey(key) if self.starts_anywhere => options.offset = Some(self.full_prefix(key)),
            ListFrom::Start | ListFrom::AfterKey(_) => {}
            ListFrom::Token(token) => options.page_token = Some(token.to_owned()),
        }
        let mut asked = full.as_str();
        // The client library leaves out the very object that the prefix names.
        if self.cloud == Cloud::Azure && !asked.ends_with('/') {
            asked = asked.char_indices().next_back().map_or("", |(last, _)| &asked[..last]);
        }
        let begin = (!asked.is_empty()).then_some(asked);
        let (page, _) = self.call(self.client.list_paginated(begin, options)).await?;
        let root = self.full_prefix("");
        let objects = page
            .result
            .objects
            .into_iter()
            .filter(|object| object.location.as_ref().starts_with(&full))
            .filter_map(|object| {
                Some(ListedObject {
                    key: object.location.as_ref().strip_prefix(&root)?.to_owned(),
                    size: object.size,
                    last_modified_ms: object.last_modified.timestamp_millis(),
                })
            })
            .collect();
        Ok(ListedPage { objects, next: page.page_token.map(PageToken::Token) })
    }
}

/// The storage class as the client library wants it told.
fn class_attributes(class: Option<&str>) -> Attributes {
    class.map(|class| (Attribute::StorageClass, class.to_owned())).into_iter().collect()
}
