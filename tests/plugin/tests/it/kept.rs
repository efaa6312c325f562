//! What a broker has read of the tier is on its disk when it begins again.

use std::time::Duration;

use firnline_tests::kafka::{Java, Ledger};
use firnline_tests::relay::Weather;
use firnline_tests::{ports, scratch};

use crate::reading::{PARTITIONS, TOPIC, produce};
use crate::rig::{TIERED, is_let_go, jmx_options, metric, reads_all, wait};
use crate::weather::stand_with;

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn what_was_read_is_served_from_disk_after_a_restart_while_the_store_is_down() {
    let home = scratch::directory("plugin-kept");
    let dir = home.path().join("cache").display().to_string();
    let jmx = ports::free();
    let java = Java { options: jmx_options(jmx), ..Java::default() };
    let keys = [("cache.disk.max.size", "64MiB"), ("cache.disk.dir", &*dir)];
    let (mut cluster, relay, _secret) = stand_with(&keys, java);
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    wait("all but the active segments leaves the broker's disk", || {
        (0..PARTITIONS).all(|partition| is_let_go(&cluster, TOPIC, partition))
    });
    let told = |name: &str| {
        let name = format!("firnline_disk_cache_{name}");
        metric(jmx, "firnline.kafka.remote:type=metrics", &name).expect("the disk cache is counted")
    };
    assert!(told("records") < 1.0, "nothing was read yet");
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "cold");
    let mut before = 0.0;
    wait("what was read is on disk", || {
        std::thread::sleep(Duration::from_secs(1));
        let now = told("written_bytes_total");
        now > 1_000_000.0 && std::mem::replace(&mut before, now) >= now
    });
    let records = told("records");
    cluster.stop();
    cluster.restart();
    wait("the disk cache is found again", || told("records") >= records);
    assert!(told("read_bytes_total") < 1.0, "it begins anew");
    relay.set(Weather::Down);
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "from disk");
    assert!(told("read_bytes_total") > 1_000_000.0 && told("damaged_total") < 1.0);
    relay.set(Weather::Fair);
}
