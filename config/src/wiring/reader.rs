//! `[cache]` and `[limits]` to how a reader works.

use firnline_reader::{DiskSettings, ReaderSettings};

use crate::sections::{CacheSection, LimitsSection};

/// How it works, without what is kept on disk and what the tier says.
pub fn reader(cache: &CacheSection, limits: &LimitsSection) -> ReaderSettings {
    let CacheSection { memory_blocks, memory_indexes, memory_manifests, disk_max_size: _, disk_dir: _ } =
        cache;
    let LimitsSection { read_memory, readahead, upload_memory: _, parallel_partitions: _ } = limits;
    ReaderSettings {
        manifest_cache_bytes: memory_manifests.value.0,
        tail_cache_bytes: memory_indexes.value.0,
        block_cache_bytes: memory_blocks.value.0,
        budget_bytes: read_memory.value.0,
        readahead_bytes: readahead.value.0,
        ..ReaderSettings::default()
    }
}

/// What is kept on disk, if anything.
pub fn disk(cache: &CacheSection) -> Option<DiskSettings> {
    let dir = cache.disk_dir.value.as_ref()?.0.clone();
    let max_bytes = cache.disk_max_size.value.0;
    (max_bytes > 0).then_some(DiskSettings { dir, max_bytes })
}
