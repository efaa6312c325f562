//! The calls as the JVM makes them: handles and bytes.

use std::fs;
use std::path::Path;

use firnline_config::surroundings::Surroundings;
use firnline_plugin::border::Calls;
use firnline_plugin::engine::{FailureKind, Segment};

use crate::support::*;

/// As the shell writes a segment's metadata.
pub(crate) fn encode(segment: &Segment) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(segment.tip.topic_id.as_bytes());
    out.extend(segment.uuid.as_bytes());
    out.extend(segment.tip.partition.get().to_be_bytes());
    out.extend(segment.range.start().get().to_be_bytes());
    out.extend((segment.range.end().get() - 1).to_be_bytes());
    out.extend(segment.size.to_be_bytes());
    out.extend(segment.max_timestamp.map_or(-1, |time| time.get()).to_be_bytes());
    out.extend(segment.broker.to_be_bytes());
    out.extend(u32::try_from(segment.epochs.len()).unwrap().to_be_bytes());
    for start in &segment.epochs {
        out.extend(start.epoch.get().to_be_bytes());
        out.extend(start.start.get().to_be_bytes());
    }
    let topic = segment.tip.topic.as_str();
    out.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
    out.extend(topic.as_bytes());
    let custom = segment.custom.as_deref();
    out.extend(custom.map_or(u16::MAX, |custom| u16::try_from(custom.len()).unwrap()).to_be_bytes());
    out.extend(custom.unwrap_or_default());
    out
}

#[test]
fn a_segment_goes_its_whole_way_by_handles() {
    let store = tempfile::tempdir().unwrap();
    goes_its_whole_way(store.path(), &[]);
}

#[test]
fn a_sealed_segment_goes_the_same_way_and_stands_nowhere_in_the_clear() {
    let store = tempfile::tempdir().unwrap();
    let key = store.path().join("key");
    fs::write(&key, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff").unwrap();
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let keys = format!("mine=file:{}", key.display());
    let tier = store.path().join("tier");
    let sealed = [
        ("encryption.keys", keys.as_str()),
        ("encryption.active", "mine"),
        ("encryption.topics", "true"),
        ("offload.compression", "zstd:1"),
    ];
    let log = goes_its_whole_way(&tier, &sealed);
    let mut objects = 0;
    for file in files_below(&tier) {
        let bytes = fs::read(&file).unwrap();
        objects += 1;
        let clear =
            log.windows(64).step_by(log.len() / 16).any(|part| bytes.windows(64).any(|there| there == part));
        assert!(!clear, "{} holds a part of the log", file.display());
    }
    assert!(objects > 2, "{objects}");
}

fn files_below(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// Copies, reads and, but for sealed ones whose objects are looked at, deletes a segment. Gives its log.
fn goes_its_whole_way(store: &Path, more: &[(&str, &str)]) -> Vec<u8> {
    let calls = Calls::new();
    let pairs = [
        ("cluster.id", "a-cluster"),
        ("store.url", store.to_str().unwrap()),
        ("broker.id", "2"),
        ("cache.memory.blocks", "16MiB"),
    ];
    let pairs = pairs.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let engine = calls.open(&pairs.collect::<Vec<_>>(), &Surroundings::default()).unwrap();
    let local = Local::new(100, 3_000);
    let copy = calls.start_copy(engine, &encode(&local.segment), local.files.clone()).unwrap();
    let custom = loop {
        if let Some(custom) = calls.await_copy(copy, 100).unwrap() {
            break custom;
        }
    };
    calls.drop_copy(copy).unwrap();
    assert!(calls.drop_copy(copy).is_err());
    let segment = encode(&local.known(custom));
    let stream = calls.fetch(engine, &segment, 100, i32::MAX).unwrap();
    assert_eq!(calls.skip(stream, 900).unwrap(), 900);
    let mut all = Vec::new();
    while let Some(piece) = calls.read(stream, 8_192).unwrap() {
        all.extend_from_slice(&piece);
    }
    assert_eq!(all, local.log[1_000..]);
    calls.drop_stream(stream).unwrap();
    for of_type in 0..5 {
        assert!(calls.index(engine, &segment, of_type).unwrap().is_some(), "{of_type}");
    }
    assert!(calls.index(engine, &segment, 5).is_err());
    assert!(calls.fetch(engine, &segment, -1, 5).is_err());
    let metrics = calls.metrics(engine).unwrap();
    for line in [
        "firnline_ready 1",
        "firnline_plugin_copies_total{outcome=\"copied\"} 1",
        "firnline_plugin_fetched_bytes_total ",
        "firnline_store_requests_total{kind=\"get\",outcome=\"ok\"} ",
    ] {
        assert!(metrics.contains(line), "{line}:\n{metrics}");
    }
    are_in_the_reference(&metrics);
    if more.is_empty() {
        assert!(calls.delete(engine, &segment).unwrap());
        let failure = calls.fetch(engine, &segment, 0, i32::MAX).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::NotFound);
    }
    calls.close(engine).unwrap();
    local.log
}

fn are_in_the_reference(metrics: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = fs::read_to_string(page).unwrap();
    for line in metrics.lines() {
        let name = line.split([' ', '{']).next().unwrap();
        assert!(page.contains(&format!("| `{name}` |")), "docs/metrics.md does not have {name}");
    }
}
