use firnline_index::{Offset, PartitionIndex, TopicName};
use proptest::prelude::*;

use super::*;

const V1: &str = "#\n#Mon Nov 23 22:41:00 UTC 2026\ncluster.id=J8nB1x9RTGqN3oGQx5Lk2A\n\
                  directory.id=WDfXf3AARsOzsoUoYg6jBw\nnode.id=1\nversion=1\n";

fn meta(text: &str) -> Result<MetaProperties, MetaError> {
    MetaProperties::parse(text.as_bytes())
}

#[test]
fn meta_properties_of_version_1_names_cluster_node_and_directory() {
    let meta = meta(V1).unwrap();
    assert_eq!(meta.version, 1);
    assert_eq!(meta.cluster_id.unwrap().as_str(), "J8nB1x9RTGqN3oGQx5Lk2A");
    assert_eq!(meta.node_id.unwrap().get(), 1);
    assert_eq!(meta.directory_id.as_deref(), Some("WDfXf3AARsOzsoUoYg6jBw"));
}

#[test]
fn meta_properties_of_version_0_may_name_no_cluster() {
    let old = meta("version=0\nbroker.id=7\n").unwrap();
    assert_eq!((old.version, old.cluster_id, old.node_id.unwrap().get()), (0, None, 7));
    let fresh = meta("version=0\nbroker.id=-1\ncluster.id=abc\n").unwrap();
    assert_eq!(fresh.node_id, None);
    assert_eq!(fresh.cluster_id.unwrap().as_str(), "abc");
}

#[test]
fn meta_properties_takes_javas_ways_of_writing() {
    let text =
        "! comment\r\n  version : 1\r\ncluster.id   a\\:b\\u0041\\\r\n   c\r\nnode.id=\\\n3\nfuture.key=x";
    let meta = meta(text).unwrap();
    assert_eq!(meta.cluster_id.unwrap().as_str(), "a:bAc");
    assert_eq!(meta.node_id.unwrap().get(), 3);
}

#[test]
fn meta_properties_without_what_it_needs_says_what() {
    for (text, message) in [
        ("", "it has no version"),
        ("\u{0}\u{1}garbage", "it has no version"),
        ("version=2\n", "its version is \"2\"; versions 0 and 1 are known"),
        ("version=1\nnode.id=1\n", "it has no cluster.id, which version 1 must have"),
        ("version=1\ncluster.id=c\n", "it has no node.id, which version 1 must have"),
        ("version=1\ncluster.id=c\nnode.id=one\n", "its node.id is \"one\", not a node id"),
        ("version=1\ncluster.id=c\nnode.id=-5\n", "its node.id is \"-5\", not a node id"),
        ("version=1\ncluster.id=a/b\nnode.id=1\n", "its cluster.id cannot be one"),
    ] {
        assert_eq!(meta(text).unwrap_err().to_string(), message, "{text:?}");
    }
}

#[test]
fn partition_metadata_gives_the_topic_id() {
    let id = partition_metadata(b"version: 0\ntopic_id: J8nB1x9RTGqN3oGQx5Lk2A").unwrap();
    assert_eq!(id.to_string(), "J8nB1x9RTGqN3oGQx5Lk2A");
    for (text, message) in [
        (&b""[..], "its version is \"\"; version 0 is known"),
        (b"version: 1\ntopic_id: J8nB1x9RTGqN3oGQx5Lk2A", "its version is \"1\"; version 0 is known"),
        (b"version: 0\n", "it has no topic_id"),
        (b"version: 0\ntopic_id: J8nB1x9RTGqN3oGQx5Lk2", "its topic_id cannot be one"),
        (b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA", "its topic_id is the zero id, which no topic has"),
        (b"version 0", "line 1 is not of the form \"key: value\""),
        (b"\xff\xfe", "it is not text"),
    ] {
        assert_eq!(partition_metadata(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn checkpoints_are_read_strictly() {
    let entries = leader_epochs(b"0\n2\n0 0\n3 1500\n").unwrap();
    assert_eq!(
        entries.iter().map(|e| (e.epoch.get(), e.start.get())).collect::<Vec<_>>(),
        [(0, 0), (3, 1500)]
    );
    assert_eq!(leader_epochs(b"0\n0\n").unwrap(), []);
    let entries = offsets(b"0\n2\norders 0 1500\na-b.c_d 12 0\n").unwrap();
    assert_eq!(entries[1].topic.as_str(), "a-b.c_d");
    for (text, error) in [
        (&b""[..], CheckpointError::Version { version: String::new() }),
        (b"1\n0\n", CheckpointError::Version { version: "1".into() }),
        (b"0\n", CheckpointError::Count),
        (b"0\n-1\n", CheckpointError::Count),
        (b"0\n99999999999\n0 0\n", CheckpointError::Entries { announced: 99_999_999_999, actual: 1 }),
        (b"0\n1\n0 0\n1 5\n", CheckpointError::Entries { announced: 1, actual: 2 }),
        (b"0\n1\n0 0 0\n", CheckpointError::Line { number: 3 }),
        (b"0\n1\n0 -1\n", CheckpointError::Line { number: 3 }),
        (b"0\n2\n3 10\n2 20\n", CheckpointError::Backwards { number: 4 }),
        (b"0\n2\n3 10\n4 9\n", CheckpointError::Backwards { number: 4 }),
        (b"\xff", CheckpointError::NotText),
    ] {
        assert_eq!(leader_epochs(text).unwrap_err(), error);
    }
    assert_eq!(offsets(b"0\n1\norders 0\n").unwrap_err(), CheckpointError::Line { number: 3 });
    assert_eq!(offsets(b"0\n1\nor/ders 0 1\n").unwrap_err(), CheckpointError::Line { number: 3 });
}

fn partition(topic: &str, number: i32) -> DirName {
    DirName::Partition(TopicName::new(topic).unwrap(), PartitionIndex::new(number).unwrap())
}

#[test]
fn directory_names_are_told_apart() {
    let long = "x".repeat(249);
    for (name, meaning) in [
        ("orders-3".to_owned(), partition("orders", 3)),
        ("or-de.rs_-3-0".to_owned(), partition("or-de.rs_-3", 0)),
        ("a-delete-7".to_owned(), partition("a-delete", 7)),
        (format!("{long}-2147483647"), partition(&long, i32::MAX)),
        ("orders-3.0123456789abcdef0123456789abcdef-delete".to_owned(), DirName::Deleted),
        ("orders-3.0123456789abcdef0123456789abcdef-stray".to_owned(), DirName::Stray),
        ("orders-3.0123456789abcdef0123456789abcdef-future".to_owned(), DirName::Future),
        ("remote-log-index-cache".to_owned(), DirName::RemoteIndexCache),
        ("__cluster_metadata-0".to_owned(), DirName::ClusterMetadata),
        ("__consumer_offsets-49".to_owned(), partition("__consumer_offsets", 49)),
        ("lost+found".to_owned(), DirName::Foreign),
        ("orders".to_owned(), DirName::Foreign),
        ("orders-".to_owned(), DirName::Foreign),
        ("-3".to_owned(), DirName::Foreign),
        ("orders-03".to_owned(), DirName::Foreign),
        ("orders-+3".to_owned(), DirName::Foreign),
        ("orders-2147483648".to_owned(), DirName::Foreign),
        ("..-3".to_owned(), DirName::Foreign),
    ] {
        assert_eq!(DirName::parse(&name), meaning, "{name}");
    }
}

#[test]
fn file_names_are_told_apart() {
    let base = Offset::new(1500).unwrap();
    for (name, meaning) in [
        ("00000000000000001500.log", FileName::Segment(SegmentFileKind::Log, base)),
        ("00000000000000001500.index", FileName::Segment(SegmentFileKind::OffsetIndex, base)),
        ("00000000000000001500.timeindex", FileName::Segment(SegmentFileKind::TimeIndex, base)),
        ("00000000000000001500.txnindex", FileName::Segment(SegmentFileKind::TransactionIndex, base)),
        ("00000000000000001500.snapshot", FileName::Segment(SegmentFileKind::ProducerSnapshot, base)),
        ("00000000000000001500.log.deleted", FileName::Deleted),
        ("00000000000000001500.log.cleaned", FileName::Cleaned),
        ("00000000000000001500.log.swap", FileName::Swap),
        ("00000000000000001500.log.restoring", FileName::Restoring),
        ("1500.log", FileName::BadLog),
        ("-0000000000000001500.log", FileName::BadLog),
        ("99999999999999999999.log", FileName::BadLog),
        ("notes.log", FileName::BadLog),
        ("1500.index", FileName::Foreign),
        ("leader-epoch-checkpoint", FileName::LeaderEpochs),
        ("partition.metadata", FileName::PartitionMetadata),
        ("partition.metadata.tmp", FileName::Temporary),
        ("README", FileName::Foreign),
    ] {
        assert_eq!(FileName::parse(name), meaning, "{name}");
    }
    assert_eq!(SegmentFileKind::Log.name(base), "00000000000000001500.log");
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = MetaProperties::parse(&bytes);
        let _ = partition_metadata(&bytes);
        let _ = leader_epochs(&bytes);
        let _ = offsets(&bytes);
        let name = String::from_utf8_lossy(&bytes);
        let _ = (DirName::parse(&name), FileName::parse(&name));
    }

    #[test]
    fn every_partition_name_comes_back(topic in "[a-zA-Z0-9._-]{1,249}", number in 0..=i32::MAX) {
        prop_assume!(topic != "." && topic != "..");
        prop_assume!(format!("{topic}-{number}") != "__cluster_metadata-0");
        prop_assert_eq!(DirName::parse(&format!("{topic}-{number}")), partition(&topic, number));
    }

    #[test]
    fn every_segment_name_comes_back(base in 0..=i64::MAX) {
        let base = Offset::new(base).unwrap();
        let name = SegmentFileKind::Log.name(base);
        prop_assert_eq!(FileName::parse(&name), FileName::Segment(SegmentFileKind::Log, base));
    }
}
