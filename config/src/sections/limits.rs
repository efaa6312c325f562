//! `[limits]`

use crate::section;
use crate::value::{Bytes, Count};

section! {
    /// Bounds on memory and parallel work.
    LimitsSection as "limits" {
        /// Memory for parts on their way to the store, over all partitions.
        "upload_memory" => upload_memory: Bytes<{ 16 << 20 }, { 1 << 40 }> = "96MiB";
        /// Partitions that are uploaded at once.
        "parallel_partitions" => parallel_partitions: Count<1, 1024> = "8";
        /// Memory for bytes on their way from the store, over all reads.
        "read_memory" => read_memory: Bytes<{ 16 << 20 }, { 1 << 40 }> = "192MiB";
        /// How far one sequential read goes ahead of whoever consumes it. Those that are at different places at the same time
        /// share half of `cache.memory.blocks`, so that several together go less far each.
        "readahead" => readahead: Bytes<{ 1 << 20 }, { 1 << 30 }> = "160MiB";
    }
}
