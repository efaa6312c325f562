//! How far the tier's start may rise: pure functions over a manifest's oldest entries.

use std::time::Duration;

use firnline_index::manifest::Entry;
use firnline_index::topic::TierRetention;
use firnline_index::{Offset, TimestampMs};

use super::Share;
use crate::cluster::Clocks;

/// How long and how much is kept; no limit keeps everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Milliseconds after which a segment may go.
    pub ms: Option<u64>,
    /// Bytes of a partition's log: the oldest segment may go where what is left has as many or more.
    pub bytes: Option<u64>,
}

impl Limits {
    /// The limits of a topic's object.
    #[must_use]
    pub fn of(retention: Option<&TierRetention>) -> Self {
        retention.map_or_else(Self::default, |r| Self { ms: r.ms, bytes: r.bytes })
    }

    /// Whether everything is kept.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.ms.is_none() && self.bytes.is_none()
    }
}

/// What a run does to one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetentionDecision {
    /// Nothing may go.
    Keep,
    /// The tier's start may rise.
    Retire {
        /// The new tier start: where the first segment that stays begins, or the tier's end.
        to: Offset,
        /// How many segments go.
        segments: u64,
        /// Their raw bytes.
        log_bytes: u64,
        /// Their stored bytes.
        object_bytes: u64,
        /// Whether more could go, but for the share.
        more: bool,
    },
    /// Nothing is decided: what is known contradicts itself.
    Refuse(RetentionRefusal),
}

/// Why nothing is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RetentionRefusal {
    /// Our clock and the store's are too far apart.
    #[error(
        "this machine's clock says {} and the store's {}: too far apart to tell what is old; set the clock right",
        .clocks.ours, .clocks.store
    )]
    ClocksApart {
        /// The two clocks.
        clocks: Clocks,
    },
    /// The newest segment was committed after now.
    #[error(
        "the newest segment was committed at {newest}, after now ({now}): a clock here or at its writer is wrong"
    )]
    CommittedLater {
        /// When it was committed.
        newest: TimestampMs,
        /// What time it is.
        now: TimestampMs,
    },
    /// The topic is paused.
    #[error("the topic is paused")]
    Paused,
    /// The manifest belongs to a broker with KIP-405.
    #[error("the manifest belongs to a broker with KIP-405, which deletes by itself")]
    NotOurs,
}

/// Refuses to tell what is old where the clocks contradict each other or what was committed.
pub(super) fn believe(
    clocks: Clocks,
    newest: Option<TimestampMs>,
    skew: Duration,
) -> Result<TimestampMs, RetentionRefusal> {
    if clocks.apart() > skew {
        return Err(RetentionRefusal::ClocksApart { clocks });
    }
    let now = clocks.earlier();
    let slack = i64::try_from(skew.as_millis()).unwrap_or(i64::MAX);
    match newest {
        Some(newest) if newest.get() > now.get().saturating_add(slack) => {
            Err(RetentionRefusal::CommittedLater { newest, now })
        }
        _ => Ok(now),
    }
}

/// A walk over a partition's live entries from the oldest on, which ends at the first that must stay. It needs no more
/// entries than it takes and one: pages behind those are not read.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    limits: Limits,
    now: TimestampMs,
    /// What the run may take.
    allowed: u64,
    /// Raw bytes of live entries that have not been taken yet.
    left: u64,
    segments: u64,
    log_bytes: u64,
    object_bytes: u64,
    /// Where the first that stays begins, once it is known.
    to: Option<Offset>,
    more: bool,
}

impl Walk {
    /// `live` are the raw bytes of all live entries: what is named by the manifest, at or above the tier's start, each once.
    pub(super) fn new(limits: Limits, now: TimestampMs, live: u64, share: Share) -> Self {
        let allowed = share.part_of(live);
        let (segments, log_bytes, object_bytes) = (0, 0, 0);
        Self { limits, now, allowed, left: live, segments, log_bytes, object_bytes, to: None, more: false }
    }

    /// Takes the next live entry; gives whether the walk goes on.
    pub(super) fn take(&mut self, entry: &Entry) -> bool {
        if self.to.is_some() {
            return false;
        }
        let bytes = entry.log_bytes.get();
        if !self.may_go(entry) {
            self.to = Some(entry.range.start());
            return false;
        }
        // One segment may always go: a share of a partition that has a few large ones is less than any of them.
        if self.segments > 0 && self.log_bytes.saturating_add(bytes) > self.allowed {
            self.to = Some(entry.range.start());
            self.more = true;
            return false;
        }
        self.segments += 1;
        self.log_bytes = self.log_bytes.saturating_add(bytes);
        self.object_bytes = self.object_bytes.saturating_add(entry.location.length.get());
        self.left = self.left.saturating_sub(bytes);
        true
    }

    /// Ends the walk: more may go, but not in this run.
    pub(super) fn stop_before(&mut self, entry: &Entry) {
        if self.to.is_none() {
            self.to = Some(entry.range.start());
            self.more = true;
        }
    }

    /// Whether the entry is too old, or there is enough without it.
    fn may_go(&self, entry: &Entry) -> bool {
        // The later of both: records that were written with an old time, and old records that were tiered late, are kept as
        // long as if they were new.
        let born = entry.max_timestamp.map_or(entry.committed_at, |newest| newest.max(entry.committed_at));
        let age = self.now.get().checked_sub(born.get()).and_then(|age| u64::try_from(age).ok());
        let too_old = age.zip(self.limits.ms).is_some_and(|(age, limit)| age > limit);
        let without = self.left.checked_sub(entry.log_bytes.get());
        let too_much = without.zip(self.limits.bytes).is_some_and(|(without, limit)| without >= limit);
        too_old || too_much
    }

    /// What is decided. `tier_end` is where the tier starts if nothing stays.
    pub(super) fn finish(self, tier_end: Offset) -> RetentionDecision {
        if self.segments == 0 {
            return RetentionDecision::Keep;
        }
        let Self { segments, log_bytes, object_bytes, more, .. } = self;
        RetentionDecision::Retire { to: self.to.unwrap_or(tier_end), segments, log_bytes, object_bytes, more }
    }
}

/// The whole decision for a partition whose live entries are all at hand, oldest first.
#[must_use]
pub fn decide(
    live: &[Entry],
    tier_end: Offset,
    limits: Limits,
    clocks: Clocks,
    skew: Duration,
    share: Share,
) -> RetentionDecision {
    let newest = live.iter().map(|entry| entry.committed_at).max();
    let now = match believe(clocks, newest, skew) {
        Ok(now) => now,
        Err(refusal) => return RetentionDecision::Refuse(refusal),
    };
    let bytes = live.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.log_bytes.get()));
    let mut walk = Walk::new(limits, now, bytes, share);
    for entry in live {
        if !walk.take(entry) {
            break;
        }
    }
    walk.finish(tier_end)
}
