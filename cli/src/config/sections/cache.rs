//! `[cache]`

use crate::config::section::section;
use crate::config::value::Bytes;

section! {
    /// What a reader keeps in memory. Each limit is in bytes and holds whatever the number of partitions.
    CacheSection as "cache" {
        /// Blocks, as they are read.
        "memory.blocks" => memory_blocks: Bytes<{ 1 << 20 }, { 1 << 40 }> = "128MiB";
        /// Block indexes and footers of segments.
        "memory.indexes" => memory_indexes: Bytes<{ 1 << 20 }, { 1 << 40 }> = "32MiB";
        /// Manifests and their pages.
        "memory.manifests" => memory_manifests: Bytes<{ 1 << 20 }, { 1 << 40 }> = "32MiB";
    }
}
