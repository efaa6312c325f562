//! Which directories and topics a pass takes, and when it is not begun at all.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};

use firnline_index::{ClusterId, OffsetRange, TopicIdPartition};
use firnline_logdir::{LogDirError, LogDirs, RefusedReason};
use firnline_offloader::{PassError, PassPolicy, Problem, Progress, run_once};

use super::*;
use crate::holder::Holder;

#[tokio::test]
async fn topics_that_are_not_asked_for_are_counted_and_left_alone() {
    let mut disk = Disk::new();
    for topic in ["orders", "orders-dlq", "users", "__consumer_offsets"] {
        disk.write(&named(topic, 0), &plain(3));
    }
    let tier = disk.tier().await;
    let mut inputs = disk.inputs(&tier);
    let takes = |topic: &TopicName| ["orders", "__consumer_offsets"].contains(&topic.as_str());
    inputs.policy = PassPolicy { topics: Arc::new(takes), ..inputs.policy };
    let report = run_once(&inputs).await.unwrap();
    assert_eq!((report.partitions.len(), report.filtered, report.internal), (1, 2, 1));
    assert!(report.is_complete());
    assert_eq!(disk.stored(&named("orders", 0)).await, sealed(&plain(3)));
    assert_eq!(tier.topics().await.unwrap().len(), 1, "nothing of the others is in the tier");
}

#[tokio::test]
async fn a_lock_that_a_broker_holds_refuses_the_pass_before_any_request() {
    let mut disk = Disk::new();
    disk.orders(3);
    let held = disk.another("data2");
    let tier = disk.tier().await;
    let before = tier.store().counters();
    let holder = Holder::of(&held.join(".lock"), "lockf");
    let error = run_once(&disk.inputs(&tier)).await.unwrap_err();
    let pid = i32::try_from(holder.pid()).unwrap();
    assert!(
        matches!(&error, PassError::BrokerRunning { path, pid: Some(by) } if *path == held && *by == pid)
    );
    assert!(error.is_refusal());
    says(&chain(&error), &["data2", &format!("process {pid}"), "cannot be assumed while it runs"]);
    assert_eq!(tier.store().counters().since(&before).total(), 0);

    drop(holder);
    assert!(run_once(&disk.inputs(&tier)).await.unwrap().is_complete());
}

#[tokio::test]
async fn a_lock_that_cannot_be_asked_counts_as_held() {
    let mut disk = Disk::new();
    disk.orders(3);
    let lock = disk.log_dir().join(".lock");
    fs::remove_file(&lock).unwrap();
    symlink("/dev/null", &lock).unwrap();
    let tier = disk.tier().await;
    let error = run_once(&disk.inputs(&tier)).await.unwrap_err();
    assert!(matches!(error, PassError::LockUnknown { .. }) && error.is_refusal(), "{error:?}");
    says(&chain(&error), &["it cannot be told whether a broker holds", "data", ".lock"]);
}

/// A broker that starts once the first segment is uploaded.
#[derive(Debug)]
struct Starts {
    log_dir: PathBuf,
    holder: Arc<Mutex<Option<Holder>>>,
}

impl Progress for Starts {
    fn uploaded(&self, _tip: &TopicIdPartition, _range: OffsetRange) {
        let mut holder = self.holder.lock().unwrap();
        holder.get_or_insert_with(|| Holder::of(&self.log_dir.join(".lock"), "lockf"));
    }
}

#[tokio::test]
async fn nothing_is_committed_once_a_broker_holds_the_lock() {
    let mut disk = Disk::new();
    let (_, files) = disk.orders(3);
    let holder = Arc::default();
    let report = disk.watched(Starts { log_dir: disk.log_dir(), holder: Arc::clone(&holder) }).await;
    let Problem::BrokerStarted { path } = problem(&report) else { panic!("{report:?}") };
    assert_eq!(*path, disk.log_dir());
    assert_eq!(report.partitions[0].orphans.len(), 2, "what is in the store and named by nothing is told");
    assert!(disk.stored(&named("orders", 0)).await.is_empty());

    holder.lock().unwrap().take();
    assert!(disk.pass().await.is_complete());
    assert_eq!(disk.stored(&named("orders", 0)).await, sealed(&files));
}

#[tokio::test]
async fn a_directory_of_another_cluster_or_of_none_refuses_the_pass_before_any_request() {
    for (meta, says_so) in [
        ("version=1\nnode.id=1\ncluster.id=another\n", "belongs to cluster another, not to cluster-a"),
        ("version=0\nbroker.id=1\n", "names no cluster"),
    ] {
        let mut disk = Disk::new();
        disk.orders(3);
        fs::write(disk.log_dir().join("meta.properties"), meta).unwrap();
        let tier = disk.tier().await;
        let before = tier.store().counters();
        let error = run_once(&disk.inputs(&tier)).await.unwrap_err();
        assert!(matches!(error, PassError::OtherCluster(_)) && error.is_refusal());
        says(&chain(&error), &["data", says_so]);
        assert_eq!(tier.store().counters().since(&before).total(), 0);
    }
}

#[test]
fn a_directory_without_meta_properties_or_of_another_cluster_is_not_opened_with_others() {
    let mut disk = Disk::new();
    let (first, second) = (disk.log_dir(), disk.of_cluster("data2", &ClusterId::new("another").unwrap()));
    let error = LogDirs::open([&first, &second]).unwrap_err();
    assert!(matches!(error, LogDirError::OtherCluster { .. }));
    says(&chain(&error), &["data2", "another", "cluster-a"]);
    fs::remove_file(second.join("meta.properties")).unwrap();
    let error = LogDirs::open([&first, &second]).unwrap_err();
    says(&chain(&error), &["data2", "it has no meta.properties", "log.dirs"]);
}

#[tokio::test]
async fn a_partition_in_two_log_directories_is_left_out_and_the_others_go_on() {
    let mut disk = Disk::new();
    let (first, _) = disk.orders(3);
    disk.another("data2");
    let files = plain(4);
    let second = disk.write(&named("orders", 0), &files);
    disk.write(&named("users", 0), &files);
    let report = disk.pass().await;
    assert!(!report.is_complete());
    let refused: Vec<_> = report.refused.iter().map(|refused| (&refused.path, &refused.why)).collect();
    let [(one, RefusedReason::Duplicate { other: a }), (two, RefusedReason::Duplicate { other: b })] =
        &refused[..]
    else {
        panic!("{refused:?}")
    };
    assert_eq!((*one, a, *two, b), (&first, &second, &second, &first));
    says(&chain(refused[0].1), &["data2/orders-0", "keep one of the two"]);
    assert!(disk.stored(&named("orders", 0)).await.is_empty());
    assert_eq!(disk.stored(&named("users", 0)).await, sealed(&files));

    fs::remove_dir_all(&first).unwrap();
    assert!(disk.pass().await.is_complete());
    assert_eq!(disk.stored(&named("orders", 0)).await, sealed(&files));
}
