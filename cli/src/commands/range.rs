//! From positions to offsets.

use firnline_index::{Offset, OffsetRange, TimestampMs, TopicIdPartition};
use firnline_reader::{BatchAtTime, Reader};
use firnline_records::{DecodeLimits, decode_batch};

use super::selection::usage;
use crate::failure::{Failure, Result, codes, of};
use crate::position::{Fixed, Position};

/// `--from` and `--until` as they were typed.
#[derive(Debug, Clone, Copy)]
pub struct Typed {
    from: Position,
    until: Position,
}

/// The two tied to the clock; not backwards as far as that can be told without the partition.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Where to begin.
    pub from: Fixed,
    /// Where to end, exclusive.
    pub until: Fixed,
}

impl Typed {
    /// Reads both.
    pub fn new(from: &str, until: &str) -> Result<Self> {
        let read = |name: &str, text: &str| text.parse().map_err(|error| usage(format!("{name}: {error}")));
        Ok(Self { from: read("--from", from)?, until: read("--until", until)? })
    }

    /// Ties both to the clock.
    pub fn fix(self, now: TimestampMs) -> Result<Wanted> {
        let (from, until) = (self.from.fix(now), self.until.fix(now));
        if from.is_after(until) {
            return Err(backwards(from, until, None));
        }
        Ok(Wanted { from, until })
    }
}

fn backwards(from: Fixed, until: Fixed, offsets: Option<(Offset, Offset)>) -> crate::failure::Stop {
    let failure = Failure::new(&codes::BACKWARDS, format!("--from {from} lies after --until {until}"));
    match offsets {
        Some((from, until)) => {
            failure.note(format!("in this partition they are the offsets {from} and {until}"))
        }
        None => failure,
    }
    .into()
}

/// What `earliest` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earliest {
    /// As consumers are told: the start of what lies before the tier's end without a recorded gap.
    ServingStart,
    /// The first offset that the tier has.
    TierStart,
}

/// The offsets that the two positions mean in a partition. `--from` must lie in the tier or at its end.
pub async fn ends(
    reader: &Reader,
    tip: &TopicIdPartition,
    wanted: Wanted,
    earliest: Earliest,
) -> Result<OffsetRange> {
    let manifest = reader.manifest(tip).await.map_err(of::reader)?;
    let (start, end) = (manifest.tier_start, manifest.tier_end);
    let earliest = match earliest {
        Earliest::ServingStart => manifest.serving_start,
        Earliest::TierStart => start,
    };
    let from = match wanted.from {
        Fixed::Offset(offset) if offset < start || offset > end => {
            let what = format!("offset {offset} of {}/{} is not in the tier", tip.topic, tip.partition);
            let has = format!("the tier has {start} to {end} (exclusive)");
            return Err(Failure::new(&codes::OUT_OF_RANGE, what).note(has).into());
        }
        from => resolved(reader, tip, from, earliest, end).await?,
    };
    let until = resolved(reader, tip, wanted.until, earliest, end).await?.min(end);
    OffsetRange::new(from, until).map_err(|_| backwards(wanted.from, wanted.until, Some((from, until))))
}

async fn resolved(
    reader: &Reader,
    tip: &TopicIdPartition,
    at: Fixed,
    earliest: Offset,
    end: Offset,
) -> Result<Offset> {
    Ok(match at {
        Fixed::Offset(offset) => offset,
        Fixed::Earliest => earliest,
        Fixed::Latest => end,
        Fixed::Time(time) => match reader.find_timestamp(tip, time).await.map_err(of::reader)? {
            Some(found) => first_at(&found, time)?,
            None => end,
        },
    })
}

/// The first record of the batch that is at least as late. Only the records tell: a batch's header has the latest time in
/// it and no more.
fn first_at(found: &BatchAtTime, time: TimestampMs) -> Result<Offset> {
    if found.header.control {
        return Ok(found.header.base_offset);
    }
    let undecodable = |error| {
        let what = format!("the batch at offset {} cannot be decoded", found.header.base_offset);
        Failure::new(&codes::UNDECODABLE, what).caused_by(error)
    };
    let records =
        decode_batch(&found.header, found.bytes.clone(), &DecodeLimits::default()).map_err(undecodable)?;
    for record in records {
        let record = record.map_err(undecodable)?;
        if record.timestamp >= Some(time) {
            return Ok(record.offset);
        }
    }
    // The header promised one; a cleaner may have taken it since.
    Ok(found.header.next_offset())
}
