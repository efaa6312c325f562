//! How a tier is written: values only.

use std::time::Duration;

use firnline_index::batch::BatchLimits;
use firnline_index::segment::BlockCompression;
use firnline_store::{StoreSettings, StoreUrl};

/// Everything about a tier but its store and the world, which are passed beside it ([`crate::TierParts`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierSettings {
    /// Bytes of parts on their way to the store that are held in memory at once, over all uploads of the process.
    /// At least one part.
    pub upload_bytes: u64,
    /// Raw bytes of a block: what one read of a record fetches and checks at least.
    pub block_bytes: u32,
    /// Whether blocks are compressed where that pays.
    pub compression: BlockCompression,
    /// What a batch may be at most.
    pub limits: BatchLimits,
    /// The least time between two commits of this process to one partition. Google Cloud Storage slows down writers
    /// that replace one object more than once a second.
    pub commit_interval: Duration,
    /// How many times a commit that others got ahead of is built anew before it is given up.
    pub commit_attempts: u32,
    /// How old a reader's manifest may be; written into the marker of a new tier, read from it afterwards. Whoever
    /// deletes waits twice as long.
    pub max_manifest_age: Duration,
}

impl TierSettings {
    /// The defaults for a store.
    #[must_use]
    pub fn for_store(store: &StoreSettings) -> Self {
        let one_write_a_second = matches!(store.url, StoreUrl::Gcs { .. });
        Self {
            upload_bytes: 96 << 20,
            block_bytes: 256 << 10,
            compression: BlockCompression::None,
            limits: BatchLimits::default(),
            commit_interval: Duration::from_secs(u64::from(one_write_a_second)),
            commit_attempts: 8,
            max_manifest_age: Duration::from_secs(60),
        }
    }
}
