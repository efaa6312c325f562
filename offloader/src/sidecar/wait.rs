//! Why a partition's work does not go on, as an operator needs to read it.

use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::{LeaderEpoch, NodeId, Offset, OffsetRange};

use super::prove::Unproven;

/// Nothing is left undecided for longer.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Why nothing is done for a partition now. Pins stay in each case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitReason {
    /// Nothing is left to do.
    Idle,
    /// Something is held that is not due yet.
    NotDue {
        /// Sealed bytes that are not in the tier.
        bytes: u64,
        /// When the oldest becomes due.
        due_in: Duration,
    },
    /// The leader's sidecar uploads; this one keeps its pins meanwhile.
    Uploader {
        /// The broker that leads.
        leader: NodeId,
    },
    /// It has its turn as soon as others are through.
    Turn,
    /// The policy does not offload the topic.
    Off(OffReason),
    /// An operator has paused the topic.
    Paused,
    /// No leader is known.
    Leader,
    /// What is committed is not known.
    Bound(BoundReason),
    /// The store did not do what was asked of it; it is tried again.
    Store {
        /// What it said.
        error: Arc<str>,
    },
    /// The topic is encrypted, and its key cannot be had: nothing of it is uploaded meanwhile.
    Key {
        /// Why, naming the key.
        error: Arc<str>,
    },
    /// The log could not be read; it is tried again.
    Disk {
        /// What went wrong, naming the place.
        error: Arc<str>,
    },
    /// The rate limit is used up.
    Rate,
    /// The rate of claims is used up.
    ClaimRate,
    /// Records between the tier's end and all that is held here are with nobody so far.
    Pending {
        /// Which ones.
        missing: OffsetRange,
        /// How long they have been asked for; a gap is recorded after `gap_wait`.
        wanted_for: Duration,
    },
    /// A later leader has claimed the partition; Metadata has not told yet.
    Fenced {
        /// The epoch of the claim.
        claimed: LeaderEpoch,
    },
    /// The log is damaged, and nothing beyond the place may be taken.
    Damaged {
        /// What is damaged, naming the place.
        error: Arc<str>,
    },
    /// An operator must decide.
    Operator(OperatorReason),
}

/// Why a topic is not offloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffReason {
    /// Its policy says so.
    Policy,
    /// It is Kafka's own, and those are not asked for.
    Internal,
    /// It is compacted, and its policy does not ask for it.
    Compacted,
    /// The broker tiers it itself (`remote.storage.enable`), or its manifest belongs to a broker's plugin.
    Plugin,
    /// It is not yet known whether it is compacted or tiered by the broker.
    Unknown,
}

/// Why a bound is missing or does not suffice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoundReason {
    /// It will be asked.
    NotAsked,
    /// The leader did not answer.
    Unavailable(Arc<str>),
    /// We may not ask.
    Denied(Arc<str>),
    /// What is held reaches beyond what is committed.
    Above {
        /// The end of what is to be taken.
        end: Offset,
        /// The bound.
        high_watermark: Offset,
    },
}

/// What an operator must decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorReason {
    /// The leader's log lacks more of the tier than may be cut unasked.
    CutTooLarge {
        /// Where the two part.
        at: Offset,
        /// The share of the tier's bytes above it, in thousandths.
        permille: u32,
    },
    /// The leader's log begins where, or above where, the tier would have to be cut.
    CutBelowLogStart {
        /// Where the two part, at the highest.
        at: Offset,
        /// Where the leader's log begins.
        log_start: Offset,
    },
    /// Where the tier and the leader's log part cannot be told.
    PartsUnknown,
    /// Bytes are held at the tier's end that nobody can vouch for.
    Unproven {
        /// The end of what is held.
        end: Offset,
        /// Why it is not proven.
        why: Unproven,
    },
    /// The log held here does not continue the tier, although the leader's does.
    OtherHistory {
        /// Where the tier ends.
        tier_end: Offset,
    },
    /// More topics than may be deleted unasked are unknown to the brokers.
    ManyTopicsGone {
        /// How many.
        topics: usize,
    },
    /// The manifest says that the topic is deleted, and the brokers know it.
    MarkedDeleted,
    /// The manifest cannot be believed.
    Manifest {
        /// What is wrong.
        error: Arc<str>,
    },
    /// The store or the brokers refuse for a reason that does not pass by itself.
    Refused {
        /// What was said.
        error: Arc<str>,
    },
}

impl WaitReason {
    /// The reason's name: stable, one per reason.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::NotDue { .. } => "not-due",
            Self::Uploader { .. } => "uploader",
            Self::Turn => "turn",
            Self::Off(reason) => reason.name(),
            Self::Paused => "paused",
            Self::Leader => "leader",
            Self::Bound(reason) => reason.name(),
            Self::Store { .. } => "store",
            Self::Key { .. } => "key",
            Self::Disk { .. } => "disk",
            Self::Rate => "rate",
            Self::ClaimRate => "claim-rate",
            Self::Pending { .. } => "pending",
            Self::Fenced { .. } => "fenced",
            Self::Damaged { .. } => "damaged",
            Self::Operator(reason) => reason.name(),
        }
    }

    /// The code under which the guide explains the reason; stable.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Idle => "FIRN-O100",
            Self::NotDue { .. } => "FIRN-O101",
            Self::Uploader { .. } => "FIRN-O102",
            Self::Turn => "FIRN-O103",
            Self::Off(OffReason::Policy) => "FIRN-O110",
            Self::Off(OffReason::Internal) => "FIRN-O111",
            Self::Off(OffReason::Compacted) => "FIRN-O112",
            Self::Off(OffReason::Plugin) => "FIRN-O113",
            Self::Off(OffReason::Unknown) => "FIRN-O114",
            Self::Paused => "FIRN-O120",
            Self::Leader => "FIRN-O200",
            Self::Bound(BoundReason::NotAsked) => "FIRN-O210",
            Self::Bound(BoundReason::Unavailable(_)) => "FIRN-O211",
            Self::Bound(BoundReason::Denied(_)) => "FIRN-O212",
            Self::Bound(BoundReason::Above { .. }) => "FIRN-O213",
            Self::Store { .. } => "FIRN-O220",
            Self::Key { .. } => "FIRN-O221",
            Self::Disk { .. } => "FIRN-O230",
            Self::Rate => "FIRN-O240",
            Self::ClaimRate => "FIRN-O241",
            Self::Fenced { .. } => "FIRN-O250",
            Self::Pending { .. } => "FIRN-O300",
            Self::Damaged { .. } => "FIRN-O400",
            Self::Operator(OperatorReason::CutTooLarge { .. }) => "FIRN-O500",
            Self::Operator(OperatorReason::CutBelowLogStart { .. }) => "FIRN-O501",
            Self::Operator(OperatorReason::PartsUnknown) => "FIRN-O502",
            Self::Operator(OperatorReason::Unproven { .. }) => "FIRN-O503",
            Self::Operator(OperatorReason::OtherHistory { .. }) => "FIRN-O504",
            Self::Operator(OperatorReason::ManyTopicsGone { .. }) => "FIRN-O505",
            Self::Operator(OperatorReason::Manifest { .. }) => "FIRN-O506",
            Self::Operator(OperatorReason::Refused { .. }) => "FIRN-O507",
            Self::Operator(OperatorReason::MarkedDeleted) => "FIRN-O508",
        }
    }

    /// The number of [`WaitReason::Pending`], by which other sidecars see in a summary that something is asked for.
    pub(super) fn pending_number() -> NonZeroU16 {
        let nothing = OffsetRange::new(Offset::ZERO, Offset::ZERO).expect("an empty range is not backwards");
        Self::Pending { missing: nothing, wanted_for: Duration::ZERO }.number()
    }

    /// The code's number: what a summary carries.
    #[must_use]
    pub fn number(&self) -> NonZeroU16 {
        let digits = self.code().trim_start_matches("FIRN-O");
        digits.parse().expect("every code is FIRN-O and three digits that are not all zero")
    }

    /// When it is worth deciding again although nothing was told meanwhile.
    pub(super) fn look_again_in(&self) -> Duration {
        let soon = Duration::from_secs(1);
        match self {
            Self::NotDue { due_in, .. } => (*due_in).clamp(soon, LOOK_AGAIN),
            Self::Bound(_) | Self::Turn | Self::Rate | Self::ClaimRate | Self::Fenced { .. } => soon,
            _ => LOOK_AGAIN,
        }
    }

    /// How bad it is: higher needs a person sooner. `status` lists by it.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Operator(_) | Self::Damaged { .. } => Severity::Operator,
            Self::Pending { .. } => Severity::AtRisk,
            Self::Leader
            | Self::Bound(BoundReason::Unavailable(_) | BoundReason::Denied(_))
            | Self::Store { .. }
            | Self::Key { .. }
            | Self::Disk { .. } => Severity::Trouble,
            Self::Rate
            | Self::ClaimRate
            | Self::Fenced { .. }
            | Self::Bound(_)
            | Self::Turn
            | Self::Paused => Severity::Held,
            Self::Idle | Self::NotDue { .. } | Self::Uploader { .. } | Self::Off(_) => Severity::Fine,
        }
    }
}

/// How bad a reason is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// As it should be.
    Fine,
    /// Held up on purpose, or for a moment.
    Held,
    /// Something does not answer; it is tried again.
    Trouble,
    /// Records may be lost when nothing changes.
    AtRisk,
    /// Nothing goes on until somebody decides.
    Operator,
}

impl OffReason {
    const fn name(self) -> &'static str {
        match self {
            Self::Policy => "off",
            Self::Internal => "off-internal",
            Self::Compacted => "off-compacted",
            Self::Plugin => "off-plugin",
            Self::Unknown => "off-unknown",
        }
    }
}

impl BoundReason {
    const fn name(&self) -> &'static str {
        match self {
            Self::NotAsked => "bound",
            Self::Unavailable(_) => "bound-unavailable",
            Self::Denied(_) => "bound-denied",
            Self::Above { .. } => "bound-above",
        }
    }
}

impl OperatorReason {
    const fn name(&self) -> &'static str {
        match self {
            Self::CutTooLarge { .. } => "operator-cut-too-large",
            Self::CutBelowLogStart { .. } => "operator-cut-below-log-start",
            Self::PartsUnknown => "operator-parts-unknown",
            Self::Unproven { .. } => "operator-unproven",
            Self::OtherHistory { .. } => "operator-other-history",
            Self::ManyTopicsGone { .. } => "operator-many-topics-gone",
            Self::MarkedDeleted => "operator-marked-deleted",
            Self::Manifest { .. } => "operator-manifest",
            Self::Refused { .. } => "operator-refused",
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("nothing to do"),
            Self::NotDue { bytes, due_in } => {
                write!(f, "{bytes} sealed bytes are due in {} s", due_in.as_secs())
            }
            Self::Uploader { leader } => write!(f, "the sidecar of broker {leader}, which leads, uploads"),
            Self::Turn => f.write_str("waits for its turn"),
            Self::Off(OffReason::Policy) => f.write_str("its policy does not offload it"),
            Self::Off(OffReason::Internal) => f.write_str("an internal topic; not asked for"),
            Self::Off(OffReason::Compacted) => {
                f.write_str("a compacted topic; its policy does not ask for it")
            }
            Self::Off(OffReason::Plugin) => f.write_str("the broker's plugin tiers it"),
            Self::Off(OffReason::Unknown) => f.write_str("its settings are not known yet"),
            Self::Paused => f.write_str("paused; pins are kept"),
            Self::Leader => f.write_str("no leader is known"),
            Self::Bound(BoundReason::NotAsked) => f.write_str("the commit bound is not known yet"),
            Self::Bound(BoundReason::Unavailable(error)) => write!(f, "the leader tells no bound: {error}"),
            Self::Bound(BoundReason::Denied(error)) => {
                write!(f, "the leader refuses to tell a bound: {error}")
            }
            Self::Bound(BoundReason::Above { end, high_watermark }) => {
                write!(f, "offsets up to {end} are not committed yet; the high watermark is {high_watermark}")
            }
            Self::Store { error } => write!(f, "the store: {error}"),
            Self::Key { error } => write!(f, "no key to encrypt with: {error}"),
            Self::Disk { error } => write!(f, "the log cannot be read: {error}"),
            Self::Rate => f.write_str("the rate limit is used up"),
            Self::ClaimRate => f.write_str("the rate of claims is used up"),
            Self::Pending { missing, wanted_for } => write!(
                f,
                "records {missing} are not held here; asked of the other replicas for {} s",
                wanted_for.as_secs()
            ),
            Self::Fenced { claimed } => write!(f, "a leader of epoch {claimed} has claimed the partition"),
            Self::Damaged { error } => write!(f, "damage in the log: {error}"),
            Self::Operator(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for OperatorReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutTooLarge { at, permille } => write!(
                f,
                "the leader's log goes another way from offset {at}; cutting the tier there takes {}.{} % of it out, \
                 which needs a word: firnline repair cut",
                permille / 10,
                permille % 10
            ),
            Self::CutBelowLogStart { at, log_start } => write!(
                f,
                "the leader's log begins at {log_start} and lacks what the tier has from {at} or below; \
                 an empty replica may have won an election: firnline repair cut"
            ),
            Self::PartsUnknown => {
                f.write_str("where the tier and the leader's log part cannot be told: firnline repair cut")
            }
            Self::Unproven { end, why } => {
                write!(f, "bytes up to offset {end} are held at the tier's end, but {why}")
            }
            Self::OtherHistory { tier_end } => write!(
                f,
                "the log held here was truncated below offset {tier_end}, where the tier ends, and written anew"
            ),
            Self::ManyTopicsGone { topics } => write!(
                f,
                "the brokers know {topics} topics no more, too many to believe it: firnline policy confirm-deleted TOPIC@ID"
            ),
            Self::MarkedDeleted => f.write_str(
                "the tier has the topic marked as deleted, and the brokers know it: firnline repair undelete",
            ),
            Self::Manifest { error } => write!(f, "the manifest cannot be believed: {error}"),
            Self::Refused { error } => write!(f, "refused: {error}"),
        }
    }
}
