//! `[offload]`: what sidecar and plugin have in common.

use crate::section;
use crate::value::{Bytes, Codec};

section! {
    /// How segments are stored.
    SegmentsSection as "offload" {
        /// Raw bytes of a block: what one read of a record fetches and checks at least. Restart to change.
        "block_size" => block_size: Bytes<{ 16 << 10 }, { 16 << 20 }> = "256KiB";
        /// Whether blocks are compressed where that pays. Kafka's own codecs are left as they are; what they have packed
        /// well, this does not touch. Restart to change.
        "compression" => compression: Codec = "none";
    }
}
