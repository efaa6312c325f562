//! Which leader epochs wrote the batches of a pinned file.

use std::path::Path;

use firnline_index::Offset;
use firnline_index::batch::{BatchLimits, Sequence};
use firnline_index::lineage::EpochStart;

use super::PinStat;
use crate::local::Headers;
use crate::source::open_segment;
use crate::{ReadError, SegmentFile};

/// The epochs of the batches in the file at `path`, which the broker named for `base`, each with the offset of its first
/// batch; empty where no batch has one. Walks all headers, as [`super::PinContent::read`] does.
///
/// # Errors
/// Where the file cannot be read, or is damaged or torn anywhere: what its end holds is not known then.
pub fn pin_epochs(
    path: &Path,
    base: Offset,
    stat: &PinStat,
    limits: &BatchLimits,
) -> Result<Vec<EpochStart>, ReadError> {
    let segment = SegmentFile {
        base,
        path: path.to_owned(),
        len: stat.len,
        mtime_ns: stat.mtime_ns,
        inode: stat.inode,
        active: false,
        next_base: None,
        torn: 0,
    };
    let file = open_segment(&segment)?;
    let mut headers = Headers::new(&file, &segment, limits, 0, Sequence::from(base));
    let mut starts: Vec<EpochStart> = Vec::new();
    while let Some((_, header)) = headers.next()? {
        let Some(epoch) = header.leader_epoch else { continue };
        if starts.last().is_none_or(|last| last.epoch != epoch) {
            starts.push(EpochStart { epoch, start: header.base_offset });
        }
    }
    Ok(starts)
}
