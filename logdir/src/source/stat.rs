//! Is a file still what it was when it was found?
//!
//! Compared are the inode, and length and time of the last write where the segment is sealed; one that is still written
//! must be no shorter than what was read. The change time (`ctime`) is no evidence either way: a hard link made to keep
//! the file sets it, too.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use crate::scan::mtime_ns;
use crate::{IoProblem, SegmentFile};

/// How a file differs from what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Change {
    /// It is no longer there under its name: the broker deleted or moved it.
    #[error("it is gone")]
    Gone,
    /// Another file stands under its name.
    #[error("another file has taken its place")]
    Replaced,
    /// It is shorter.
    #[error("it has {now} bytes where it had {before}")]
    Shrunk {
        /// Its length when it was found, or what had been read of it.
        before: u64,
        /// Its length now.
        now: u64,
    },
    /// It is longer although it was sealed: Kafka truncated into it and appends to it again.
    #[error("it has {now} bytes where it had {before}, though it was sealed")]
    Grown {
        /// Its length when it was found.
        before: u64,
        /// Its length now.
        now: u64,
    },
    /// It was written to although it was sealed.
    #[error("it was written to, though it was sealed")]
    Written,
    /// The last batch that was taken from a file still written is another one now.
    #[error("the last batch read at position {position} is another one now")]
    LastBatch {
        /// Where the batch stands in the file.
        position: u64,
    },
}

/// Compares `segment`, as it was found, with the file now under its name. `read_to` is how far it was read.
pub(super) fn compare(segment: &SegmentFile, read_to: u64) -> Result<Option<Change>, IoProblem> {
    match segment.path.symlink_metadata() {
        Ok(now) => Ok(difference(segment, read_to, &now)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some(Change::Gone)),
        Err(error) => Err(IoProblem::new("look at", &segment.path, error)),
    }
}

pub(super) fn difference(segment: &SegmentFile, read_to: u64, now: &Metadata) -> Option<Change> {
    if !now.is_file() || now.ino() != segment.inode {
        return Some(Change::Replaced);
    }
    if segment.active {
        return (now.len() < read_to).then_some(Change::Shrunk { before: read_to, now: now.len() });
    }
    let (before, length) = (segment.len + segment.torn, now.len());
    if length < before {
        return Some(Change::Shrunk { before, now: length });
    }
    if length > before {
        return Some(Change::Grown { before, now: length });
    }
    (mtime_ns(now) != segment.mtime_ns).then_some(Change::Written)
}
