//! The seam between "which bytes" and "what is done with them": batches of one partition in log order, wherever they
//! come from.
//!
//! The planner decides by offsets and the upload takes runs of whole batches; neither knows files. A broker's log
//! directories are one source (`logdir`). Its Fetch API fits the same trait: a run is what one response carried, and
//! its finality is a high watermark told under the same leader epoch after the response came in. So it can be added
//! without touching plan or format.
//!
//! The trait is not async: a file source blocks on the disk and is called from a blocking thread, and a source that
//! waits for a network does so there, too.

use std::error::Error;

use bytes::Bytes;

use crate::OffsetRange;

/// Yields the batches of one partition in log order.
///
/// ```text
/// next_run … next_run -> None     all runs were handed out; nothing is proven yet
/// finish -> Stable                the bytes handed out are what the log held when the last of them was read
///        -> Changed               they may not be: throw away what was made of them
/// ```
/// After an error the source is spent, and what was handed out before it must be thrown away, too.
pub trait LogSource: Send {
    /// The next run of whole batches: as many as fit in `max_bytes`, but at least one. `None` at the end. Blocks.
    fn next_run(&mut self, max_bytes: usize) -> Result<Option<Run>, SourceError>;

    /// Looks again at where the bytes came from. To be called once, after `next_run` gave `None`. Blocks.
    fn finish(&mut self) -> Result<Finality, SourceError>;
}

/// Whole batches, end to end, as the log holds them.
///
/// A source has walked their headers: sizes add up, offsets rise. It need not have checked their CRCs; whoever seals
/// the bytes does that in the same pass as its own checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The batches. May be a slice of a larger buffer: keeping a small part of it keeps the buffer.
    pub bytes: Bytes,
    /// From the first batch's base offset up to one past the last batch's last offset. Where the first batch is a
    /// compressed wrapper of magic 0 or 1, whose header does not tell its base offset, the range begins where the
    /// batch before it ended.
    pub range: OffsetRange,
    /// How many batches there are.
    pub batches: u32,
    /// Offsets that are missing before this run, where it is the first of a segment or of the source: compaction has
    /// removed them, or a part of the log is not there. Holes inside a segment are compaction's and are not named.
    pub hole_before: Option<OffsetRange>,
    /// Whether the run comes from a segment that is no longer written.
    pub sealed: bool,
}

/// Whether what was handed out can be trusted to be the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finality {
    /// Nothing has changed that could have changed the bytes.
    Stable,
    /// Something has. What was made of the bytes must be thrown away, and the plan made anew.
    Changed {
        /// What is different, naming the thing.
        what: String,
    },
}

/// What a caller does about a source that cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceErrorKind {
    /// The bytes cannot be had now (permission, disk, network). Trying again may help; the log is not at fault.
    Unavailable,
    /// The log changed while it was read. Look again and plan anew.
    Changed,
    /// The log is damaged. Nothing beyond that place may be taken.
    Damaged,
    /// The log does not fit the offset that was asked for: it and the tier have diverged.
    Diverged,
}

/// A source that cannot go on. The cause names the place.
#[derive(Debug, thiserror::Error)]
#[error("{}", match .kind {
    SourceErrorKind::Unavailable => "the log cannot be read",
    SourceErrorKind::Changed => "the log changed while it was read",
    SourceErrorKind::Damaged => "the log is damaged",
    SourceErrorKind::Diverged => "the log and the tier have diverged",
})]
pub struct SourceError {
    /// What to do about it.
    pub kind: SourceErrorKind,
    /// The source's own error.
    #[source]
    pub cause: Box<dyn Error + Send + Sync>,
}
