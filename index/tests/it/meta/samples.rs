//! Manifests, pages, a marker and a topic object with every field in use: what the golden files hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use firnline_index::cluster_state::*;
use firnline_index::floor::FloorObject;
use firnline_index::group::{GroupObject, GroupOwner, Position, SavedLook, TopicPositions};
use firnline_index::keys::RelativeKey;
use firnline_index::lease::Lease;
use firnline_index::lineage::{EpochStart, Lineage};
use firnline_index::manifest::*;
use firnline_index::marker::TierMarker;
use firnline_index::summary::{NodeSummary, PartitionSummary, TierMarks, Waiting};
use firnline_index::topic::{Attached, TierRetention, TopicObject};
use firnline_index::topic_key::WrappedTopicKey;
use firnline_index::transactions::OpenTransaction;
use firnline_index::*;

pub(crate) fn offset(n: u64) -> Offset {
    Offset::ZERO.checked_add(n).expect("samples stay below 2^63")
}

pub(crate) fn range(start: u64, end: u64) -> OffsetRange {
    OffsetRange::new(offset(start), offset(end)).expect("samples are not backwards")
}

pub(crate) fn epoch(n: i32) -> LeaderEpoch {
    LeaderEpoch::new(n).expect("samples are not negative")
}

pub(crate) fn epoch_start(n: i32, start: u64) -> EpochStart {
    EpochStart { epoch: epoch(n), start: offset(start) }
}

pub(crate) fn time(ms: i64) -> TimestampMs {
    TimestampMs::new(ms).expect("samples are not negative")
}

/// Sixteen bytes that tell `kind` and `n` apart.
pub(crate) fn sixteen(kind: u8, n: u64) -> [u8; 16] {
    let mut bytes = [kind; 16];
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(crate) fn uuid(n: u64) -> SegmentUuid {
    SegmentUuid::from_bytes(sixteen(0x51, n))
}

pub(crate) fn object_uuid(n: u64) -> ObjectUuid {
    ObjectUuid::from_bytes(sixteen(0x0b, n))
}

pub(crate) fn commit(n: u64) -> CommitId {
    CommitId::from_bytes(sixteen(0xc0, n))
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId::new("5L6g3nShT-eMCtK--X86sw").expect("a cluster id")
}

pub(crate) fn tip() -> TopicIdPartition {
    TopicIdPartition {
        topic: TopicName::new("orders.eu").expect("a topic name"),
        topic_id: TopicId::from_bytes(sixteen(0x70, 1)),
        partition: PartitionIndex::new(3).expect("a partition"),
    }
}

pub(crate) fn open(producer: i64, first_offset: u64) -> OpenTransaction {
    OpenTransaction {
        producer: ProducerId::new(producer).expect("a producer"),
        first_offset: offset(first_offset),
        last_timestamp: Some(time(1_790_000_000_123)),
    }
}

pub(crate) fn abort(producer: i64, marker: u64) -> FirstAbort {
    FirstAbort { producer: ProducerId::new(producer).expect("a producer"), marker_offset: offset(marker) }
}

/// An ordinary segment of about 1 GiB, all of one epoch.
pub(crate) fn entry(n: u64, start: u64, end: u64, leader_epoch: i32) -> Entry {
    Entry {
        range: range(start, end),
        uuid: uuid(n),
        leader_epoch: Some(epoch(leader_epoch)),
        epochs: vec![epoch_start(leader_epoch, start)],
        location: Location {
            key: None,
            start: StoredPosition::ZERO,
            length: ByteCount::new((1 << 30) + 34_000 + n % 1_000),
        },
        tail_position: StoredPosition::new((1 << 30) + n % 1_000),
        log_bytes: ByteCount::new((1 << 30) + n % 1_000),
        records: Some(end - start),
        batches: 65_000,
        blocks: 4_096,
        min_timestamp: Some(time(1_790_000_000_000 + i64::try_from(start).expect("small"))),
        max_timestamp: Some(time(1_790_000_000_000 + i64::try_from(end).expect("small"))),
        stable_end: offset(end),
        first_aborts: Vec::new(),
        aborts_truncated: false,
        object_crc: Crc32c::of(&n.to_be_bytes()),
        committed_at: time(1_790_000_600_000),
        storage_class: None,
        kind: EntryKind::Segment,
        replaces: Vec::new(),
        key_id: None,
        kip405: None,
    }
}

/// An entry in which every field that a sidecar writes is in use.
pub(crate) fn rich_entry(n: u64, start: u64, end: u64, epochs: [i32; 2]) -> Entry {
    Entry {
        epochs: vec![epoch_start(epochs[0], start + 1), epoch_start(epochs[1], start + 5)],
        location: Location {
            key: Some(RelativeKey::new("packs/2026/one.pack").expect("a key")),
            start: StoredPosition::new(4_096),
            length: ByteCount::new(10_000),
        },
        tail_position: StoredPosition::new(9_500),
        log_bytes: ByteCount::new(30_000),
        batches: 9,
        blocks: 2,
        first_aborts: vec![abort(7, start + 2), abort(1_000, start + 6)],
        aborts_truncated: true,
        storage_class: Some("STANDARD_IA".to_owned()),
        replaces: vec![uuid(9_001), uuid(9_002)],
        key_id: Some(KeyId::from_bytes(sixteen(0x6b, 2))),
        ..entry(n, start, end, epochs[0])
    }
}

/// A segment of batches of magic 1: no epoch, no record count, no timestamps.
pub(crate) fn legacy_entry(n: u64, start: u64, end: u64) -> Entry {
    Entry {
        leader_epoch: None,
        epochs: Vec::new(),
        records: None,
        min_timestamp: None,
        max_timestamp: None,
        ..entry(n, start, end, 0)
    }
}

/// A page of entries from 100 to 1,000 with a gap in it.
pub(crate) fn entries_page() -> Page {
    let entries = [
        legacy_entry(1, 100, 200),
        entry(2, 200, 400, 2),
        rich_entry(3, 400, 700, [2, 3]),
        Entry { stable_end: offset(850), ..entry(4, 800, 1_000, 5) },
    ];
    let gaps = vec![Gap { range: range(700, 800), reason: GapReason::LocalRetention, recorded_at: time(7) }];
    let body = PageBody::Entries { entries: EntryTable::new(&entries), gaps };
    page(101, range(100, 1_000), body)
}

/// A page of references from 100 to 1,400.
pub(crate) fn refs_page() -> Page {
    let (_, first) = entries_page().encode().expect("a sound page");
    let second =
        PageBody::Entries { entries: EntryTable::new(&[entry(5, 1_000, 1_400, 5)]), gaps: Vec::new() };
    let (_, second) = page(102, range(1_000, 1_400), second).encode().expect("a sound page");
    page(103, range(100, 1_400), PageBody::Refs(vec![first, second]))
}

fn page(n: u64, range: OffsetRange, body: PageBody) -> Page {
    Page { cluster_id: cluster(), tip: tip(), kind: ManifestKind::Sidecar, uuid: object_uuid(n), range, body }
}

/// A head in which every field of a sidecar's manifest is in use.
pub(crate) fn full_head() -> Manifest {
    let mut head = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(100), commit(1));
    let (_, pages) = refs_page().encode().expect("a sound page");
    head.totals = pages.totals;
    head.tier_end = pages.range.end();
    head.pages.push(pages);
    head.lineage =
        Lineage::new(vec![epoch_start(2, 200), epoch_start(3, 405), epoch_start(5, 800)]).expect("a chain");
    head.record_gap(range(1_400, 1_500), GapReason::Reserve, time(11)).expect("at the end");
    head.append(rich_entry(10, 1_500, 1_600, [5, 6]), Vec::new()).expect("at the end");
    for n in 0..2 {
        let piece = Entry { kind: EntryKind::TailPiece, ..entry(11 + n, 1_600 + 50 * n, 1_650 + 50 * n, 6) };
        head.append(piece, Vec::new()).expect("at the end");
    }
    let sealed = Entry { stable_end: offset(1_650), ..entry(13, 1_600, 1_800, 6) };
    head.replace(&[uuid(11), uuid(12)], sealed, vec![open(7, 1_650), open(8, 1_700)])
        .expect("fits its pieces");
    let writer = Writer {
        node: NodeId::new(2).expect("a node"),
        leader_epoch: Some(epoch(6)),
        incarnation: Incarnation::from_bytes(sixteen(0x1c, 3)),
    };
    head.stamp(commit(2), None);
    head.stamp(commit(3), Some(writer));
    head.gc_boundary = Some(GcBoundary::from_bytes(sixteen(0x9c, 4)));
    // What the first builds did not write down.
    head.began_at = None;
    head.tier_start = offset(150);
    head.floor = Some(offset(140));
    head.claim = Some(Claim {
        epoch: epoch(7),
        node: NodeId::new(3).expect("a node"),
        wanted: vec![range(1_800, 1_900), range(2_000, 2_100)],
    });
    head.deleted = Some(Tombstone { at: time(99), last_bound: Some(offset(1_900)) });
    head.dead_branches = vec![DeadBranch {
        cut_at: offset(1_800),
        reason: DeadReason::Truncation,
        recorded_at: time(12),
        entries: vec![entry(20, 1_850, 1_900, 4)],
        pages: vec![PageRef { uuid: object_uuid(104), level: 0, ..pages }],
    }];
    head
}

/// The same, as written by builds that write down where it began.
pub(crate) fn began_head() -> Manifest {
    Manifest { began_at: Some(offset(100)), ..full_head() }
}

/// A broker's own tier: overlapping copies, each with the broker's id and epoch map.
pub(crate) fn kip405_head() -> Manifest {
    let mut head = Manifest::new(ManifestKind::Kip405, cluster(), tip(), offset(0), commit(1));
    let mirrored = |n: u64, start, end, of: i32| Entry {
        kip405: Some(Kip405 {
            segment_id: RemoteLogSegmentId::from_bytes(sixteen(0x45, n)),
            epochs: vec![epoch_start(0, 0), epoch_start(of, start)],
        }),
        ..entry(n, start, end, of)
    };
    head.entries = vec![mirrored(1, 0, 200, 1), mirrored(2, 90, 210, 2), mirrored(3, 300, 400, 3)];
    head.totals = head.entries.iter().map(Totals::of).try_fold(Totals::ZERO, Totals::plus).expect("small");
    head.tier_end = offset(400);
    head
}

pub(crate) fn marker() -> TierMarker {
    TierMarker::new(cluster(), Duration::from_secs(300)).expect("an allowed age")
}

pub(crate) fn topic() -> TopicObject {
    TopicObject {
        cluster_id: cluster(),
        topic: tip().topic,
        topic_id: tip().topic_id,
        generation: 4,
        partitions: 12,
        configs: BTreeMap::from([
            ("cleanup.policy".to_owned(), "delete".to_owned()),
            ("retention.ms".to_owned(), "604800000".to_owned()),
        ]),
        retention: Some(TierRetention {
            ms: Some(31_536_000_000),
            bytes: None,
            set_at: time(1_790_000_000_000),
        }),
        paused: None,
        encrypted: false,
        deleted_retention_ms: None,
        deleted_at: None,
        attached: None,
        unknown: serde_json::from_str(r#"{"later": {"a": [1, "two"]}}"#).expect("an object"),
    }
}

pub(crate) fn partition_summary(topic: u64, number: i32) -> PartitionSummary {
    let partition = PartitionIndex::new(number).expect("a partition");
    let topic_id = TopicId::from_bytes(sixteen(0x70, topic));
    let name = TopicName::new(&format!("orders.{topic}")).expect("a topic name");
    PartitionSummary::new(TopicIdPartition { topic: name, topic_id, partition })
}

/// Two topics; the first with all facts, one without a manifest, and a hole in the numbers.
pub(crate) fn summary() -> NodeSummary {
    let full = PartitionSummary {
        tier: Some(TierMarks {
            generation: 41,
            tier_start: offset(1_000),
            serving_start: offset(5_000),
            tier_end: offset(170_045),
        }),
        held_end: Some(offset(180_000)),
        high_watermark: Some(offset(179_999)),
        waiting: Some(Waiting {
            code: std::num::NonZeroU16::new(7).expect("not zero"),
            since: time(1_790_000_000_000),
        }),
        pinned_bytes: ByteCount::new(3 << 30),
        sole_link_bytes: ByteCount::new(1 << 30),
        gaps: 2,
        dead_branches: 1,
        ..partition_summary(1, 0)
    };
    let empty = Some(TierMarks {
        generation: 0,
        tier_start: Offset::ZERO,
        serving_start: Offset::ZERO,
        tier_end: Offset::ZERO,
    });
    NodeSummary {
        cluster_id: cluster(),
        node: NodeId::new(3).expect("a node"),
        incarnation: Incarnation::from_bytes(sixteen(0x1c, 1)),
        sequence: 17,
        written_at: time(1_790_000_060_000),
        partitions: vec![
            full,
            partition_summary(1, 7),
            PartitionSummary { tier: empty, ..partition_summary(2, 1) },
        ],
    }
}

pub(crate) fn group() -> GroupObject {
    let position = |at, leader_epoch, metadata: &str| Position {
        offset: offset(at),
        leader_epoch,
        metadata: metadata.to_owned(),
        at: time(1_790_000_000_000),
    };
    let partition = |n| PartitionIndex::new(n).expect("a sample");
    let partitions = BTreeMap::from([
        (partition(0), position(17, Some(epoch(4)), "said \"so\"\n")),
        (partition(3), position(0, None, "")),
    ]);
    GroupObject {
        cluster_id: cluster(),
        group: GroupName::new("orders app").expect("a sample"),
        owner: GroupOwner {
            incarnation: Incarnation::from_bytes(sixteen(0x1c, 1)),
            node: NodeId::new(4).expect("a sample"),
            host: "serve-1.example".to_owned(),
            port: 9092,
        },
        write: commit(7),
        generation: 12,
        saved: Some(SavedLook { looked_at: time(6), taken_at: Some(time(5)) }),
        topics: BTreeMap::from([(tip().topic_id, TopicPositions { topic: tip().topic, partitions })]),
    }
}

pub(crate) fn said() -> Said {
    Said { by: "alice".to_owned(), at: time(1_790_000_000_000), why: "moving to \"new\" storage".to_owned() }
}

pub(crate) fn floor() -> FloorObject {
    FloorObject {
        cluster_id: cluster(),
        tip: tip(),
        offset: offset(170_000),
        uuid: object_uuid(4),
        said: said(),
    }
}

pub(crate) fn lease() -> Lease {
    Lease {
        cluster_id: cluster(),
        node: NodeId::new(3).expect("a sample"),
        incarnation: Incarnation::from_bytes(sixteen(0x1c, 1)),
        machine: "broker-3".to_owned(),
        places: BTreeSet::from(["dir-a".to_owned(), "dir-b".to_owned()]),
        since: time(1_790_000_000_000),
        released_at: None,
    }
}

pub(crate) fn groups() -> Dated<GroupOffsets> {
    let committed = CommittedOffset {
        topic: tip().topic,
        topic_id: Some(tip().topic_id),
        partition: tip().partition,
        offset: offset(17),
        leader_epoch: Some(epoch(4)),
        metadata: "m".to_owned(),
    };
    let bare =
        CommittedOffset { topic_id: None, leader_epoch: None, metadata: String::new(), ..committed.clone() };
    let groups = BTreeMap::from([("app".to_owned(), vec![committed, bare]), (String::new(), vec![])]);
    dated(GroupOffsets { groups })
}

pub(crate) fn dated<S>(state: S) -> Dated<S> {
    Dated { cluster_id: cluster(), node: NodeId::new(3).expect("a sample"), taken_at: time(5), state }
}

pub(crate) fn topic_configs() -> Dated<TopicConfigs> {
    let config = TopicConfig {
        topic_id: tip().topic_id,
        partitions: 12,
        replicas: 3,
        configs: BTreeMap::from([("retention.ms".to_owned(), "1".to_owned())]),
    };
    dated(TopicConfigs { topics: BTreeMap::from([(tip().topic, config)]) })
}

pub(crate) fn acls() -> Dated<Acls> {
    let binding = AclBinding {
        resource_type: "Topic".to_owned(),
        resource_name: "orders.".to_owned(),
        pattern_type: "Prefixed".to_owned(),
        principal: "User:alice".to_owned(),
        host: "*".to_owned(),
        operation: "Read".to_owned(),
        permission: "Allow".to_owned(),
    };
    dated(Acls { bindings: vec![binding] })
}

/// A topic object with every member there is.
pub(crate) fn full_topic() -> TopicObject {
    TopicObject {
        paused: Some(said()),
        encrypted: true,
        deleted_retention_ms: Some(86_400_000),
        deleted_at: Some(time(7)),
        attached: Some(Attached {
            cluster_id: cluster(),
            topic_id: TopicId::from_bytes([9; 16]),
            at: time(8),
            ends: BTreeMap::from([(PartitionIndex::new(3).expect("a sample"), offset(170_000))]),
        }),
        ..topic()
    }
}

pub(crate) fn wrapped_key() -> WrappedTopicKey {
    WrappedTopicKey {
        cluster_id: cluster(),
        topic: tip().topic,
        topic_id: tip().topic_id,
        number: 2,
        created_at: time(1_790_000_000_000),
        ring_key: "2026a".to_owned(),
        wrapped: vec![1, 2, 3],
    }
}
