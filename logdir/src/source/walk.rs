//! One step over one batch of a segment: the rules that every reading of a segment shares.

use std::fs::File;

use firnline_index::batch::{BatchError, BatchHeader, BatchLimits, Parsed, Sequence, verify_crc};

use super::error::{Damage, ReadError, batch_damage, damage};
use super::tail::{EndOf, Tail};
use crate::SegmentFile;

/// What stands at a position.
pub(crate) enum Step {
    /// A batch. All of it lies within the file; how much of it is in the bytes given is the caller's affair.
    Batch(BatchHeader),
    /// So many bytes from the position on are needed to tell.
    NeedMore(usize),
    /// The segment ends here.
    End(Tail),
}

/// Where a reading stands.
pub(crate) struct Place<'a> {
    pub(crate) segment: &'a SegmentFile,
    pub(crate) file: &'a File,
    pub(crate) limits: &'a BatchLimits,
    pub(crate) sequence: &'a mut Sequence,
}

/// Takes the batch at `position`, of which `bytes` are the first. Moves the sequence on only where it gives a batch.
///
/// In a segment still written the CRC is checked, too, as only that tells a torn batch from a whole one: such a batch is
/// given only when all of it is in `bytes`.
pub(crate) fn step(place: &mut Place<'_>, bytes: &[u8], position: u64) -> Result<Step, ReadError> {
    let segment = place.segment;
    let ends = EndOf { segment, file: place.file };
    let left = segment.len.saturating_sub(position);
    if left == 0 {
        return Ok(Step::End(Tail::Whole));
    }
    let least = place.sequence.next_offset().max(segment.base);
    let header = match BatchHeader::parse(bytes, least, place.limits) {
        Ok(Parsed::Header(header)) => header,
        Ok(Parsed::NeedMore(needed)) if needed as u64 > left && bytes.len() as u64 >= left => {
            // Fewer zeros than a header has are zeros all the same.
            if bytes.iter().all(|&byte| byte == 0) {
                return Ok(Step::End(ends.zeros(position, least)?));
            }
            return Ok(Step::End(ends.incomplete(position, needed as u64 - left)?));
        }
        Ok(Parsed::NeedMore(needed)) => return Ok(Step::NeedMore(needed)),
        Err(BatchError::Zeros) => return Ok(Step::End(ends.zeros(position, least)?)),
        Err(error) => return Err(batch_damage(&segment.path, position, error)),
    };
    let size = u64::from(header.size);
    if size > left {
        return Ok(Step::End(ends.incomplete(position, size - left)?));
    }
    if segment.active {
        let length = usize::try_from(header.size).unwrap_or(usize::MAX);
        let Some(batch) = bytes.get(..length) else { return Ok(Step::NeedMore(length)) };
        if let Err(error) = verify_crc(&header, batch) {
            return Ok(Step::End(ends.bad_crc(position, position + size, error)?));
        }
    }
    if header.base_offset < segment.base {
        let what = Damage::BelowBase { found: header.base_offset, base: segment.base };
        return Err(damage(&segment.path, position, what));
    }
    if let Some(next_base) = segment.next_base.filter(|next_base| header.next_offset() > *next_base) {
        let what = Damage::PastNextSegment { end: header.next_offset(), next_base };
        return Err(damage(&segment.path, position, what));
    }
    place.sequence.take(&header).map_err(|error| batch_damage(&segment.path, position, error))?;
    Ok(Step::Batch(header))
}
