//! Files of a table through its own [`FileIo`].

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use firnline_table::io::{FileIo, FileWriter, IoError};

use crate::files::{FileError, FileSink, OpenFile};

/// Writes a table's files. A file appears whole or not at all.
#[derive(Debug, Clone)]
pub struct IoSink {
    io: FileIo,
}

impl IoSink {
    /// Writes where the table's other files are.
    #[must_use]
    pub fn new(io: FileIo) -> Self {
        Self { io }
    }
}

struct IoFile {
    location: String,
    writer: FileWriter,
}

#[async_trait]
impl FileSink for IoSink {
    async fn create(&self, location: &str) -> Result<Box<dyn OpenFile>, FileError> {
        let writer = self.io.writer(location, None).map_err(|error| failed(location, error))?;
        Ok(Box::new(IoFile { location: location.to_owned(), writer }))
    }
}

#[async_trait]
impl OpenFile for IoFile {
    async fn write(&mut self, bytes: Bytes) -> Result<(), FileError> {
        self.writer.write(bytes).await.map_err(|error| failed(&self.location, error))
    }

    async fn finish(self: Box<Self>) -> Result<u64, FileError> {
        let Self { location, writer } = *self;
        writer.finish().await.map_err(|error| failed(&location, error))
    }

    async fn abort(self: Box<Self>) {
        self.writer.abort().await;
    }
}

fn failed(location: &str, error: IoError) -> FileError {
    FileError::Sink {
        location: location.to_owned(),
        retriable: error.is_retriable(),
        source: Arc::new(error),
    }
}
