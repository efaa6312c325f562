//! Files of tables by their locations, as URLs, over one store.
//!
//! - **One warehouse.** Every location lies within the store's own address (bucket and prefix); one that does not is
//!   [`IoError::Outside`], never read or written with the wrong credentials. Within it, spellings that engines use for the same
//!   place are the same: `s3a://` and `s3n://` for `s3://`, `file:/x` and `/x` for `file:///x`, `abfs://`, `wasb(s)://` and
//!   `az://` for `abfss://`. **Compare files by [`FileIo::key`], never by their text.**
//! - **Order, retry, crash.** Those of the store: each call is one operation with its own retries and deadline. A file appears
//!   whole or not at all.
//! - **Memory.** [`FileIo::get`] reads at most 64 MiB. A [`FileWriter`] holds at most [`FileIo::writer_memory`] bytes, from a
//!   budget of its own: writers that shared one could wait for each other's half-filled parts for ever, since whoever writes to
//!   several files usually does so in one task.
//!
//! Left to others: what the files mean, and which of them may be deleted.

mod error;
mod listing;
mod place;
#[cfg(test)]
mod tests;
mod writer;

pub use error::IoError;
pub use listing::{FileListing, ListedFile};
pub use writer::FileWriter;

use bytes::Bytes;
use firnline_store::{ByteBudget, CreateOutcome, Payload, Store, StoreError, UploadOptions};
use place::Place;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Parts of one file that are held at once: one is filled while the one before is on its way.
const PARTS_HELD: u64 = 2;

/// The files of one warehouse. Cheap to clone.
#[derive(Clone)]
pub struct FileIo {
    store: Store,
    place: Arc<Place>,
    parts_held: u64,
}

/// How a create ended; both are answers, not failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The file is there, with our bytes.
    New,
    /// Somebody else's file is there.
    Exists,
}

impl FileIo {
    /// The files within a store. Its address has to be one that other engines understand: a directory's path absolute and in
    /// UTF-8, an Azure container's account known.
    pub fn new(store: Store) -> Result<Self, IoError> {
        let place = Arc::new(Place::of(store.settings())?);
        Ok(Self { store, place, parts_held: PARTS_HELD })
    }

    /// The same, with writers that hold this many parts at once (at least one; 2 by default): more are faster on one file.
    #[must_use]
    pub fn with_parts_held(mut self, parts: u64) -> Self {
        self.parts_held = parts.max(1);
        self
    }

    /// The warehouse's own location, without a slash at its end: `s3://bucket/prefix`.
    #[must_use]
    pub fn root(&self) -> &str {
        self.place.root()
    }

    /// The store below, for its counters.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The most memory that one writer holds, in bytes.
    #[must_use]
    pub fn writer_memory(&self) -> u64 {
        self.store.settings().part_size.saturating_mul(self.parts_held)
    }

    /// The key of a file or directory within the store: equal for all spellings of one place.
    pub fn key(&self, location: &str) -> Result<String, IoError> {
        let key = self.place.key(location).ok_or_else(|| IoError::outside(location, self.root()))?;
        if key.is_empty() {
            return Err(IoError::NoFile { location: location.to_owned() });
        }
        Ok(key.to_owned())
    }

    /// Whether a location is the warehouse itself or lies within it.
    #[must_use]
    pub fn holds(&self, location: &str) -> bool {
        self.place.key(location).is_some()
    }

    /// The location of a key, in the spelling that we write into tables.
    #[must_use]
    pub fn location(&self, key: &str) -> String {
        self.place.location(key)
    }

    /// A whole file of at most 64 MiB. One GET.
    pub async fn get(&self, location: &str) -> Result<Bytes, IoError> {
        let fetched = self.store.get(&self.key(location)?).await.map_err(at("read", location))?;
        Ok(fetched.bytes)
    }

    /// Exactly the bytes of a range. One GET.
    pub async fn get_range(&self, location: &str, range: Range<u64>) -> Result<Bytes, IoError> {
        self.store.get_range(&self.key(location)?, range).await.map_err(at("read", location))
    }

    /// The last `length` bytes, or all if there are fewer, and the file's size. One GET.
    pub async fn get_tail(&self, location: &str, length: u64) -> Result<(Bytes, u64), IoError> {
        self.store.get_suffix(&self.key(location)?, length).await.map_err(at("read", location))
    }

    /// The file's size in bytes. One HEAD.
    pub async fn size(&self, location: &str) -> Result<u64, IoError> {
        Ok(self.store.head(&self.key(location)?).await.map_err(at("look up", location))?.size)
    }

    /// Writes a file whose name nobody else ever writes (it carries a fresh id). One PUT, repeated after a lost answer.
    pub async fn put(&self, location: &str, bytes: impl Into<Payload>) -> Result<(), IoError> {
        self.store.put_unique(&self.key(location)?, bytes).await.map_err(at("write", location))?;
        Ok(())
    }

    /// Writes a file if there is none of that name. One PUT. A lost answer is settled by reading back, so for a file that
    /// nobody changes later the answer is exact; where that fails, too, the error [`IoError::is_ambiguous`] or says that the
    /// file may be there.
    pub async fn create(&self, location: &str, bytes: impl Into<Payload>) -> Result<Created, IoError> {
        let created = self.store.create(&self.key(location)?, bytes).await.map_err(at("create", location))?;
        Ok(match created {
            CreateOutcome::Created(_) => Created::New,
            CreateOutcome::Exists => Created::Exists,
        })
    }

    /// Deletes a file; one that is not there counts as deleted. One DELETE.
    pub async fn delete(&self, location: &str) -> Result<(), IoError> {
        self.store.delete(&self.key(location)?).await.map_err(at("delete", location))
    }

    /// Lists what lies below a directory, at any depth; the warehouse's own location lists it all. No request yet.
    pub fn list(&self, directory: &str) -> Result<FileListing, IoError> {
        let key = self.place.key(directory).ok_or_else(|| IoError::outside(directory, self.root()))?;
        let key = key.trim_end_matches('/');
        let prefix = if key.is_empty() { String::new() } else { format!("{key}/") };
        Ok(FileListing::new(self.store.list(&prefix, None), Arc::clone(&self.place), directory))
    }

    /// Begins a file of any size under a name that nobody else writes. `size_hint` is about how many bytes will come, where
    /// that is known. No request yet.
    pub fn writer(&self, location: &str, size_hint: Option<u64>) -> Result<FileWriter, IoError> {
        let budget = ByteBudget::new(self.writer_memory());
        let options = UploadOptions { budget, size_hint };
        let upload = self.store.upload(&self.key(location)?, options).map_err(at("write", location))?;
        Ok(FileWriter::new(upload, location))
    }
}

impl fmt::Debug for FileIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileIo({})", self.root())
    }
}

/// Puts what was done to which file around a failure of the store.
fn at(doing: &'static str, location: &str) -> impl FnOnce(StoreError) -> IoError {
    move |source| IoError::Store { doing, location: location.to_owned(), source }
}
