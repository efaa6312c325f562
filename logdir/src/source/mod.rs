//! Batches in log order from segment files: the [`LogSource`](firnline_index::log_source::LogSource) of a log
//! directory.

mod buffer;
mod error;
mod file;
mod page_cache;
mod read;
mod segment;
mod stat;
mod tail;
mod walk;

use firnline_index::batch::BatchLimits;

pub use buffer::BufferPool;
pub(crate) use error::batch_damage;
pub use error::{Damage, ReadError};
pub use file::FileSource;
pub(crate) use read::{open_segment, read_exact};
pub use segment::{SegmentCheck, SegmentStream};
pub use stat::Change;
pub use tail::{Tail, TornReason};
pub(crate) use walk::{Place, Step, step};

/// How to read.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// What a batch may be at most.
    pub limits: BatchLimits,
    /// Where buffers come from and go back to. Shared by all sources of a process.
    pub buffers: BufferPool,
    /// Whether to drop the pages that this reading brought into the page cache. Pages that were there before stay, as
    /// somebody else, most likely a broker serving its consumers, wanted them.
    pub spare_page_cache: bool,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self { limits: BatchLimits::default(), buffers: BufferPool::default(), spare_page_cache: true }
    }
}
