//! What the sink remembers: small objects whole, large ones by their size.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crc_fast::{CrcAlgorithm, checksum_combine};

use crate::http::Request;

#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) length: u64,
    pub(crate) etag: String,
    pub(crate) kept: Option<Arc<[u8]>>,
}

/// A part of an upload under way.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) length: u64,
    /// CRC-64/NVME, where the client sent one.
    pub(crate) crc64: Option<u64>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Stored>,
    uploads: HashMap<String, BTreeMap<u32, Part>>,
    writes: u64,
}

#[derive(Default)]
pub(crate) struct Objects(Mutex<State>);

impl Objects {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self) -> String {
        let mut state = self.state();
        state.writes += 1;
        let id = format!("upload-{}", state.writes);
        state.uploads.insert(id.clone(), BTreeMap::new());
        id
    }

    pub(crate) fn part(&self, id: &str, number: u32, part: Part) {
        self.state().uploads.entry(id.to_owned()).or_default().insert(number, part);
    }

    pub(crate) fn abort(&self, id: &str) {
        self.state().uploads.remove(id);
    }

    /// The object, and the checksum of all its bytes where every part had one.
    pub(crate) fn complete(&self, id: &str, path: &str) -> (Stored, Option<u64>) {
        let mut state = self.state();
        let parts = state.uploads.remove(id).unwrap_or_default();
        let none = Part { length: 0, crc64: Some(0) };
        let whole = parts.into_values().fold(none, |before, next| Part {
            length: before.length + next.length,
            crc64: before
                .crc64
                .zip(next.crc64)
                .map(|(a, b)| checksum_combine(CrcAlgorithm::Crc64Nvme, a, b, next.length)),
        });
        (state.store(path, whole.length, None), whole.crc64)
    }

    /// `None` when a condition does not hold.
    pub(crate) fn put(
        &self,
        path: &str,
        length: u64,
        kept: Option<Arc<[u8]>>,
        must_be_free: bool,
        must_match: Option<&str>,
    ) -> Option<Stored> {
        let mut state = self.state();
        let now = state.objects.get(path);
        if (must_be_free && now.is_some())
            || must_match.is_some_and(|etag| now.is_none_or(|o| o.etag != etag))
        {
            return None;
        }
        Some(state.store(path, length, kept))
    }

    pub(crate) fn get(&self, path: &str) -> Option<Stored> {
        self.state().objects.get(path).cloned()
    }

    pub(crate) fn delete(&self, path: &str) {
        self.state().objects.remove(path);
    }

    /// One page holds everything: the sink is short-lived.
    pub(crate) fn listing(&self, request: &Request) -> String {
        let bucket = request.path.trim_end_matches('/');
        let prefix = request.query("prefix").unwrap_or_default();
        let after = request.query("start-after").unwrap_or_default();
        let mut xml = String::from("<ListBucketResult><IsTruncated>false</IsTruncated>");
        for (path, stored) in &self.state().objects {
            let Some(key) = path.strip_prefix(bucket).and_then(|p| p.strip_prefix('/')) else { continue };
            if key.starts_with(prefix) && key > after {
                xml.push_str(&format!(
                    "<Contents><Key>{key}</Key><Size>{}</Size><ETag>{}</ETag>\
                     <LastModified>2026-03-02T00:00:00.000Z</LastModified></Contents>",
                    stored.length,
                    stored.etag.replace('"', "&quot;")
                ));
            }
        }
        xml + "</ListBucketResult>"
    }
}

impl State {
    fn store(&mut self, path: &str, length: u64, kept: Option<Arc<[u8]>>) -> Stored {
        self.writes += 1;
        // The form of a multipart ETag: no client takes it for an MD5.
        let stored = Stored { length, etag: format!("\"{:032x}-1\"", self.writes), kept };
        self.objects.insert(path.to_owned(), stored.clone());
        stored
    }
}
