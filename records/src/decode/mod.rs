//! From the bytes of a batch to its records, one at a time.

mod current;
mod cursor;
mod feed;
mod legacy;

use bytes::Bytes;
use firnline_index::batch::BatchHeader;

use crate::{Problem, Record, RecordError};

/// How much one batch may unfold to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The most bytes that a batch's records may have once decompressed. Beyond it decoding ends with
    /// [`Problem::TooLarge`]. Memory in use at one time is smaller where the batch is of magic 2: a buffer of 64 KiB
    /// and the record at hand.
    pub max_output: usize,
}

impl Default for DecodeLimits {
    /// 256 MiB: brokers take batches of 1 MiB by default, and logs that compress 100 to 1 are real.
    fn default() -> Self {
        Self { max_output: 256 << 20 }
    }
}

/// The records of one batch, in order. Ends after the first error.
pub struct Records {
    records: Kind,
    base_offset: firnline_index::Offset,
    read: u32,
    done: bool,
}

enum Kind {
    Current(current::CurrentRecords),
    Legacy(legacy::LegacyRecords),
}

/// Opens a batch for reading: `header` as [`BatchHeader::parse`] gave it, `batch` all of its bytes. The CRC is not
/// checked here; call [`firnline_index::batch::verify_crc`] first where it has not been checked since the bytes came
/// in. Control batches are decoded like any other: a marker is a record with a key of four bytes.
///
/// Magic 2 is decompressed as the records are taken; a compressed wrapper of magic 0 or 1 at once, because its last
/// message tells the offset of its first. Each inner message's own CRC is checked, as no other check covers it.
pub fn decode_batch(
    header: &BatchHeader,
    batch: Bytes,
    limits: &DecodeLimits,
) -> Result<Records, RecordError> {
    let fail = |problem| RecordError { base_offset: header.base_offset, record: None, problem };
    let (expected, actual) = (u64::from(header.size), batch.len() as u64);
    if expected != actual {
        return Err(fail(Problem::Size { expected, actual }));
    }
    let records = if header.magic >= 2 {
        Kind::Current(current::CurrentRecords::new(header, batch, limits).map_err(fail)?)
    } else {
        Kind::Legacy(legacy::LegacyRecords::new(header, batch, limits).map_err(fail)?)
    };
    Ok(Records { records, base_offset: header.base_offset, read: 0, done: false })
}

impl Iterator for Records {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = match &mut self.records {
            Kind::Current(records) => records.next_record(),
            Kind::Legacy(records) => records.next_record(),
        };
        match next {
            Ok(Some(record)) => {
                self.read = self.read.saturating_add(1);
                Some(Ok(record))
            }
            Ok(None) => {
                self.done = true;
                None
            }
            Err(problem) => {
                self.done = true;
                Some(Err(RecordError { base_offset: self.base_offset, record: Some(self.read), problem }))
            }
        }
    }
}

impl std::iter::FusedIterator for Records {}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records")
            .field("base_offset", &self.base_offset)
            .field("read", &self.read)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
