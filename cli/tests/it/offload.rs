//! `firnline offload`: what it takes, what it leaves out, and how it ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::holder::Holder;
use crate::logs::{Logs, last_line, plain, sealed, segment, tree};
use crate::made::{passable, unprivileged};
use crate::rig::{finish, firnline};

/// The objects of the tier, without the directory store's own files.
fn objects(logs: &Logs) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    tree(&logs.tier())
        .into_iter()
        .filter(|(path, _)| !path.to_string_lossy().contains("/.firnline-"))
        .collect()
}

#[test]
fn a_second_offload_uploads_nothing() {
    let logs = Logs::of(&["orders-0", "users-0"]);
    let first = logs.offload(&[]);
    first.fine();
    let pass = last_line(&first);
    assert_eq!((pass["v"].as_i64(), pass["kind"].as_str()), (Some(1), Some("pass")));
    assert_eq!((pass["segments"].as_i64(), pass["complete"].as_bool()), (Some(2), Some(true)));
    let bytes = sealed(&plain(4, 100));
    assert_eq!(pass["log_bytes"].as_u64(), Some(2 * bytes.len() as u64));
    assert_eq!(logs.raw("orders/0"), bytes);

    let before = objects(&logs);
    let second = logs.offload(&[]);
    second.fine();
    let pass = last_line(&second);
    for field in ["segments", "log_bytes", "object_bytes"] {
        assert_eq!(pass[field].as_u64(), Some(0), "{field}: {second:?}");
    }
    assert!(objects(&logs) == before, "no object is new, gone or changed");
    assert_eq!(logs.raw("users/0"), bytes);
}

#[test]
fn a_damaged_log_ends_with_5_beside_good_ones_and_with_1_alone() {
    let logs = Logs::of(&["orders-0", "orders-1", "users-0"]);
    let path = segment(&logs.path().join("orders-1"), 0);
    let sound = fs::read(&path).unwrap();
    let mut bytes = sound.clone();
    bytes[200] ^= 1;
    fs::write(&path, bytes).unwrap();
    let file = path.display().to_string();
    let ran = logs.offload(&[]);
    ran.fails(
        5,
        &["FIRN-T031", "1 partition", "[FIRN-L003] orders/1 in", &file, "is damaged at position", "crc"],
    );
    let line = ran.out.lines().find(|line| line.contains("\"partition\":1")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["problem"]["code"].as_str(), Some("FIRN-L003"));
    assert_eq!(last_line(&ran)["complete"].as_bool(), Some(false));
    assert_eq!(logs.raw("orders/0"), sealed(&plain(4, 100)));
    assert_eq!(logs.raw("users/0"), sealed(&plain(4, 100)));
    // The damaged one by itself, in a tier where nothing of it is.
    logs.offload(&["--store", logs.temp.path().join("other").to_str().unwrap()]).fails(2, &["--store"]);
    let mut alone = firnline(["offload", "--once", "--assume-committed", "--topic", "orders"]);
    fs::remove_dir_all(logs.path().join("orders-0")).unwrap();
    alone.arg("--log-dir").arg(logs.path()).arg("--store").arg(logs.temp.path().join("other"));
    finish(alone).fails(1, &["FIRN-L003", &file]);
    // Mended, it follows.
    fs::write(&path, sound).unwrap();
    logs.offload(&[]).fine();
    assert_eq!(logs.raw("orders/1"), sealed(&plain(4, 100)));
}

#[test]
fn a_missing_segment_is_named_with_its_offsets() {
    let logs = Logs::of(&["orders-0", "users-0"]);
    fs::remove_file(segment(&logs.path().join("orders-0"), 6)).unwrap();
    logs.offload(&[])
        .fails(5, &["FIRN-L003", "orders/0 in", "no records 6..12", "a segment file is missing"]);
}

#[test]
fn a_lock_that_a_broker_holds_is_refused_with_its_process() {
    let logs = Logs::of(&["orders-0"]);
    let holder = Holder::of(&logs.path().join(".lock"), "lockf");
    let before = tree(logs.path());
    logs.offload(&[]).fails(4, &["FIRN-L011", &holder.pid().to_string(), "kafka", "stop the broker"]);
    assert!(objects(&logs).iter().all(|(path, _)| path.ends_with("firnline.json")), "nothing was offloaded");
    assert!(tree(logs.path()) == before);
    drop(holder);
    logs.offload(&[]).fine();
}

#[test]
fn a_partition_in_two_directories_is_refused_and_the_others_are_taken() {
    let (one, two) = (Logs::of(&["orders-0", "users-0"]), Logs::of(&["orders-0"]));
    let other = two.path().display().to_string();
    let says = ["FIRN-T031", "[FIRN-L002] orders/0 in", &other, "keep one of the two"];
    one.offload(&["--log-dir", &other]).fails(5, &says);
    assert_eq!(one.raw("users/0"), sealed(&plain(4, 100)));
    one.offload(&["--log-dir", &other, "--topic", "orders"]).fails(4, &["FIRN-L002"]);
}

#[test]
fn directories_that_are_none_are_environment_and_say_what_is_missing() {
    let logs = Logs::of(&["orders-0"]);
    let nowhere = logs.temp.path().join("nowhere").display().to_string();
    logs.offload(&["--log-dir", &nowhere]).fails(3, &["FIRN-L001", &nowhere, "No such file"]);
    fs::remove_file(logs.path().join("orders-0/partition.metadata")).unwrap();
    logs.offload(&[]).fails(3, &["FIRN-L001", "orders/0", "no partition.metadata", "start the broker once"]);
    fs::remove_file(logs.path().join("meta.properties")).unwrap();
    logs.offload(&[]).fails(3, &["FIRN-L001", "kafka", "it has no meta.properties", "log.dirs"]);
}

#[test]
fn what_this_user_may_not_read_is_named_and_the_others_are_taken() {
    let logs = Logs::of(&["orders-0", "users-0"]);
    let closed = logs.path().join("orders-0");
    let open =
        |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    open(logs.temp.path(), 0o777);
    passable(logs.path());
    let args = logs.offload_args();
    open(logs.temp.path(), 0o777);
    open(&closed, 0o000);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let dir = closed.display().to_string();
    finish(unprivileged(&args))
        .fails(5, &["[FIRN-L001] orders/0 in", &dir, "as the broker's user", "Permission denied"]);
    open(&closed, 0o755);
    open(logs.path(), 0o000);
    finish(unprivileged(&args))
        .fails(3, &["FIRN-L001", "kafka", "as the broker's user", "Permission denied"]);
    open(logs.path(), 0o755);
    finish(unprivileged(&args)).fine();
    // A tier that may not be read.
    open(&logs.tier(), 0o000);
    let tier = logs.tier().display().to_string();
    let ran = finish(unprivileged(&["ls", &tier]));
    ran.fails(3, &["FIRN-S", &tier, "denied"]);
    open(&logs.tier(), 0o755);
}

#[test]
fn a_topic_that_no_log_has_is_usage_with_the_nearest_names() {
    let logs = Logs::of(&["orders-0", "payments-0"]);
    logs.offload(&["--topic", "oders"]).fails(2, &["FIRN-T010", "--topic oders", "nearest: orders"]);
    logs.offload(&["--topic", "order"]).fails(2, &["nearest: orders", "whole"]);
    logs.offload(&[]).fine();
    logs.on(&["ls", "--topic", "paymnts"]).fails(2, &["FIRN-T010", "nearest: payments"]);
    logs.on(&["verify", "paymnts"]).fails(2, &["FIRN-T010", "nearest: payments"]);
}

#[test]
fn what_is_no_log_is_named_with_its_reason() {
    let logs = Logs::of(&["orders-0"]);
    for name in
        ["gone-0.0123456789abcdef0123456789abcdef-delete", "remote-log-index-cache", "orders-0/core.1"]
    {
        fs::create_dir(logs.path().join(name)).unwrap();
    }
    let ran = logs.offload(&[]);
    let lines = ran.fine().lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let named: Vec<_> = lines.filter(|line| line["kind"] == "not_log").collect();
    let whys: Vec<_> = named.iter().map(|line| line["why"].as_str().unwrap()).collect();
    assert_eq!(whys, ["deleted", "remote_index_cache", "foreign"], "{named:?}");
    assert_eq!(named[2]["path"].as_str(), logs.path().join("orders-0/core.1").to_str());
}
