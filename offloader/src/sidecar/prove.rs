//! Whether bytes held here are committed records of the partition: a pure function.
//!
//! Leader epoch and offset name a record for good, and what lies below one record is the same in every log that holds it.
//! So it suffices to look at the last record of a range: if the leader's log holds that very record below its high
//! watermark, the whole range is proven. Where the leader's log no longer reaches down to it, what this sidecar was told
//! while it held the bytes, its *witness*, speaks, as far as nothing contradicts it.
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
use crate::host::Witness;

/// A stretch of log that is to be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// One past its last offset.
    pub end: Offset,
    /// The epoch of its last batch; `None` where that carries none.
    pub epoch: Option<LeaderEpoch>,
    /// Whether the broker beside us leads, and the bytes are of its own log.
    pub from_leaders_log: bool,
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
    /// The leader's log begins above it, and what was told while it was held here ends below its end.
    WitnessBelow {
        /// The witness' bound.
        bound: Offset,
    },
    /// The leader's log begins above it, and the bytes are not the ones that were held when a bound was told.
    WitnessOther {
        /// The epoch that the witness has at the range's last offset.
        witness: Option<LeaderEpoch>,
    },
    /// The tier has a record of another epoch at an offset that the witness knows.
    TierContradicts {
        /// The offset.
        at: Offset,
    },
}

/// Whether `claimed` is proven by `bound`, which was asked after the last byte was read and with the range's last epoch, or
/// by `witness`. `tier` is the manifest's lineage, which ends at `tier_end`.
pub fn prove(
    claimed: &Claimed,
    bound: &Bound,
    witness: Option<&Witness>,
    tier: &Lineage,
    tier_end: Offset,
) -> Result<Proof, Unproven> {
    let above = Unproven::AboveBound { high_watermark: bound.high_watermark };
    let Some(epoch) = claimed.epoch else {
        return match claimed.from_leaders_log {
            true if claimed.end <= bound.high_watermark => Ok(Proof::Bound),
            true => Err(above),
            false => Err(Unproven::NoEpoch),
        };
    };
    if bound.vouches_for(epoch, claimed.end) {
        return Ok(Proof::Bound);
    }
    match bound.epoch_end {
        Some(told) if told.epoch == epoch && told.end > bound.log_start && told.end >= claimed.end => {
            Err(above)
        }
        _ if claimed.end <= bound.log_start => by_witness(claimed, epoch, bound, witness, tier, tier_end),
        told => Err(Unproven::OffLineage { leader: told.map(|t| t.epoch), end: told.map(|t| t.end) }),
    }
}

fn by_witness(
    claimed: &Claimed,
    epoch: LeaderEpoch,
    bound: &Bound,
    witness: Option<&Witness>,
    tier: &Lineage,
    tier_end: Offset,
) -> Result<Proof, Unproven> {
    // Epochs rise with offsets. The range lies below all of the leader's log, so a leader that knows an epoch below the
    // range's has another history; only one that knows none at all, being empty, says nothing.
    match bound.epoch_end {
        Some(told) if told.epoch == epoch => {}
        None if bound.log_start == bound.high_watermark => {}
        told => {
            return Err(Unproven::OffLineage { leader: told.map(|t| t.epoch), end: told.map(|t| t.end) });
        }
    }
    let witness = witness.ok_or(Unproven::NoWitness)?;
    if witness.bound < claimed.end {
        return Err(Unproven::WitnessBelow { bound: witness.bound });
    }
    let there = before(claimed.end).and_then(|last| witness.lineage.epoch_at(last));
    if there != Some(epoch) {
        return Err(Unproven::WitnessOther { witness: there });
    }
    let shared = OffsetRange::new(Offset::ZERO, tier_end.min(witness.bound)).ok();
    match shared.and_then(|shared| witness.lineage.first_divergence(tier, shared)) {
        Some(parted) => Err(Unproven::TierContradicts { at: parted.offset }),
        None => Ok(Proof::Witness),
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
            Self::WitnessBelow { bound } => write!(
                f,
                "the leader's log begins above them and only what lies below {bound} was told committed while they were held"
            ),
            Self::WitnessOther { .. } => {
                f.write_str("they are not the bytes that were held when a bound was told")
            }
            Self::TierContradicts { at } => write!(f, "the tier has another record at offset {at}"),
        }
    }
}

#[cfg(test)]
mod tests;
