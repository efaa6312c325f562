//! Names and times at their limits, through every command.

use crate::logs::{Logs, batch, plain, sealed};

/// 9999-12-31T23:59:59.999Z.
const LAST_MS: i64 = 253_402_300_799_999;

#[test]
fn a_topic_of_249_characters_goes_through_every_command() {
    let topic = "a-b.c_d-delete".repeat(20)[..249].to_owned();
    let mut logs = Logs::new();
    let files = plain(3, 100);
    logs.write(&format!("{topic}-7"), &files);
    logs.offload(&[]).fine();
    let partition = format!("{topic}/7");
    assert_eq!(logs.raw(&partition), sealed(&files));
    let listed = logs.on(&["ls", "--json"]);
    let line: serde_json::Value = serde_json::from_str(listed.fine().lines().next().unwrap()).unwrap();
    assert_eq!(line["topic"].as_str(), Some(topic.as_str()));
    let key = line["object_key"].as_str().unwrap();
    for thing in [key, &partition] {
        assert!(logs.on(&["inspect", thing, "--json"]).fine().contains(&topic));
    }
    assert!(logs.on(&["ls", &topic]).fine().contains(&topic));
    logs.on(&["verify", "--deep", &topic]).fine();
    logs.on(&["cost", &topic]).fine();
    let to = logs.temp.path().join("restored");
    logs.on(&["restore", &topic, "--to", to.to_str().unwrap()]).fine();
    let dir = to.join(format!("{topic}-7"));
    let restored: Vec<u8> = crate::logs::tree(&dir).into_iter().flat_map(|(_, bytes)| bytes).collect();
    assert_eq!(restored, sealed(&files));
    logs.on(&["cat", &format!("{}/7", &topic[..248])]).fails(2, &["FIRN-T010", &topic]);
}

#[test]
fn records_without_a_time_and_of_the_year_9999_are_shown_as_they_are() {
    let mut logs = Logs::new();
    let files =
        vec![vec![batch(0, 2, 10, None)], vec![batch(2, 2, 10, Some(LAST_MS))], vec![batch(4, 2, 10, None)]];
    logs.write("orders-0", &files);
    logs.write("orders-1", &[files[0].clone(), vec![batch(2, 2, 10, None)]]);
    logs.offload(&[]).fine();
    assert_eq!(logs.raw("orders/0"), sealed(&files));
    let times = |args: &[&str], field: &str| -> Vec<Option<i64>> {
        let ran = logs.on(args);
        let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()[field].as_i64();
        ran.fine().lines().map(line).collect()
    };
    assert_eq!(times(&["ls", "--json"], "max_timestamp_ms"), [Some(LAST_MS), None]);
    assert_eq!(times(&["cat", "orders/0"], "timestamp_ms"), [None, None, Some(LAST_MS), Some(LAST_MS)]);
    let found = times(&["cat", "orders/0", "--from", "@9999-12-31T23:59:59.999Z"], "offset");
    assert_eq!(found, [Some(2), Some(3)]);
    assert_eq!(times(&["cat", "orders/0", "--until", "@2026-01-01T00:00:00Z"], "offset"), [Some(0), Some(1)]);
    assert!(logs.on(&["ls", "--segments"]).fine().contains("9999-12-31"));
    assert!(logs.on(&["inspect", "orders/0", "--blocks"]).fine().contains("9999-12-31"));
    logs.on(&["verify", "--deep"]).fine();
}

#[test]
fn positions_outside_of_the_tier_name_what_it_has() {
    let logs = Logs::of(&["orders-0"]);
    logs.offload(&[]).fine();
    let cat = |args: &[&str]| logs.on(&[&["cat", "orders/0"], args].concat());
    cat(&["--from", "19"]).fails(2, &["FIRN-T012", "offset 19 of orders/0", "0 to 18 (exclusive)"]);
    assert_eq!(cat(&["--from", "18"]).fine(), "");
    assert_eq!(cat(&["--from", "17", "--until", "99999"]).fine().lines().count(), 1);
    cat(&["--from", "latest", "--until", "5"]).fails(2, &["FIRN-C002", "latest", "5", "offsets 18 and 5"]);
    let to = logs.temp.path().join("restored").display().to_string();
    logs.on(&["restore", "orders/0", "--to", &to, "--from", "19"]).fails(2, &["FIRN-T012", "0 to 18"]);
    assert!(!std::path::Path::new(&to).exists(), "nothing was begun");
}
