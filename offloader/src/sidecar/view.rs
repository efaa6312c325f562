//! What a decision is made from.

use std::time::Duration;

use firnline_index::manifest::{Claim, EntryKind, Manifest, ManifestKind, Tombstone};
use firnline_index::{LeaderEpoch, NodeId, Offset, OffsetRange, TimestampMs};
use tokio::time::Instant;

use super::held::Held;
use super::prove::before;
use super::settings::{SidecarSettings, TopicPolicy};
use super::wait::OffReason;
use crate::cluster::{Bound, Leader};

/// All that is known of one partition at one moment.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// The wall clock; only ages of files are told by it.
    pub now: TimestampMs,
    /// The broker beside this sidecar.
    pub node: NodeId,
    /// Whether the topic is offloaded.
    pub standing: Standing,
    /// What is held.
    pub held: &'a Held,
    /// What the tier has.
    pub tier: Known<'a>,
    /// Whether that was read just now, for this decision. Nothing is changed on older knowledge.
    pub fresh: bool,
    /// How old it is.
    pub known_for: Duration,
    /// Whether another sidecar tells that it waits for what may be here.
    pub asked_for: bool,
    /// Whether all pins that lie below the tier's end were looked at in this generation of the manifest, and are kept.
    pub kept: bool,
    /// Who leads.
    pub leader: Option<Leader>,
    /// The last bound told.
    pub bound: Option<Bound>,
    /// What came of comparing the tier with the log of this leader.
    pub comparison: Option<Comparison>,
    /// The topic's policy.
    pub policy: &'a TopicPolicy,
    /// Whether a disk is under pressure.
    pub pressure: bool,
    /// The highest bound that was told while bytes below it were held here.
    pub witness_bound: Option<Offset>,
    /// How long the tier's end has been seen where it is, with a store that does its work.
    pub stood_still: Duration,
    /// How long the present claim of this sidecar has wanted what it wants, with a store that does its work.
    pub wanted_for: Duration,
    /// How long ago something of this partition was committed here; `None` where nothing was.
    pub since_commit: Option<Duration>,
    /// The limits that a decision keeps to.
    pub limits: Limits,
}

/// The settings that a decision depends on, with this partition's jitter in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long what is due may stand still before it is taken over.
    pub takeover_after: Duration,
    /// How long a claim wants a range before it is lost.
    pub gap_wait: Duration,
    /// By how much sooner than `max_lag` this partition's files are due, in thousandths of it.
    pub early_permille: u32,
    /// The share of the tier that may be cut unasked, in thousandths.
    pub cut_share_permille: u32,
    /// How old knowledge of the manifest may be for the sake of pins that it does not cover.
    pub manifest_interval: Duration,
}

/// Whether a topic is offloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    On,
    /// It is not.
    Off(OffReason),
    /// An operator has paused it.
    Paused,
    /// It is deleted.
    Deleted,
}

/// What is known of a partition's manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<'a> {
    /// Nothing.
    Nothing,
    /// There was none when it was looked for.
    Absent,
    /// It was this when it was looked for.
    Present(&'a Digest),
}

/// The parts of a manifest that a decision needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Which generation it was.
    pub generation: u64,
    /// Whose it is.
    pub kind: ManifestKind,
    /// Where the tier starts.
    pub tier_start: Offset,
    /// Where the newest span starts.
    pub serving_start: Offset,
    /// Where the tier ends.
    pub tier_end: Offset,
    /// The newest claim.
    pub claim: Option<Claim>,
    /// The epoch of the last commit's bound.
    pub writer_epoch: Option<LeaderEpoch>,
    /// The epoch of the tier's last record; `None` where it carries none, where the tier ends in a gap, and where the manifest was
    /// not read.
    pub last_epoch: Option<LeaderEpoch>,
    /// Whether the topic was found deleted.
    pub deleted: Option<Tombstone>,
    /// The pieces of an unsealed tail at the tier's end.
    pub pieces: Option<OffsetRange>,
    /// Recorded gaps in its head.
    pub gaps: u32,
    /// Dead branches.
    pub dead_branches: u32,
}

impl Digest {
    /// Takes them from a manifest.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        let pieces = manifest.entries.iter().rev().take_while(|entry| entry.kind == EntryKind::TailPiece);
        let pieces =
            pieces.last().and_then(|first| OffsetRange::new(first.range.start(), manifest.tier_end).ok());
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            generation: manifest.generation,
            kind: manifest.kind,
            tier_start: manifest.tier_start,
            serving_start: manifest.serving_start,
            tier_end: manifest.tier_end,
            claim: manifest.claim.clone(),
            writer_epoch: manifest.writer.and_then(|writer| writer.leader_epoch),
            last_epoch: before(manifest.tier_end)
                .filter(|last| *last >= manifest.serving_start)
                .and_then(|last| manifest.lineage.epoch_at(last)),
            deleted: manifest.deleted,
            // What transactions were open at their start is told by the segment before. Retention may have taken that, and takes
            // the pieces next.
            pieces: pieces.filter(|range| {
                let told = range.start() > manifest.tier_start || range.start() == manifest.serving_start;
                told && !range.is_empty()
            }),
            gaps: count(manifest.gaps.len()),
            dead_branches: count(manifest.dead_branches.len()),
        }
    }

    /// The newest epoch under which somebody claimed or committed.
    #[must_use]
    pub fn epoch(&self) -> Option<LeaderEpoch> {
        self.claim.as_ref().map(|claim| claim.epoch).max(self.writer_epoch)
    }

    /// Whether the present claim asks for `offset`, under `epoch`.
    #[must_use]
    pub fn wants(&self, offset: Offset, epoch: LeaderEpoch) -> bool {
        self.claim.as_ref().is_some_and(|claim| {
            claim.epoch == epoch && claim.wanted.iter().any(|range| range.contains(offset))
        })
    }
}

/// What came of comparing the tier with the leader's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The leader's log holds what the tier has.
    Agrees,
    /// That cannot be told; whoever goes on makes sure that its own log holds the tier's last record.
    Undecided,
    /// The two part at `at`.
    Cut {
        /// The first offset that differs.
        at: Offset,
        /// Where the leader's log begins.
        log_start: Offset,
        /// The share of the tier's log bytes at or above `at`, in thousandths.
        permille: u32,
    },
    /// The two part at or below `at`.
    CutBelowLogStart {
        /// The highest offset at which they may part.
        at: Offset,
        /// Where the leader's log begins.
        log_start: Offset,
    },
    /// The two part, and where cannot be told.
    Unknown,
}

/// What a view takes from elsewhere than the slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) settings: &'a SidecarSettings,
    pub(super) held: &'a Held,
    pub(super) policy: &'a TopicPolicy,
    pub(super) standing: Standing,
    pub(super) node: NodeId,
    pub(super) pressure: bool,
    pub(super) fresh: bool,
    pub(super) store_well_for: Duration,
    pub(super) now: TimestampMs,
    pub(super) at: Instant,
}
