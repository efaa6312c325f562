//! This machine's own log as a source of blocks: what a broker still has on disk need not be asked of the store.
//!
//! A file is believed only as far as the block's CRC32C from the store goes: bytes of another lineage, of a cleaned or
//! a damaged segment have another checksum, and are then simply not used.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use firnline_index::block_index::BlockEntry;
use firnline_index::{Crc32c, TopicIdPartition};
use firnline_logdir::{LocalLog, ReadError};

/// The logs on this machine, by partition.
#[derive(Debug, Default)]
pub(crate) struct LocalLogs(RwLock<HashMap<TopicIdPartition, Arc<Local>>>);

/// One partition's log.
#[derive(Debug)]
pub(crate) struct Local(LocalLog);

impl LocalLogs {
    pub(crate) fn of(&self, tip: &TopicIdPartition) -> Option<Arc<Local>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(tip).cloned()
    }

    pub(crate) fn set(&self, tip: TopicIdPartition, log: Option<LocalLog>) {
        let mut logs = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match log {
            Some(log) => logs.insert(tip, Arc::new(Local(log))),
            None => logs.remove(&tip),
        };
    }
}

impl Local {
    /// The raw bytes of a block, if this log has exactly them. Blocks the thread.
    pub(crate) fn block(&self, wanted: &BlockEntry) -> Option<Bytes> {
        let first = self.0.partition().segments.first()?;
        if wanted.first_offset < first.base {
            return None;
        }
        block_of(&self.0, wanted).unwrap_or_else(|error| {
            tracing::debug!(
                block = wanted.number,
                error = &error as &dyn std::error::Error,
                "this machine's own log does not serve a block; the store does"
            );
            None
        })
    }
}

/// The raw bytes of a block, if a log has exactly them. Blocks the thread.
pub(crate) fn block_of(log: &LocalLog, wanted: &BlockEntry) -> Result<Option<Bytes>, ReadError> {
    let Ok(length) = usize::try_from(wanted.raw_len()) else { return Ok(None) };
    let found = log.copy(wanted.first_offset, length)?;
    Ok(found.filter(|bytes| Crc32c::of(bytes) == wanted.crc))
}
