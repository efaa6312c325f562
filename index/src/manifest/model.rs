//! The parts of a manifest's head.

use super::{Entry, PageRef};
use crate::ids::{
    ByteCount, ClusterId, CommitId, GcBoundary, Incarnation, LeaderEpoch, NodeId, Offset, OffsetRange,
    TimestampMs, TopicIdPartition,
};
use crate::lineage::Lineage;
use crate::transactions::{OpenTransaction, TransactionStart};

/// The list of a partition's remote segments: the head, with the newest entries and references to the pages that
/// hold the older ones.
///
/// Fields are open for reading. They change through methods, which keep them in step: [`Manifest::append`],
/// [`Manifest::replace`], [`Manifest::record_gap`], [`Manifest::claim`], [`Manifest::cut`], [`Manifest::add_dead`],
/// [`Manifest::retire_to`], [`Manifest::raise_floor`], [`Manifest::set_gc_boundary`], [`Manifest::mark_deleted`] and
/// [`Manifest::spill`]. Whatever was done, a manifest whose algebra does not hold is refused by [`Manifest::encode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Raised by one with each commit; a restored older object shows as a generation that went back.
    pub generation: u64,
    /// Who is the authority on the partition. Never changes.
    pub kind: ManifestKind,
    /// The cluster that the partition belongs to.
    pub cluster_id: ClusterId,
    /// The partition.
    pub tip: TopicIdPartition,
    /// The id of the commit that made this generation.
    pub commit: CommitId,
    /// The ids of the commits before it, newest first, at most [`super::MAX_RECENT_COMMITS`].
    pub recent_commits: Vec<CommitId>,
    /// Who made this generation.
    pub writer: Option<Writer>,
    /// Set by each collection of unreferenced objects. A writer that finds another one than when its upload began
    /// counts its object as deleted.
    pub gc_boundary: Option<GcBoundary>,
    /// The first offset that this manifest ever began at; see [`Manifest::began`]. Absent in manifests of kind
    /// `kip405` and of builds that did not write it down.
    pub began_at: Option<Offset>,
    /// First offset of the oldest span. Entries wholly below it are no longer live, listed or not.
    pub tier_start: Offset,
    /// First offset of the newest span: what proxies report as earliest.
    pub serving_start: Offset,
    /// One past the last offset. Stays when no entry is left.
    pub tier_end: Offset,
    /// The first offset that an explicit DeleteRecords left.
    pub floor: Option<Offset>,
    /// Which epoch wrote what, as far as the tier knows.
    pub lineage: Lineage,
    /// Offsets known lost, oldest first; those between entries of a page are in the page.
    pub gaps: Vec<Gap>,
    /// The newest claim of a leader.
    pub claim: Option<Claim>,
    /// Transactions open at the tier's end: what the next writer starts from.
    pub open_transactions: Vec<OpenTransaction>,
    /// Set once the topic is known deleted.
    pub deleted: Option<Tombstone>,
    /// Sums over all entries listed here and in pages, without dead branches.
    pub totals: Totals,
    /// Pages, oldest first, so of falling level.
    pub pages: Vec<PageRef>,
    /// The newest entries, oldest first.
    pub entries: Vec<Entry>,
    /// What truncations took out of the lineage.
    pub dead_branches: Vec<DeadBranch>,
}

impl Manifest {
    /// The manifest of a partition of which nothing is in the tier yet. `start` is where its first entry will begin.
    pub const fn new(
        kind: ManifestKind,
        cluster_id: ClusterId,
        tip: TopicIdPartition,
        start: Offset,
        commit: CommitId,
    ) -> Self {
        Self {
            generation: 0,
            kind,
            cluster_id,
            tip,
            commit,
            recent_commits: Vec::new(),
            writer: None,
            gc_boundary: None,
            began_at: match kind {
                ManifestKind::Sidecar => Some(start),
                ManifestKind::Kip405 => None,
            },
            tier_start: start,
            serving_start: start,
            tier_end: start,
            floor: None,
            lineage: Lineage::empty(),
            gaps: Vec::new(),
            claim: None,
            open_transactions: Vec::new(),
            deleted: None,
            totals: Totals::ZERO,
            pages: Vec::new(),
            entries: Vec::new(),
            dead_branches: Vec::new(),
        }
    }

    /// Makes this the next generation, committed under `commit` by `writer`. Called once per attempt, with an id
    /// never used before.
    ///
    /// The fence ([`Manifest::fence`]) does not sink: where the writer before had a leader epoch and the new one has
    /// none (an operator's change), the epoch committed under is written down as the claim that it was.
    pub fn stamp(&mut self, commit: CommitId, writer: Option<Writer>) {
        let before = self.writer.and_then(|before| Some((before.node, before.leader_epoch?)));
        let claimed = self.claim.as_ref().map(|claim| claim.epoch);
        let renewed = writer.as_ref().and_then(|writer| writer.leader_epoch);
        if let Some((node, epoch)) = before
            && claimed.max(renewed) < Some(epoch)
        {
            self.claim = Some(Claim { epoch, node, wanted: Vec::new() });
        }
        self.generation = self.generation.saturating_add(1);
        self.recent_commits.insert(0, std::mem::replace(&mut self.commit, commit));
        self.recent_commits.truncate(super::MAX_RECENT_COMMITS);
        self.writer = writer;
    }

    /// Whether the commit `id` is part of this manifest's history, as far back as it remembers: the only proof
    /// that a commit whose answer was lost has landed.
    pub fn has_commit(&self, id: CommitId) -> bool {
        self.commit == id || self.recent_commits.contains(&id)
    }

    /// Bytes that the head keeps in memory, itself included; what a cache weighs it by.
    pub fn memory_bytes(&self) -> usize {
        let entries = |list: &Vec<Entry>| {
            list.iter().map(Entry::memory_bytes).sum::<usize>()
                + (list.capacity() - list.len()) * size_of::<Entry>()
        };
        let pages = |list: &Vec<PageRef>| list.capacity() * size_of::<PageRef>();
        let dead = self
            .dead_branches
            .iter()
            .map(|b| size_of::<DeadBranch>() + entries(&b.entries) + pages(&b.pages));
        size_of::<Self>()
            + entries(&self.entries)
            + pages(&self.pages)
            + dead.sum::<usize>()
            + size_of_val(self.lineage.starts())
            + self.gaps.capacity() * size_of::<Gap>()
            + self.open_transactions.capacity() * size_of::<OpenTransaction>()
            + self.recent_commits.capacity() * size_of::<CommitId>()
    }

    /// What the next segment's transaction tracker starts from: the transactions open at the tier's end, or, where
    /// the newest span is still empty and something may have come before it, nothing known.
    pub fn transaction_start(&self) -> TransactionStart {
        if self.tier_end == self.serving_start && self.tier_end > Offset::ZERO {
            return TransactionStart::Unknown { span_start: self.serving_start };
        }
        TransactionStart::Known(self.open_transactions.clone())
    }
}

/// Who is the authority on a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ManifestKind {
    /// Firnline's sidecars: the manifest is the truth; its entries follow each other without overlap.
    Sidecar,
    /// A broker with KIP-405: the manifest mirrors the broker's metadata; entries may overlap.
    Kip405,
}

/// Who made a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Writer {
    /// The broker beside which the writer ran.
    pub node: NodeId,
    /// The leader epoch under which its commit bound was told; `None` where no broker was asked.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The run of the writer.
    pub incarnation: Incarnation,
}

/// An offset range known lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gap {
    /// The offsets; never empty.
    pub range: OffsetRange,
    /// Why.
    pub reason: GapReason,
    /// When it was recorded, by the writer's clock.
    pub recorded_at: TimestampMs,
}

/// Why offsets are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// The broker's retention ended before any replica's sidecar had the bytes.
    LocalRetention,
    /// Pins gave way to the reserve of free disk space.
    Reserve,
    /// The source was damaged and no replica had it whole.
    Damage,
    /// An operator said so.
    Operator,
}

/// A leader's claim to a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The leader's epoch. No writer under a lower one commits.
    pub epoch: LeaderEpoch,
    /// The leader's node.
    pub node: NodeId,
    /// Ranges that it does not have itself and asks the other sidecars for.
    pub wanted: Vec<OffsetRange>,
}

/// Entries that a truncation took out of the lineage: kept, readable by name, not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadBranch {
    /// Where the live log went on without them.
    pub cut_at: Offset,
    /// Why they were cut.
    pub reason: DeadReason,
    /// When the cut was recorded, by the writer's clock.
    pub recorded_at: TimestampMs,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// Pages of further entries, oldest first, all before `entries`.
    pub pages: Vec<PageRef>,
}

/// Why entries left the lineage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeadReason {
    /// An unclean election or another truncation of the log below the tier's end.
    Truncation,
    /// Bytes uploaded for the record after the log had gone on without them.
    NeverCommitted,
    /// An operator said so.
    Operator,
}

/// Says that the topic was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tombstone {
    /// When that was found, by the writer's clock.
    pub at: TimestampMs,
    /// The last commit bound told for the partition; pins up to here are still uploaded.
    pub last_bound: Option<Offset>,
}

/// Sums over entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Totals {
    /// How many entries.
    pub entries: u64,
    /// Raw bytes of their batches.
    pub log_bytes: ByteCount,
    /// Stored bytes.
    pub object_bytes: ByteCount,
    /// Records of those entries that tell theirs.
    pub records: u64,
}

impl Totals {
    /// No entries.
    pub const ZERO: Self =
        Self { entries: 0, log_bytes: ByteCount::ZERO, object_bytes: ByteCount::ZERO, records: 0 };
}
