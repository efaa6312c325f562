//! What an operator does to a tier: policies, floors, gc, repairs, pauses; and what is refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::logs::{Logs, last_line, plain};
use crate::rig::Ran;

fn refused(ran: &Ran, code: &str) {
    ran.fails(4, &[code]);
}

fn segments(logs: &Logs) -> usize {
    logs.on(&["ls", "--json"]).fine().lines().count()
}

#[test]
fn a_pause_is_written_with_its_reason_and_taken_back() {
    let logs = Logs::of(&["orders-0", "clicks-0"]);
    logs.offload(&[]).fine();
    let paused = logs.on(&["pause", "orders", "--why", "moving house"]);
    let said = paused.fine();
    for part in ["orders@", "is paused, on all nodes", "within 67.5 s", "firnline resume orders"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    let shown = logs.on(&["policy", "show", "orders", "--json"]);
    let paused = last_line(&shown)["paused"].as_str().unwrap().to_owned();
    assert!(paused.contains("moving house"), "{paused}");
    assert!(last_line(&logs.on(&["policy", "show", "clicks", "--json"]))["paused"].is_null());
    // A pause is no trouble for gc: what is paused is left alone, and said to be.
    let gc = logs.on(&["gc", "--dry-run"]);
    assert!(gc.fine().contains("1 of the partitions are paused"), "{}", gc.out);
    assert_eq!(last_line(&logs.on(&["gc", "--dry-run", "--json"]))["partitions_paused"], 1);
    let resumed = logs.on(&["resume", "orders"]);
    assert!(resumed.fine().contains("is not paused: sidecars that run go on within"), "{}", resumed.out);
    assert_eq!(last_line(&logs.on(&["pause", "clicks", "--json"]))["in_force_within_ms"], 67_500);
    logs.on(&["resume", "clicks"]).fine();
    assert!(last_line(&logs.on(&["policy", "show", "orders", "--json"]))["paused"].is_null());
}

#[test]
fn one_mistyped_topic_leaves_the_others_as_they_were() {
    let logs = Logs::of(&["orders-0"]);
    logs.offload(&[]).fine();
    logs.on(&["pause", "orders", "ordres"]).fails(2, &["FIRN-T010", "orders"]);
    assert!(last_line(&logs.on(&["policy", "show", "orders", "--json"]))["paused"].is_null());
}

#[test]
fn a_retention_that_takes_too_much_is_refused_and_one_that_takes_anything_is_asked_about() {
    let mut logs = Logs::new();
    logs.write("orders-0", &plain(6, 200_000));
    logs.offload(&[]).fine();
    // Keeping a megabyte of five takes most of them.
    let set = ["policy", "set", "orders", "--size", "1MiB"];
    refused(&logs.on(&[&set[..], &["--yes"]].concat()), "FIRN-O020");
    let dry = logs.on(&[&set[..], &["--max-share", "100", "--dry-run", "--json"]].concat());
    dry.fine();
    let line = last_line(&dry);
    assert!(line["segments_to_go"].as_u64().unwrap() > 0, "{line}");
    assert_eq!(line["outcome"], "dry_run");
    refused(&logs.on(&[&set[..], &["--max-share", "100"]].concat()), "FIRN-O021");
    assert!(last_line(&logs.on(&["policy", "show", "orders", "--json"]))["retention_bytes"].is_null());
    logs.on(&[&set[..], &["--max-share", "100", "--yes"]].concat()).fine();
    let kept = last_line(&logs.on(&["policy", "show", "orders", "--json"]));
    assert_eq!(kept["retention_bytes"], 1 << 20);
    // What takes nothing needs no word.
    logs.on(&["policy", "set", "orders", "--size", "none", "--time", "36500d"]).fine();
    logs.on(&["policy", "set", "orders", "--size", "1TiB"]).fine();
    let shown = logs.on(&["policy", "show", "orders"]);
    let rows: Vec<&str> =
        shown.fine().lines().map(str::trim).filter(|row| row.starts_with("retention")).collect();
    assert!(rows[0].starts_with("retention time") && rows[0].ends_with("36500d"), "{rows:?}");
    assert!(rows[1].starts_with("retention size") && rows[1].contains("1.00 TiB"), "{rows:?}");
    logs.on(&["policy", "set", "orders"]).fails(2, &["--time", "--size"]);
    logs.on(&["policy", "set", "orders", "--time", "1s"]).fails(2, &["1m"]);
}

#[test]
fn that_topics_are_deleted_is_taken_down_only_with_a_word_and_the_first_time_stays() {
    let logs = Logs::of(&["orders-0", "clicks-0"]);
    logs.offload(&[]).fine();
    let deleted_at =
        |topic: &str| last_line(&logs.on(&["policy", "show", topic, "--json"]))["deleted_at_ms"].clone();
    refused(&logs.on(&["policy", "confirm-deleted", "orders"]), "FIRN-O021");
    logs.on(&["policy", "confirm-deleted", "orders", "--dry-run"]).fine();
    logs.on(&["policy", "confirm-deleted", "orders", "ordres", "--yes"]).fails(2, &["FIRN-T010"]);
    assert!(deleted_at("orders").is_null(), "nothing was meant yet");
    let id = last_line(&logs.on(&["policy", "show", "orders", "--json"]))["topic_id"].clone();
    let named = format!("orders@{}", id.as_str().unwrap());
    let done = logs.on(&["policy", "confirm-deleted", &named, "--yes", "--json"]);
    done.fine();
    assert_eq!(last_line(&done)["outcome"], "done");
    let first = deleted_at("orders");
    assert!(first.as_i64().unwrap() > 0);
    logs.on(&["policy", "confirm-deleted", "orders", "--yes"]).fine();
    assert_eq!((deleted_at("orders"), deleted_at("clicks").is_null()), (first, true));
}

#[test]
fn an_archive_goes_after_its_topic_only_where_somebody_said_so() {
    let logs = Logs::of(&["orders-0"]);
    logs.offload(&[]).fine();
    let kept = || last_line(&logs.on(&["policy", "show", "orders", "--json"]))["after_deletion_ms"].clone();
    let set = |more: &[&str]| logs.on(&[&["policy", "set", "orders", "--after-deletion"], more].concat());
    assert!(kept().is_null());
    refused(&set(&["90d"]), "FIRN-O021");
    set(&["90d", "--dry-run"]).fine();
    assert!(kept().is_null(), "nothing was meant yet");
    set(&["90d", "--yes"]).fine();
    assert_eq!(kept(), 90 * 86_400_000_i64);
    refused(&set(&["30d"]), "FIRN-O021");
    set(&["100d"]).fine();
    set(&["none"]).fine();
    assert!(kept().is_null(), "longer needs no word");
    set(&["1h", "--yes"]).fails(2, &["at least 1d"]);
    set(&["90d", "--time", "1d"]).fails(2, &["--time"]);
}

#[test]
fn records_are_deleted_only_within_the_share_and_with_a_word() {
    let mut logs = Logs::new();
    logs.write("orders-0", &plain(6, 200_000));
    logs.offload(&[]).fine();
    let delete = ["delete-records", "orders/0", "--before", "18"];
    refused(&logs.on(&[&delete[..], &["--yes"]].concat()), "FIRN-O020");
    refused(&logs.on(&[&delete[..], &["--max-share", "80"]].concat()), "FIRN-O021");
    let dry = logs.on(&[&delete[..], &["--max-share", "80", "--dry-run", "--json"]].concat());
    dry.fine();
    assert_eq!(last_line(&dry)["floor"], 18);
    assert!(!floors(&logs.tier()), "a dry run writes nothing");
    logs.on(&["delete-records", "orders/0", "--before", "9999999", "--yes"]).fails(2, &["FIRN-T012"]);
    let done =
        logs.on(&[&delete[..], &["--max-share", "80", "--yes", "--json", "--why", "asked for"]].concat());
    done.fine();
    assert_eq!(last_line(&done)["outcome"], "done");
    assert!(floors(&logs.tier()), "the floor is written");
}

fn floors(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().flatten().any(|entry| {
        let floor = entry.file_name().to_string_lossy().starts_with("floor-");
        floor || (entry.path().is_dir() && floors(&entry.path()))
    })
}

#[test]
fn gc_shows_what_it_would_take_and_leaves_what_is_young() {
    let mut logs = Logs::new();
    logs.write("orders-0", &plain(4, 100_000));
    logs.offload(&[]).fine();
    let key = last_line(&logs.on(&["ls", "--json"]))["object_key"].as_str().unwrap().to_owned();
    // An object that nothing names: the same bytes under the id of another upload.
    let named = logs.tier().join(&key);
    let orphan = named.to_string_lossy().replacen(".seg", "", 1);
    let orphan = format!("{}{}.seg", &orphan[..orphan.len() - 4], "0000");
    fs::copy(&named, &orphan).unwrap();
    let young = logs.on(&["gc", "--dry-run", "--json"]);
    young.fine();
    assert_eq!(last_line(&young)["objects_to_go"], 0);
    logs.on(&["gc", "--grace", "1s"]).fails(2, &["--grace"]);
    let touched = Command::new("touch").args(["-d", "3 days ago", &orphan]).status().unwrap();
    assert!(touched.success());
    let ran = logs.on(&["gc", "--dry-run", "--json"]);
    // Its own words say that it is another upload's: it is left alone, or listed; never is anything deleted.
    assert!([0, 4].contains(&ran.code), "{ran:?}");
    assert!(Path::new(&orphan).exists());
    assert_eq!(segments(&logs), 3);
}

#[test]
fn a_cut_needs_a_word_and_keeps_what_it_takes_out() {
    let mut logs = Logs::new();
    logs.write("orders-0", &plain(4, 400_000));
    logs.offload(&[]).fine();
    let cut = ["repair", "cut", "orders/0", "--at", "12"];
    refused(&logs.on(&cut), "FIRN-O021");
    logs.on(&[&cut[..], &["--dry-run"]].concat()).fine();
    logs.on(&["repair", "cut", "orders/0", "--at", "18", "--yes"]).fails(2, &["FIRN-T012", "0 to 18"]);
    let before = last_line(&logs.on(&["inspect", "orders/0", "--json"]));
    assert_eq!(before["tier_end"], 18);
    logs.on(&[&cut[..], &["--yes"]].concat()).fine();
    let after = last_line(&logs.on(&["inspect", "orders/0", "--json"]));
    assert_eq!(after["tier_end"], 12);
    assert_eq!(after["dead_branches"].as_array().unwrap().len(), 1, "{after}");
    logs.on(&["verify", "--deep"]).fine();
}

#[test]
fn a_gap_begins_at_the_tiers_end() {
    let mut logs = Logs::new();
    logs.write("orders-0", &plain(4, 1_000));
    logs.offload(&[]).fine();
    logs.on(&["repair", "gap", "orders/0", "--until", "18", "--yes"]).fails(2, &["FIRN-T012"]);
    refused(&logs.on(&["repair", "gap", "orders/0", "--until", "30"]), "FIRN-O021");
    logs.on(&["repair", "gap", "orders/0", "--until", "30", "--yes"]).fine();
    let after = last_line(&logs.on(&["inspect", "orders/0", "--json"]));
    assert_eq!((&after["tier_end"], &after["gaps"][0]["reason"]), (&30.into(), &"operator".into()));
}

#[test]
fn no_mark_is_taken_off_a_partition_that_has_none() {
    let logs = Logs::of(&["orders-0"]);
    logs.offload(&[]).fine();
    let go = ["repair", "undelete", "orders/0", "--yes"];
    logs.on(&go).fails(2, &["FIRN-T010", "orders/0 is not marked as deleted"]);
}

#[test]
fn a_tier_without_sidecars_cannot_say_how_they_are() {
    let logs = Logs::of(&["orders-0"]);
    logs.offload(&[]).fine();
    let ran = logs.on(&["status", "--bucket", "--json"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let page = last_line(&ran);
    assert_eq!((&page["v"], &page["kind"], &page["source"]), (&1.into(), &"status".into(), &"bucket".into()));
    assert_eq!(page["facts"][0]["code"], "FIRN-O701");
    assert!(logs.on(&["status", "--bucket"]).out.contains("FIRN-O701"));
    logs.on(&["status", "--sidecar", "127.0.0.1:1"]).fails(3, &["FIRN-O700", "127.0.0.1:1"]);
    logs.on(&["restore", "--state"]).fails(2, &["FIRN-T015", "state of the cluster"]);
}

#[test]
fn pins_go_only_where_nothing_is_lost_with_them() {
    let mut logs = Logs::new();
    let dir = logs.write("orders-0", &plain(5, 1_000));
    // The tier has offsets 0 to 24; pins hold 0 to 6, which the tier has, and 24 to 30, which it lacks.
    logs.offload(&[]).fine();
    let covered = crate::guard::pin_alone(&logs, &dir, 0);
    let alone = crate::guard::pin_alone(&logs, &dir, 24);
    let log_dir = logs.path().display().to_string();
    let go = ["decommission", "--log-dir", &log_dir];
    let dry = logs.on(&[&go[..], &["--dry-run", "--json"]].concat());
    dry.fine();
    assert_eq!((&last_line(&dry)["pins"], &last_line(&dry)["nowhere_else"]), (&2.into(), &1.into()));
    let kept = logs.on(&[&go[..], &["--yes"]].concat());
    refused(&kept, "FIRN-O022");
    assert!(!kept.out.contains("released"), "{}", kept.out);
    assert!(covered.exists() && alone.exists());
    logs.on(&[&go[..], &["--yes", "--lose"]].concat()).fine();
    assert!(!covered.exists() && !alone.exists());
}

#[test]
fn what_is_for_partitions_of_brokers_leaves_those_of_sidecars_alone() {
    let logs = Logs::of(&["orders-0"]);
    logs.offload(&[]).fine();
    refused(&logs.on(&["repair", "mirror", "orders/0", "--yes"]), "FIRN-T032");
    // Without a broker that answers nothing can be told of any object.
    logs.on(&["gc", "--by-brokers"]).fails(2, &["FIRN-O013"]);
    let config = logs.temp.path().join("away.toml");
    fs::write(&config, "[kafka]\nbootstrap = [\"127.0.0.1:1\"]\n").unwrap();
    let away = ["gc", "--by-brokers", "--config", config.to_str().unwrap(), "--yes"];
    logs.on(&away).fails(3, &["FIRN-O201"]);
    assert!(segments(&logs) > 0);
}
