//! Whether bytes held here are committed records of the partition: a pure function.
//!
//! Leader epoch and offset name a record for good, and in two logs that both hold a record and reach further down, what lies
//! below it is the same. So one look at the last record of a range proves as much of it as the leader's log reaches down to:
//! to the log start, and from there to where the epoch that wrote the record at the log start begins, since one epoch wrote
//! one history. Further down nothing is vouched for. A follower that is told to go on above all that it has keeps what it
//! has, and that may be another history. There, and where the leader's log does not reach down to the range at all, what
//! this sidecar was told while it held the bytes, its *witness*, speaks, as far as nothing contradicts it.
//!
//! ```text
//!                      leader's log start          x = end of the range          high watermark
//!    ────────────────────────┼─────────────────────────┼───────────────────────────────┼──────
//!    x here: the epoch's end │     x here: the leader's epoch end decides              │  x here: wait
//!    where it reaches beyond │
//!    the log start, else the │
//!    witness                 │
//! ```
//!
//! A broker that is asked for an epoch below the first it knows names that epoch itself, with the start of the first it
//! knows. That is no knowledge; [`Bound::vouches_for`] tells the two apart.

use std::fmt;

use firnline_index::lineage::Lineage;
use firnline_index::{LeaderEpoch, Offset, OffsetRange};

use crate::cluster::Bound;
use crate::host::{Stretch, Witness};

/// A stretch of log that is to be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed<'a> {
    /// Its offsets; not empty.
    pub range: OffsetRange,
    /// Which epochs wrote it; empty where its last batch carries none.
    pub epochs: &'a Lineage,
    /// Whether the broker beside us leads, and the bytes are of its own log.
    pub from_leaders_log: bool,
}

impl Claimed<'_> {
    /// From where on a leader that holds the last record vouches for the rest, its log beginning at `log_start`.
    #[must_use]
    pub fn vouched_from(&self, log_start: Offset) -> Offset {
        let start = self.range.start();
        if log_start <= start {
            return start;
        }
        let last = before(self.range.end()).unwrap_or(start);
        let wrote = self.epochs.starts().iter().rev().find(|epoch| epoch.start <= log_start.min(last));
        match wrote {
            Some(epoch) => epoch.start.max(start),
            // Batches without an epoch are taken from the leader's own log alone, and there without further proof.
            None if self.from_leaders_log => start,
            None => self.epochs.first().map_or(self.range.end(), |first| first.start),
        }
    }
}

/// What proves a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// The leader's log holds it below the high watermark.
    Bound,
    /// It was below a bound while it was held here, and nothing contradicts that.
    Witness,
}

/// Why a range is not proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unproven {
    /// It reaches beyond the high watermark; that passes.
    AboveBound {
        /// The high watermark.
        high_watermark: Offset,
    },
    /// The leader's log has something else there, or ends before.
    OffLineage {
        /// The leader's newest epoch that is not above the range's; `None` where it knows none.
        leader: Option<LeaderEpoch>,
        /// Up to where the leader's log has that epoch; what the two share ends at or below it.
        end: Option<Offset>,
    },
    /// Its batches carry no epoch, and it is not of the leader's own log.
    NoEpoch,
    /// The leader's log begins above it, and nothing was told while it was held here.
    NoWitness,
    /// The leader's log begins above a part of it, for which nothing speaks.
    Beneath {
        /// Up to where that part reaches.
        vouched_from: Offset,
        /// Up to where the witness speaks for it from its start on, if it does.
        witnessed_to: Option<Offset>,
    },
    /// What was told while it was held here begins above its start.
    WitnessAbove {
        /// From where on the witness speaks.
        from: Offset,
    },
    /// The leader's log begins above it, and what was told while it was held here ends below its end, or goes another way
    /// from there on.
    WitnessBelow {
        /// Up to where the witness speaks for it.
        bound: Offset,
    },
    /// The leader's log begins above it, and the bytes are not the ones that were held when a bound was told.
    WitnessOther {
        /// The epoch that the witness has at the range's last offset.
        witness: Option<LeaderEpoch>,
    },
    /// The tier ends inside a batch of it, and what is left of a batch cannot be stored.
    InsideBatch {
        /// Where the next batch begins.
        next: Offset,
    },
    /// It lacks what follows the tier's end, as a follower's log does that was cut inside a batch.
    Hole {
        /// Where the next batch begins.
        next: Offset,
    },
    /// The tier has a record of another epoch at an offset that the witness knows.
    TierContradicts {
        /// The offset.
        at: Offset,
    },
}

/// From where on `claimed` can be proven at all by a leader that holds its last record and whose log begins at `log_start`:
/// from where the witness knows all that lies below what the leader vouches for, else from there.
#[must_use]
pub(crate) fn provable_from(claimed: &Claimed<'_>, log_start: Offset, witness: Option<&Witness>) -> Offset {
    let vouched_from = claimed.vouched_from(log_start);
    let nothing = OffsetRange::EMPTY;
    let past = Past { epochs: claimed.epochs, witness, tier: &Lineage::empty(), span: nothing };
    match OffsetRange::new(claimed.range.start(), vouched_from) {
        Ok(beneath) if !beneath.is_empty() && past.proves(beneath).is_err() => {
            let starts = witness.iter().flat_map(|witness| witness.stretches());
            let starts = starts.filter_map(|stretch| Some(stretch.lineage.first()?.start));
            let proven = starts.filter(|start| {
                OffsetRange::new(*start, vouched_from).is_ok_and(|rest| {
                    !rest.is_empty() && beneath.contains(*start) && past.proves(rest).is_ok()
                })
            });
            proven.min().unwrap_or(vouched_from)
        }
        _ => claimed.range.start(),
    }
}

/// Whether `claimed` is proven by `bound`, which was asked after the last byte was read and with the range's last epoch, or
/// by `witness`. `tier` is the manifest's lineage, and `span` where it says what the tier has: its newest span, as nothing is
/// known of what lies in a gap.
pub fn prove(
    claimed: &Claimed<'_>,
    bound: &Bound,
    witness: Option<&Witness>,
    tier: &Lineage,
    span: OffsetRange,
) -> Result<Proof, Unproven> {
    let end = claimed.range.end();
    let above = Unproven::AboveBound { high_watermark: bound.high_watermark };
    let Some(epoch) = claimed.epochs.last().map(|last| last.epoch) else {
        return match claimed.from_leaders_log {
            true if end <= bound.high_watermark => Ok(Proof::Bound),
            true => Err(above),
            false => Err(Unproven::NoEpoch),
        };
    };
    let past = Past { epochs: claimed.epochs, witness, tier, span };
    if bound.vouches_for(epoch, end) {
        let vouched_from = claimed.vouched_from(bound.log_start);
        let Ok(beneath) = OffsetRange::new(claimed.range.start(), vouched_from) else {
            return Ok(Proof::Bound);
        };
        return match beneath.is_empty() || past.proves(beneath).is_ok() {
            true => Ok(Proof::Bound),
            false => Err(Unproven::Beneath { vouched_from, witnessed_to: past.reaches(beneath) }),
        };
    }
    match bound.epoch_end {
        Some(told) if told.epoch == epoch && told.end > bound.log_start && told.end >= end => Err(above),
        // Epochs rise with offsets. The range lies below all of the leader's log, so a leader that knows an epoch below the
        // range's has another history; only one that knows none at all, being empty, says nothing.
        Some(told) if end <= bound.log_start && told.epoch == epoch => past.proves(claimed.range),
        None if end <= bound.log_start && bound.log_start == bound.high_watermark => {
            past.proves(claimed.range)
        }
        told => Err(Unproven::OffLineage { leader: told.map(|t| t.epoch), end: told.map(|t| t.end) }),
    }
}

/// What speaks for bytes that no leader vouches for any more.
struct Past<'a> {
    /// The epochs of the bytes.
    epochs: &'a Lineage,
    witness: Option<&'a Witness>,
    tier: &'a Lineage,
    span: OffsetRange,
}

impl Past<'_> {
    /// Up to where `range` is proven from its start on: up to where a stretch was told committed, or where it goes another way.
    fn reaches(&self, range: OffsetRange) -> Option<Offset> {
        let part = |end: Offset| OffsetRange::new(range.start(), end).ok().filter(|part| !part.is_empty());
        let proven = |end: Offset| match self.proves(part(end)?) {
            Ok(_) => Some(end),
            Err(Unproven::WitnessBelow { bound }) if bound < end => {
                self.proves(part(bound)?).is_ok().then_some(bound)
            }
            Err(_) => None,
        };
        self.witness?.stretches().filter_map(|stretch| proven(stretch.bound.min(range.end()))).max()
    }

    /// Whether `range` was committed as it stands here: one stretch of the witness knows all of it, by the same epochs. What
    /// is refused by the stretch that knows most of its begin says what is missing.
    fn proves(&self, range: OffsetRange) -> Result<Proof, Unproven> {
        let witness = self.witness.ok_or(Unproven::NoWitness)?;
        let first = self.epochs.epoch_at(range.start());
        let speaks = |stretch: &&Stretch| first.is_some() && stretch.epoch_at(range.start()) == first;
        let mut refused = None;
        for stretch in witness.stretches().filter(speaks) {
            match self.proves_by(stretch, witness, range) {
                Ok(proof) => return Ok(proof),
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        match refused {
            Some(why) => Err(why),
            None => self.proves_by(&witness.newest, witness, range),
        }
    }

    fn proves_by(&self, stretch: &Stretch, witness: &Witness, range: OffsetRange) -> Result<Proof, Unproven> {
        if stretch.bound < range.end() {
            return Err(Unproven::WitnessBelow { bound: stretch.bound });
        }
        let last = before(range.end()).unwrap_or(range.start());
        match stretch.lineage.first() {
            Some(first) if first.start <= range.start() => {}
            first => return Err(Unproven::WitnessAbove { from: first.map_or(stretch.bound, |f| f.start) }),
        }
        let begins_alike = self.epochs.epoch_at(range.start()) == stretch.lineage.epoch_at(range.start());
        let parts = self.epochs.first_divergence(&stretch.lineage, range).map(|parts| parts.offset);
        if let Some(parts) = parts.filter(|parts| begins_alike && *parts > range.start()) {
            return Err(Unproven::WitnessBelow { bound: parts });
        }
        let same = begins_alike && parts.is_none();
        // What was told later of other records at the same offsets: an unclean election had taken these out of the log.
        let later = || witness.stretches().take_while(|other| *other != stretch);
        let parted = later().filter_map(|later| later.parts_from(stretch)).map(|at| at.offset).min();
        let parted = parted.filter(|at| *at < range.end());
        if let Some(parted) = parted.filter(|at| same && *at > range.start()) {
            return Err(Unproven::WitnessBelow { bound: parted });
        }
        if !same || parted.is_some() {
            let told = witness.stretches().find_map(|stretch| stretch.epoch_at(last));
            return Err(Unproven::WitnessOther { witness: told });
        }
        let shared = stretch.range().and_then(|known| known.intersection(self.span));
        match shared.and_then(|shared| stretch.lineage.first_divergence(self.tier, shared)) {
            Some(parted) => Err(Unproven::TierContradicts { at: parted.offset }),
            None => Ok(Proof::Witness),
        }
    }
}

/// The offset before `at`.
pub(crate) fn before(at: Offset) -> Option<Offset> {
    at.get().checked_sub(1).and_then(Offset::from_kafka)
}

impl Unproven {
    /// Whether waiting may be all that it takes.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Self::AboveBound { .. })
    }
}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AboveBound { high_watermark } => {
                write!(f, "they reach beyond the high watermark {high_watermark}")
            }
            Self::OffLineage { .. } => f.write_str("the leader's log went another way"),
            Self::NoEpoch => f.write_str("they carry no leader epoch and are not of the leader's own log"),
            Self::NoWitness => {
                f.write_str("the leader's log begins above them and no bound was told while they were held")
            }
            Self::Beneath { vouched_from, .. } => write!(
                f,
                "the leader's log does not reach down to what lies below {vouched_from}, and no bound was told while that was held"
            ),
            Self::WitnessAbove { from } => write!(
                f,
                "the leader's log begins above them and only what lies from {from} on was told committed while they were held"
            ),
            Self::WitnessBelow { bound } => write!(
                f,
                "the leader's log begins above them and only what lies below {bound} was told committed while they were held"
            ),
            Self::WitnessOther { .. } => {
                f.write_str("they are not the bytes that were held when a bound was told")
            }
            Self::InsideBatch { next } => {
                write!(f, "the tier ends inside a batch of them; the next begins at {next}")
            }
            Self::Hole { next } => {
                write!(f, "they have a hole from the tier's end on; the next batch begins at {next}")
            }
            Self::TierContradicts { at } => write!(f, "the tier has another record at offset {at}"),
        }
    }
}

#[cfg(test)]
mod tests;
