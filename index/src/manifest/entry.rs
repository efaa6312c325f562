//! One remote segment as a manifest names it.

use super::MAX_FIRST_ABORTS;
use crate::ids::{
    ByteCount, Crc32c, KeyId, LeaderEpoch, Offset, OffsetRange, ProducerId, RemoteLogSegmentId, SegmentUuid,
    StoredPosition, TimestampMs, TopicIdPartition,
};
use crate::keys::{ObjectKey, RelativeKey};
use crate::lineage::EpochStart;
use crate::segment::SegmentSummary;
use crate::transactions::Outcome;

/// One remote segment: what it covers, where it lies, what a reader needs before it opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The offsets covered. Its start is the `base` of the key; offsets in it need not all be in use.
    pub range: OffsetRange,
    /// The id of the upload.
    pub uuid: SegmentUuid,
    /// The leader epoch in the key: that of the first batch, `None` where that has none.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The first offset of each leader epoch in the segment, oldest first.
    pub epochs: Vec<EpochStart>,
    /// Where the bytes lie.
    pub location: Location,
    /// Where the part behind the blocks (index, transactions, footer, trailer) begins, counted from
    /// [`Location::start`]. One read from here to the end opens the segment.
    pub tail_position: StoredPosition,
    /// Bytes of its batches, raw.
    pub log_bytes: ByteCount,
    /// Records, as the batch headers count them; `None` where a compressed batch of magic 0 or 1 hides its count.
    pub records: Option<u64>,
    /// Batches.
    pub batches: u64,
    /// Blocks.
    pub blocks: u32,
    /// The smallest timestamp of any batch that has one.
    pub min_timestamp: Option<TimestampMs>,
    /// The largest timestamp of any batch that has one.
    pub max_timestamp: Option<TimestampMs>,
    /// The smallest first offset of a transaction still open at the end, else the end. May lie below the start.
    pub stable_end: Offset,
    /// Producers whose *first* transaction marker in the segment aborts, in order of the marker; at most
    /// [`super::MAX_FIRST_ABORTS`] of them.
    pub first_aborts: Vec<FirstAbort>,
    /// Whether there are more of those than are listed here; the segment itself lists all.
    pub aborts_truncated: bool,
    /// CRC32C of all stored bytes.
    pub object_crc: Crc32c,
    /// When it was first committed, by the writer's clock. Retention counts from the later of this and record time.
    pub committed_at: TimestampMs,
    /// The storage class it was written with, as the store names it; `None` for the store's default.
    pub storage_class: Option<String>,
    /// What kind of upload this is.
    pub kind: EntryKind,
    /// The tail pieces that this segment took the place of.
    pub replaces: Vec<SegmentUuid>,
    /// The topic key that it is sealed with; `None` where it is not encrypted.
    pub key_id: Option<KeyId>,
    /// What a KIP-405 broker calls it; only in manifests of kind `kip405`.
    pub kip405: Option<Kip405>,
}

impl Entry {
    /// The entry of a segment that was written under `uuid` as an object of its own, its first batch in `leader_epoch`. When
    /// it was committed, its storage class, and whether it is meant to stay, are for the caller to say.
    #[must_use]
    pub fn of(uuid: SegmentUuid, leader_epoch: Option<LeaderEpoch>, summary: SegmentSummary) -> Self {
        let aborts = summary.transactions.first_markers.iter().filter(|m| m.outcome == Outcome::Aborted);
        let first_aborts: Vec<FirstAbort> = aborts
            .clone()
            .take(MAX_FIRST_ABORTS)
            .map(|marker| FirstAbort { producer: marker.producer, marker_offset: marker.marker_offset })
            .collect();
        Self {
            range: summary.range,
            uuid,
            leader_epoch,
            epochs: summary.epochs,
            location: Location { key: None, start: StoredPosition::ZERO, length: summary.object_bytes },
            tail_position: summary.tail_position,
            log_bytes: summary.log_bytes,
            records: summary.records,
            batches: summary.batches,
            blocks: summary.blocks,
            min_timestamp: summary.min_timestamp,
            max_timestamp: summary.max_timestamp,
            stable_end: summary.transactions.stable_end,
            aborts_truncated: aborts.count() > first_aborts.len(),
            first_aborts,
            object_crc: summary.object_crc,
            committed_at: TimestampMs::ZERO,
            storage_class: None,
            kind: EntryKind::Segment,
            replaces: Vec::new(),
            key_id: summary.key_id,
            kip405: None,
        }
    }

    /// The key of the object that holds the segment.
    pub fn object_key(&self, tip: &TopicIdPartition) -> String {
        self.location.key.as_ref().map_or_else(|| self.derived_key(tip).to_string(), ToString::to_string)
    }

    /// The key that the segment has where its location names none.
    pub fn derived_key(&self, tip: &TopicIdPartition) -> ObjectKey {
        ObjectKey::Segment {
            tip: tip.clone(),
            base: self.range.start(),
            leader_epoch: self.leader_epoch,
            uuid: self.uuid,
        }
    }

    /// Bytes that the entry keeps in memory, itself included.
    pub fn memory_bytes(&self) -> usize {
        let list = |items: usize, size: usize| items * size;
        size_of::<Self>()
            + list(self.epochs.capacity(), size_of::<EpochStart>())
            + list(self.first_aborts.capacity(), size_of::<FirstAbort>())
            + list(self.replaces.capacity(), size_of::<SegmentUuid>())
            + self.location.key.as_ref().map_or(0, |key| key.as_str().len())
            + self.storage_class.as_ref().map_or(0, String::capacity)
            + self.kip405.as_ref().map_or(0, |k| list(k.epochs.capacity(), size_of::<EpochStart>()))
    }

    /// The newest epoch that wrote at or before `offset` in this segment.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.epochs.partition_point(|s| s.start <= offset);
        after.checked_sub(1).map(|i| self.epochs[i].epoch)
    }
}

/// Where a segment's bytes lie: `length` bytes from `start` in one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The object's key; `None` for the key that the entry's own values give, as is usual.
    pub key: Option<RelativeKey>,
    /// The first byte in the object; 0 unless several segments share one.
    pub start: StoredPosition,
    /// How many bytes.
    pub length: ByteCount,
}

/// Whether an entry is meant to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A segment that stays as it is until it is retired.
    Segment,
    /// A piece of a segment that was not sealed yet; one upload of the whole takes its place later.
    TailPiece,
}

/// A producer whose first transaction marker in a segment aborts: it decides a transaction left open by the segments before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FirstAbort {
    /// The producer.
    pub producer: ProducerId,
    /// The marker's offset.
    pub marker_offset: Offset,
}

/// What a KIP-405 broker's own metadata says of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kip405 {
    /// The broker's id of the segment.
    pub segment_id: RemoteLogSegmentId,
    /// The broker's epoch map of the segment; may start below the segment's first offset.
    pub epochs: Vec<EpochStart>,
}
