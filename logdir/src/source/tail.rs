//! How a segment ends.
//!
//! | what stands at the end | segment still written | sealed segment |
//! |---|---|---|
//! | the last batch, whole | end of the log | end of the segment |
//! | part of a batch | torn: the log ends before it, as the broker's own recovery cuts it | damage |
//! | zeros to the end of the file | preallocated: the log ends before them | the same, if the next segment begins there; else damage |
//! | a whole batch with a wrong CRC, then nothing or zeros | torn, as above | damage, found by the segment writer |
//! | a wrong CRC or an impossible header, then anything else | damage | damage |

use std::fs::File;

use firnline_index::Offset;
use firnline_index::batch::BatchError;

use super::error::{Damage, ReadError, batch_damage, damage};
use super::read::read_some;
use crate::SegmentFile;

/// How the reading of a segment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// After its last batch.
    Whole,
    /// Before a batch that reaches past the offset asked for.
    Bound {
        /// Where that batch stands.
        position: u64,
    },
    /// Before zeros that fill the rest of the file, as preallocation leaves them.
    Zeros {
        /// Where the zeros begin.
        position: u64,
    },
    /// Before bytes that a crash left unfinished. Only in a segment still written.
    Torn {
        /// Where they begin.
        position: u64,
        /// How many there are.
        bytes: u64,
        /// What is unfinished about them.
        why: TornReason,
    },
}

/// What is unfinished at the end of a segment still written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TornReason {
    /// A batch is not there to its end.
    Incomplete,
    /// The last batch has another CRC than it says.
    Crc,
}

/// Tells what the end of `segment` is.
pub(super) struct EndOf<'a> {
    pub(super) segment: &'a SegmentFile,
    pub(super) file: &'a File,
}

impl EndOf<'_> {
    /// The file ends `missing` bytes before the batch at `position` does.
    pub(super) fn incomplete(&self, position: u64, missing: u64) -> Result<Tail, ReadError> {
        if !self.segment.active {
            return Err(damage(&self.segment.path, position, Damage::Truncated { missing }));
        }
        Ok(self.torn(position, TornReason::Incomplete))
    }

    /// Zeros stand at `position`, where the batch at `expected` or later should.
    pub(super) fn zeros(&self, position: u64, expected: Offset) -> Result<Tail, ReadError> {
        if !self.only_zeros(position)? {
            return Err(batch_damage(&self.segment.path, position, BatchError::Zeros));
        }
        match self.segment.next_base {
            Some(next_base) if next_base != expected => {
                Err(damage(&self.segment.path, position, Damage::Zeros { expected, next_base }))
            }
            _ => Ok(Tail::Zeros { position }),
        }
    }

    /// The batch in `[position, end)` of a segment still written has a wrong CRC.
    pub(super) fn bad_crc(&self, position: u64, end: u64, error: BatchError) -> Result<Tail, ReadError> {
        if !self.only_zeros(end)? {
            return Err(batch_damage(&self.segment.path, position, error));
        }
        Ok(self.torn(position, TornReason::Crc))
    }

    fn torn(&self, position: u64, why: TornReason) -> Tail {
        Tail::Torn { position, bytes: self.segment.len.saturating_sub(position), why }
    }

    /// Whether the file holds nothing but zeros from `position` on.
    fn only_zeros(&self, mut position: u64) -> Result<bool, ReadError> {
        let mut buffer = vec![0; 256 << 10];
        while position < self.segment.len {
            let count = read_some(self.file, self.segment, &mut buffer, position)?;
            if count == 0 {
                break;
            }
            if buffer[..count].iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            position += count as u64;
        }
        Ok(true)
    }
}
