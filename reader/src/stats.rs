//! What a reader has done, for metrics and tests. Requests are counted by the store.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since the reader was made.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct ReaderStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The counters behind [`ReaderStats`].
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> ReaderStats {
                ReaderStats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

stats! {
    /// Manifests found in memory, young enough.
    manifest_hits,
    /// Manifests read, or asked for and found unchanged.
    manifest_loads,
    /// Segments opened from memory.
    tail_hits,
    /// Segments opened by a read of their end.
    tail_loads,
    /// Blocks found in memory.
    block_hits,
    /// Blocks read from the store.
    block_loads,
    /// Blocks taken from this machine's own log.
    local_blocks,
    /// Blocks taken from the disk cache.
    disk_blocks,
    /// Segments opened from the disk cache.
    disk_tails,
    /// Blocks and tails that had to be read a second time because the first bytes were wrong.
    reread,
}

pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
