//! Whether an old client can unpack what it would get. By the batches' headers alone.

use bytes::Bytes;
use firnline_index::batch::{BatchLimits, Batches, Compression};
use firnline_index::{Offset, RawPosition};

/// The first version of Fetch whose clients know Zstandard.
const ZSTD_FROM: i16 = 10;

/// Whether something in these batches is packed with a codec that came after a version of Fetch. Kafka before 4.0 refuses
/// then, in words that a client can show; without them it would take the batch for damage.
pub(crate) fn is_too_new(chunks: &[Bytes], version: i16) -> bool {
    version < ZSTD_FROM && chunks.iter().any(|chunk| has_zstd(chunk))
}

fn has_zstd(chunk: &[u8]) -> bool {
    let batches = Batches::new(chunk, RawPosition::ZERO, Offset::ZERO, BatchLimits::DEFAULT);
    batches.filter_map(Result::ok).any(|batch| batch.header.compression == Compression::Zstd)
}
