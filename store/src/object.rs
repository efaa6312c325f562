//! The values that go into a store and come out of it.

use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// What a store calls the current content of one object: equal versions mean equal content, nothing else may be read out
/// of it (it is no hash of a known kind and it does not sort).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version {
    pub(crate) etag: Option<Arc<str>>,
    pub(crate) generation: Option<Arc<str>>,
}

impl Version {
    pub(crate) fn from_etag(etag: impl Into<Arc<str>>) -> Self {
        Self { etag: Some(etag.into()), generation: None }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.generation.as_deref().or(self.etag.as_deref()).unwrap_or("unknown");
        f.write_str(text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({self})")
    }
}

/// A whole object as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// All bytes of the object.
    pub bytes: Bytes,
    /// The version these bytes are.
    pub version: Version,
}

/// What a store tells of an object without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Length in bytes.
    pub size: u64,
    /// The version; `None` where the store would have to read the whole object to tell it (local directory).
    pub version: Option<Version>,
    /// Last change by the store's clock, milliseconds since 1970.
    pub last_modified_ms: i64,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Relative to the store's prefix.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// Last change by the store's clock, milliseconds since 1970.
    pub last_modified_ms: i64,
}

/// How a create ended; both are answers, not failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateOutcome {
    /// The object is there, with our bytes.
    Created(Version),
    /// Somebody else's object has the key.
    Exists,
}

/// How a conditional update ended; both are answers, not failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// Our bytes replaced exactly the version named.
    Updated(Version),
    /// The object is no longer that version, or is gone. Nothing was written.
    Conflict,
}

/// Bytes to be stored: a chain of buffers that is never joined. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    chunks: Arc<[Bytes]>,
    len: u64,
}

impl Payload {
    /// The sum of all chunks' lengths in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds no byte at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The chain, in order.
    #[must_use]
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// One contiguous buffer: free for a chain of one, else a copy.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match &*self.chunks {
            [one] => one.clone(),
            many => many.concat().into(),
        }
    }

    /// Whether the chain's bytes equal `other`, without joining it.
    #[must_use]
    pub fn content_equals(&self, mut other: &[u8]) -> bool {
        self.len == other.len() as u64
            && self.chunks.iter().all(|chunk| {
                let (head, rest) = other.split_at(chunk.len());
                other = rest;
                head == chunk
            })
    }
}

impl From<Vec<Bytes>> for Payload {
    fn from(chunks: Vec<Bytes>) -> Self {
        let len = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks: chunks.into(), len }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        vec![bytes].into()
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<&'static [u8]> for Payload {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<&'static str> for Payload {
    fn from(text: &'static str) -> Self {
        text.as_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_compares_across_chunk_borders() {
        let chain = Payload::from(vec![Bytes::from_static(b"ab"), Bytes::new(), Bytes::from_static(b"cde")]);
        assert_eq!(chain.len(), 5);
        assert!(chain.content_equals(b"abcde"));
        for other in [&b"abcdf"[..], b"abcd", b"abcdef", b"xbcde", b""] {
            assert!(!chain.content_equals(other), "{other:?}");
        }
        assert_eq!(chain.to_bytes(), &b"abcde"[..]);
        assert!(Payload::default().content_equals(b""));
        assert!(Payload::default().to_bytes().is_empty());
    }

    #[test]
    fn version_shows_what_conditions_are_made_of() {
        assert_eq!(Version::from_etag("\"abc\"").to_string(), "\"abc\"");
        let gcs = Version { etag: Some("e".into()), generation: Some("17".into()) };
        assert_eq!(gcs.to_string(), "17");
        assert_ne!(gcs, Version::from_etag("e"));
    }
}
