//! A tier in a simulated store, written segment by segment.

use std::collections::BTreeMap;

use bytes::Bytes;
use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{
    Entry, EntryKind, FirstAbort, GapReason, Location, MAX_FIRST_ABORTS, Manifest, ManifestKind,
};
use firnline_index::segment::{
    BlockCompression, SegmentOptions, SegmentOrigin, SegmentSummary, SegmentWriter,
};
use firnline_index::transactions::Outcome;
use firnline_index::{
    ClusterId, CommitId, ObjectUuid, Offset, PartitionIndex, Salt, SegmentUuid, StoredPosition, TopicId,
    TopicIdPartition, TopicName,
};
use firnline_reader::{Reader, ReaderSettings, Workers};
use firnline_store::sim::Simulation;
use firnline_store::{Env, RequestCounts, RequestKind, Store};

use crate::log::{Log, ms};

pub(crate) fn tip() -> TopicIdPartition {
    TopicIdPartition {
        topic: TopicName::new("orders").expect("a name"),
        topic_id: TopicId::from_bytes([7; 16]),
        partition: PartitionIndex::new(3).expect("a partition"),
    }
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId::new("test-cluster").expect("an id")
}

/// A tier of one partition, and the simulated store that it lies in.
pub(crate) struct TestTier {
    pub(crate) sim: Simulation,
    pub(crate) env: Env,
    pub(crate) manifest: Manifest,
    pub(crate) block_size: u32,
    pub(crate) compression: BlockCompression,
    ids: u64,
}

impl TestTier {
    /// Empty; its first segment will begin at `start`. Must be called within a tokio runtime.
    pub(crate) fn starting_at(start: Offset) -> Self {
        let env = Env::seeded(1, 1_700_000_000_000);
        let commit = CommitId::from_bytes([1; 16]);
        Self {
            sim: Simulation::new(1, &env),
            env,
            manifest: Manifest::new(ManifestKind::Sidecar, cluster(), tip(), start, commit),
            block_size: 1 << 10,
            compression: BlockCompression::None,
            ids: 0,
        }
    }

    /// One with these segments of a log, cut at these offsets and at its end.
    pub(crate) fn of(log: &Log, cuts: &[Offset]) -> Self {
        let mut tier = Self::starting_at(log.batches[0].base);
        for cut in cuts {
            tier.upload(log, *cut);
        }
        tier.upload(log, log.end());
        tier.commit();
        tier
    }

    fn id(&mut self) -> [u8; 16] {
        self.ids += 1;
        let mut id = [0xaa; 16];
        id[8..].copy_from_slice(&self.ids.to_be_bytes());
        id
    }

    /// A segment with the log from the tier's end to `end`.
    pub(crate) fn upload(&mut self, log: &Log, end: Offset) -> Entry {
        let base = self.manifest.tier_end;
        let (entry, summary) = self.write(log, base, end);
        self.manifest.append(entry.clone(), summary.transactions.open).expect("follows");
        entry
    }

    /// Writes a segment object without naming it.
    pub(crate) fn write(&mut self, log: &Log, base: Offset, end: Offset) -> (Entry, SegmentSummary) {
        let tip = self.manifest.tip.clone();
        let uuid = SegmentUuid::from_bytes(self.id());
        let origin = SegmentOrigin {
            cluster_id: self.manifest.cluster_id.clone(),
            topic: tip.topic.clone(),
            topic_id: tip.topic_id,
            partition: tip.partition,
            uuid,
        };
        let mut options = SegmentOptions::new(origin, Salt::from_bytes([9; 16]), base);
        options.block_size = self.block_size;
        options.compression = self.compression;
        options.transactions = self.manifest.transaction_start();
        let mut writer = SegmentWriter::new(options).expect("valid options");
        let mut parts = Vec::new();
        for batch in log.between(base, end) {
            writer.push(batch.bytes.clone(), &mut parts).expect("a sound batch");
        }
        let mut summary = writer.finish(&mut parts).expect("not empty");
        // A segment may end in a hole; the next one then begins behind it.
        summary.range = firnline_index::OffsetRange::new(base, summary.range.end()).expect("rises");
        let entry = entry_of(&summary, uuid);
        self.sim.plant(&entry.object_key(&tip), parts.concat());
        (entry, summary)
    }

    /// A recorded gap from the tier's end to `end`.
    pub(crate) fn gap(&mut self, end: Offset) {
        let range = firnline_index::OffsetRange::new(self.manifest.tier_end, end).expect("forward");
        self.manifest.record_gap(range, GapReason::Operator, ms(1)).expect("recorded");
    }

    /// Writes pages and head.
    pub(crate) fn commit(&mut self) {
        let (commit, mut pages) = (CommitId::from_bytes(self.id()), BTreeMap::new());
        self.manifest.stamp(commit, None);
        while let Some(spill) = {
            let id = self.id();
            self.manifest.spill(|| ObjectUuid::from_bytes(id)).expect("spills")
        } {
            pages.insert(spill.key.to_string(), spill.bytes);
            self.manifest = spill.head;
        }
        for (key, bytes) in pages {
            self.sim.plant(&key, bytes);
        }
        self.sim.plant(&manifest_key(), self.manifest.encode().expect("sound"));
    }

    /// As an explicit DeleteRecords that was folded in.
    pub(crate) fn raise_floor(&mut self, floor: Offset) {
        self.manifest.floor = Some(floor);
        self.manifest.tier_start = floor;
        self.manifest.serving_start = floor;
        self.commit();
    }

    pub(crate) fn store(&self) -> Store {
        self.sim.connect(&self.env)
    }

    /// A reader with nothing in memory, and its store for the counters.
    pub(crate) fn reader(&self) -> (Reader, Store) {
        self.reader_with(ReaderSettings { workers: Workers::Inline, ..ReaderSettings::default() })
    }

    pub(crate) fn reader_with(&self, settings: ReaderSettings) -> (Reader, Store) {
        let store = self.store();
        (Reader::new(store.clone(), settings), store)
    }

    /// Changes the bytes of an object at rest.
    pub(crate) fn tamper(&self, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.sim.peek(key).expect("there").to_vec();
        change(&mut bytes);
        self.sim.plant(key, Bytes::from(bytes));
    }
}

pub(crate) fn manifest_key() -> String {
    ObjectKey::Manifest { tip: tip() }.to_string()
}

/// What a writer says of a segment in the manifest.
fn entry_of(summary: &SegmentSummary, uuid: SegmentUuid) -> Entry {
    let transactions = &summary.transactions;
    let aborts = transactions.first_markers.iter().filter(|marker| marker.outcome == Outcome::Aborted);
    let mut first_aborts: Vec<_> = aborts
        .map(|marker| FirstAbort { producer: marker.producer, marker_offset: marker.marker_offset })
        .collect();
    let aborts_truncated = first_aborts.len() > MAX_FIRST_ABORTS;
    first_aborts.truncate(MAX_FIRST_ABORTS);
    Entry {
        range: summary.range,
        uuid,
        leader_epoch: summary.epochs.first().map(|start| start.epoch),
        epochs: summary.epochs.clone(),
        location: Location { key: None, start: StoredPosition::ZERO, length: summary.object_bytes },
        tail_position: summary.tail_position,
        log_bytes: summary.log_bytes,
        records: summary.records,
        batches: summary.batches,
        blocks: summary.blocks,
        min_timestamp: summary.min_timestamp,
        max_timestamp: summary.max_timestamp,
        stable_end: transactions.stable_end,
        first_aborts,
        aborts_truncated,
        object_crc: summary.object_crc,
        committed_at: ms(1),
        storage_class: None,
        kind: EntryKind::Segment,
        replaces: Vec::new(),
        key_id: None,
        kip405: None,
    }
}

/// GETs, after a check that the read path never lists, writes or deletes.
pub(crate) fn gets(counts: &RequestCounts) -> u64 {
    let gets = counts.of(RequestKind::Get);
    assert_eq!(counts.total(), gets, "a reader makes no request but GETs");
    gets
}
