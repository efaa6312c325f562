//! Stores that fail while clients read, and are well again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use firnline_clients::client::Client;
use firnline_clients::crowd::{Crowd, judge};
use firnline_clients::stage::Stage;
use firnline_differential::proxied::{Door, Spot};
use firnline_tests::relay::{Relay, Weather};
use firnline_tests::stores::Minio;
use firnline_tests::tier::Tier;

use super::{CLIENTS, SLOWLY, SOME, stage};

/// How long a store is not well.
const ILL: Duration = Duration::from_secs(6);
/// Little in memory: what comes after a fault has to be asked of the store.
const FORGETFUL: &str = "[cache]\nmemory.blocks = \"1MiB\"\n[limits]\nreadahead = \"1MiB\"\n";

/// Clients read through a proxy before this tier; in the middle of that something happens to it.
fn read_while(stage: &Stage, tier: &Tier, what: &str, happens: impl FnOnce()) -> Door {
    let spot = Spot::new();
    let config = format!("{SLOWLY}{FORGETFUL}");
    let door = Door::proxy_at(&spot, &stage.bootstrap(), tier, &config, |run| run);
    let seen = Crowd::new(stage, &CLIENTS, &spot.address()).read(|reading| {
        reading.wait_until_got(&door, SOME);
        reading.assert_all_busy();
        happens();
        reading.assert_all_busy();
    });
    is_patient(judge(stage, what, seen, &[]));
    assert!(door.held_back() == 0.0, "{what}: an offset was nearly told as out of range");
    door
}

/// No application is told anything but what sarama tells whoever asks it for all errors: that the broker said "storage error", after
/// which it asks again.
#[track_caller]
fn is_patient(mut told: Vec<(Client, String)>) {
    told.retain(|(client, error)| !(*client == Client::Go("sarama") && error.contains("Disk error")));
    assert_eq!(told, []);
}

fn weather(weather: Weather) {
    let stage = stage();
    let minio = Minio::shared();
    let bucket = minio.bucket("faults");
    let from = format!("{}/", stage.stand.tier.path().display());
    minio.mc(&["mirror", "--quiet", &from, &format!("firnline/{bucket}")]);
    let relay = Relay::before(minio.port(), false);
    let tier =
        Tier::s3(&format!("s3://{bucket}"), &format!("http://127.0.0.1:{}", relay.port()), &Minio::root());
    read_while(&stage, &tier, &format!("a store under {weather:?}"), || {
        relay.set(weather);
        std::thread::sleep(ILL);
        relay.set(Weather::Fair);
        assert!(relay.struck() > 0, "nothing was asked of the store while it was {weather:?}");
    });
}

#[test]
#[ignore = "takes a minute: scripts/faults runs it"]
fn a_store_that_is_down() {
    weather(Weather::Down);
}

#[test]
#[ignore = "takes a minute: scripts/faults runs it"]
fn a_store_that_stalls() {
    weather(Weather::Stalled);
}

#[test]
#[ignore = "takes a minute: scripts/faults runs it"]
fn a_store_that_is_slow() {
    weather(Weather::Slow);
}

#[test]
#[ignore = "takes a minute: scripts/faults runs it"]
fn a_store_that_is_busy() {
    weather(Weather::Busy);
}

#[test]
#[ignore = "takes a minute: scripts/faults runs it"]
fn a_store_that_brings_other_bytes() {
    weather(Weather::Wrong);
}

/// Files below the tier's directory whose name ends like this, with their content.
fn files(tier: &Path, end: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![tier.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(&directory).expect("list the tier") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                let content = std::fs::read(&path).expect("read a file of the tier");
                found.push((path, content));
            }
        }
    }
    assert!(!found.is_empty(), "no {end} below {}", tier.display());
    found
}

/// Files that are others while this lasts.
struct Damage(Vec<(PathBuf, Vec<u8>)>);

impl Damage {
    fn of(stage: &Stage, end: &str, how: impl Fn(&mut Vec<u8>)) -> Self {
        let files = files(&stage.stand.tier.path(), end);
        for (path, content) in &files {
            let mut other = content.clone();
            how(&mut other);
            std::fs::write(path, other).expect("damage a file");
        }
        Self(files)
    }
}

impl Drop for Damage {
    fn drop(&mut self) {
        for (path, content) in &self.0 {
            std::fs::write(path, content).expect("mend a file");
        }
    }
}

#[test]
#[ignore = "takes a minute: scripts/faults runs it"]
fn blocks_that_are_not_what_they_were() {
    let stage = stage();
    let door = read_while(&stage, &stage.stand.tier, "damaged blocks", || {
        let flip = |bytes: &mut Vec<u8>| bytes.iter_mut().step_by(50_000).for_each(|byte| *byte ^= 1);
        let _damage = Damage::of(&stage, ".seg", flip);
        std::thread::sleep(ILL);
    });
    assert!(door.log().contains("FIRN-R013"), "no word of damage in the log:\n{}", door.log());
}

/// Manifests are believed for some seconds, so these are damaged before the proxy has read any.
#[test]
#[ignore = "takes a minute: scripts/faults runs it"]
fn manifests_that_cannot_be_read() {
    let stage = stage();
    let damage = Damage::of(&stage, "/manifest", |bytes| bytes.truncate(bytes.len() / 2));
    let spot = Spot::new();
    let door = Door::proxy_at(&spot, &stage.bootstrap(), &stage.stand.tier, "", |run| run);
    let seen = Crowd::new(&stage, &CLIENTS, &spot.address()).read(|reading| {
        std::thread::sleep(ILL);
        reading.assert_all_busy();
        drop(damage);
    });
    is_patient(judge(&stage, "damaged manifests", seen, &[]));
    assert!(door.log().contains("FIRN-R011"), "no word of damage in the log:\n{}", door.log());
    assert!(door.held_back() == 0.0, "an offset was nearly told as out of range");
}
