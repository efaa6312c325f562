//! Leader epochs of another cluster, taken out of batches on their way to the broker.
//!
//! A consumer keeps the epoch of the batch that it has read, commits it, and holds it against what its cluster says: one that
//! is higher than the cluster's own makes it take metadata for stale, or its records for truncated. The field stands before
//! what the batch's checksum covers.

use bytes::{Bytes, BytesMut};
use firnline_index::RawPosition;
use firnline_reader::{ReadError, SegmentHandle};

/// Where a batch has its length, which counts from behind itself, its epoch, and its magic.
const LENGTH: usize = 8;
const EPOCH: usize = 12;
const MAGIC: usize = 16;
/// As much of a batch as is looked at.
const HEAD: usize = MAGIC + 1;

/// Why bytes of an attached segment are not given.
#[derive(Debug, thiserror::Error)]
pub(in crate::engine) enum LowerError {
    /// They could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// They are no batches.
    #[error("what stands at position {at} is no batch: it claims a length of {length}")]
    NoBatch {
        /// Where in the segment.
        at: u64,
        /// The length claimed.
        length: i32,
    },
}

/// The bytes of the broker's file from `position` on, at most `max_bytes` and fewer only at its end, as [`SegmentHandle::read_at`]
/// gives them, with each batch in leader epoch 0. `next` is where a batch begins, as far as that is known from the read
/// before, and becomes the place of the next one.
pub(in crate::engine) async fn read_lowered(
    handle: &SegmentHandle,
    position: u64,
    max_bytes: usize,
    next: &mut Option<u64>,
) -> Result<Option<Bytes>, LowerError> {
    // Where that is not known, the block in which the read begins tells: it begins with a batch.
    let block =
        || handle.index().find_raw(RawPosition::new(position)).and_then(|at| handle.index().entry(at));
    let first = match *next {
        Some(next) => next,
        None => block().map_or(0, |block| block.raw.start),
    };
    let start = first.min(position);
    let before = usize::try_from(position - start).unwrap_or(usize::MAX);
    let wanted = before.saturating_add(max_bytes);
    // A batch may begin with the last byte that is wanted.
    let pieces = handle.read_at(start, wanted.saturating_add(HEAD)).await?;
    let mut bytes = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
    let first = usize::try_from(first - start).unwrap_or(usize::MAX);
    let end = bytes.len().min(wanted);
    let behind = lower(&mut bytes, first, end)
        .map_err(|(at, length)| LowerError::NoBatch { at: start + at as u64, length })?;
    *next = Some(start + behind as u64);
    // A batch whose head has not come whole is left for the next read.
    let end = end.min(behind);
    Ok((before < end).then(|| bytes.freeze().slice(before..end)))
}

/// Sets the epoch of each batch that begins in `bytes[at..end]`, the first at `at`, to 0; gives where the next one begins. Else
/// where the bytes are no batch, and the length that they claim.
fn lower(bytes: &mut [u8], mut at: usize, end: usize) -> Result<usize, (usize, i32)> {
    while at < end {
        let Some(head) = bytes.get_mut(at..).and_then(|rest| rest.get_mut(..HEAD)) else { break };
        let length = i32::from_be_bytes(std::array::from_fn(|i| head[LENGTH + i]));
        let size = usize::try_from(length).ok().map(|length| EPOCH + length).filter(|size| *size >= HEAD);
        let Some(size) = size else { return Err((at, length)) };
        // Before magic 2 a checksum stands there; and -1 is none.
        if head[MAGIC] >= 2 && head[EPOCH] < 0x80 {
            head[EPOCH..MAGIC].fill(0);
        }
        at += size;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A batch of so many bytes, of a magic, in an epoch.
    fn batch(size: usize, magic: u8, epoch: i32) -> Vec<u8> {
        let mut batch = vec![0xee; size];
        batch[LENGTH..EPOCH].copy_from_slice(&i32::try_from(size - EPOCH).unwrap().to_be_bytes());
        batch[EPOCH..MAGIC].copy_from_slice(&epoch.to_be_bytes());
        batch[MAGIC] = magic;
        batch
    }

    #[test]
    fn only_epochs_change() {
        let mut log =
            [batch(61, 2, 7), batch(20, 1, 7), batch(100, 2, -1), batch(HEAD, 2, i32::MAX)].concat();
        let lowered = [batch(61, 2, 0), batch(20, 1, 7), batch(100, 2, -1), batch(HEAD, 2, 0)].concat();
        let end = log.len();
        assert_eq!(lower(&mut log, 0, end), Ok(end));
        assert_eq!(log, lowered);
    }

    #[test]
    fn a_length_that_no_batch_has_is_refused_with_its_place() {
        let mut log = [batch(61, 2, 7), batch(61, 2, 7)].concat();
        log[61 + LENGTH..61 + EPOCH].copy_from_slice(&4_i32.to_be_bytes());
        assert_eq!(lower(&mut log, 0, 122), Err((61, 4)));
    }

    proptest! {
        /// However a log is cut into reads, each batch is lowered once, and where the next one begins is known.
        #[test]
        fn reads_of_any_size_come_to_the_same(
            sizes in proptest::collection::vec(HEAD..200, 1..20),
            reads in proptest::collection::vec(1..300_usize, 1..200),
        ) {
            let log: Vec<u8> = sizes.iter().flat_map(|size| batch(*size, 2, 9)).collect();
            let lowered: Vec<u8> = sizes.iter().flat_map(|size| batch(*size, 2, 0)).collect();
            let (mut got, mut next) = (Vec::<u8>::new(), 0);
            for read in reads.iter().cycle() {
                let from = got.len();
                if from == log.len() {
                    break;
                }
                let mut bytes = log[from..].to_vec();
                bytes.truncate(read + HEAD);
                let end = bytes.len().min(*read);
                let behind = lower(&mut bytes, next - from, end).unwrap();
                next = from + behind;
                prop_assert!(end.min(behind) > 0);
                got.extend(&bytes[..end.min(behind)]);
            }
            prop_assert_eq!(got, lowered);
        }
    }
}
