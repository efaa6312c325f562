//! `[limits]` and `[offload]` to how a tier is written.

use firnline_index::segment::BlockCompression;
use firnline_store::StoreSettings;
use firnline_tier::TierSettings;

use super::count;
use crate::sections::{LimitsSection, SegmentsSection};
use crate::value::Codec;

/// The settings of a tier over a store with these settings.
pub fn tier(limits: &LimitsSection, segments: &SegmentsSection, store: &StoreSettings) -> TierSettings {
    let LimitsSection { upload_memory, parallel_partitions: _, read_memory: _, readahead: _ } = limits;
    let SegmentsSection { block_size, compression } = segments;
    TierSettings {
        upload_bytes: upload_memory.value.0,
        block_bytes: count(block_size.value.0),
        compression: self::compression(compression.value),
        ..TierSettings::for_store(store)
    }
}

/// How blocks are compressed.
pub fn compression(codec: Codec) -> BlockCompression {
    match codec {
        Codec::None => BlockCompression::None,
        Codec::Zstd(level) => BlockCompression::Zstd { level },
    }
}
