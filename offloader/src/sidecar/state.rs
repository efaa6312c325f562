//! What a sidecar remembers between two rounds: about a kilobyte for a partition, besides what the host holds anyway.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::manifest::ManifestKind;
use firnline_index::summary::TierMarks;
use firnline_index::{Offset, PartitionIndex, TimestampMs, TopicId, TopicIdPartition};
use tokio::time::Instant;

use super::act::Trouble;
use super::bucket::Bucket;
use super::compared::Compared;
use super::gone::{GoneRanges, GoneUnheld};
use super::pace::Rate;
use super::prove::Unproven;
use super::settings::SidecarSettings;
use super::status::Counts;
use super::topic::Topic;
use super::turns::Turns;
use super::verdict::{Hollow, Verdict};
use super::view::{Digest, Given, Known, Limits, View};
use super::wait::{BoundReason, WaitReason};
use crate::cluster::{Bound, Leader, OpenProducer};
use crate::host::{HeldPartition, Presence, Witness};

/// After so long pins that were kept are looked at once more though their manifest is the same: what could not be read of
/// them then may be readable.
const KEPT_FOR: Duration = Duration::from_secs(3600);

/// All of it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) slots: BTreeMap<TopicIdPartition, Slot>,
    /// What was remembered of partitions that were not seen yet.
    pub(super) recalled: BTreeMap<TopicIdPartition, Witness>,
    /// What gave way of partitions that are not held.
    pub(super) gone: GoneUnheld,
    pub(super) topics: BTreeMap<TopicId, Topic>,
    pub(super) pressure: bool,
    pub(super) host_error: Option<Arc<str>>,
    pub(super) cluster_error: Option<Arc<str>>,
    pub(super) counts: Counts,
    /// Raised with each turn that a partition gets; the lowest goes first.
    pub(super) turn: u64,
    pub(super) turns: Turns,
    /// Whether the other sidecars' summaries were read once, so that what they tell need not be read from each manifest.
    pub(super) heard: bool,
    /// Whether no sidecar of a smaller node id has told of itself lately: what one does for all, this one does.
    pub(super) smallest_node: bool,
    /// Whether leaders are to be looked up before their time.
    pub(super) leaders_stale: bool,
    pub(super) claims: Bucket,
    pub(super) bytes: Option<Rate>,
    /// Uploads under way in a place of their own.
    pub(super) paced: usize,
}

/// One partition.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) held: Arc<HeldPartition>,
    /// Whether the last look saw it.
    pub(super) seen: bool,
    /// Since when the host holds nothing of it.
    pub(super) absent_since: Option<Instant>,
    pub(super) leader: Option<Leader>,
    pub(super) bound: Option<Bound>,
    pub(super) bound_error: Option<BoundReason>,
    /// A bound is needed to go on.
    pub(super) wants_bound: bool,
    /// Something was written since the witness was taken.
    pub(super) grown: bool,
    pub(super) witness: Option<Witness>,
    pub(super) tier: TierKnown,
    pub(super) known_at: Instant,
    pub(super) tier_moved_at: Instant,
    pub(super) wanted_since: Option<Instant>,
    pub(super) committed_at: Option<Instant>,
    /// Since when committed records are known that the tier lacks.
    pub(super) exposed_since: Option<Instant>,
    /// What came of comparing the tier with the leader's log.
    pub(super) comparison: Option<Compared>,
    /// In which generation pins below the tier's end were looked at last, and when.
    pub(super) kept: Option<(u64, Instant)>,
    pub(super) verdicts: Vec<Verdict>,
    /// Where no batch was found.
    pub(super) hollow: Option<Hollow>,
    /// What pins held that gave way.
    pub(super) gave_way: GoneRanges,
    pub(super) retry: Retry,
    pub(super) wait: WaitReason,
    pub(super) acting: bool,
    /// It has something to do.
    pub(super) wants_turn: bool,
    /// It goes before others.
    pub(super) urgent: bool,
    pub(super) acted: u64,
    /// To be decided again.
    pub(super) dirty: bool,
    pub(super) wake_at: Instant,
    pub(super) last_error: Option<Arc<str>>,
    pub(super) hanging: Vec<OpenProducer>,
    /// Another sidecar tells that it waits for what may be here.
    pub(super) asked_for: bool,
    /// The stable offset when it was asked last, and since when it has been that.
    pub(super) stable: Option<(Offset, Instant)>,
    /// When its background work has its next turn.
    pub(super) duty_at: Option<Instant>,
    /// When what nothing names of it is collected next.
    pub(super) gc_at: Option<Instant>,
    /// Where the next collection begins.
    pub(super) gc_after: Option<String>,
    /// Since when it has waited as it does.
    pub(super) wait_since: TimestampMs,
    /// This partition's share of every jitter, in thousandths.
    pub(super) jitter_permille: u32,
}

/// What is known of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TierKnown {
    Nothing,
    Absent,
    Present(Box<Digest>),
}

/// When a partition that failed is tried again.
#[derive(Debug, Default)]
pub(super) struct Retry {
    pub(super) failures: u32,
    pub(super) until: Option<Instant>,
}

impl State {
    pub(super) fn new(settings: &SidecarSettings, now: Instant) -> Self {
        Self {
            slots: BTreeMap::new(),
            recalled: BTreeMap::new(),
            gone: GoneUnheld::default(),
            topics: BTreeMap::new(),
            pressure: false,
            host_error: None,
            cluster_error: None,
            counts: Counts::default(),
            turn: 0,
            turns: Turns::none(now),
            heard: false,
            smallest_node: false,
            leaders_stale: false,
            claims: Bucket::new(settings.claim_rate.max(1).into(), now),
            bytes: settings.bytes_per_second.map(|rate| Rate::new(rate, now)),
            paced: 0,
        }
    }

    /// The partitions of a topic, without a look at all others.
    pub(super) fn slots_of(&mut self, id: TopicId) -> impl Iterator<Item = (&TopicIdPartition, &mut Slot)> {
        let name = self.topics.get(&id).map(|topic| topic.name.clone());
        let first =
            name.map(|topic| TopicIdPartition { topic, topic_id: id, partition: PartitionIndex::ZERO });
        let from_first = first.map(|first| self.slots.range_mut(first..));
        from_first.into_iter().flatten().take_while(move |(tip, _)| tip.topic_id == id)
    }

    /// The topic of a partition, made known if it was not.
    pub(super) fn topic(
        &mut self,
        tip: &TopicIdPartition,
        settings: &SidecarSettings,
        now: Instant,
    ) -> &mut Topic {
        self.topics.entry(tip.topic_id).or_insert_with(|| Topic::new(tip.topic.clone(), settings, now))
    }
}

impl Slot {
    pub(super) fn new(held: Arc<HeldPartition>, jitter_permille: u32, now: Instant) -> Self {
        Self {
            held,
            seen: true,
            absent_since: None,
            leader: None,
            bound: None,
            bound_error: None,
            wants_bound: false,
            grown: true,
            witness: None,
            tier: TierKnown::Nothing,
            known_at: now,
            tier_moved_at: now,
            wanted_since: None,
            committed_at: None,
            exposed_since: None,
            comparison: None,
            kept: None,
            verdicts: Vec::new(),
            hollow: None,
            gave_way: GoneRanges::default(),
            retry: Retry::default(),
            wait: WaitReason::Idle,
            acting: false,
            wants_turn: false,
            urgent: false,
            acted: 0,
            dirty: true,
            wake_at: now,
            last_error: None,
            hanging: Vec::new(),
            asked_for: false,
            stable: None,
            duty_at: None,
            gc_at: None,
            gc_after: None,
            wait_since: TimestampMs::ZERO,
            jitter_permille,
        }
    }

    /// Takes what the host told.
    pub(super) fn hold(&mut self, held: &Arc<HeldPartition>) {
        self.absent_since = None;
        if !Arc::ptr_eq(&self.held, held) {
            let sole = |held: &HeldPartition| {
                held.chains.iter().flat_map(|chain| &chain.files).filter(|file| file.sole_link).count()
            };
            if sole(&self.held) != sole(held) {
                self.kept = None;
            }
            self.held = Arc::clone(held);
            self.grown = true;
            self.dirty = true;
        }
    }

    /// Nothing is held any more.
    pub(super) fn empty(&mut self) {
        if !self.held.chains.is_empty() || self.held.unread.is_some() {
            let nothing = HeldPartition {
                tip: self.held.tip.clone(),
                presence: Presence::Gone,
                chains: Vec::new(),
                unread: None,
            };
            self.held = Arc::new(nothing);
            self.dirty = true;
        }
    }

    /// Takes who leads. Metadata may be old: an epoch that goes back is not believed.
    pub(super) fn lead(&mut self, leader: Option<Leader>) {
        if let (Some(known), Some(told)) = (self.leader, leader)
            && told.epoch < known.epoch
        {
            return;
        }
        if self.leader != leader {
            self.leader = leader;
            self.bound = None;
            self.bound_error = None;
            self.wanted_since = None;
            self.hanging.clear();
            self.stable = None;
            self.grown = true;
            self.dirty = true;
            // A leader vouches for what an epoch before its own wrote only as long as its log has a record of it.
            self.wants_bound = leader.is_some();
        }
    }

    /// Takes what was read of the manifest.
    pub(super) fn know(&mut self, digest: Option<Digest>, now: Instant) {
        let end = |tier: &TierKnown| match tier {
            TierKnown::Present(digest) => Some(digest.tier_end),
            TierKnown::Absent | TierKnown::Nothing => None,
        };
        let known = digest.map_or(TierKnown::Absent, |digest| TierKnown::Present(Box::new(digest)));
        if self.tier == TierKnown::Nothing || end(&self.tier) != end(&known) {
            self.tier_moved_at = now;
            self.wanted_since = None;
        }
        let moved = end(&self.tier) != end(&known);
        self.tier = known;
        self.forget_another_tier();
        self.known_at = now;
        self.asked_for = false;
        self.dirty = true;
        self.expose(moved, now);
    }

    /// Takes note since when the tier lacks something that is committed. Where its end has just moved and lacks something
    /// still, that was written since the upload began at the earliest.
    pub(super) fn expose(&mut self, moved: bool, now: Instant) {
        let end = self.digest().map(|digest| digest.tier_end);
        let lacks = self.bound.is_some_and(|bound| end.is_none_or(|end| bound.high_watermark > end));
        self.exposed_since = match self.exposed_since {
            Some(since) if lacks && !moved => Some(since),
            _ => lacks.then_some(now),
        };
    }

    /// Takes what a summary tells of the tier, where it is newer. It tells no claims and no writer: nothing is done on it
    /// before the manifest is read.
    pub(super) fn hear(&mut self, marks: TierMarks, now: Instant) {
        let known = match &self.tier {
            TierKnown::Present(digest) => Some(digest.generation),
            TierKnown::Absent | TierKnown::Nothing => None,
        };
        if known.is_some_and(|known| known >= marks.generation) {
            return;
        }
        if self.digest().is_none_or(|digest| digest.tier_end != marks.tier_end) {
            self.tier_moved_at = now;
            self.wanted_since = None;
        }
        let TierMarks { generation, tier_start, serving_start, tier_end } = marks;
        let older = self.digest().cloned();
        self.tier = TierKnown::Present(Box::new(Digest {
            generation,
            kind: ManifestKind::Sidecar,
            tier_start,
            serving_start,
            tier_end,
            claim: None,
            writer_epoch: None,
            last_epoch: None,
            deleted: older.as_ref().and_then(|older| older.deleted),
            pieces: None,
            gaps: older.as_ref().map_or(0, |older| older.gaps),
            dead_branches: older.as_ref().map_or(0, |older| older.dead_branches),
        }));
        self.known_at = now;
        self.dirty = true;
    }

    /// Notes that knowledge of the manifest is out of date.
    pub(super) fn doubt_tier(&mut self) {
        self.tier = TierKnown::Nothing;
        self.dirty = true;
    }

    pub(super) fn digest(&self) -> Option<&Digest> {
        match &self.tier {
            TierKnown::Present(digest) => Some(digest),
            TierKnown::Absent | TierKnown::Nothing => None,
        }
    }

    /// Takes what is remembered of the log now. Where it speaks of more than before, what it did not speak for is asked again.
    pub(super) fn remembers(&mut self, witness: Witness) {
        let known = self.witness.as_ref();
        let joined = known.is_none_or(|known| {
            known.newest.lineage.first() != witness.newest.lineage.first() || known.older != witness.older
        });
        let bound = known.map(|known| known.newest.bound);
        self.verdicts.retain(|verdict| match verdict.why {
            Unproven::WitnessBelow { bound: known } => !joined && Some(known) != bound,
            Unproven::Beneath { .. }
            | Unproven::NoWitness
            | Unproven::WitnessAbove { .. }
            | Unproven::WitnessOther { .. } => !joined,
            Unproven::AboveBound { .. }
            | Unproven::OffLineage { .. }
            | Unproven::NoEpoch
            | Unproven::InsideBatch { .. }
            | Unproven::Hole { .. }
            | Unproven::TierContradicts { .. } => true,
        });
        self.witness = Some(witness);
        self.dirty = true;
    }

    /// What a decision is made from.
    pub(super) fn view<'a>(&'a self, given: &Given<'a>) -> View<'a> {
        let settings = given.settings;
        let since = |at: Instant| given.at.saturating_duration_since(at);
        let jitter = |limit: Duration| limit.saturating_mul(self.jitter_permille) / 1000;
        View {
            now: given.now,
            node: given.node,
            standing: given.standing,
            held: given.held,
            tier: match &self.tier {
                TierKnown::Nothing => Known::Nothing,
                TierKnown::Absent => Known::Absent,
                TierKnown::Present(digest) => Known::Present(digest),
            },
            fresh: given.fresh,
            known_for: since(self.known_at),
            asked_for: self.asked_for,
            kept: self.kept.is_some_and(|(generation, at)| {
                let same = self.digest().map_or(generation == 0, |digest| digest.generation == generation);
                same && since(at) < KEPT_FOR
            }),
            leader: self.leader,
            bound: self.bound,
            comparison: self.comparison().filter(|_| self.leader.is_some()),
            policy: given.policy,
            pressure: given.pressure,
            witness_bound: self.witness.as_ref().map(Witness::committed_to),
            // Nobody could bring anything while the store was down, so that what did not come then says nothing of them.
            stood_still: since(self.tier_moved_at).min(given.store_well_for),
            wanted_for: self.wanted_since.map_or(Duration::ZERO, since).min(given.store_well_for),
            since_commit: self.committed_at.map(since),
            limits: Limits {
                takeover_after: settings.takeover_wait.saturating_add(jitter(settings.takeover_wait / 2)),
                gap_wait: settings.gap_wait,
                early_permille: self.jitter_permille / 8,
                cut_share_permille: settings.cut_share_permille,
                manifest_interval: settings.manifest_interval,
            },
        }
    }

    /// Notes how a turn ended. `jitter_permille` is drawn anew, so that many that fail together do not try again together.
    pub(super) fn settle(
        &mut self,
        ended: Result<WaitReason, Trouble>,
        settings: &SidecarSettings,
        jitter_permille: u64,
        now: Instant,
    ) {
        match ended {
            Ok(wait) => {
                self.retry = Retry::default();
                self.last_error = None;
                self.dirty |= wait == WaitReason::Turn;
                self.wake_at = now + wait.look_again_in();
                self.waits(wait, now);
            }
            Err(trouble) => {
                let limited = matches!(trouble.wait, WaitReason::Rate | WaitReason::ClaimRate);
                if !limited {
                    self.retry.failures = self.retry.failures.saturating_add(1);
                }
                // What another sidecar has to do first is waited for like a failure, and is none.
                if !limited && !matches!(trouble.wait, WaitReason::Uploader { .. }) {
                    tracing::warn!(
                        tip = %self.held.tip, failures = self.retry.failures, error = %trouble.error, "a turn failed"
                    );
                    self.last_error = Some(trouble.error);
                }
                let doublings = self.retry.failures.saturating_sub(1).min(16);
                let pause = settings.retry_pause.saturating_mul(1 << doublings).min(settings.retry_pause_max);
                let share = u32::try_from(500 + jitter_permille / 2).unwrap_or(1000);
                self.retry.until =
                    Some(now + if limited { settings.tick } else { pause.saturating_mul(share) / 1000 });
                self.dirty = true;
                self.waits(trouble.wait, now);
            }
        }
    }

    /// Notes why it waits. The wait for what is asked of others begins when nothing but them is waited for; a restart, another
    /// leader, and anything that comes begin it again.
    pub(super) fn waits(&mut self, wait: WaitReason, now: Instant) {
        if matches!(wait, WaitReason::Pending { .. }) {
            self.wanted_since.get_or_insert(now);
        }
        self.wait = wait;
    }

    /// Whether the broker has let go of the directory.
    pub(super) fn dropped(&self) -> bool {
        self.held.presence != Presence::Live
    }
}
