//! What stands in a log directory and is no log.

use std::fs;

use firnline_logdir::{NotLogReason, RefusedReason};

use super::*;

const UNIQUE: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn what_is_no_log_is_named_stays_as_it_is_and_adds_nothing_to_the_tier() {
    let mut disk = Disk::new();
    let (dir, files) = disk.orders(4);
    let log_dir = disk.log_dir();
    let kinds = [
        (format!("gone-0.{UNIQUE}-delete"), NotLogReason::Deleted),
        (format!("lost-0.{UNIQUE}-stray"), NotLogReason::Stray),
        (format!("orders-0.{UNIQUE}-future"), NotLogReason::Future),
        ("remote-log-index-cache".to_owned(), NotLogReason::RemoteIndexCache),
        ("__cluster_metadata-0".to_owned(), NotLogReason::ClusterMetadata),
        ("lost+found".to_owned(), NotLogReason::Foreign),
        ("orders-00".to_owned(), NotLogReason::Foreign),
    ];
    for (name, _) in &kinds {
        // Each holds what a partition's directory does.
        fs::create_dir(log_dir.join(name)).unwrap();
        for file in ["partition.metadata", "00000000000000000000.log", "00000000000000000009.log"] {
            fs::copy(dir.join(file), log_dir.join(name).join(file)).unwrap();
        }
    }
    fs::write(log_dir.join("notes.txt"), "mine").unwrap();
    for name in [
        "00000000000000000000.log.deleted",
        "00000000000000000005.log.cleaned",
        "00000000000000000005.index.cleaned",
        "00000000000000000099.snapshot",
        "leader-epoch-checkpoint.tmp",
        "core.1234",
    ] {
        fs::write(dir.join(name), "no batch").unwrap();
    }
    let before = tree(&log_dir);
    let report = disk.pass().await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.partitions.len(), 1);
    for (name, why) in &kinds {
        let found = report.not_logs.iter().find(|found| found.path == log_dir.join(name)).unwrap();
        assert_eq!(found.why, *why, "{name}");
    }
    for foreign in [log_dir.join("notes.txt"), dir.join("core.1234")] {
        assert!(report.not_logs.iter().any(|found| found.path == foreign), "{foreign:?} is named");
    }
    assert_eq!(report.not_logs.len(), kinds.len() + 2, "what a broker makes is not");
    assert_eq!(disk.stored(&named("orders", 0)).await, sealed(&files));
    assert_eq!(disk.tier().await.topics().await.unwrap().len(), 1);
    assert_eq!(tree(&log_dir), before, "a pass changes nothing in a log directory");
}

/// Makes one of two partitions unreadable as `spoil` does, and shows that the other goes on and the one follows when
/// `mend` has been at it.
async fn refused_until_mended(
    spoil: impl Fn(&Path),
    mend: impl Fn(&Path),
    is: impl Fn(&RefusedReason) -> bool,
    says_so: &[&str],
) {
    let mut disk = Disk::new();
    let (dir, files) = disk.orders(4);
    disk.write(&named("users", 0), &files);
    spoil(&dir);
    let report = disk.pass().await;
    let [refused] = &report.refused[..] else { panic!("{report:?}") };
    assert!(is(&refused.why), "{refused:?}");
    assert_eq!((refused.topic.as_str(), &refused.path), ("orders", &dir));
    says(&chain(&refused.why), says_so);
    assert!(disk.stored(&named("orders", 0)).await.is_empty());
    assert_eq!(disk.stored(&named("users", 0)).await, sealed(&files));
    mend(&dir);
    assert!(disk.pass().await.is_complete());
    assert_eq!(disk.stored(&named("orders", 0)).await, sealed(&files));
}

#[tokio::test]
async fn a_partition_without_partition_metadata_waits_until_it_is_there() {
    let metadata = |dir: &Path| dir.join("partition.metadata");
    let aside = |dir: &Path| dir.parent().unwrap().parent().unwrap().join("aside");
    refused_until_mended(
        |dir| fs::rename(metadata(dir), aside(dir)).unwrap(),
        |dir| fs::rename(aside(dir), metadata(dir)).unwrap(),
        |why| matches!(why, RefusedReason::NoPartitionMetadata),
        &["there is no partition.metadata", "start the broker once"],
    )
    .await;
}

#[tokio::test]
async fn a_cleaning_that_is_not_finished_waits_until_it_is() {
    let swap = |dir: &Path| dir.join("00000000000000000009.log.swap");
    refused_until_mended(
        |dir| fs::write(swap(dir), "").unwrap(),
        |dir| fs::remove_file(swap(dir)).unwrap(),
        |why| matches!(why, RefusedReason::UnfinishedCleaning { .. }),
        &["00000000000000000009.log.swap", "start the broker"],
    )
    .await;
}

#[tokio::test]
async fn a_log_file_of_another_name_holds_the_partition_up() {
    let copy = |dir: &Path| dir.join("00000000000000000009 (copy).log");
    refused_until_mended(
        |dir| assert!(fs::copy(segment(dir, 9), copy(dir)).unwrap() > 0),
        |dir| fs::remove_file(copy(dir)).unwrap(),
        |why| matches!(why, RefusedReason::BadLogName { .. }),
        &["00000000000000000009 (copy).log", "20 digits"],
    )
    .await;
}

#[tokio::test]
async fn a_partition_directory_without_segments_has_nothing_to_take() {
    let mut disk = Disk::new();
    let (dir, _) = disk.orders(2);
    for base in [0, 9] {
        fs::remove_file(segment(&dir, base)).unwrap();
    }
    let report = disk.pass().await;
    assert!(report.is_complete() && report.committed().next().is_none(), "{report:?}");
}
