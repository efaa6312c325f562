//! Consumer groups.

use std::collections::BTreeMap;

use firnline_index::group::*;
use firnline_index::marker::JsonObjectError;
use firnline_index::*;
use proptest::prelude::*;

use super::samples::*;

#[test]
fn damage_is_refused() {
    let bytes = group().encode().unwrap();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x20;
        assert!(GroupObject::decode(&bad).is_err(), "byte {at}");
        assert!(GroupObject::decode(&bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn what_is_not_written_is_not_read() {
    let never = GroupObject { saved: None, topics: BTreeMap::new(), ..group() };
    assert_eq!(GroupObject::decode(&never.encode().unwrap()).unwrap(), never);
    let below = GroupObject { generation: -1, ..group() };
    assert!(matches!(
        GroupObject::decode(&below.encode().unwrap()),
        Err(JsonObjectError::OutOfRange { member: "generation", .. })
    ));
    let mut long = group();
    let topic = long.topics.values_mut().next().unwrap();
    for position in topic.partitions.values_mut() {
        position.metadata = "x".repeat(MAX_GROUP_BYTES);
    }
    assert!(matches!(long.encode(), Err(JsonObjectError::TooLong { .. })));
}

proptest! {
    #[test]
    fn any_words_come_back(name in ".{1,19}", host in ".{0,200}", metadata in ".{0,200}", at in 0..i64::MAX) {
        let mut group = group();
        group.group = GroupName::new(&name).unwrap();
        group.owner.host = host;
        let position = Position { offset: offset(at.unsigned_abs()), leader_epoch: None, metadata, at: time(at) };
        group.topics.values_mut().next().unwrap().partitions.insert(PartitionIndex::MAX, position);
        prop_assert_eq!(GroupObject::decode(&group.encode().unwrap()).unwrap(), group.clone());
        prop_assert_eq!(group.object_key().to_string().parse::<keys::ObjectKey>().unwrap(), group.object_key());
    }

    #[test]
    fn nothing_from_outside_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = GroupObject::decode(&bytes);
    }
}
