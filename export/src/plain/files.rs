//! Files of a stretch into their place.

use std::sync::Arc;

use bytes::Bytes;
use firnline_store::{CreateOutcome, Store, StoreError};

use super::PlainError;
use super::footer::{self, TOPIC_ID};

/// A finished file that has no name yet.
#[derive(Debug)]
pub(super) struct Finished {
    /// Its directory, with a slash at the end.
    pub(super) directory: String,
    pub(super) chunks: Vec<Bytes>,
    pub(super) rows: u64,
}

/// Puts a file where it belongs, unless it is there. One PUT; where the key is taken, one GET or two of its end more.
/// Tells whether it was written now.
pub(super) async fn put(
    store: &Store,
    key: &str,
    file: Finished,
    topic_id: &str,
) -> Result<bool, PlainError> {
    let Finished { chunks, rows, .. } = file;
    match store.create(key, chunks).await.map_err(|error| store_error(store, key, error))? {
        CreateOutcome::Created(_) => Ok(true),
        CreateOutcome::Exists => {
            // The same stretch, made by an earlier run: perhaps by another version, whose bytes need not be these.
            let found = footer::read(store, key).await?;
            let differs = |what| Err(PlainError::Differs { key: key.to_owned(), what });
            if found.rows != rows {
                return differs(format!("has {} rows instead of {rows}", found.rows));
            }
            match found.noted.get(TOPIC_ID) {
                Some(id) if id == topic_id => Ok(false),
                _ => differs("is not of this topic".to_owned()),
            }
        }
    }
}

pub(super) fn store_error(store: &Store, key: &str, source: StoreError) -> PlainError {
    PlainError::Store {
        key: key.to_owned(),
        store: store.settings().url.to_string(),
        source: Arc::new(source),
    }
}
