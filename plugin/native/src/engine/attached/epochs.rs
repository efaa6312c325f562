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
    // Where that is not known, or lies far behind, the block in which the read begins tells: it begins with a batch.
    let block = || {
        let number = handle.index().find_raw(RawPosition::new(position));
        number.and_then(|number| handle.index().entry(number)).map_or(0, |block| block.raw.start)
    };
    let first = match *next {
        Some(next) if next >= position => next,
        Some(next) => next.max(block()),
        None => block(),
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
    let lowered = lower(&mut bytes, first, end)
        .map_err(|(at, length)| LowerError::NoBatch { at: start + at as u64, length })?;
    *next = Some(start + lowered.next as u64);
    let end = lowered.end;
    Ok((before < end).then(|| bytes.freeze().slice(before..end)))
}

/// How far bytes have become what the broker may have.
#[derive(Debug, PartialEq, Eq)]
struct Lowered {
    /// Up to here they have.
    end: usize,
    /// Where the batch begins from which the next read goes on: the first behind `end`, or the one whose head `end` cuts.
    next: usize,
}

/// Sets the epoch of each batch that begins in `bytes[at..end]`, the first at `at`, to 0. Else where the bytes are no batch, and
/// the length that they claim.
fn lower(bytes: &mut [u8], mut at: usize, end: usize) -> Result<Lowered, (usize, i32)> {
    while at < end {
        // A batch whose head has not come whole is left for the next read.
        let Some(head) = bytes.get_mut(at..).and_then(|rest| rest.get_mut(..HEAD)) else {
            return Ok(Lowered { end: at, next: at });
        };
        let length = i32::from_be_bytes(std::array::from_fn(|i| head[LENGTH + i]));
        let size = usize::try_from(length).ok().map(|length| EPOCH + length).filter(|size| *size >= HEAD);
        let Some(size) = size else { return Err((at, length)) };
        // Before magic 2 a checksum stands there; and -1 is none.
        if head[MAGIC] >= 2 && head[EPOCH] < 0x80 {
            head[EPOCH..MAGIC].fill(0);
        }
        // The rest of this head is for the next read to give, which must lower it once more.
        if at + HEAD > end {
            return Ok(Lowered { end, next: at });
        }
        at += size;
    }
    Ok(Lowered { end, next: at })
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
        assert_eq!(lower(&mut log, 0, end), Ok(Lowered { end, next: end }));
        assert_eq!(log, lowered);
    }

    #[test]
    fn a_length_that_no_batch_has_is_refused_with_its_place() {
        let mut log = [batch(61, 2, 7), batch(61, 2, 7)].concat();
        log[61 + LENGTH..61 + EPOCH].copy_from_slice(&4_i32.to_be_bytes());
        assert_eq!(lower(&mut log, 0, 122), Err((61, 4)));
    }

    #[test]
    fn a_read_that_ends_in_a_head_is_gone_on_with_from_where_that_batch_begins() {
        let log = [batch(61, 2, 7), batch(61, 2, 7)].concat();
        let lower = |end, of: usize| lower(&mut log.clone()[..of], 0, end).unwrap();
        for end in 62..61 + HEAD {
            assert_eq!(lower(end, end + HEAD), Lowered { end, next: 61 });
            assert_eq!(lower(end, end), Lowered { end: 61, next: 61 }, "nothing came from behind {end}");
        }
        assert_eq!(lower(61 + HEAD, 122), Lowered { end: 61 + HEAD, next: 122 });
        assert_eq!(lower(61, 122), Lowered { end: 61, next: 61 });
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
                let start = next.min(from);
                let before = from - start;
                let mut bytes = log[start..].to_vec();
                bytes.truncate(before + read + HEAD);
                let end = bytes.len().min(before + read);
                let told = lower(&mut bytes, next - start, end).unwrap();
                next = start + told.next;
                prop_assert!(told.end > before);
                got.extend(&bytes[before..told.end]);
            }
            prop_assert_eq!(got, lowered);
        }
    }
}
