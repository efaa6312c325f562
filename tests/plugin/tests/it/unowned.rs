//! Objects that no broker owns, told from the others by what the broker itself has written down; and a mirror made anew.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use firnline_tests::kafka::{Cluster, ClusterOptions, Ledger, VERSIONS};
use firnline_tests::tier::Tier;

use crate::reading::{PARTITIONS, TOPIC, produce};
use crate::rig::{TIERED, properties, wait};

/// Stands in the broker's settings until its cluster has an id.
const NO_ID: &str = "not-known-yet";

/// A broker whose plugin is told its cluster's own id: the brokers that are asked must be those of the tier.
fn broker(tier: &Tier) -> Cluster {
    let keys = [("store.url", tier.url()), ("cluster.id", NO_ID), ("projection.interval", "1s")];
    let options = ClusterOptions { properties: properties(&keys), ..ClusterOptions::single(VERSIONS[0]) };
    let mut cluster = Cluster::format(&options);
    let log_dir = cluster.log_dir();
    let meta = std::fs::read_to_string(log_dir.join("meta.properties")).unwrap();
    let id = meta.lines().find_map(|line| line.strip_prefix("cluster.id=")).unwrap();
    let file = log_dir.parent().unwrap().join("server.properties");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(NO_ID, id)).unwrap();
    cluster.restart();
    cluster
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(segments(&path));
        } else if path.extension().is_some_and(|end| end == "seg") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn what_no_broker_owns_goes_and_nothing_else_does() {
    let tier = Tier::directory();
    let cluster = broker(&tier);
    let keep = [("retention.bytes", "3145728")];
    cluster.create_topic(TOPIC, PARTITIONS, &[&TIERED[..], &keep].concat());
    let mut ledger = Ledger::default();
    let mut round = 0;
    let mut more = |ledger: &mut Ledger| {
        produce(&cluster, TOPIC, round, 3000, ledger);
        round += 3000;
    };
    more(&mut ledger);
    wait("a segment is tiered", || !segments(&tier.path()).is_empty());
    let first = segments(&tier.path()).remove(0);
    let bytes = std::fs::read(&first).unwrap();
    for _ in 0..6 {
        more(&mut ledger);
    }
    wait("retention takes it", || !first.exists());
    // As a write that was given up, and landed behind the broker's DELETE.
    std::fs::write(&first, &bytes).unwrap();
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    std::fs::File::options().write(true).open(&first).unwrap().set_modified(hour_ago).unwrap();
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("firnline.toml");
    std::fs::write(&config, format!("[kafka]\nbootstrap = [{:?}]\n", cluster.bootstrap())).unwrap();
    let config = config.to_str().unwrap();
    let gc = |more: &[&str]| {
        let words = ["gc", "--by-brokers", "--grace", "1m", "--json", "--config", config];
        let words = [&words[..], more].concat();
        tier.run(&words).finish().expect_code(0)
    };
    let listed = |more: &[&str]| -> Vec<(String, String)> {
        let lines = gc(more).json_lines();
        let object = |line: &serde_json::Value| {
            let key = line["object_key"].as_str()?.to_owned();
            Some((key, line["why"].as_str()?.to_owned()))
        };
        lines.iter().filter_map(object).collect()
    };
    let key = first.strip_prefix(tier.path()).unwrap().to_str().unwrap().to_owned();
    wait("the broker has written down that it is gone", || listed(&["--dry-run"]).len() == 1);
    assert_eq!(listed(&["--dry-run"]), [(key.clone(), "deleted".to_owned())]);
    assert!(first.exists(), "it was only looked at");
    // The broker goes on tiering and deleting meanwhile.
    more(&mut ledger);
    assert_eq!(listed(&["--yes"]), [(key, "deleted".to_owned())]);
    assert!(!first.exists());
    assert!(!segments(&tier.path()).is_empty());
    assert!(listed(&["--yes"]).is_empty(), "all that is there is the broker's");
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_mirror_is_made_anew_by_what_is_there() {
    let tier = Tier::directory();
    let mut cluster = broker(&tier);
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    let of = format!("{TOPIC}/0");
    let ls = || {
        let listed = tier.run(&["ls", &of, "--json"]).finish();
        listed.json_lines().iter().map(|line| line["object_key"].to_string()).collect::<Vec<_>>()
    };
    wait("a segment is listed", || !ls().is_empty());
    cluster.stop();
    let before = ls();
    let manifest = segments(&tier.path()).remove(0).with_file_name("manifest");
    std::fs::remove_file(&manifest).unwrap();
    assert!(ls().is_empty());
    tier.run(&["repair", "mirror", &of, "--dry-run"]).finish().expect_code(0);
    assert!(!manifest.exists());
    tier.run(&["repair", "mirror", &of, "--yes"]).finish().expect_code(0);
    assert_eq!(ls(), before);
    tier.run(&["verify", "--deep", &of]).finish().expect_code(0);
    let again = tier.run(&["repair", "mirror", &of, "--json"]).finish().expect_code(0);
    assert_eq!(again.json_lines().len(), 1, "nothing is left to do");
}
