//! `[limits]` and `[offload]` to how a tier is written.

use firnline_index::segment::BlockCompression;
use firnline_store::StoreSettings;
use firnline_tier::TierSettings;

use super::store::count;
use crate::config::sections::{LimitsSection, OffloadSection};
use crate::config::{Codec, Config};

/// The settings of a tier over a store with these settings.
pub fn tier(config: &Config, store: &StoreSettings) -> TierSettings {
    let LimitsSection { upload_memory, parallel_partitions: _, read_memory: _, readahead: _ } =
        &config.limits;
    let OffloadSection { block_size, compression, .. } = &config.offload;
    TierSettings {
        upload_bytes: upload_memory.value.0,
        block_bytes: count(block_size.value.0),
        compression: match compression.value {
            Codec::None => BlockCompression::None,
            Codec::Zstd(level) => BlockCompression::Zstd { level },
        },
        ..TierSettings::for_store(store)
    }
}
