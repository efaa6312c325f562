//! Floors, leases, cluster state, and what a topic object tells besides its retention.

use firnline_index::cluster_state::*;
use firnline_index::floor::FloorObject;
use firnline_index::lease::{Lease, MAX_PLACES};
use firnline_index::marker::JsonObjectError;
use firnline_index::topic::TopicObject;
use firnline_index::*;
use proptest::prelude::*;

use super::samples::*;

#[test]
fn each_comes_back() {
    assert_eq!(FloorObject::decode(&floor().encode().unwrap()).unwrap(), floor());
    let released = Lease { released_at: Some(time(9)), ..lease() };
    for lease in [lease(), released] {
        assert_eq!(Lease::decode(&lease.encode().unwrap()).unwrap(), lease);
    }
    assert_eq!(Dated::decode(&groups().encode().unwrap()).unwrap(), groups());
    let (configs, acls) = (topic_configs(), acls());
    assert_eq!(Dated::decode(&configs.encode().unwrap()).unwrap(), configs);
    assert_eq!(Dated::decode(&acls.encode().unwrap()).unwrap(), acls);
    assert_eq!(GroupOffsets::object_key().to_string(), "cluster/state/groups");
}

#[test]
fn damage_and_the_wrong_kind_are_refused() {
    let floor = floor().encode().unwrap();
    for at in 0..floor.len() {
        let mut bad = floor.clone();
        bad[at] ^= 0x20;
        assert!(FloorObject::decode(&bad).is_err(), "byte {at}");
        assert!(FloorObject::decode(&floor[..at]).is_err(), "cut at {at}");
    }
    assert!(Dated::<Acls>::decode(&groups().encode().unwrap()).is_err(), "groups are no ACLs");
    assert!(Lease::decode(&floor).is_err());
    let crowded = Lease { places: (0..=MAX_PLACES).map(|n| n.to_string()).collect(), ..lease() };
    assert!(matches!(crowded.encode(), Err(JsonObjectError::OutOfRange { member: "places", .. })));
}

#[test]
fn a_floor_knows_its_key() {
    let other = FloorObject { offset: offset(1), ..floor() };
    assert_ne!(floor().object_key(), other.object_key());
    assert!(floor().object_key().to_string().contains("/floor-00000000000000170000-"));
}

#[test]
fn a_pause_and_a_deletion_stand_in_the_topic_object() {
    let object = full_topic();
    let bytes = object.encode().unwrap();
    assert_eq!(TopicObject::decode(&bytes).unwrap(), object);
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(value["paused"]["by"], "alice");
    assert_eq!(value["attached"]["ends"]["3"], 170_000);
    let long = Said { why: "x".repeat(Said::MAX_LEN + 1), ..said() };
    let object = TopicObject { paused: Some(long), ..topic() };
    assert!(matches!(object.encode(), Err(JsonObjectError::OutOfRange { member: "why", .. })));
}

proptest! {
    #[test]
    fn any_words_come_back(by in ".{0,200}", why in ".{0,200}", at in 0..i64::MAX) {
        let floor = FloorObject { said: Said { by, why, at: time(at) }, ..floor() };
        prop_assert_eq!(FloorObject::decode(&floor.encode().unwrap()).unwrap(), floor);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in any::<Vec<u8>>()) {
        let _ = FloorObject::decode(&bytes);
        let _ = Lease::decode(&bytes);
        let _ = Dated::<GroupOffsets>::decode(&bytes);
        let _ = Dated::<TopicConfigs>::decode(&bytes);
        let _ = Dated::<Acls>::decode(&bytes);
    }
}
