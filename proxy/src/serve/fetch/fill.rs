//! One partition of a fetch: from an offset to the bytes, or to the truth that there are none.

use bytes::Bytes;
use firnline_index::transactions::AbortedTransaction;
use firnline_index::{Offset, TopicIdPartition};
use firnline_reader::{Batches, Bounds, ReadError, ReadOutcome, Sight};

use crate::serve::failure::unread;
use crate::serve::kafka_error::KafkaError;
use crate::serve::logs::{Age, Logs};

/// How often one partition is read on for one answer: an answer of the reader is of one segment, and segments may be small.
const ROUNDS: usize = 8;

/// Pieces below this are copied: a piece keeps the whole block in memory that it is cut from, and many short ones would
/// keep many times the bytes that are counted for them.
const COPY_BELOW: usize = 64 << 10;

/// An answer that has so much does not wait for less than that: one batch more may be on its way from the store, or too large.
const LITTLE: usize = 256 << 10;

/// What came of a wish.
#[derive(Debug)]
pub(crate) enum Got {
    /// Nothing, for this reason.
    Refused(KafkaError),
    /// There is no such offset.
    Outside(Outside),
    /// It was not read in time, or there was no room for it and its bounds were not read in time.
    Late,
    /// What the log has.
    Log(Filled),
}

/// Where an offset lies that a log does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// Below its start, or nowhere.
    Below,
    /// In a recorded gap.
    Gap,
    /// Beyond its end.
    Beyond(Bounds),
}

/// What a log has at an offset.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) bounds: Bounds,
    /// The last stable offset to tell: for a transaction undecided behind a gap it lies below that of the bounds.
    pub(crate) stable: Offset,
    /// Whole batches in order.
    pub(crate) chunks: Vec<Bytes>,
    /// One past the last offset in them; zero where there are none.
    pub(crate) next: Offset,
    pub(crate) bytes: usize,
    pub(crate) aborted: Vec<AbortedTransaction>,
}

impl Filled {
    /// The bounds, and no records.
    pub(crate) const fn empty(bounds: Bounds) -> Self {
        let (stable, next) = (bounds.last_stable, Offset::ZERO);
        Self { bounds, stable, chunks: Vec::new(), next, bytes: 0, aborted: Vec::new() }
    }

    /// Takes the records back.
    pub(crate) fn drop_records(&mut self) {
        *self = Self { stable: self.stable, ..Self::empty(self.bounds) };
    }

    fn add(&mut self, batches: Batches) {
        self.bytes += batches.chain.len();
        self.next = batches.range.end();
        self.bounds = batches.bounds;
        self.stable = batches.bounds.last_stable;
        let keep = |part: Bytes| if part.len() < COPY_BELOW { Bytes::copy_from_slice(&part) } else { part };
        self.chunks.extend(batches.chain.into_parts().into_iter().map(keep));
        self.aborted.extend(batches.aborted);
    }

    /// In the order in which clients take them; one that reaches over a border of segments was told for both.
    fn sort_aborted(&mut self) {
        let key =
            |aborted: &AbortedTransaction| (aborted.first_offset, aborted.producer, aborted.marker_offset);
        self.aborted.sort_unstable_by_key(key);
        self.aborted.dedup();
    }
}

/// Reads a partition from `offset` on: as many whole batches as fit in `room`, and at least one where there is any.
/// Cancel safe: what was asked of the store still comes, and is found the next time.
pub(crate) async fn fill(
    logs: &Logs,
    tip: &TopicIdPartition,
    offset: i64,
    room: usize,
    sight: &Sight,
) -> Got {
    let Ok(offset) = Offset::new(offset) else { return Got::Outside(Outside::Below) };
    match begin(logs, tip, offset, room, sight).await {
        Err(error) => Got::Refused(unread(tip, &error)),
        Ok(Begun::Outside(outside)) => Got::Outside(outside),
        Ok(Begun::Empty(filled)) => Got::Log(filled),
        Ok(Begun::Batches(batches)) => Got::Log(go_on(logs, tip, room, sight, batches).await),
    }
}

/// The same from memory alone; `None` where it is not there, or would be more than there is room for. Makes no request and
/// begins none.
pub(crate) fn held(
    logs: &Logs,
    tip: &TopicIdPartition,
    offset: i64,
    room: usize,
    sight: &Sight,
) -> Option<Filled> {
    let mut next = Offset::new(offset).ok()?;
    let mut filled: Option<Filled> = None;
    for _ in 0..ROUNDS {
        let left = room - filled.as_ref().map_or(0, |filled| filled.bytes);
        let Some(ReadOutcome::Batches(batches)) = logs.read_held(tip, next, left, sight) else { break };
        if batches.chain.len() > left {
            break;
        }
        next = batches.range.end();
        filled.get_or_insert_with(|| Filled::empty(batches.bounds)).add(batches);
    }
    if let Some(filled) = &mut filled {
        filled.sort_aborted();
    }
    filled
}

enum Begun {
    Outside(Outside),
    Empty(Filled),
    Batches(Batches),
}

/// The first read. That an offset is not there is told only by a manifest younger than the question: another server, or
/// this one before it was started anew, may have served a newer end.
async fn begin(
    logs: &Logs,
    tip: &TopicIdPartition,
    offset: Offset,
    room: usize,
    sight: &Sight,
) -> Result<Begun, ReadError> {
    let mut outside = Outside::Below;
    for age in [Age::Usual, Age::Now] {
        if age == Age::Now {
            logs.bounds(tip, age).await?;
        }
        match logs.read(tip, offset, room, sight).await? {
            ReadOutcome::Batches(batches) => return Ok(Begun::Batches(batches)),
            ReadOutcome::AtEnd { bounds } if offset == bounds.end => {
                return Ok(Begun::Empty(Filled::empty(bounds)));
            }
            ReadOutcome::Undecided { from, bounds } => {
                let stable = bounds.last_stable.min(from);
                return Ok(Begun::Empty(Filled { stable, ..Filled::empty(bounds) }));
            }
            ReadOutcome::AtEnd { bounds } => outside = Outside::Beyond(bounds),
            ReadOutcome::BelowStart { .. } => outside = Outside::Below,
            ReadOutcome::Gap { .. } => outside = Outside::Gap,
        }
    }
    Ok(Begun::Outside(outside))
}

/// Reads on while there is room. Whatever stops it is told by the next fetch, which begins there.
async fn go_on(logs: &Logs, tip: &TopicIdPartition, room: usize, sight: &Sight, first: Batches) -> Filled {
    let mut filled = Filled::empty(first.bounds);
    let mut next = first.range.end();
    filled.add(first);
    for _ in 1..ROUNDS {
        let left = room.saturating_sub(filled.bytes);
        if left == 0 || left < LITTLE.min(filled.bytes) || next >= filled.bounds.end {
            break;
        }
        let Ok(ReadOutcome::Batches(more)) = logs.read(tip, next, left, sight).await else { break };
        if more.chain.len() > left {
            break;
        }
        next = more.range.end();
        filled.add(more);
    }
    filled.sort_aborted();
    filled
}
