//! What one process has read, the next one has on its disk.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firnline_tests::kafka::{Isolation, VERSIONS, assert_same_records, consume_all, workload};
use firnline_tests::tier::Tier;
use firnline_tests::{http, ports, scratch};

use super::server::Serving;
use crate::sources::Source;

const PATIENCE: Duration = Duration::from_secs(60);

/// The segments of a tier in a directory.
fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("list the tier") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(segments(&path));
        } else if path.extension().is_some_and(|end| end == "seg") {
            found.push(path);
        }
    }
    found
}

/// A sum over all labels that begin so.
fn metric(port: u16, name: &str) -> u64 {
    let page = http::get(port, "/metrics").expect("the server answers");
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with(name)).collect();
    assert!(!lines.is_empty(), "no {name} in {page}");
    lines
        .iter()
        .map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<u64>().ok()).expect("a count"))
        .sum()
}

/// Everything that was written, by a stock client.
fn read_all(source: &Source, address: &str) {
    for (topic, partitions) in source.ledger.topics() {
        for (partition, content) in consume_all(address, &topic, partitions, Isolation::ReadUncommitted) {
            let what = format!("{topic}/{partition}");
            let sealed_end = source.logs[&(topic.clone(), partition)].sealed_end();
            assert_eq!(content.end, sealed_end, "{what}");
            let expected = source.ledger.visible(&topic, partition, content.end, Isolation::ReadUncommitted);
            assert_same_records(&what, &expected, &content.records);
        }
    }
}

/// How often a second process is tried that is too slow.
const ATTEMPTS: u32 = 8;

#[test]
fn a_second_process_reads_what_the_first_has_left() {
    let home = scratch::directory("disk-cache");
    let source = read_twice(home.path(), "");
    assert!(has_the_brokers_bytes(home.path(), source), "they are kept as they are stored");
}

#[test]
fn what_is_sealed_in_the_store_is_sealed_on_disk_and_read_again() {
    let home = scratch::directory("disk-cache");
    let key = home.path().join("key");
    fs::write(&key, "33".repeat(32)).expect("write a key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("its mode");
    let ring = format!("[encryption]\nkeys = ['a=file:{}']\nactive = 'a'\ntopics = true\n", key.display());
    let source = read_twice(home.path(), &ring);
    assert!(!has_the_brokers_bytes(home.path(), source), "in the clear on disk");
}

/// Whether the broker's bytes stand in the cache as they stand in its log.
fn has_the_brokers_bytes(home: &Path, source: &Source) -> bool {
    let log = source.logs[&(workload::PAYMENTS.to_owned(), 0)].sealed_bytes();
    let some = &log[100..164];
    let files = fs::read_dir(home.join("kept")).expect("list the cache");
    let mut bytes = files.map(|file| fs::read(file.expect("an entry").path()).expect("a file"));
    bytes.any(|bytes| bytes.windows(some.len()).any(|window| window == some))
}

/// Offloads with these sections of the config, reads everything, kills the server, takes the segments away, and reads everything
/// again.
fn read_twice(home: &Path, sections: &str) -> &'static Source {
    let source = Source::of(VERSIONS[0]);
    let tier = Tier::directory();
    let offload = home.join("offload.toml");
    fs::write(&offload, sections).expect("write the config");
    source.offload(&tier).env("FIRNLINE_CONFIG", &offload).finish().expect_code(0);
    let (dir, port) = (home.join("kept"), ports::free());
    let config = format!("http.listen = '127.0.0.1:{port}'\n");
    let before = format!("{sections}[cache]\ndisk.max_size = '256MiB'\ndisk.dir = '{}'\n", dir.display());
    let mut serving = Serving::start_with(&tier, &["--topic", ".*"], &config, &before);
    serving.until_it_says("the disk cache is on");
    read_all(source, &serving.address);
    let stored: u64 = segments(&tier.path()).iter().map(|path| path.metadata().expect("there").len()).sum();
    serving.server.wait_until(PATIENCE, || metric(port, "firnline_disk_cache_written_bytes_total") == stored);
    assert!(metric(port, "firnline_serve_blocks_total{from=\"store\"}") > 0);
    assert_eq!(metric(port, "firnline_disk_cache_refused_total"), 0);
    // As a power cut would: nothing is put in order.
    serving.server.kill();

    // Whoever asked for one of them now would be told that it is not there.
    for segment in segments(&tier.path()) {
        fs::rename(&segment, segment.with_extension("away")).expect("taken away");
    }
    let mut serving = serving.again(&tier);
    for attempt in 1.. {
        serving.until_it_says("the disk cache is on");
        read_all(source, &serving.address);
        // A machine that is busy with something else may take longer to read a file than is waited for.
        if metric(port, "firnline_disk_cache_slow_total") == 0 || attempt == ATTEMPTS {
            break;
        }
        serving.server.kill();
        serving = serving.again(&tier);
    }
    assert_eq!(metric(port, "firnline_serve_blocks_total{from=\"store\"}"), 0);
    assert!(metric(port, "firnline_serve_blocks_total{from=\"disk_cache\"}") > 0);
    assert_eq!(metric(port, "firnline_disk_cache_written_bytes_total"), 0);
    assert_eq!(metric(port, "firnline_disk_cache_damaged_total"), 0);
    assert_eq!(serving.server.terminate(Duration::from_secs(20)).code(), Some(143));
    assert!(!serving.log().contains("\"WARN\"") && !serving.log().contains("\"ERROR\""), "{}", serving.log());
    source
}
