//! The marker and the topic object.

use std::time::Duration;

use firnline_index::marker::*;
use firnline_index::topic::*;
use firnline_index::*;
use proptest::prelude::*;

use super::samples::*;

/// A text of ours with other members, under a checksum that fits.
fn with_members(members: &str) -> Vec<u8> {
    let text = format!("{{\n  {members}");
    format!("{text},\n  \"checksum\": \"crc32c:{}\"\n}}\n", Crc32c::of(text.as_bytes())).into_bytes()
}

fn refusal(bytes: &[u8]) -> String {
    TierMarker::decode(bytes).unwrap_err().to_string()
}

#[test]
fn marker_and_topic_object_come_back() {
    assert_eq!(TierMarker::decode(&marker().encode().unwrap()).unwrap(), marker());
    assert_eq!(TopicObject::decode(&topic().encode().unwrap()).unwrap(), topic());
}

#[test]
fn both_are_json_to_everyone_else() {
    let value: serde_json::Value = serde_json::from_slice(&marker().encode().unwrap()).unwrap();
    assert_eq!(value["v"], 1);
    assert_eq!(value["format"], 1);
    assert_eq!(value["cluster_id"], "5L6g3nShT-eMCtK--X86sw");
    assert_eq!(value["max_manifest_age_ms"], 300_000);
    let value: serde_json::Value = serde_json::from_slice(&topic().encode().unwrap()).unwrap();
    assert_eq!(value["retention"]["ms"], 31_536_000_000u64);
}

#[test]
fn any_flipped_byte_and_any_cut_is_refused() {
    let (marker, topic) = (marker().encode().unwrap(), topic().encode().unwrap());
    for at in 0..marker.len() {
        assert!(TierMarker::decode(&marker[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut bytes = marker.clone();
            bytes[at] ^= 1 << bit;
            assert!(TierMarker::decode(&bytes).is_err(), "byte {at} bit {bit}");
        }
    }
    for at in 0..topic.len() {
        assert!(TopicObject::decode(&topic[..at]).is_err(), "cut at {at}");
        let mut bytes = topic.clone();
        bytes[at] ^= 0x20;
        assert!(TopicObject::decode(&bytes).is_err(), "byte {at}");
    }
    assert!(TierMarker::decode(&[&marker[..], b"\n"].concat()).is_err(), "trailing byte");
}

#[test]
fn a_newer_format_is_refused_naming_both() {
    let newer = with_members(r#""v": 1, "format": 3, "cluster_id": "c", "max_manifest_age_ms": 1000"#);
    assert_eq!(
        refusal(&newer),
        "format 3 is newer than 1, the newest that this build knows; upgrade firnline"
    );
    let newer = with_members(r#""v": 2, "format": 0, "cluster_id": "c", "max_manifest_age_ms": 1000"#);
    assert!(refusal(&newer).starts_with("layout of the marker 2 is newer than 1"));
    assert!(TierMarker::decode(&newer).unwrap_err().is_newer());
    assert!(!TierMarker::decode(b"").unwrap_err().is_newer());
}

#[test]
fn unknown_members_do_not_decide_but_stay() {
    let text =
        with_members(r#""v": 1, "format": 1, "soon": [1], "cluster_id": "c", "max_manifest_age_ms": 1000"#);
    assert_eq!(TierMarker::decode(&text).unwrap().cluster_id.as_str(), "c");
    let again = TopicObject::decode(&topic().encode().unwrap()).unwrap();
    assert_eq!(again.unknown["later"]["a"][1], "two");
    assert_eq!(again.unknown.len(), 1, "the checksum is none of them");
}

#[test]
fn known_members_must_be_there_and_in_range() {
    let decode = |members| TierMarker::decode(&with_members(members));
    assert!(decode(r#""v": 1, "format": 1, "cluster_id": "c", "max_manifest_age_ms": 1000"#).is_ok());
    assert!(decode(r#""v": 1, "format": 1, "cluster_id": "c""#).is_err());
    assert!(decode(r#""v": 1, "format": 1, "cluster_id": "", "max_manifest_age_ms": 1000"#).is_err());
    assert!(decode(r#""v": 1, "format": 1, "cluster_id": "a/b", "max_manifest_age_ms": 1000"#).is_err());
    assert!(decode(r#""v": 1, "format": -1, "cluster_id": "c", "max_manifest_age_ms": 1000"#).is_err());
    for age in [0, 999, 604_800_001] {
        let text = format!(r#""v": 1, "format": 1, "cluster_id": "c", "max_manifest_age_ms": {age}"#);
        assert!(refusal(&with_members(&text)).contains(&age.to_string()));
    }
    assert!(TierMarker::new(cluster(), Duration::from_millis(999)).is_err());
}

#[test]
fn retention_must_limit_something_and_known_members_stand_once() {
    let mut nothing = topic();
    nothing.retention = Some(TierRetention { ms: None, bytes: None, set_at: time(1) });
    assert!(matches!(nothing.encode(), Err(JsonObjectError::Missing { .. })));
    let mut twice = topic();
    twice.unknown.insert("generation".to_owned(), 7.into());
    assert!(matches!(twice.encode(), Err(JsonObjectError::Json(_))));
}

#[test]
fn objects_beyond_the_limit_are_refused_unread() {
    let mut long = topic();
    long.configs.insert("x".to_owned(), "y".repeat(MAX_JSON_BYTES));
    assert!(matches!(long.encode(), Err(JsonObjectError::TooLong { .. })));
    assert!(matches!(
        TierMarker::decode(&vec![b' '; MAX_JSON_BYTES + 1]),
        Err(JsonObjectError::TooLong { .. })
    ));
}

#[test]
fn foreign_json_is_refused_as_such() {
    for text in [&b""[..], b"{}", b"{\"cluster_id\":\"c\"}\n", b"<html>", &[0xff; 100]] {
        assert!(matches!(TierMarker::decode(text), Err(JsonObjectError::Ending)), "{text:?}");
    }
}

proptest! {
    #[test]
    fn topic_objects_with_any_text_come_back(
        configs in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..5),
        generation in any::<u64>(),
        partitions in any::<u32>(),
        ms in proptest::option::of(any::<u64>()),
    ) {
        let retention = ms.map(|ms| TierRetention { ms: Some(ms), bytes: Some(1), set_at: time(0) });
        let object = TopicObject { generation, partitions, configs, retention, ..topic() };
        prop_assert_eq!(TopicObject::decode(&object.encode().unwrap()).unwrap(), object);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in any::<Vec<u8>>()) {
        let _ = TierMarker::decode(&bytes);
        let _ = TopicObject::decode(&bytes);
    }
}
