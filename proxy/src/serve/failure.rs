//! What a client is told where the tier does not answer: never that something is not there.

use firnline_index::TopicIdPartition;
use firnline_reader::{ErrorKind, ReadError};

use super::kafka_error::KafkaError;

/// The first version of Fetch that knows of a storage error.
const STORAGE_ERROR_FROM: i16 = 6;

/// The error of a partition that could not be read. Said here, once, and asked for again by every client.
pub(crate) fn unread(tip: &TopicIdPartition, error: &ReadError) -> KafkaError {
    let code = error.code().code;
    let error_text = error as &dyn std::error::Error;
    match error.kind() {
        // What passes by itself: the store's own counts tell how often.
        ErrorKind::Retry => tracing::debug!(%tip, code, error = error_text, "a partition could not be read"),
        _ => tracing::warn!(%tip, code, error = error_text, "a partition cannot be read"),
    }
    KafkaError::KafkaStorageError
}

/// The error in the words of a version of Fetch.
pub(crate) fn in_fetch(error: KafkaError, version: i16) -> KafkaError {
    match error {
        KafkaError::KafkaStorageError if version < STORAGE_ERROR_FROM => KafkaError::NotLeaderOrFollower,
        error => error,
    }
}
