//! A tier in a simulated store, partition by partition.

use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{Entry, EntryKind, FirstAbort, GapReason, Location, Manifest, ManifestKind};
use firnline_index::segment::{
    BlockCompression, SegmentOptions, SegmentOrigin, SegmentSummary, SegmentWriter,
};
use firnline_index::topic::TopicObject;
use firnline_index::transactions::Outcome;
use firnline_index::{
    ClusterId, CommitId, OffsetRange, PartitionIndex, Salt, SegmentUuid, StoredPosition, TopicId,
    TopicIdPartition, TopicName,
};
use firnline_store::sim::Simulation;
use firnline_store::{Env, Store};

use super::log::{Log, at, ms};

pub(crate) fn cluster() -> ClusterId {
    ClusterId::new("test-cluster").unwrap()
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

pub(crate) fn topic_id(id: u8) -> TopicId {
    TopicId::from_bytes([id; 16])
}

pub(crate) fn tip(topic: &str, id: u8, partition: i32) -> TopicIdPartition {
    TopicIdPartition {
        topic: topic_name(topic),
        topic_id: topic_id(id),
        partition: PartitionIndex::new(partition).unwrap(),
    }
}

/// The store, and the world around it.
pub(crate) struct World {
    pub(crate) sim: Simulation,
    pub(crate) env: Env,
}

/// A partition in it.
pub(crate) struct Part {
    sim: Simulation,
    pub(crate) manifest: Manifest,
    commits: u8,
}

impl World {
    /// An empty store. Must be called within a runtime.
    pub(crate) fn new() -> Self {
        let env = Env::seeded(1, 1_700_000_000_000);
        Self { sim: Simulation::new(1, &env), env }
    }

    pub(crate) fn store(&self) -> Store {
        self.sim.connect(&self.env)
    }

    /// Writes down that there is a topic.
    pub(crate) fn topic(&self, name: &str, id: u8, partitions: u32) {
        self.topic_that(name, id, partitions, |_| {});
    }

    pub(crate) fn topic_that(
        &self,
        name: &str,
        id: u8,
        partitions: u32,
        change: impl FnOnce(&mut TopicObject),
    ) {
        let mut object = TopicObject::new(cluster(), topic_name(name), topic_id(id), partitions);
        change(&mut object);
        let key = ObjectKey::Topic { topic: topic_name(name), topic_id: topic_id(id) };
        self.sim.plant(&key.to_string(), object.encode().unwrap());
    }

    /// A partition that holds nothing yet; its log will begin at `start`.
    pub(crate) fn part(&self, tip: TopicIdPartition, start: i64) -> Part {
        let commit = CommitId::from_bytes([1; 16]);
        let manifest = Manifest::new(ManifestKind::Sidecar, cluster(), tip, at(start), commit);
        Part { sim: self.sim.clone(), manifest, commits: 1 }
    }

    /// A partition with a log, cut into segments at these offsets and at its end.
    pub(crate) fn put(&self, tip: TopicIdPartition, log: &Log, cuts: &[i64]) -> Part {
        let mut part = self.part(tip, log.batches[0].base);
        for cut in cuts {
            part.upload(log, *cut);
        }
        part.upload(log, log.end());
        part.commit();
        part
    }
}

impl Part {
    /// A segment with the log from the tier's end to `end`.
    pub(crate) fn upload(&mut self, log: &Log, end: i64) {
        let base = self.manifest.tier_end;
        let mut uuid = [0xaa; 16];
        uuid[8..].copy_from_slice(&base.get().to_be_bytes());
        uuid[..8].copy_from_slice(&self.manifest.tip.topic_id.as_bytes()[..8]);
        uuid[0] = u8::try_from(self.manifest.tip.partition.get()).unwrap();
        let uuid = SegmentUuid::from_bytes(uuid);
        let origin = SegmentOrigin {
            cluster_id: self.manifest.cluster_id.clone(),
            topic: self.manifest.tip.topic.clone(),
            topic_id: self.manifest.tip.topic_id,
            partition: self.manifest.tip.partition,
            uuid,
        };
        let mut options = SegmentOptions::new(origin, Salt::from_bytes([9; 16]), base);
        options.block_size = 4 << 10;
        options.compression = BlockCompression::None;
        options.transactions = self.manifest.transaction_start();
        let mut writer = SegmentWriter::new(options).unwrap();
        let mut parts = Vec::new();
        for batch in log.between(base.get(), end) {
            writer.push(batch.bytes.clone(), &mut parts).unwrap();
        }
        let summary = writer.finish(&mut parts).unwrap();
        let entry = entry_of(&summary, uuid);
        self.sim.plant(&entry.object_key(&self.manifest.tip), parts.concat());
        self.manifest.append(entry, summary.transactions.open).unwrap();
    }

    /// A recorded gap from the tier's end to `end`.
    pub(crate) fn gap(&mut self, end: i64) {
        let range = OffsetRange::new(self.manifest.tier_end, at(end)).unwrap();
        self.manifest.record_gap(range, GapReason::Operator, ms(1)).unwrap();
    }

    /// As retention or a floor leaves it: what lies below `start` is not served any more.
    pub(crate) fn start_at(&mut self, start: i64) {
        self.manifest.floor = Some(at(start));
        self.manifest.tier_start = at(start);
        self.manifest.serving_start = at(start);
    }

    /// Writes the manifest.
    pub(crate) fn commit(&mut self) {
        self.commits += 1;
        self.manifest.stamp(CommitId::from_bytes([self.commits; 16]), None);
        self.sim.plant(&self.key(), self.manifest.encode().unwrap());
    }

    pub(crate) fn key(&self) -> String {
        ObjectKey::Manifest { tip: self.manifest.tip.clone() }.to_string()
    }
}

/// What a writer says of a segment in the manifest.
fn entry_of(summary: &SegmentSummary, uuid: SegmentUuid) -> Entry {
    let transactions = &summary.transactions;
    let aborts = transactions.first_markers.iter().filter(|marker| marker.outcome == Outcome::Aborted);
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
        first_aborts: aborts
            .map(|marker| FirstAbort { producer: marker.producer, marker_offset: marker.marker_offset })
            .collect(),
        aborts_truncated: false,
        object_crc: summary.object_crc,
        committed_at: ms(1),
        storage_class: None,
        kind: EntryKind::Segment,
        replaces: Vec::new(),
        key_id: None,
        kip405: None,
    }
}
