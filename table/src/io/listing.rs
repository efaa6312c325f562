//! Listings of files, page by page.

use super::error::IoError;
use super::place::Place;
use firnline_store::{ListedObject, Listing};
use std::sync::Arc;

/// A listing under way: bounded memory, one LIST per page of at most 1,000 files. It is no snapshot: files that come or go
/// meanwhile may be in it or not.
#[derive(Debug)]
pub struct FileListing {
    listing: Listing,
    place: Arc<Place>,
    directory: String,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// In our own spelling; manifests of others may spell it otherwise, so compare keys.
    pub location: String,
    /// Within the store, as [`super::FileIo::key`] gives it.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// Last change by the store's clock, milliseconds since 1970.
    pub last_modified_ms: i64,
}

impl FileListing {
    pub(super) fn new(listing: Listing, place: Arc<Place>, directory: &str) -> Self {
        Self { listing, place, directory: directory.to_owned() }
    }

    /// The next files, or `None` at the end. Cancel safe: a dropped call is made again by the next one.
    pub async fn next_page(&mut self) -> Result<Option<Vec<ListedFile>>, IoError> {
        let page = self.listing.next_page().await.map_err(super::at("list", &self.directory))?;
        let file = |ListedObject { key, size, last_modified_ms }| ListedFile {
            location: self.place.location(&key),
            key,
            size,
            last_modified_ms,
        };
        Ok(page.map(|objects| objects.into_iter().map(file).collect()))
    }
}
