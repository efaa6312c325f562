//! A segment's `.index` as a hint where to begin.
//!
//! ```text
//! entry, 8 bytes: offset relative to the base i32 | position i32
//! ```
//! An entry says that the batches at and behind its position reach its offset. A broker may leave the file short, long
//! (preallocated with zeros) or stale, so an entry counts only when a batch of magic 2 with a right CRC stands at its
//! position and begins at or below the offset wanted. What is then still believed without proof is that this position
//! is a batch boundary: bytes inside a record could look like a batch, but nothing makes an index point at them.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use firnline_index::Offset;
use firnline_index::batch::{BatchHeader, BatchLimits, HEADER_PEEK, Parsed, Sequence, verify_crc};

use crate::SegmentFile;
use crate::files::SegmentFileKind;
use crate::open::open_file;
use crate::source::read_exact;

const ENTRY: u64 = 8;

/// A place to begin from when looking for `wanted`: its position and what the batch there may be. `None` means from the
/// front. Never fails: whatever is wrong with a hint, the log itself is the answer.
pub(crate) fn near(
    segment: &SegmentFile,
    log: &File,
    wanted: Offset,
    limits: &BatchLimits,
) -> Option<(u64, Sequence)> {
    let name = SegmentFileKind::OffsetIndex.name(segment.base);
    let index = open_file(&segment.path.with_file_name(name)).ok()?;
    let entries = index.metadata().ok()?.len() / ENTRY;
    let relative = wanted.checked_sub(segment.base)?;

    // The last entry at or below the offset wanted.
    let (mut low, mut high) = (0, entries);
    let mut best = None;
    while low < high {
        let middle = low + (high - low) / 2;
        let (offset, position) = entry(&index, middle)?;
        // Preallocated space behind the last entry reads as zeros.
        let unused = middle > 0 && offset == 0 && position == 0;
        if unused || u64::from(offset) > relative {
            high = middle;
        } else {
            best = Some(u64::from(position));
            low = middle + 1;
        }
    }
    let position = best.filter(|&position| position > 0)?;
    let base = check(segment, log, position, wanted, limits)?;
    Some((position, Sequence::from(base)))
}

fn entry(index: &File, number: u64) -> Option<(u32, u32)> {
    let mut bytes = [0; 8];
    index.read_exact_at(&mut bytes, number * ENTRY).ok()?;
    let [o0, o1, o2, o3, p0, p1, p2, p3] = bytes;
    Some((u32::from_be_bytes([o0, o1, o2, o3]), u32::from_be_bytes([p0, p1, p2, p3])))
}

/// The base offset of the batch at `position`, if a right one stands there.
fn check(
    segment: &SegmentFile,
    log: &File,
    position: u64,
    wanted: Offset,
    limits: &BatchLimits,
) -> Option<Offset> {
    let left = segment.len.checked_sub(position)?;
    let mut bytes = vec![0; usize::try_from(left).ok()?.min(HEADER_PEEK)];
    read_exact(log, segment, &mut bytes, position).ok().filter(|&whole| whole)?;
    let Ok(Parsed::Header(header)) = BatchHeader::parse(&bytes, segment.base, limits) else { return None };
    if header.magic != 2 || u64::from(header.size) > left || header.base_offset > wanted {
        return None;
    }
    bytes.resize(usize::try_from(header.size).ok()?, 0);
    read_exact(log, segment, &mut bytes, position).ok().filter(|&whole| whole)?;
    verify_crc(&header, &bytes).ok()?;
    Some(header.base_offset)
}
