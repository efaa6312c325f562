//! `[cache]` and `[limits]` to a reader.

use std::sync::Arc;

#[cfg(feature = "serve")]
use firnline_reader::DiskSettings;
use firnline_reader::{Reader, ReaderSettings};
use firnline_tier::Tier;

use super::encryption::ReaderKeys;
use crate::config::Config;
use crate::config::sections::{CacheSection, LimitsSection};

/// A reader of the tier. Makes no request.
pub fn reader(config: &Config, tier: &Tier) -> Reader {
    let keys = Arc::new(ReaderKeys(tier.keys().clone()));
    Reader::with_keys(tier.store().clone(), reader_settings(config, tier), Some(keys))
}

/// A reader for those who serve. They scan nothing, so that all of the memory is for single reads: a stream from a store that is
/// far away takes some ten long requests at once. And they alone keep on disk what they have read. Within a runtime.
#[cfg(feature = "serve")]
pub fn serving_reader(config: &Config, tier: &Tier) -> Reader {
    let settings = reader_settings(config, tier);
    let settings = ReaderSettings {
        budget_bytes: settings.budget_bytes.saturating_mul(2),
        disk: disk(&config.cache),
        ..settings
    };
    let keys = Arc::new(ReaderKeys(tier.keys().clone()));
    Reader::with_keys(tier.store().clone(), settings, Some(keys))
}

#[cfg(feature = "serve")]
fn disk(cache: &CacheSection) -> Option<DiskSettings> {
    let dir = cache.disk_dir.value.as_ref()?.0.clone();
    let max_bytes = cache.disk_max_size.value.0;
    (max_bytes > 0).then_some(DiskSettings { dir, max_bytes })
}

/// How it works, without what is kept on disk.
pub fn reader_settings(config: &Config, tier: &Tier) -> ReaderSettings {
    let CacheSection { memory_blocks, memory_indexes, memory_manifests, disk_max_size: _, disk_dir: _ } =
        &config.cache;
    let LimitsSection { read_memory, readahead, upload_memory: _, parallel_partitions: _ } = &config.limits;
    ReaderSettings {
        // Never above what the tier's deleters reckon with.
        max_manifest_age: ReaderSettings::default().max_manifest_age.min(tier.marker().max_manifest_age),
        manifest_cache_bytes: memory_manifests.value.0,
        tail_cache_bytes: memory_indexes.value.0,
        block_cache_bytes: memory_blocks.value.0,
        budget_bytes: read_memory.value.0,
        readahead_bytes: readahead.value.0,
        cluster_id: Some(tier.cluster_id().clone()),
        ..ReaderSettings::default()
    }
}
