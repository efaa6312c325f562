//! Keys: one text each, in the order of their offsets, inside the prefix whatever they are made of.

use firnline_index::keys::*;
use firnline_index::*;
use proptest::prelude::*;

use super::samples::*;

fn id() -> SegmentUuid {
    "6f9619ff-8b86-d011-b42d-00c04fc964ff".parse().unwrap()
}

fn documented() -> Vec<(ObjectKey, &'static str)> {
    let tip = TopicIdPartition { topic_id: "J8nB1x9RTGqN3oGQx5Lk2A".parse().unwrap(), ..tip() };
    let (topic, topic_id) = (tip.topic.clone(), tip.topic_id);
    let uuid = ObjectUuid::from_bytes(*id().as_bytes());
    let segment = |leader_epoch| ObjectKey::Segment {
        tip: tip.clone(),
        base: offset(170_045),
        leader_epoch,
        uuid: id(),
    };
    vec![
        (ObjectKey::Marker, "firnline.json"),
        (ObjectKey::Topic { topic, topic_id }, "topics/orders.eu.J8nB1x9RTGqN3oGQx5Lk2A.json"),
        (ObjectKey::NodeSummary { node: node(3) }, "cluster/nodes/3/summary"),
        (ObjectKey::NodeLease { node: node(3) }, "cluster/nodes/3/lease"),
        (
            ObjectKey::FloorHint { topic_id, partition: tip.partition },
            "cluster/floors/J8nB1x9RTGqN3oGQx5Lk2A.3",
        ),
        (ObjectKey::ClusterState { name: RelativeKey::new("groups").unwrap() }, "cluster/state/groups"),
        (
            ObjectKey::Group { group: GroupName::new("orders app").unwrap() },
            "cluster/groups/orders~20app.json",
        ),
        (
            ObjectKey::WrappedKey { id: KeyId::from_bytes(*id().as_bytes()) },
            "keys/6f9619ff-8b86-d011-b42d-00c04fc964ff",
        ),
        (
            segment(Some(epoch(12))),
            "orders.eu.J8nB1x9RTGqN3oGQx5Lk2A/3/00000000000000170045-12-6f9619ff-8b86-d011-b42d-00c04fc964ff.seg",
        ),
        (
            segment(None),
            "orders.eu.J8nB1x9RTGqN3oGQx5Lk2A/3/00000000000000170045-none-6f9619ff-8b86-d011-b42d-00c04fc964ff.seg",
        ),
        (ObjectKey::Manifest { tip: tip.clone() }, "orders.eu.J8nB1x9RTGqN3oGQx5Lk2A/3/manifest"),
        (
            ObjectKey::Page { tip: tip.clone(), first_base: offset(0), uuid },
            "orders.eu.J8nB1x9RTGqN3oGQx5Lk2A/3/manifest-00000000000000000000-6f9619ff-8b86-d011-b42d-00c04fc964ff.page",
        ),
        (
            ObjectKey::Floor { tip, offset: offset(170_000), uuid },
            "orders.eu.J8nB1x9RTGqN3oGQx5Lk2A/3/floor-00000000000000170000-6f9619ff-8b86-d011-b42d-00c04fc964ff",
        ),
    ]
}

fn node(n: i32) -> NodeId {
    NodeId::new(n).unwrap()
}

#[test]
fn keys_are_as_documented() {
    for (key, text) in documented() {
        assert_eq!(key.to_string(), text);
        assert_eq!(text.parse::<ObjectKey>().unwrap(), key);
    }
}

#[test]
fn the_format_page_shows_each_documented_key() {
    let page = include_str!("../../../../docs/formats/keys.md");
    for (_, text) in documented() {
        assert!(page.contains(&format!("`{text}`")), "{text} is missing");
    }
}

#[test]
fn long_names_are_split_and_no_part_is_beyond_255_bytes() {
    let mut longest = 0;
    for length in [200, 201, 249] {
        let topic = TopicName::new(&"t".repeat(length)).unwrap();
        let tip = TopicIdPartition { topic: topic.clone(), partition: PartitionIndex::MAX, ..tip() };
        let keys = [
            ObjectKey::Topic { topic, topic_id: tip.topic_id },
            ObjectKey::Page { tip: tip.clone(), first_base: Offset::MAX, uuid: object_uuid(1) },
            ObjectKey::Segment {
                tip,
                base: Offset::MAX,
                leader_epoch: Some(LeaderEpoch::MAX),
                uuid: uuid(1),
            },
        ];
        for key in keys {
            let text = key.to_string();
            assert_eq!(text.contains("~/"), length > 200, "{text}");
            assert!(text.split('/').all(|part| part.len() <= 255), "{text}");
            longest = longest.max(text.len());
            assert_eq!(text.parse::<ObjectKey>().unwrap(), key);
        }
    }
    assert_eq!(longest, ObjectKey::MAX_LEN);
    // Only the form that we print is a key: not split where it need not be, nor elsewhere, nor whole where it must.
    let id = tip().topic_id;
    let (short, long) = ("t".repeat(199), "t".repeat(201));
    for text in [
        format!("{short}~/t.{id}/0/manifest"),
        format!("{short}~/tt.{id}/0/manifest"),
        format!("{long}~/t.{id}/0/manifest"),
        format!("{long}.{id}/0/manifest"),
        format!("{}~/.{id}/0/manifest", "t".repeat(200)),
    ] {
        assert!(text.parse::<ObjectKey>().is_err(), "{text}");
    }
}

#[test]
fn foreign_and_odd_spellings_are_no_keys() {
    let dir = "orders.eu.J8nB1x9RTGqN3oGQx5Lk2A";
    let id = id();
    for text in [
        "".to_owned(),
        "/".to_owned(),
        "firnline.json/".to_owned(),
        "FIRNLINE.JSON".to_owned(),
        "topics/orders.json".to_owned(),
        format!("topics/{dir}"),
        format!("topics/../{dir}.json"),
        "keys/../firnline.json".to_owned(),
        "cluster/".to_owned(),
        "cluster/summary".to_owned(),
        "cluster/nodes/3".to_owned(),
        "cluster/nodes/03/summary".to_owned(),
        "cluster/nodes/-1/summary".to_owned(),
        "cluster/nodes/3/summary/x".to_owned(),
        "cluster/nodes/3/starts".to_owned(),
        "cluster/floors/J8nB1x9RTGqN3oGQx5Lk2A.03".to_owned(),
        "cluster/floors/J8nB1x9RTGqN3oGQx5Lk2A".to_owned(),
        "cluster/floors/orders.J8nB1x9RTGqN3oGQx5Lk2A.3".to_owned(),
        "cluster/groups/.json".to_owned(),
        "cluster/groups/app".to_owned(),
        "cluster/groups/a b.json".to_owned(),
        "cluster/groups/a~2.json".to_owned(),
        "cluster/groups/a~61.json".to_owned(),
        "cluster/groups/a~2F.json".to_owned(),
        "cluster/groups/a~ff.json".to_owned(),
        "cluster/groups/a/b.json".to_owned(),
        "cluster/state/".to_owned(),
        "cluster/state/../groups".to_owned(),
        "cluster/..".to_owned(),
        "cluster//x".to_owned(),
        format!("{dir}/manifest"),
        format!("{dir}/3/Manifest"),
        format!("{dir}/3/manifest/"),
        format!("{dir}//manifest"),
        format!("{dir}/03/manifest"),
        format!("{dir}/+3/manifest"),
        format!("{dir}/-1/manifest"),
        format!("{dir}/2147483648/manifest"),
        format!("../{dir}/3/manifest"),
        format!("{dir}/3/../3/manifest"),
        format!("{dir}/3/170045-12-{id}.seg"),
        format!("{dir}/3/000000000000000170045-12-{id}.seg"),
        format!("{dir}/3/00000000000000170045-012-{id}.seg"),
        format!("{dir}/3/00000000000000170045--1-{id}.seg"),
        format!("{dir}/3/00000000000000170045-None-{id}.seg"),
        format!("{dir}/3/99999999999999999999-12-{id}.seg"),
        format!("{dir}/3/00000000000000170045-12-{}.seg", id.to_string().to_uppercase()),
        format!("{dir}/3/00000000000000170045-12-{id}"),
        format!("{dir}/3/manifest-0-{id}.page"),
        format!("{dir}/3/floor--00000000000000170000-{id}"),
        format!("{dir}/3/x-{id}\u{0}"),
        format!("{dir}/3/é{}", "é".repeat(18)),
    ] {
        assert!(text.parse::<ObjectKey>().is_err(), "{text:?}");
    }
}

#[test]
fn groups_of_any_name_have_a_key_of_their_own() {
    for name in [".", "..", "a/b", "../x", "~", "~20", " ", "groß", "日本", "a.json", "\0"] {
        let key = ObjectKey::Group { group: GroupName::new(name).unwrap() };
        let text = key.to_string();
        assert_eq!(text.parse::<ObjectKey>().unwrap(), key, "{text}");
        assert_eq!(text.split('/').count(), 3, "{text}");
        assert!(text.starts_with(&KeyPrefix::Groups.to_string()));
    }
    assert!(GroupName::new("").is_err());
    assert!(GroupName::new(&"g".repeat(240)).is_ok() && GroupName::new(&"g".repeat(241)).is_err());
    assert!(GroupName::new(&"/".repeat(80)).is_ok() && GroupName::new(&"/".repeat(81)).is_err());
}

#[test]
fn prefixes_part_partitions_from_each_other() {
    let one = TopicIdPartition { partition: PartitionIndex::new(1).unwrap(), ..tip() };
    let ten = TopicIdPartition { partition: PartitionIndex::new(10).unwrap(), ..tip() };
    let prefix = KeyPrefix::Partition(one.clone()).to_string();
    assert!(ObjectKey::Manifest { tip: one.clone() }.to_string().starts_with(&prefix));
    assert!(!ObjectKey::Manifest { tip: ten.clone() }.to_string().starts_with(&prefix));
    let topic = KeyPrefix::Topic { topic: ten.topic.clone(), topic_id: ten.topic_id }.to_string();
    assert!(ObjectKey::Manifest { tip: ten }.to_string().starts_with(&topic));
    let floor = ObjectKey::Floor { tip: one.clone(), offset: offset(7), uuid: object_uuid(1) };
    assert!(floor.to_string().starts_with(&KeyPrefix::Floors(one.clone()).to_string()));
    let hint = ObjectKey::FloorHint { topic_id: one.topic_id, partition: one.partition };
    assert!(hint.to_string().starts_with(&KeyPrefix::FloorHints.to_string()));
    let object = ObjectKey::Topic { topic: one.topic, topic_id: one.topic_id };
    assert!(object.to_string().starts_with(&KeyPrefix::Topics.to_string()));
}

fn any_offset() -> impl Strategy<Value = Offset> {
    prop_oneof![0..1_000i64, any::<i64>().prop_map(i64::abs).prop_map(|n| n.max(0))]
        .prop_map(|n| Offset::new(n).unwrap())
}

fn any_key() -> impl Strategy<Value = ObjectKey> {
    let name =
        prop_oneof![Just("."), Just(".."), Just("a"), Just("topics"), Just("~")].prop_map(str::to_owned);
    let topic = prop_oneof![r"[a-zA-Z0-9._-]{1,249}", name]
        .prop_filter_map("no topic name", |t| TopicName::new(&t).ok());
    let tip = (topic, any::<[u8; 16]>(), 0..=i32::MAX).prop_map(|(topic, id, partition)| TopicIdPartition {
        topic,
        topic_id: TopicId::from_bytes(id),
        partition: PartitionIndex::new(partition).unwrap(),
    });
    let name = r"[a-zA-Z0-9._~-]{1,9}(/[a-zA-Z0-9._~-]{1,9}){0,3}"
        .prop_filter_map("no relative key", |n| RelativeKey::new(&n).ok());
    let group = ".{1,60}".prop_filter_map("no group", |n| GroupName::new(&n).ok());
    (tip, any_offset(), proptest::option::of(0..=i32::MAX), any::<[u8; 16]>(), (name, group), 0..12).prop_map(
        |(tip, offset, of, id, (name, group), kind)| match kind {
            0 => ObjectKey::Marker,
            1 => ObjectKey::Topic { topic: tip.topic, topic_id: tip.topic_id },
            2 => ObjectKey::ClusterState { name },
            3 => ObjectKey::WrappedKey { id: KeyId::from_bytes(id) },
            4 => ObjectKey::Manifest { tip },
            5 => ObjectKey::Page { tip, first_base: offset, uuid: ObjectUuid::from_bytes(id) },
            6 => ObjectKey::Floor { tip, offset, uuid: ObjectUuid::from_bytes(id) },
            7 => ObjectKey::NodeSummary { node: node(of.unwrap_or(0)) },
            8 => ObjectKey::NodeLease { node: node(of.unwrap_or(0)) },
            9 => ObjectKey::FloorHint { topic_id: tip.topic_id, partition: tip.partition },
            10 => ObjectKey::Group { group },
            _ => ObjectKey::Segment {
                tip,
                base: offset,
                leader_epoch: of.map(epoch),
                uuid: SegmentUuid::from_bytes(id),
            },
        },
    )
}

proptest! {
    #[test]
    fn keys_come_back_and_stay_inside_the_prefix(key in any_key()) {
        let text = key.to_string();
        prop_assert_eq!(text.parse::<ObjectKey>().unwrap(), key);
        prop_assert!(text.split('/').all(|part| !matches!(part, "" | "." | "..") && part.len() <= 255));
        prop_assert!(RelativeKey::new(&text).is_ok());
        prop_assert!(text.len() <= ObjectKey::MAX_LEN);
    }

    #[test]
    fn what_parses_prints_as_it_was(text in r"([a-z.~]{0,3}/)?(topics|keys|cluster|cluster/nodes|cluster/floors|cluster/state|cluster/groups|a\.J8nB1x9RTGqN3oGQx5Lk2A|\.\.)/[0-9a-f./+~-]{0,60}(\.seg|\.page|\.json|manifest)?") {
        if let Ok(key) = text.parse::<ObjectKey>() {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn any_text_is_refused_or_canonical(text in any::<String>()) {
        if let Ok(key) = text.parse::<ObjectKey>() {
            prop_assert_eq!(key.to_string(), text.clone());
        }
        if let Ok(key) = RelativeKey::new(&text) {
            prop_assert!(key.as_str().split('/').all(|part| !matches!(part, "" | "." | "..")));
            prop_assert!(key.as_str().is_ascii());
        }
    }

    #[test]
    fn segments_sort_by_name_as_by_offset(a in any_offset(), b in any_offset(), of in 0..=i32::MAX) {
        let key = |base, uuid: u64| ObjectKey::Segment {
            tip: tip(),
            base,
            leader_epoch: Some(epoch(of)),
            uuid: super::samples::uuid(uuid),
        };
        let (first, second) = (key(a, 2).to_string(), key(b, 1).to_string());
        if a != b {
            prop_assert_eq!(a < b, first < second);
        }
    }
}
