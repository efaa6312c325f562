//! `[offload]`

use crate::config::section::section;
use crate::config::value::{Bytes, Codec, FilePath, List};

section! {
    /// What `firnline offload` takes, and how it stores it.
    OffloadSection as "offload" {
        /// The broker's log directories, as in its `log.dirs`. `--log-dir` stands before it.
        "log_dirs" => log_dirs: List<FilePath> = "";
        /// Small sealed segments are joined into remote segments of up to this size; a larger one is not split.
        "target_size" => target_size: Bytes<{ 1 << 20 }, { 64 << 30 }> = "256MiB";
        /// Raw bytes of a block: what one read of a record fetches and checks at least.
        "block_size" => block_size: Bytes<{ 16 << 10 }, { 16 << 20 }> = "256KiB";
        /// Whether blocks are compressed where that pays. Kafka's own codecs are left as they are; what they have packed
        /// well, this does not touch.
        "compression" => compression: Codec = "none";
    }
}
