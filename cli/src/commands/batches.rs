//! Walking over the batches that a reader hands out.

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, BatchLimits, Batches};
use firnline_index::{Offset, RawPosition};
use firnline_reader::BatchChain;

use crate::failure::{Failure, Result, codes};

/// Calls `each` with the header and the bytes of every batch. `from` is where the chain's range begins.
pub fn walk(
    chain: &BatchChain,
    from: Offset,
    mut each: impl FnMut(BatchHeader, Bytes) -> Result<()>,
) -> Result<()> {
    let mut next = from;
    for part in chain.parts() {
        for batch in Batches::new(part, RawPosition::ZERO, next, BatchLimits::default()) {
            let batch = batch.map_err(|error| {
                Failure::new(&codes::INTERNAL, "a block whose checksum holds has no batch where one begins")
                    .caused_by(error)
            })?;
            next = batch.header.next_offset();
            each(batch.header, part.slice_ref(batch.bytes))?;
        }
    }
    Ok(())
}
