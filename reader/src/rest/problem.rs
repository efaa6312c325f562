//! Why the rest of a log cannot be read.

use std::path::PathBuf;

use firnline_index::Offset;
use firnline_logdir::ReadError;

/// What is on a disk is not as it was found. It is looked at again within half a minute.
#[derive(Debug, thiserror::Error)]
pub enum DiskProblem {
    /// A broker has come to life.
    #[error("a broker holds {path:?} by now: read from it, or stop it")]
    Broker {
        /// The log directory.
        path: PathBuf,
    },
    /// The tier has changed behind which the rest was found.
    #[error("the tier has changed since the log directories were looked at")]
    Tier,
    /// What the tier has of a partition could not be read when the directories were looked at.
    #[error("it is not known yet where the log goes on from what the tier has")]
    Unknown,
    /// The file cannot be read, or is another one.
    #[error("read a stopped broker's log")]
    Read(#[source] ReadError),
    /// The file's bytes are others than those that were found.
    #[error("the log in {path:?} has other bytes from offset {offset} on than it had")]
    Other {
        /// The partition's directory.
        path: PathBuf,
        /// The first offset of the block.
        offset: Offset,
    },
}
