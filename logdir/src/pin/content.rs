//! What a pinned file holds, by its batch headers: nothing else tells, once the file that followed it is gone.

use std::path::Path;

use firnline_index::batch::{BatchHeader, BatchLimits, Sequence, verify_crc};
use firnline_index::{LeaderEpoch, Offset};

use super::PinStat;
use crate::local::Headers;
use crate::source::{open_segment, read_exact};
use crate::{IoProblem, ReadError, SegmentFile};

/// The batches of a file that nobody writes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinContent {
    /// One past the last offset; the base where there is no batch.
    pub end: Offset,
    /// Where the last whole batch ends in the file.
    pub len: u64,
    /// What stands behind it: zeros, or what a crash left unfinished.
    pub torn: u64,
    /// The epoch of the first batch that has one.
    pub first_epoch: Option<LeaderEpoch>,
    /// The epoch of the last batch that has one.
    pub last_epoch: Option<LeaderEpoch>,
    /// Whether the file is damaged behind its last good batch. `len` is the whole file's then, so that whoever reads it
    /// meets the damage and tells it.
    pub damaged: bool,
}

impl PinContent {
    /// Walks the headers of the file at `path`, which the broker named for `base`. Costs about one read per 64 KiB. The
    /// CRC of the last batch is checked; where it does not hold, or the file ends inside a batch, that of each is, and the
    /// content ends behind the last whole batch, as a broker's own recovery would cut it.
    pub fn read(path: &Path, base: Offset, stat: &PinStat, limits: &BatchLimits) -> Result<Self, ReadError> {
        let sealed = SegmentFile {
            base,
            path: path.to_owned(),
            len: stat.len,
            mtime_ns: stat.mtime_ns,
            inode: stat.inode,
            active: false,
            next_base: None,
            torn: 0,
        };
        let (walked, outcome) = walk(&sealed, limits);
        match outcome {
            Ok(()) if last_holds(&sealed, &walked)? => return Ok(walked.content(&sealed)),
            Ok(()) | Err(ReadError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        // Read as a segment still written, each batch must hold, and what is torn at the end is no damage.
        let torn = SegmentFile { active: true, ..sealed };
        let (walked, outcome) = walk(&torn, limits);
        match outcome {
            Ok(()) => Ok(walked.content(&torn)),
            Err(ReadError::Damaged { .. }) => {
                Ok(Self { len: torn.len, torn: 0, damaged: true, ..walked.content(&torn) })
            }
            Err(error) => Err(error),
        }
    }
}

/// How far a walk came.
struct Walked {
    sequence: Sequence,
    first_epoch: Option<LeaderEpoch>,
    end: u64,
    last: Option<(u64, BatchHeader)>,
}

impl Walked {
    fn content(&self, segment: &SegmentFile) -> PinContent {
        PinContent {
            end: self.sequence.next_offset(),
            len: self.end,
            torn: segment.len.saturating_sub(self.end),
            first_epoch: self.first_epoch,
            last_epoch: self.sequence.epoch(),
            damaged: false,
        }
    }
}

/// Walks as far as it goes; what it went over counts whatever ended it.
fn walk(segment: &SegmentFile, limits: &BatchLimits) -> (Walked, Result<(), ReadError>) {
    let start = Sequence::from(segment.base);
    let mut walked = Walked { sequence: start, first_epoch: None, end: 0, last: None };
    let file = match open_segment(segment) {
        Ok(file) => file,
        Err(error) => return (walked, Err(error)),
    };
    let mut headers = Headers::new(&file, segment, limits, 0, start);
    loop {
        match headers.next() {
            Ok(Some((position, header))) => {
                walked.first_epoch = walked.first_epoch.or(header.leader_epoch);
                walked.sequence = headers.sequence();
                walked.end = position + u64::from(header.size);
                walked.last = Some((position, header));
            }
            Ok(None) => return (walked, Ok(())),
            Err(error) => return (walked, Err(error)),
        }
    }
}

/// Whether the last batch's CRC holds. True where there is none.
fn last_holds(segment: &SegmentFile, walked: &Walked) -> Result<bool, ReadError> {
    let Some((position, header)) = walked.last else { return Ok(true) };
    let file = open_segment(segment)?;
    let size = usize::try_from(header.size).map_err(|_| {
        IoProblem::new("read", &segment.path, std::io::Error::from(std::io::ErrorKind::OutOfMemory))
    })?;
    let mut batch = vec![0; size];
    Ok(read_exact(&file, segment, &mut batch, position)? && verify_crc(&header, &batch).is_ok())
}
