//! `[limits]` and `[offload]` to how a tier is written.

use firnline_index::segment::BlockCompression;
use firnline_store::StoreSettings;
use firnline_tier::{SegmentForm, TierSettings};

use super::encryption::encryption;
use super::store::count;
use crate::config::sections::{EncryptionSection, LimitsSection, OffloadSection, TopicSection};
use crate::config::{Codec, Config};

/// The settings of a tier over a store with these settings.
pub fn tier(config: &Config, store: &StoreSettings) -> TierSettings {
    let LimitsSection { upload_memory, parallel_partitions: _, read_memory: _, readahead: _ } =
        &config.limits;
    let OffloadSection { block_size, compression, .. } = &config.offload;
    TierSettings {
        upload_bytes: upload_memory.value.0,
        block_bytes: count(block_size.value.0),
        compression: self::compression(compression.value),
        ..TierSettings::for_store(store)
    }
}

/// How segments of topics are stored that no section names.
pub fn base_form(config: &EncryptionSection) -> SegmentForm {
    SegmentForm { encryption: encryption(None, config.topics.value), ..SegmentForm::default() }
}

/// How segments of a section's topics are stored, where that differs from other topics'.
pub fn form(section: &TopicSection, config: &EncryptionSection) -> SegmentForm {
    SegmentForm {
        encryption: encryption(section.encrypt.value, config.topics.value),
        compression: section.compression.value.map(compression),
        storage_class: section.storage_class.value.as_ref().map(|class| class.0.clone()),
    }
}

fn compression(codec: Codec) -> BlockCompression {
    match codec {
        Codec::None => BlockCompression::None,
        Codec::Zstd(level) => BlockCompression::Zstd { level },
    }
}
