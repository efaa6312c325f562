//! Entries packed: one column per field, numbers in as few bytes as they usually need, rare shapes aside.
//!
//! A loaded page is a table. An ordinary entry takes 84 bytes in it, a few more where it has aborts or a change of
//! epoch; as a value with its own allocations it would take about 450. A manifest of a million segments thus stays below
//! 100 MiB with all its pages in memory.

mod column;

use column::{Lists, Named, Narrow};

use super::{Entry, EntryKind, FirstAbort, Location};
use crate::ids::{
    ByteCount, Crc32c, KeyId, LeaderEpoch, Offset, OffsetRange, SegmentUuid, StoredPosition, TimestampMs,
};
use crate::lineage::EpochStart;

/// Entries in order of their offsets, packed. Made whole, read at random, never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryTable {
    uuids: Box<[SegmentUuid]>,
    bases: Box<[Offset]>,
    spans: Narrow,
    /// The epoch in the key in Kafka's form, -1 for none: an `Option` would take twice the room.
    key_epochs: Box<[i32]>,
    lengths: Narrow,
    tail_lengths: Narrow,
    log_bytes: Narrow,
    /// One more than the count, 0 for none.
    records: Narrow,
    batches: Narrow,
    blocks: Box<[u32]>,
    /// In Kafka's form, -1 for none.
    max_timestamps: Box<[i64]>,
    /// How far the smallest timestamp lies below the largest.
    timestamp_spreads: Narrow,
    /// How far the stable end lies below the end.
    undecided: Narrow,
    object_crcs: Box<[Crc32c]>,
    committed_at: Box<[TimestampMs]>,
    /// Only of entries with other epochs than the key's from the first offset on.
    epochs: Lists<EpochStart>,
    first_aborts: Lists<FirstAbort>,
    replaces: Lists<SegmentUuid>,
    storage_classes: Named<String>,
    key_ids: Named<KeyId>,
    /// Entries that the columns cannot hold, whole, in order of their rows.
    odd: Box<[(usize, Box<Entry>)]>,
    /// Whether any entry begins below the end of one before it.
    overlapping: bool,
}

impl EntryTable {
    /// Packs `entries`, which stand in order of their starts; at most [`super::MAX_ENTRIES`] of them.
    pub fn new(entries: &[Entry]) -> Self {
        let column = |of: fn(&Entry) -> u64| Narrow::new(entries.iter().map(of));
        let max = |e: &Entry| e.max_timestamp.map_or(-1, TimestampMs::get);
        Self {
            uuids: entries.iter().map(|e| e.uuid).collect(),
            bases: entries.iter().map(|e| e.range.start()).collect(),
            spans: column(|e| e.range.span()),
            key_epochs: entries.iter().map(|e| e.leader_epoch.map_or(-1, LeaderEpoch::get)).collect(),
            lengths: column(|e| e.location.length.get()),
            tail_lengths: column(tail_length),
            log_bytes: column(|e| e.log_bytes.get()),
            records: column(|e| e.records.map_or(0, |n| n.saturating_add(1))),
            batches: column(|e| e.batches),
            blocks: entries.iter().map(|e| e.blocks).collect(),
            max_timestamps: entries.iter().map(max).collect(),
            timestamp_spreads: column(timestamp_spread),
            undecided: column(undecided),
            object_crcs: entries.iter().map(|e| e.object_crc).collect(),
            committed_at: entries.iter().map(|e| e.committed_at).collect(),
            epochs: Lists::new(entries.iter().map(|e| if has_usual_epochs(e) { &[] } else { &*e.epochs })),
            first_aborts: Lists::new(entries.iter().map(|e| &*e.first_aborts)),
            replaces: Lists::new(entries.iter().map(|e| &*e.replaces)),
            storage_classes: Named::new(entries.iter().map(|e| e.storage_class.as_ref())),
            key_ids: Named::new(entries.iter().map(|e| e.key_id.as_ref())),
            odd: entries
                .iter()
                .enumerate()
                .filter(|(_, e)| is_odd(e))
                .map(|(row, e)| (row, Box::new(e.clone())))
                .collect(),
            overlapping: entries.windows(2).any(|pair| pair[1].range.start() < pair[0].range.end()),
        }
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.uuids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.uuids.is_empty()
    }

    /// The entry in `row`, unpacked; `None` beyond the last.
    pub fn get(&self, row: usize) -> Option<Entry> {
        let uuid = *self.uuids.get(row)?;
        if let Ok(i) = self.odd.binary_search_by_key(&row, |(at, _)| *at) {
            return Some((*self.odd[i].1).clone());
        }
        let range = self.range(row)?;
        let leader_epoch = LeaderEpoch::from_kafka(self.key_epochs[row]);
        let length = self.lengths.get(row);
        let max_timestamp = TimestampMs::from_kafka(self.max_timestamps[row]);
        let spread = self.timestamp_spreads.get(row);
        let listed = self.epochs.get(row);
        Some(Entry {
            range,
            uuid,
            leader_epoch,
            epochs: match leader_epoch {
                Some(epoch) if listed.is_empty() => vec![EpochStart { epoch, start: range.start() }],
                _ => listed.to_vec(),
            },
            location: Location { key: None, start: StoredPosition::ZERO, length: ByteCount::new(length) },
            tail_position: StoredPosition::new(length.saturating_sub(self.tail_lengths.get(row))),
            log_bytes: ByteCount::new(self.log_bytes.get(row)),
            records: self.records.get(row).checked_sub(1),
            batches: self.batches.get(row),
            blocks: self.blocks[row],
            min_timestamp: max_timestamp.and_then(|max| {
                i64::try_from(spread).ok().and_then(|s| TimestampMs::from_kafka(max.get() - s))
            }),
            max_timestamp,
            stable_end: below(range.end(), self.undecided.get(row)).unwrap_or(range.start()),
            first_aborts: self.first_aborts.get(row).to_vec(),
            aborts_truncated: false,
            object_crc: self.object_crcs[row],
            committed_at: self.committed_at[row],
            storage_class: self.storage_classes.get(row).cloned(),
            kind: EntryKind::Segment,
            replaces: self.replaces.get(row).to_vec(),
            key_id: self.key_ids.get(row).copied(),
            kip405: None,
        })
    }

    /// The offsets that the entry in `row` covers.
    pub fn range(&self, row: usize) -> Option<OffsetRange> {
        let base = *self.bases.get(row)?;
        OffsetRange::new(base, base.checked_add(self.spans.get(row))?).ok()
    }

    /// The row of the entry that covers `offset`; where several do, the one with the highest epoch there.
    pub fn find_offset(&self, offset: Offset) -> Option<usize> {
        let begun = self.bases.partition_point(|base| *base <= offset);
        let covers = |row: &usize| self.range(*row).is_some_and(|range| range.contains(offset));
        if !self.overlapping {
            return begun.checked_sub(1).filter(covers);
        }
        (0..begun).filter(covers).max_by_key(|row| self.get(*row).and_then(|entry| entry.epoch_at(offset)))
    }

    /// The first row whose entry reaches beyond `from` and has a timestamp of `target` or later.
    pub fn find_timestamp(&self, target: TimestampMs, from: Offset) -> Option<usize> {
        (0..self.len()).find(|row| {
            self.max_timestamps[*row] >= target.get()
                && self.range(*row).is_some_and(|range| range.end() > from)
        })
    }

    /// All entries in order, unpacked one by one.
    pub fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.len()).filter_map(|row| self.get(row))
    }

    /// The ids of all entries in order.
    pub fn uuids(&self) -> &[SegmentUuid] {
        &self.uuids
    }

    /// Bytes that the table keeps outside itself. Every column is allocated at its exact size.
    pub fn memory_bytes(&self) -> usize {
        let narrow = [
            &self.spans,
            &self.lengths,
            &self.tail_lengths,
            &self.log_bytes,
            &self.records,
            &self.batches,
            &self.timestamp_spreads,
            &self.undecided,
        ];
        size_of_val(&*self.uuids)
            + size_of_val(&*self.bases)
            + size_of_val(&*self.key_epochs)
            + size_of_val(&*self.blocks)
            + size_of_val(&*self.max_timestamps)
            + size_of_val(&*self.object_crcs)
            + size_of_val(&*self.committed_at)
            + narrow.iter().map(|column| column.memory_bytes()).sum::<usize>()
            + self.epochs.memory_bytes()
            + self.first_aborts.memory_bytes()
            + self.replaces.memory_bytes()
            + self.storage_classes.memory_bytes(String::capacity)
            + self.key_ids.memory_bytes(|_| 0)
            + size_of_val(&*self.odd)
            + self.odd.iter().map(|(_, entry)| entry.memory_bytes()).sum::<usize>()
    }
}

/// Whether the columns cannot give the entry back as it is.
fn is_odd(entry: &Entry) -> bool {
    let Entry { location, epochs, leader_epoch, min_timestamp, max_timestamp, .. } = entry;
    location.key.is_some()
        || location.start != StoredPosition::ZERO
        || entry.aborts_truncated
        || entry.kind != EntryKind::Segment
        || entry.kip405.is_some()
        || (epochs.is_empty() && leader_epoch.is_some())
        || entry.records == Some(u64::MAX)
        || min_timestamp.is_some() != max_timestamp.is_some()
        || min_timestamp > max_timestamp
        || entry.tail_position.get() > location.length.get()
        || entry.stable_end > entry.range.end()
}

fn has_usual_epochs(entry: &Entry) -> bool {
    let usual = entry.leader_epoch.map(|epoch| EpochStart { epoch, start: entry.range.start() });
    entry.epochs.iter().copied().eq(usual)
}

fn tail_length(entry: &Entry) -> u64 {
    entry.location.length.get().saturating_sub(entry.tail_position.get())
}

fn timestamp_spread(entry: &Entry) -> u64 {
    let (Some(min), Some(max)) = (entry.min_timestamp, entry.max_timestamp) else { return 0 };
    max.get().abs_diff(min.get())
}

fn undecided(entry: &Entry) -> u64 {
    entry.range.end().checked_sub(entry.stable_end).unwrap_or(0)
}

fn below(offset: Offset, by: u64) -> Option<Offset> {
    Offset::new(offset.get().checked_sub(i64::try_from(by).ok()?)?).ok()
}
