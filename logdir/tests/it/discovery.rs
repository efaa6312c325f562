//! What is found in a log directory, and what is said of the rest.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use firnline_index::{ClusterId, Offset};
use firnline_logdir::fixture::PartitionOptions;
use firnline_logdir::{Found, LogDir, LogDirError, LogDirs, NotLogReason, OffsetCheckpoint, RefusedReason};

use crate::support::{Fixture, batch, chain, log_dir_writer, offset, tip};

/// Why the only partition of `log_dir` is refused.
fn refusal(log_dir: &Path) -> RefusedReason {
    let mut found = LogDir::open(log_dir).unwrap().partitions().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    match found.pop() {
        Some(Found::Refused(refused)) => {
            assert_eq!(refused.topic.as_str(), "orders");
            refused.why
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn segments_are_found_in_order_and_the_last_is_active() {
    let fixture = Fixture::new(30, 1000, 10_000);
    let partition = fixture.scan();
    assert_eq!(partition.tip, tip("orders", 3));
    assert!(partition.segments.len() >= 3);
    assert_eq!(partition.segments[0].base, Offset::ZERO);
    for pair in partition.segments.windows(2) {
        assert!(pair[0].base < pair[1].base);
        assert_eq!(pair[0].next_base, Some(pair[1].base));
        assert!(!pair[0].active);
    }
    let last = partition.segments.last().unwrap();
    assert!(last.active);
    assert_eq!(last.next_base, None);
    assert_eq!(partition.log_bytes(), fixture.bytes.len() as u64);
    let epochs = partition.leader_epochs().unwrap().unwrap().unwrap();
    assert_eq!(epochs.iter().map(|e| (e.epoch.get(), e.start.get())).collect::<Vec<_>>(), [(4, 0)]);
}

#[test]
fn everything_that_is_no_log_is_named_and_nothing_else_is_lost() {
    let fixture = Fixture::new(3, 100, 10_000);
    for (name, why) in [
        ("gone-0.0123456789abcdef0123456789abcdef-delete", NotLogReason::Deleted),
        ("gone-0.0123456789abcdef0123456789abcdef-stray", NotLogReason::Stray),
        ("orders-3.0123456789abcdef0123456789abcdef-future", NotLogReason::Future),
        ("remote-log-index-cache", NotLogReason::RemoteIndexCache),
        ("__cluster_metadata-0", NotLogReason::ClusterMetadata),
        ("lost+found", NotLogReason::Foreign),
    ] {
        let path = fixture.log_dir.join(name);
        fs::create_dir(&path).unwrap();
        let found = LogDir::open(&fixture.log_dir).unwrap().partitions().unwrap();
        let [Found::NotLog(not_log), Found::Partition(_)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&not_log.path, not_log.why), (&path, why));
        fs::remove_dir(&path).unwrap();
    }
    fs::write(fixture.log_dir.join("notes.txt"), "mine").unwrap();
    let found = LogDir::open(&fixture.log_dir).unwrap().partitions().unwrap();
    assert!(matches!(&found[0], Found::NotLog(not_log) if not_log.why == NotLogReason::Foreign));
}

#[test]
fn files_that_are_not_the_log_do_not_count_as_it() {
    let fixture = Fixture::new(3, 100, 10_000);
    let before = fixture.scan();
    for name in [
        "00000000000000000099.log.deleted",
        "00000000000000000099.index.deleted",
        "00000000000000000099.log.cleaned",
        "00000000000000000099.snapshot",
        "00000000000000000099.txnindex",
        "partition.metadata.tmp",
    ] {
        fs::write(fixture.dir.join(name), "content").unwrap();
    }
    assert_eq!(fixture.scan(), before);
    fs::write(fixture.dir.join("core.1234"), "foreign").unwrap();
    assert_eq!(fixture.scan().foreign, ["core.1234"]);
}

#[test]
fn names_of_249_characters_with_dashes_are_found() {
    let temp = tempfile::tempdir().unwrap();
    let mut writer = log_dir_writer(&temp.path().join("data"));
    let topic = "a-b.c_d-delete".repeat(20)[..249].to_owned();
    let mut partition =
        writer.partition(&tip(&topic, 12345), offset(7), PartitionOptions::default()).unwrap();
    partition.append(&batch(7, 1, 50)).unwrap();
    partition.finish().unwrap();
    let found = LogDir::open(writer.path()).unwrap().partitions().unwrap();
    let [Found::Partition(partition)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(partition.tip, tip(&topic, 12345));
}

#[test]
fn a_partition_without_partition_metadata_is_refused_with_what_to_do() {
    let fixture = Fixture::new(3, 100, 10_000);
    fs::remove_file(fixture.dir.join("partition.metadata")).unwrap();
    let why = refusal(&fixture.log_dir);
    assert!(matches!(why, RefusedReason::NoPartitionMetadata), "{why:?}");
    assert!(why.to_string().contains("start the broker once"), "{why}");
}

#[test]
fn a_partition_metadata_that_cannot_be_read_is_refused() {
    let fixture = Fixture::new(3, 100, 10_000);
    fs::write(fixture.dir.join("partition.metadata"), "version: 7\n").unwrap();
    let why = refusal(&fixture.log_dir);
    assert_eq!(chain(&why), "read partition.metadata: its version is \"7\"; version 0 is known");
}

#[test]
fn a_cleaning_that_is_not_finished_is_refused() {
    let fixture = Fixture::new(3, 100, 10_000);
    fs::write(fixture.dir.join("00000000000000000000.log.swap"), "").unwrap();
    assert!(matches!(refusal(&fixture.log_dir), RefusedReason::UnfinishedCleaning { .. }));
}

#[test]
fn a_log_file_that_is_not_named_by_an_offset_is_refused() {
    let fixture = Fixture::new(3, 100, 10_000);
    fs::write(fixture.dir.join("copy of 0.log"), "").unwrap();
    assert!(matches!(refusal(&fixture.log_dir), RefusedReason::BadLogName { .. }));
}

#[test]
fn symbolic_links_are_not_followed() {
    let elsewhere = Fixture::new(3, 100, 10_000);
    let fixture = Fixture::new(3, 100, 10_000);
    let moved = fixture.temp.path().join("moved.log");
    fs::rename(fixture.segment(0), &moved).unwrap();
    symlink(&moved, fixture.segment(0)).unwrap();
    let why = refusal(&fixture.log_dir);
    assert!(matches!(&why, RefusedReason::SymbolicLink { target, .. } if *target == moved), "{why:?}");

    fs::remove_dir_all(&fixture.dir).unwrap();
    symlink(&elsewhere.dir, &fixture.dir).unwrap();
    assert!(matches!(refusal(&fixture.log_dir), RefusedReason::SymbolicLink { .. }));
}

#[test]
fn the_log_directory_itself_may_be_a_link() {
    let fixture = Fixture::new(3, 100, 10_000);
    let link = fixture.temp.path().join("link");
    symlink(&fixture.log_dir, &link).unwrap();
    assert_eq!(LogDir::open(&link).unwrap().path, fixture.log_dir.canonicalize().unwrap());
}

#[test]
fn a_directory_without_meta_properties_is_no_log_directory() {
    let fixture = Fixture::new(3, 100, 10_000);
    fs::remove_file(fixture.log_dir.join("meta.properties")).unwrap();
    let error = LogDir::open(&fixture.log_dir).unwrap_err();
    assert!(matches!(error, LogDirError::NoMeta { .. }));
    assert!(error.to_string().contains("name a directory that the broker's log.dirs lists"), "{error}");
    let error = LogDir::open(fixture.temp.path().join("nowhere")).unwrap_err();
    assert!(error.to_string().starts_with("find directory"), "{error}");
}

#[test]
fn malformed_meta_properties_is_named() {
    let fixture = Fixture::new(3, 100, 10_000);
    fs::write(fixture.log_dir.join("meta.properties"), "version=9\n").unwrap();
    let error = LogDir::open(&fixture.log_dir).unwrap_err();
    let expected = format!(
        "read meta.properties in {:?}: its version is \"9\"; versions 0 and 1 are known",
        fixture.log_dir.canonicalize().unwrap()
    );
    assert_eq!(chain(&error), expected);
}

#[test]
fn a_directory_of_another_cluster_is_told() {
    let fixture = Fixture::new(3, 100, 10_000);
    let log_dir = LogDir::open(&fixture.log_dir).unwrap();
    assert!(log_dir.check_cluster(&ClusterId::new("J8nB1x9RTGqN3oGQx5Lk2A").unwrap()).is_ok());
    let error = log_dir.check_cluster(&ClusterId::new("other").unwrap()).unwrap_err();
    assert!(
        error.to_string().ends_with("belongs to cluster J8nB1x9RTGqN3oGQx5Lk2A, not to other"),
        "{error}"
    );
    fs::write(fixture.log_dir.join("meta.properties"), "version=0\nbroker.id=1\n").unwrap();
    let error =
        LogDir::open(&fixture.log_dir).unwrap().check_cluster(&ClusterId::new("other").unwrap()).unwrap_err();
    assert!(matches!(error, LogDirError::NoCluster { .. }));
}

#[test]
fn one_partition_in_two_directories_is_refused_in_both() {
    let (one, two) = (Fixture::new(3, 100, 10_000), Fixture::new(5, 100, 10_000));
    let dirs = LogDirs::open([&one.log_dir, &two.log_dir]).unwrap();
    let inventory = dirs.scan().unwrap();
    assert!(inventory.partitions.is_empty());
    let paths: Vec<_> = inventory.refused.iter().map(|refused| refused.path.clone()).collect();
    assert_eq!(paths.len(), 2);
    for refused in &inventory.refused {
        let RefusedReason::Duplicate { other } = &refused.why else { panic!("{refused:?}") };
        assert_ne!(*other, refused.path);
        assert!(paths.contains(other));
    }
}

#[test]
fn a_copy_in_the_making_does_not_disturb_the_original() {
    let (one, two) = (Fixture::new(3, 100, 10_000), Fixture::new(5, 100, 10_000));
    fs::rename(&two.dir, two.log_dir.join("orders-3.0123456789abcdef0123456789abcdef-future")).unwrap();
    let inventory = LogDirs::open([&one.log_dir, &two.log_dir]).unwrap().scan().unwrap();
    assert_eq!((inventory.partitions.len(), inventory.refused.len()), (1, 0));
}

#[test]
fn directories_must_be_different_and_of_one_broker() {
    let (one, two) = (Fixture::new(1, 100, 10_000), Fixture::new(1, 100, 10_000));
    assert!(matches!(LogDirs::open([&one.log_dir, &one.log_dir]), Err(LogDirError::Twice { .. })));
    let meta = two.log_dir.join("meta.properties");
    fs::write(&meta, "version=1\nnode.id=2\ncluster.id=J8nB1x9RTGqN3oGQx5Lk2A\n").unwrap();
    assert!(matches!(LogDirs::open([&one.log_dir, &two.log_dir]), Err(LogDirError::OtherNode { .. })));
    fs::write(&meta, "version=1\nnode.id=1\ncluster.id=another\n").unwrap();
    assert!(matches!(LogDirs::open([&one.log_dir, &two.log_dir]), Err(LogDirError::OtherCluster { .. })));
}

#[test]
fn an_unclean_end_shows_and_checkpoints_are_read() {
    let fixture = Fixture::new(1, 100, 10_000);
    let log_dir = LogDir::open(&fixture.log_dir).unwrap();
    assert!(log_dir.clean_shutdown);
    let starts = log_dir.offsets(OffsetCheckpoint::LogStart).unwrap().unwrap().unwrap();
    assert_eq!(starts.values().copied().collect::<Vec<_>>(), [Offset::ZERO]);
    assert!(log_dir.offsets(OffsetCheckpoint::HighWatermark).unwrap().is_none());
    fs::remove_file(fixture.log_dir.join(".kafka_cleanshutdown")).unwrap();
    assert!(!LogDir::open(&fixture.log_dir).unwrap().clean_shutdown);
}
