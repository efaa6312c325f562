//! Files of any size, written as they come.

use super::error::IoError;
use bytes::Bytes;
use firnline_store::Upload;

/// A file on its way. Nothing is visible before [`FileWriter::finish`]; dropped unfinished it is given up, and the store's
/// `settle` waits for that. Not cancel safe: when a call's future was dropped, drop the writer too.
#[derive(Debug)]
pub struct FileWriter {
    upload: Upload,
    location: String,
    written: u64,
}

impl FileWriter {
    pub(super) fn new(upload: Upload, location: &str) -> Self {
        Self { upload, location: location.to_owned(), written: 0 }
    }

    /// Where the file will be, as it was asked for.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Adds bytes to the end. Waits while this file's own parts are on their way, for nobody else.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), IoError> {
        let length = bytes.len() as u64;
        self.upload.write(bytes).await.map_err(super::at("write", &self.location))?;
        self.written += length;
        Ok(())
    }

    /// Sends what is left and makes the file appear. Gives its exact size in bytes.
    pub async fn finish(self) -> Result<u64, IoError> {
        let uploaded = self.upload.complete().await.map_err(super::at("write", &self.location))?;
        Ok(uploaded.size)
    }

    /// Gives the file up and waits until the store has thrown its parts away, or has failed to for good (counted).
    pub async fn abort(self) {
        self.upload.abort().await;
    }
}
