//! Leader epochs of restored batches.

use firnline_index::batch::{BatchError, BatchHeader, BatchLimits, Parsed};
use firnline_index::{Offset, RawPosition};

/// Where a batch of magic 2 keeps its leader epoch. Kafka's CRC begins behind it, at byte 21, so it stays right.
const EPOCH: std::ops::Range<usize> = 12..16;

/// Sets the leader epoch of every batch of magic 2 in `run`, whole batches end to end, to 0; gives how many were changed.
///
/// A new topic begins at epoch 0, and a broker that finds a higher one in its log than its controller has told would
/// truncate or refuse to serve. Batches without an epoch (−1; magic 0 and 1) stay as they are. After an error the run is
/// changed up to the place that the error names.
pub fn lower_epochs(run: &mut [u8], limits: &BatchLimits) -> Result<u64, BatchError> {
    let mut changed = 0;
    let mut at = 0;
    while at < run.len() {
        let position = RawPosition::new(at as u64);
        let batch = &mut run[at..];
        let available = batch.len() as u64;
        let header =
            match BatchHeader::parse(batch, Offset::ZERO, limits).map_err(|error| error.at(position))? {
                Parsed::Header(header) => header,
                Parsed::NeedMore(needed) => {
                    let needed = needed as u64;
                    return Err(BatchError::Truncated { needed, available }.at(position));
                }
            };
        let size = usize::try_from(header.size).unwrap_or(usize::MAX);
        let Some(batch) = batch.get_mut(..size) else {
            return Err(BatchError::Truncated { needed: u64::from(header.size), available }.at(position));
        };
        if header.leader_epoch.is_some_and(|epoch| epoch.get() > 0) {
            batch[EPOCH].fill(0);
            changed += 1;
        }
        at += size;
    }
    Ok(changed)
}
