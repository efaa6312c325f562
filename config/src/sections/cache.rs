//! `[cache]`

use crate::section;
use crate::value::{Bytes, FilePath};

section! {
    /// What a reader keeps in memory, and on disk. Each limit is in bytes and holds whatever the number of partitions.
    CacheSection as "cache" {
        /// Blocks, as they are read.
        "memory.blocks" => memory_blocks: Bytes<{ 1 << 20 }, { 1 << 40 }> = "320MiB";
        /// Block indexes and footers of segments.
        "memory.indexes" => memory_indexes: Bytes<{ 1 << 20 }, { 1 << 40 }> = "32MiB";
        /// Manifests and their pages.
        "memory.manifests" => memory_manifests: Bytes<{ 1 << 20 }, { 1 << 40 }> = "32MiB";
        /// What `serve` and `proxy` keep on disk of what they have read from the store: blocks and the ends of segments, as they
        /// are stored there (what is encrypted stays so). It outlives a restart. `0B`: nothing; else at least `64MiB`. A
        /// twentieth of the disk (20 GiB at most) is left free all the same. It takes memory: about 10 MiB for each 100 GiB with
        /// blocks of 256 KiB, 300 MiB with the shortest. A block longer than a 64th of it is not kept.
        "disk.max_size" => disk_max_size: Bytes<0, { 1 << 50 }> = "0B";
        /// The directory for it, of this process alone: two that are given one do not share it, the second goes without. It is
        /// made (mode 0700) where only itself is missing; one that others may write to is refused.
        "disk.dir" => disk_dir: Option<FilePath> = "";
    }
}
