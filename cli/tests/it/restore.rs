//! `firnline restore` into a broker's log directory, and where it must not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use firnline_index::topic::{Attached, TopicObject};
use firnline_index::{ClusterId, Offset, PartitionIndex, TimestampMs, TopicId};

use crate::holder::Holder;
use crate::logs::{Logs, plain, sealed, tree};
use crate::made::unprivileged;
use crate::rig::finish;

/// A tier with `orders`, and the log directory of a stopped broker that has made the topic anew: one empty segment each.
fn tier_and_broker(partitions: &[&str]) -> (Logs, Logs) {
    let logs = Logs::of(partitions);
    logs.offload(&[]).fine();
    let mut broker = Logs::new();
    for name in partitions {
        broker.write(name, &[Vec::new()]);
    }
    (logs, broker)
}

fn restore(logs: &Logs, what: &str, to: &Path) -> crate::rig::Ran {
    logs.on(&["restore", what, "--to", to.to_str().unwrap(), "--json"])
}

/// The `.log` files of a directory, end to end.
fn log(dir: &Path) -> Vec<u8> {
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    tree(dir).into_iter().filter(|(path, _)| is_log(path)).flat_map(|(_, bytes)| bytes).collect()
}

#[test]
fn a_stopped_brokers_empty_partition_takes_the_log_and_keeps_its_topic_id() {
    let (logs, broker) = tier_and_broker(&["orders-0"]);
    let dir = broker.path().join("orders-0");
    let metadata = fs::read(dir.join("partition.metadata")).unwrap();
    restore(&logs, "orders/0", broker.path()).fine();
    assert_eq!(log(&dir), sealed(&plain(4, 100)));
    assert_eq!(fs::read(dir.join("partition.metadata")).unwrap(), metadata);
    let names: Vec<_> = tree(&dir).into_iter().map(|(path, _)| path).collect();
    assert!(!names.iter().any(|path| path.extension().is_some_and(|e| e == "index")), "{names:?}");
}

#[test]
fn a_partition_that_holds_records_is_refused_untouched() {
    let (logs, _) = tier_and_broker(&["orders-0"]);
    let mut broker = Logs::new();
    broker.write("orders-0", &plain(2, 50));
    let before = tree(broker.path());
    for (what, to) in [("orders/0", broker.path().join("orders-0")), ("orders/0", broker.path().to_owned())] {
        let says = ["FIRN-L020", "orders-0", "holds records: 2 segments", "00000000000000000000.log"];
        restore(&logs, what, &to).fails(4, &says);
        assert!(tree(broker.path()) == before);
    }
}

#[test]
fn all_targets_are_looked_at_before_anything_is_written() {
    let (logs, mut broker) = tier_and_broker(&["orders-0", "orders-1"]);
    fs::remove_dir_all(broker.path().join("orders-1")).unwrap();
    broker.write("orders-1", &plain(2, 50));
    let before = tree(broker.path());
    restore(&logs, "orders", broker.path()).fails(4, &["FIRN-L020", "orders-1"]);
    assert!(tree(broker.path()) == before);
}

#[test]
fn a_log_directory_whose_lock_is_held_is_refused_untouched() {
    let (logs, broker) = tier_and_broker(&["orders-0"]);
    let before = tree(broker.path());
    let holder = Holder::of(&broker.path().join(".lock"), "lockf");
    for to in [broker.path().to_owned(), broker.path().join("orders-0")] {
        let says = ["FIRN-L011", &holder.pid().to_string(), "kafka", "stop it first"];
        restore(&logs, "orders/0", &to).fails(4, &says);
        assert!(tree(broker.path()) == before);
    }
    drop(holder);
    restore(&logs, "orders/0", broker.path()).fine();
}

#[test]
fn a_partition_whose_object_is_damaged_does_not_keep_the_others_back() {
    let logs = Logs::of(&["orders-0", "orders-1"]);
    logs.offload(&[]).fine();
    let is = |path: &Path| path.to_string_lossy().contains("/0/00000000000000000000-");
    let (object, mut bytes) = tree(&logs.tier()).into_iter().find(|(path, _)| is(path)).unwrap();
    bytes[100] ^= 1;
    fs::write(&object, &bytes).unwrap();
    let to = logs.temp.path().join("restored");
    let ran = restore(&logs, "orders", &to);
    ran.fails(
        5,
        &[
            "one by one",
            "FIRN-T031",
            "[FIRN-T020] orders/0 in",
            object.file_name().unwrap().to_str().unwrap(),
        ],
    );
    assert_eq!(log(&to.join("orders-1")), sealed(&plain(4, 100)));
    assert!(log(&to.join("orders-0")).is_empty(), "nothing shows of a log that is not whole");
    // Alone it is damage; and with the object mended, the same command goes over what was left.
    let alone = logs.temp.path().join("alone");
    restore(&logs, "orders/0", &alone).fails(1, &["FIRN-T020"]);
    bytes[100] ^= 1;
    fs::write(&object, &bytes).unwrap();
    restore(&logs, "orders/0", &to.join("orders-0")).fine();
    assert_eq!(log(&to.join("orders-0")), sealed(&plain(4, 100)));
}

#[test]
fn a_target_that_this_user_may_not_write_to_is_environment() {
    let (logs, _) = tier_and_broker(&["orders-0"]);
    let closed = logs.temp.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(logs.temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (tier, to) = (logs.tier().display().to_string(), closed.join("orders-0").display().to_string());
    let ran = finish(unprivileged(&["restore", &tier, "orders/0", "--to", &to]));
    ran.fails(3, &["FIRN-C202", &to, "give this user write permission", "Permission denied"]);
}

/// Notes in the topic's object that brokers were told, for this topic id and up to this offset.
fn told(logs: &Logs, topic_id: TopicId, end: i64) {
    let topics = tree(&logs.tier().join("topics"));
    let (path, bytes) = topics.iter().find(|(path, _)| path.to_string_lossy().contains("orders.")).unwrap();
    let mut object = TopicObject::decode(bytes).unwrap();
    object.attached = Some(Attached {
        cluster_id: ClusterId::new("new").unwrap(),
        topic_id,
        at: TimestampMs::ZERO,
        ends: [(PartitionIndex::new(0).unwrap(), Offset::new(end).unwrap())].into(),
    });
    fs::write(path, object.encode().unwrap()).unwrap();
}

#[test]
fn nothing_is_attached_on_disk_before_the_brokers_were_told_of_just_that() {
    let (logs, broker) = tier_and_broker(&["orders-0"]);
    let dir = broker.path().join("orders-0");
    let before = tree(broker.path());
    let attach = || logs.on(&["restore", "orders", "--kip405", "--to", broker.path().to_str().unwrap()]);
    attach().fails(4, &["FIRN-T053", "no brokers were told", "orders@"]);
    let metadata = fs::read_to_string(dir.join("partition.metadata")).unwrap();
    let topic_id: TopicId =
        metadata.lines().find_map(|line| line.strip_prefix("topic_id: ")).unwrap().parse().unwrap();
    told(&logs, TopicId::from_bytes([0x33; 16]), 18);
    attach().fails(4, &["FIRN-T053", "orders-0", &topic_id.to_string()]);
    told(&logs, topic_id, 12);
    attach().fails(4, &["FIRN-T053", "up to 18", "offsets up to 12"]);
    assert!(tree(broker.path()) == before);
    told(&logs, topic_id, 18);
    attach().fine();
    let files = tree(&dir);
    let logs: Vec<_> =
        files.iter().filter(|(path, _)| path.extension().is_some_and(|is| is == "log")).collect();
    assert_eq!(logs, [&(dir.join("00000000000000000018.log"), Vec::new())]);
    let checkpoint = fs::read_to_string(dir.join("leader-epoch-checkpoint")).unwrap();
    assert_eq!(checkpoint, "0\n1\n0 0\n");
    assert_eq!(fs::read_to_string(dir.join("partition.metadata")).unwrap(), metadata);
}
