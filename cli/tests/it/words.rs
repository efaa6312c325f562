//! Values of a fixed set are the words that docs/cli.md lists.

use std::fs;
use std::path::Path;

use firnline_store::RequestKind;

use crate::logs::{Logs, last_line, segment};
use crate::made::{first_object, made, on_tier};
use crate::rig::{finish, firnline};

/// The words that the page lists for a field of a kind.
fn listed(field: &str, of: &str) -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md")).unwrap();
    let row = page.lines().find(|line| line.starts_with(&format!("| {field} | {of} |"))).unwrap();
    row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The words that a field has in `objects`, if need be in lists of them.
fn found(lines: &str, kind: &str, list: Option<&str>, field: &str) -> Vec<String> {
    let lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let of_kind = lines.filter(|line| line["kind"] == kind);
    let values: Vec<serde_json::Value> = of_kind
        .flat_map(|line| match list {
            Some(list) => line[list].as_array().unwrap().iter().map(|item| item[field].clone()).collect(),
            None => vec![line[field].clone()],
        })
        .collect();
    values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

#[track_caller]
fn all_listed(found: &[String], listed: &[String]) {
    assert!(!found.is_empty());
    for word in found {
        assert!(listed.contains(word), "{word:?} is none of {listed:?}");
    }
}

#[test]
fn words_of_segments_and_manifests_are_listed() {
    let key = first_object()["object_key"].as_str().unwrap().to_owned();
    let ran = on_tier(&["inspect", &key, "--json", "--blocks"]);
    let segment = ran.fine();
    let sections = found(segment, "segment", Some("sections"), "section");
    assert_eq!(sections, ["block_index", "transactions"]);
    all_listed(&sections, &listed("`section` in `sections`", "segment"));
    assert_eq!(found(segment, "segment", None, "entry_kind"), ["segment"]);
    all_listed(&found(segment, "segment", None, "entry_kind"), &listed("`entry_kind`", "segment"));
    all_listed(&found(segment, "segment", None, "codec"), &listed("`codec`", "segment"));
    let ran = on_tier(&["inspect", "orders/0", "--json"]);
    all_listed(&found(ran.fine(), "manifest", None, "manifest_kind"), &listed("`manifest_kind`", "manifest"));
    let orders = on_tier(&["ls", "--json", "orders/0"]);
    let key: serde_json::Value = serde_json::from_str(orders.fine().lines().next().unwrap()).unwrap();
    let ran = on_tier(&["inspect", key["object_key"].as_str().unwrap(), "--json"]);
    let outcomes = found(ran.fine(), "segment", Some("first_markers"), "outcome");
    all_listed(&outcomes, &listed("`outcome` in `first_markers`", "segment"));
}

#[test]
fn a_log_file_says_how_it_ends() {
    let logs = Logs::of(&["orders-0"]);
    let sealed = segment(&logs.path().join("orders-0"), 0);
    // By itself it is the newest file, which may end so where a broker died.
    let path = logs.temp.path().join(sealed.file_name().unwrap());
    fs::copy(&sealed, &path).unwrap();
    let whole = fs::read(&path).unwrap();
    let length = whole.len() as u64;
    let mut flipped = whole.clone();
    let last = whole.len() - 1;
    flipped[last] ^= 1;
    let damaged = [&whole[..], &[0x55; 100]].concat();
    let ends = listed("`end`", "log_file");
    for (bytes, code, end, reason, position) in [
        (whole.clone(), 0, "whole", None, None),
        ([&whole[..], &[0; 4096]].concat(), 0, "zeros", None, Some(length)),
        ([&whole[..], &whole[..80]].concat(), 0, "torn", Some("incomplete"), Some(length)),
        (whole[..whole.len() - 5].to_vec(), 0, "torn", Some("incomplete"), Some(length / 3 * 2)),
        (flipped, 0, "torn", Some("crc"), Some(length / 3 * 2)),
        (damaged, 1, "damaged", None, Some(length)),
    ] {
        fs::write(&path, bytes).unwrap();
        let ran = finish(firnline(["inspect", "--json", "--blocks", path.to_str().unwrap()]));
        assert_eq!(ran.code, code, "{end}: {ran:?}");
        let sheet = last_line(&ran);
        assert_eq!(sheet["end"].as_str(), Some(end), "{sheet}");
        assert_eq!(
            (sheet["end_reason"].as_str(), sheet["end_position"].as_u64()),
            (reason, position),
            "{sheet}"
        );
        assert_eq!(sheet["sealed"].as_bool(), Some(false));
        assert!(ends.contains(&end.to_owned()) && ends.len() >= 4, "{ends:?}");
    }
    // Beside a later file it is sealed, and must be whole.
    assert_eq!(last_line(&finish(firnline(["inspect", "--json", sealed.to_str().unwrap()])))["sealed"], true);
    fs::write(&sealed, &whole[..whole.len() - 5]).unwrap();
    let ran = finish(firnline(["inspect", "--json", sealed.to_str().unwrap()]));
    ran.fails(1, &["FIRN-L003"]);
    assert!(ran.out.contains("\"end\":\"damaged\"") && ran.out.contains("5 bytes short"), "{ran:?}");
}

#[test]
fn batches_have_words_for_codecs_and_markers() {
    let (mut codecs, mut markers) = (Vec::new(), Vec::new());
    for topic in fs::read_dir(made().root.join("kafka")).unwrap().map(|entry| entry.unwrap().path()) {
        let files = fs::read_dir(&topic).into_iter().flatten().map(|entry| entry.unwrap().path());
        for log in files.filter(|path| path.extension().is_some_and(|extension| extension == "log")) {
            let ran = finish(firnline(["inspect", "--json", "--blocks", log.to_str().unwrap()]));
            codecs.extend(found(ran.fine(), "batch", None, "codec"));
            markers.extend(found(&ran.out, "batch", None, "marker"));
        }
    }
    all_listed(&codecs, &listed("`codec`", "batch"));
    all_listed(&markers, &listed("`marker`", "batch"));
}

#[test]
fn kinds_of_requests_are_listed() {
    let kinds: Vec<&str> = RequestKind::ALL.into_iter().map(RequestKind::label).collect();
    assert_eq!(listed("keys of `requests`", "pass"), kinds);
    let logs = Logs::of(&["orders-0"]);
    let ran = logs.offload(&[]);
    ran.fine();
    let pass = last_line(&ran);
    let requests = pass["requests"].as_object().unwrap();
    assert!(
        !requests.is_empty() && requests.keys().all(|kind| kinds.contains(&kind.as_str())),
        "{requests:?}"
    );
}
