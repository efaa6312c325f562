//! A tier of several partitions in a simulated store, written segment by segment, cut and regrown.

use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{Cut, DeadReason, Entry, Loaded, Manifest, ManifestKind, NewPage};
use firnline_index::segment::{BlockCompression, SegmentOptions, SegmentOrigin, SegmentWriter};
use firnline_index::{
    ClusterId, CommitId, ObjectUuid, Offset, OffsetRange, PartitionIndex, Salt, SegmentUuid, TimestampMs,
    TopicId, TopicIdPartition, TopicName,
};
use firnline_reader::{Reader, ReaderSettings, Workers};
use firnline_store::Env;
use firnline_store::sim::Simulation;
use std::time::Duration;

use crate::log::Log;

/// When the tests' world begins: 2023-11-14T22:13:20Z.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

pub(crate) fn topic() -> TopicName {
    TopicName::new("shop.orders").expect("a name")
}

pub(crate) fn topic_id() -> TopicId {
    TopicId::from_bytes([7; 16])
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId::new("test-cluster").expect("an id")
}

pub(crate) fn partition(index: usize) -> PartitionIndex {
    PartitionIndex::new(i32::try_from(index).expect("small")).expect("a partition")
}

/// One partition: what its log is, and how much of it the tier has.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) log: Log,
    manifest: Manifest,
    loaded: Loaded,
}

/// All partitions of one topic.
#[derive(Debug)]
pub(crate) struct TestTier {
    pub(crate) sim: Simulation,
    pub(crate) partitions: Vec<Partition>,
    ids: u64,
}

impl TestTier {
    pub(crate) fn new(sim: Simulation, partitions: usize) -> Self {
        let mut tier = Self { sim, partitions: Vec::new(), ids: 0 };
        for index in 0..partitions {
            let tip = TopicIdPartition { topic: topic(), topic_id: topic_id(), partition: partition(index) };
            let commit = CommitId::from_bytes(tier.id());
            let manifest = Manifest::new(ManifestKind::Sidecar, cluster(), tip, Offset::ZERO, commit);
            // Days apart, so that files are of several partitions.
            let log = Log::starting_at(0, START_MS + i64::try_from(index).expect("small") * 3_600_000);
            tier.partitions.push(Partition { log, manifest, loaded: Loaded::new() });
            tier.commit(index);
        }
        tier
    }

    fn id(&mut self) -> [u8; 16] {
        self.ids += 1;
        let mut id = [0xaa; 16];
        id[8..].copy_from_slice(&self.ids.to_be_bytes());
        id
    }

    pub(crate) fn log(&mut self, index: usize) -> &mut Log {
        &mut self.partitions[index].log
    }

    pub(crate) fn end(&self, index: usize) -> Offset {
        self.partitions[index].manifest.tier_end
    }

    /// One segment with all that the tier lacks, if there is anything.
    pub(crate) fn offload(&mut self, index: usize) {
        let uuid = SegmentUuid::from_bytes(self.id());
        let part = &mut self.partitions[index];
        let (base, end) = (part.manifest.tier_end, part.log.end());
        if base >= end {
            return;
        }
        let tip = part.manifest.tip.clone();
        let origin = SegmentOrigin {
            cluster_id: cluster(),
            topic: tip.topic.clone(),
            topic_id: tip.topic_id,
            partition: tip.partition,
            uuid,
        };
        let mut options = SegmentOptions::new(origin, Salt::from_bytes([9; 16]), base);
        options.block_size = 1 << 10;
        options.compression = BlockCompression::None;
        options.transactions = part.manifest.transaction_start();
        let mut writer = SegmentWriter::new(options).expect("valid options");
        let mut parts = Vec::new();
        for batch in part.log.between(base, end) {
            writer.push(batch.bytes.clone(), &mut parts).expect("a sound batch");
        }
        let summary = writer.finish(&mut parts).expect("not empty");
        let first = summary.epochs.first().map(|start| start.epoch);
        let open = summary.transactions.open.clone();
        let mut entry = Entry::of(uuid, first, summary);
        entry.committed_at = TimestampMs::new(START_MS).expect("a time");
        part.loaded.add_open(uuid, open.clone());
        self.sim.plant(&entry.object_key(&tip), parts.concat());
        part.manifest.append(entry, open).expect("follows");
        self.commit(index);
    }

    /// As an unclean election does it: the log is cut at or below `offset`, and so is the tier. What is left of the log above
    /// the tier's new end is offloaded with what comes.
    pub(crate) fn cut(&mut self, index: usize, offset: Offset) {
        let at = self.partitions[index].log.cut(offset);
        if at >= self.partitions[index].manifest.tier_end {
            return;
        }
        let cut = Cut {
            at,
            reason: DeadReason::Truncation,
            recorded_at: TimestampMs::new(START_MS).expect("a time"),
        };
        let mut ids: Vec<ObjectUuid> = (0..4).map(|_| ObjectUuid::from_bytes(self.id())).collect();
        let mut fresh = || ids.pop().expect("enough ids");
        let part = &self.partitions[index];
        let made = part.manifest.cut(&cut, &part.loaded, &mut fresh).expect("cuts");
        for NewPage { key, bytes, .. } in made.pages {
            self.sim.plant(&key.to_string(), bytes);
        }
        self.partitions[index].manifest = made.head;
        self.commit(index);
    }

    /// Recorded as lost: from the tier's end to the log's.
    pub(crate) fn lose_tail(&mut self, index: usize) {
        let part = &mut self.partitions[index];
        let range = OffsetRange::new(part.manifest.tier_end, part.log.end()).expect("forward");
        let recorded = TimestampMs::new(START_MS).expect("a time");
        part.manifest
            .record_gap(range, firnline_index::manifest::GapReason::Operator, recorded)
            .expect("recorded");
        self.commit(index);
    }

    /// As retention does it, with the first segment.
    pub(crate) fn retire_to(&mut self, index: usize, to: Offset) {
        let part = &mut self.partitions[index];
        let made = part.manifest.retire_to(to, &part.loaded).expect("retires");
        part.manifest = made.head;
        self.commit(index);
    }

    fn commit(&mut self, index: usize) {
        let commit = CommitId::from_bytes(self.id());
        let manifest = &mut self.partitions[index].manifest;
        manifest.stamp(commit, None);
        let key = ObjectKey::Manifest { tip: manifest.tip.clone() }.to_string();
        self.sim.plant(&key, manifest.encode().expect("sound"));
    }

    /// A process of its own that reads the tier.
    pub(crate) fn reader(&self, env: &Env) -> Reader {
        let settings = ReaderSettings {
            workers: Workers::Inline,
            max_manifest_age: Duration::ZERO,
            ..ReaderSettings::default()
        };
        Reader::new(self.sim.connect(env), settings)
    }
}
