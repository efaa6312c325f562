//! Where the bytes of files go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::FileError;

/// Takes files under names that nobody else writes.
#[async_trait]
pub trait FileSink: Send + Sync {
    /// Begins a file. It is not to be seen before it is finished.
    async fn create(&self, location: &str) -> Result<Box<dyn OpenFile>, FileError>;
}

/// A file on its way. Dropping it gives it up.
#[async_trait]
pub trait OpenFile: Send {
    /// Adds bytes to the end; waits while the store is slower than who writes.
    async fn write(&mut self, bytes: Bytes) -> Result<(), FileError>;

    /// Makes the file appear, and tells its size in bytes.
    async fn finish(self: Box<Self>) -> Result<u64, FileError>;

    /// Gives the file up, as far as the store allows.
    async fn abort(self: Box<Self>);
}

/// Keeps finished files in memory, as the chains of buffers that they came in. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct MemorySink {
    files: Arc<Mutex<BTreeMap<String, Vec<Bytes>>>>,
}

impl MemorySink {
    /// Takes the finished files out, by location.
    #[must_use]
    pub fn take(&self) -> BTreeMap<String, Vec<Bytes>> {
        std::mem::take(&mut *self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A file that [`MemorySink`] keeps once it is finished.
#[derive(Debug)]
pub struct MemoryFile {
    sink: MemorySink,
    location: String,
    chunks: Vec<Bytes>,
}

#[async_trait]
impl FileSink for MemorySink {
    async fn create(&self, location: &str) -> Result<Box<dyn OpenFile>, FileError> {
        Ok(Box::new(MemoryFile { sink: self.clone(), location: location.to_owned(), chunks: Vec::new() }))
    }
}

#[async_trait]
impl OpenFile for MemoryFile {
    async fn write(&mut self, bytes: Bytes) -> Result<(), FileError> {
        self.chunks.push(bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<u64, FileError> {
        let Self { sink, location, chunks } = *self;
        let size = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        sink.files.lock().unwrap_or_else(PoisonError::into_inner).insert(location, chunks);
        Ok(size)
    }

    async fn abort(self: Box<Self>) {}
}
