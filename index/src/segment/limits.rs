//! How large the parts of a segment may be. Readers refuse more; the writer keeps below.

/// Length of the trailer, the last bytes of every remote segment.
pub const TRAILER_LEN: usize = 160;
/// The raw length at which a block is cut, unless the writer is told another.
pub const DEFAULT_BLOCK_SIZE: u32 = 256 << 10;
/// The smallest block size a writer takes: smaller blocks make the index larger than it is worth.
pub const MIN_BLOCK_SIZE: u32 = 1 << 10;
/// The largest block size a writer takes: a block is the unit of memory of every reader.
pub const MAX_BLOCK_SIZE: u32 = 16 << 20;
/// The longest footer.
pub const MAX_FOOTER_LEN: u32 = 1 << 20;
/// The longest tail, from the block index to the end of the object.
pub const MAX_TAIL_LEN: u32 = 128 << 20;
/// The longest file of a broker's beside a segment. Kafka's own indexes end at 10 MiB, unless told otherwise; a million producers
/// take about 40 MiB of a snapshot.
pub const MAX_BROKER_FILE_LEN: u64 = 64 << 20;
/// Leader epochs in one segment.
pub const MAX_EPOCHS: usize = 1_024;
/// Tail pieces that one segment replaces.
pub const MAX_REPLACES: usize = 1_000;
/// Sections of one segment.
pub const MAX_SECTIONS: usize = 64;
/// Characters in the writing software's name and version.
pub const MAX_SOFTWARE_LEN: usize = 64;
