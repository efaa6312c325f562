//! The commands that work on a tier, over one that a small demo has made.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::logs::{Logs, last_line, plain};
use crate::made::{copied, first_object, made, on_tier, readable_only, tier, unprivileged, writable_again};
use crate::rig::{finish, firnline};

#[test]
fn the_demo_fits_one_screen_and_its_commands_work() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = firnline(["demo", "--size", "32MiB"]);
    command.env("TMPDIR", dir.path());
    let ran = finish(command);
    let out = ran.fine();
    assert!(ran.err.is_empty(), "{}", ran.err);
    assert!(!out.contains('\u{1b}'), "no colours without a terminal");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines.len() <= 50, "{} lines", lines.len());
    let next = lines.iter().position(|line| line.contains("Next, try:")).unwrap();
    for line in &lines[..next] {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let commands: Vec<&str> = lines[next + 1..].iter().map(|line| line.trim()).collect();
    assert_eq!(commands.len(), 3);
    for command in &commands {
        let ran = Command::new("sh").arg("-c").arg(command).stdin(Stdio::null()).output().unwrap();
        assert!(ran.status.success(), "{command}: {ran:?}");
        if command.contains(" cat ") {
            assert_eq!(ran.stdout.iter().filter(|byte| **byte == b'\n').count(), 3, "{ran:?}");
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the last command leaves nothing");
}

#[test]
fn every_way_to_name_the_tier_means_the_same() {
    let listed = on_tier(&["ls", "--json"]);
    let tier = tier();
    let config = made().root.join("tier.toml");
    fs::write(&config, format!("[store]\nurl = \"file://{tier}\"\n")).unwrap();
    for args in [
        vec!["ls", "--json", &tier],
        vec!["ls", "--json", "--store", &tier],
        vec!["ls", "--json", "--store", &format!("file://{tier}")],
        vec!["ls", "--json", "--config", config.to_str().unwrap()],
    ] {
        assert_eq!(finish(firnline(&args)).fine(), listed.fine(), "{args:?}");
    }
}

#[test]
fn ls_has_the_fields_of_the_contract_in_order() {
    let listed = on_tier(&["ls", "--json"]);
    let line = listed.fine().lines().next().unwrap();
    let names = [
        "v",
        "topic",
        "topic_id",
        "partition",
        "base_offset",
        "next_offset",
        "log_bytes",
        "object_bytes",
        "blocks",
        "max_timestamp_ms",
        "object_key",
    ];
    let mut from = 0;
    for name in names {
        let at = line[from..].find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name} in {line}"));
        from += at;
    }
    assert!(line.starts_with("{\"v\":1,\"topic\":\"clicks\","), "{line}");
    assert_eq!(first_object().as_object().unwrap().len(), names.len());
}

#[test]
fn cat_has_the_fields_of_the_contract_in_order() {
    let ran = on_tier(&["cat", "orders/0", "--from", "0", "--max", "1"]);
    let line = ran.fine();
    assert!(
        line.starts_with("{\"v\":1,\"partition\":0,\"offset\":0,\"timestamp_ms\":1795327200000,\"timestamp_type\":\"CreateTime\",\"key\":\"k-"),
        "{line}"
    );
    assert!(line.contains(",\"value\":\"{") && line.contains(",\"headers\":[[\"trace-id\",\""), "{line}");
    let picture = on_tier(&["cat", "images/0", "--max", "1"]);
    assert!(picture.fine().contains("\"value_base64\":\""), "noise is no text");
}

#[test]
fn until_is_exclusive_and_offsets_are_met_inside_a_batch() {
    let ran = on_tier(&["cat", "clicks/0", "--from", "37", "--until", "42"]);
    let offsets: Vec<i64> = ran
        .fine()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["offset"].as_i64().unwrap())
        .collect();
    assert_eq!(offsets, [37, 38, 39, 40, 41]);
    assert_eq!(on_tier(&["cat", "clicks/0", "--from", "5", "--until", "5"]).fine(), "");
    assert_eq!(on_tier(&["cat", "clicks/0", "--from", "latest"]).fine(), "");
}

#[test]
fn a_time_means_the_first_record_at_least_as_late() {
    // Records of clicks are 320 ms apart, from 06:00:00.
    let ran = on_tier(&["cat", "clicks/0", "--from", "@2026-11-22T07:00:03.201+01:00", "--max", "1"]);
    let line: serde_json::Value = serde_json::from_str(ran.fine()).unwrap();
    assert_eq!((line["offset"].as_i64(), line["timestamp_ms"].as_i64()), (Some(11), Some(1_795_327_203_520)));
}

#[test]
fn committed_readers_see_fewer_records_and_none_of_them_is_another() {
    let count = |args: &[&str]| on_tier(args).fine().lines().count();
    let all = count(&["cat", "orders/0"]);
    let committed = count(&["cat", "orders/0", "--isolation", "read_committed"]);
    assert!(committed < all && committed > 0, "{committed} of {all}");
}

#[test]
fn raw_output_is_the_segment_file_byte_for_byte() {
    let mut command = firnline(["cat", "sensors/0", "--raw"]);
    command.env("FIRNLINE_STORE", tier());
    let raw = command.output().unwrap().stdout;
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("restored");
    on_tier(&["restore", "sensors/0", "--to", to.to_str().unwrap()]).fine();
    let mut files: Vec<PathBuf> = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(
        files.iter().all(|path| path.extension().is_some_and(|extension| extension == "log")),
        "{files:?}"
    );
    let restored: Vec<u8> = files.iter().flat_map(|path| fs::read(path).unwrap()).collect();
    assert!(!raw.is_empty() && raw == restored);
}

#[test]
fn restore_refuses_a_directory_that_holds_records() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("restored");
    on_tier(&["restore", "users/0", "--to", to.to_str().unwrap()]).fine();
    on_tier(&["restore", "users/0", "--to", to.to_str().unwrap()]).fails(4, &["FIRN-L020", "holds records"]);
}

#[test]
fn names_and_offsets_that_are_not_there_are_usage() {
    on_tier(&["cat", "oders/0"]).fails(2, &["FIRN-T010", "orders"]);
    on_tier(&["cat", "orders/17"]).fails(2, &["FIRN-T010", "it has: 0, 1, 2"]);
    on_tier(&["cat", "orders/0", "--from", "999999999"]).fails(2, &["FIRN-T012", "the tier has 0 to"]);
    on_tier(&["ls", "--topic", "nothing-like-it"]).fails(2, &["FIRN-T010"]);
    on_tier(&["ls", "--topic", "order"]).fails(2, &["FIRN-T010"]);
    assert!(on_tier(&["ls", "--topic", "orders|users"]).fine().lines().count() > 3);
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let tier = tier();
    let program = env!("CARGO_BIN_EXE_firnline");
    let script = format!("'{program}' cat {tier} orders/0 | head -n 1 > /dev/null; echo ${{PIPESTATUS[0]}}");
    let ran = Command::new("bash").arg("-c").arg(script).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "0\n");
    assert!(ran.stderr.is_empty(), "{ran:?}");
}

#[test]
fn a_full_output_is_an_error() {
    let mut command = firnline(["cat", "clicks/0"]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    command.env("FIRNLINE_STORE", tier()).stdout(full);
    let ran = command.output().unwrap();
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");
    assert!(String::from_utf8_lossy(&ran.stderr).contains("FIRN-C201"));
}

#[test]
fn offload_is_refused_without_a_bound_and_for_another_cluster() {
    let log_dir = made().root.join("kafka");
    let mut command = firnline(["offload", "--once"]);
    command.arg("--log-dir").arg(&log_dir).arg("--store").arg(tier());
    finish(command).fails(4, &["FIRN-L010", "--assume-committed"]);

    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("meta.properties"), "cluster.id=another\nnode.id=1\nversion=1\n").unwrap();
    let mut command = firnline(["offload", "--once", "--assume-committed"]);
    command.arg("--log-dir").arg(other.path()).arg("--store").arg(tier());
    finish(command).fails(4, &["FIRN-T003", "another"]);
}

#[test]
fn inspect_shows_manifest_segment_marker_and_log_file() {
    let manifest = on_tier(&["inspect", "orders/0", "--json"]);
    assert!(
        manifest.fine().starts_with("{\"v\":1,\"kind\":\"manifest\",\"topic\":\"orders\""),
        "{manifest:?}"
    );
    let key = first_object()["object_key"].as_str().unwrap().to_owned();
    let by_key = on_tier(&["inspect", &key, "--json", "--blocks"]);
    assert!(by_key.fine().starts_with("{\"v\":1,\"kind\":\"segment\""));
    assert!(by_key.out.lines().count() > 1, "blocks follow");
    let by_path = finish(firnline(["inspect", "--json", "--blocks", &format!("{}/{key}", tier())]));
    assert_eq!(by_path.fine(), by_key.out);
    assert!(on_tier(&["inspect", "firnline.json"]).fine().contains("firnline-demo"));
    let log = made().root.join("kafka/orders-0");
    let log = fs::read_dir(log)
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "log"))
        .unwrap();
    let shown = finish(firnline([Path::new("inspect"), &log]));
    assert!(shown.fine().starts_with("log_file\n"), "{shown:?}");
}

#[test]
fn damage_ends_with_one_and_is_named() {
    let copy = copied("damage");
    let line: serde_json::Value = first_object();
    let key = line["object_key"].as_str().unwrap();
    let path = copy.join(key);
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let tier = copy.display().to_string();
    assert_eq!(finish(firnline(["verify", &tier])).code, 0, "nothing is missing");
    let deep = finish(firnline(["verify", "--deep", "--json", &tier]));
    deep.fails(1, &["FIRN-T022"]);
    assert!(
        deep.out.lines().next().unwrap().starts_with("{\"v\":1,\"kind\":\"anomaly\",\"name\":\"block\""),
        "{deep:?}"
    );
    finish(firnline(["cat", &tier, "clicks/0", "--max", "1"])).fails(1, &["FIRN-R013", key]);
    fs::remove_file(&path).unwrap();
    finish(firnline(["verify", &tier])).fails(1, &["FIRN-T022"]);
    finish(firnline(["cat", &tier, "clicks/0", "--max", "1"])).fails(1, &["FIRN-R010", key]);
}

#[test]
fn a_place_that_is_no_tier_is_told_apart_from_one_of_others() {
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().display().to_string();
    finish(firnline(["ls", &path])).fails(2, &["FIRN-T001"]);
    fs::write(empty.path().join("photo.jpg"), "x").unwrap();
    finish(firnline(["ls", &path])).fails(4, &["FIRN-T004", "photo.jpg"]);
}

#[test]
fn reading_commands_work_on_a_read_only_tier() {
    let copy = copied("read-only");
    readable_only(&copy);
    let tier = copy.display().to_string();
    let key = first_object()["object_key"].as_str().unwrap().to_owned();
    let to = tempfile::tempdir().unwrap();
    let target = to.path().join("users");
    // Root may write anywhere, so the test runs as another user where it is root.
    for args in [
        vec!["ls", &tier],
        vec!["cat", &tier, "orders/0", "--max", "1"],
        vec!["inspect", &tier, "orders/0"],
        vec!["inspect", &tier, &key],
        vec!["verify", &tier],
        vec!["verify", "--deep", &tier],
        vec!["cost", &tier],
        vec!["restore", &tier, "users/0", "--to", target.to_str().unwrap()],
    ] {
        fs::set_permissions(to.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let ran = finish(unprivileged(&args));
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
    }
    writable_again(&copy);
}

#[test]
fn a_tier_is_read_at_a_trickle_where_that_is_asked_for() {
    let mut logs = Logs::new();
    logs.write("orders-0", &plain(4, 100_000));
    logs.offload(&[]).fine();
    let deep = |more: &[&str]| {
        let ran = logs.on(&[&["verify", "--deep", "--json"], more].concat());
        ran.fine();
        last_line(&ran)
    };
    let (fast, slow) = (deep(&[]), deep(&["--rate", "1MiB"]));
    for what in ["segments", "log_bytes", "anomalies"] {
        assert_eq!(fast[what], slow[what], "{what}");
    }
    // 1.8 MB at a megabyte a second.
    let took = |line: &serde_json::Value| line["seconds"].as_f64().unwrap();
    assert!(took(&slow) > 1.5 && took(&fast) < took(&slow), "{fast} {slow}");
    logs.on(&["verify", "--rate", "1MiB"]).fails(2, &["--deep"]);
    logs.on(&["verify", "--deep", "--rate", "0B"]).fails(2, &["--rate"]);
}
