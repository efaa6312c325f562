//! Golden bytes: what version 1 writes is fixed, and what its preview wrote is read. Never edited; those of a new version
//! come from `cargo run -p firnline-index --example golden_manifest`.

use std::fmt::Debug;

use firnline_index::cluster_state::{Acls, Dated, GroupOffsets, TopicConfigs};
use firnline_index::floor::FloorObject;
use firnline_index::group::GroupObject;
use firnline_index::lease::Lease;
use firnline_index::manifest::*;
use firnline_index::marker::TierMarker;
use firnline_index::summary::NodeSummary;
use firnline_index::topic::TopicObject;
use firnline_index::topic_key::WrappedTopicKey;

use super::samples::*;

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("../../golden/", $name)).as_slice()
    };
}

/// Of version 1: read and written. Of the preview: read.
#[track_caller]
fn same<T: Debug + PartialEq, E: Debug>(
    sample: &T,
    goldens: [Option<&[u8]>; 2],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    written: &[u8],
) {
    for golden in goldens.into_iter().flatten() {
        assert_eq!(decode(golden).unwrap(), *sample);
    }
    assert!(goldens[1] == Some(written), "it is not written as it was: {}", written.escape_ascii());
}

/// A preview's references know the preview's pages, whose checksums are others; all else is the same.
fn other_pages(read: &mut [PageRef], sample: &[PageRef]) {
    for (read, sample) in read.iter_mut().zip(sample) {
        assert_ne!(std::mem::replace(&mut read.crc, sample.crc), sample.crc);
    }
}

#[test]
fn heads_are_read_and_written() {
    for (preview, golden, sample) in [
        (golden!("manifest-full.v0"), golden!("manifest-full.v1"), full_head()),
        (golden!("manifest-began.v0"), golden!("manifest-began.v1"), began_head()),
        (golden!("manifest-kip405.v0"), golden!("manifest-kip405.v1"), kip405_head()),
    ] {
        same(&sample, [None, Some(golden)], Manifest::decode, &sample.encode().unwrap());
        let mut read = Manifest::decode(preview).unwrap();
        other_pages(&mut read.pages, &sample.pages);
        for (read, sample) in read.dead_branches.iter_mut().zip(&sample.dead_branches) {
            other_pages(&mut read.pages, &sample.pages);
        }
        assert_eq!(read, sample);
    }
}

#[test]
fn pages_are_read_and_written() {
    for (preview, golden, sample) in [
        (golden!("manifest-entries-page.v0"), golden!("manifest-entries-page.v1"), entries_page()),
        (golden!("manifest-refs-page.v0"), golden!("manifest-refs-page.v1"), refs_page()),
    ] {
        same(&sample, [None, Some(golden)], Page::decode, &sample.encode().unwrap().0);
        let mut read = Page::decode(preview).unwrap();
        if let (PageBody::Refs(read), PageBody::Refs(sample)) = (&mut read.body, &sample.body) {
            other_pages(read, sample);
        }
        assert_eq!(read, sample);
    }
}

#[test]
fn summaries_are_read_and_say_the_same() {
    for golden in [golden!("summary.v0"), golden!("summary.v1")] {
        assert_eq!(NodeSummary::decode(golden).unwrap(), summary());
    }
    // The frame is zstd's business: another release of it may pack the same sections differently.
    assert_eq!(NodeSummary::decode(&summary().encode().unwrap()).unwrap(), summary());
}

#[test]
fn marker_and_topic_objects_are_read_and_written() {
    let (preview, golden) = (golden!("marker.v0.json"), golden!("marker.v1.json"));
    let old = TierMarker { format: 0, ..marker() };
    assert_eq!(TierMarker::decode(preview).unwrap(), old);
    same(&marker(), [None, Some(golden)], TierMarker::decode, &marker().encode().unwrap());
    assert_eq!((old.raised(), marker().raised()), (Some(marker()), None));

    let goldens = [Some(golden!("topic.v0.json")), Some(golden!("topic.v1.json"))];
    same(&topic(), goldens, TopicObject::decode, &topic().encode().unwrap());
    let full = full_topic();
    same(&full, [None, Some(golden!("topic-full.v1.json"))], TopicObject::decode, &full.encode().unwrap());
}

#[test]
fn groups_are_read_and_written() {
    let goldens = [Some(golden!("group.v0.json")), Some(golden!("group.v1.json"))];
    same(&group(), goldens, GroupObject::decode, &group().encode().unwrap());
    assert_eq!(group().object_key().to_string(), "cluster/groups/orders~20app.json");
}

#[test]
fn the_other_json_objects_are_read_and_written() {
    let (key, lease, floor) = (wrapped_key(), lease(), floor());
    same(&key, [None, Some(golden!("topic-key.v1.json"))], WrappedTopicKey::decode, &key.encode().unwrap());
    same(&lease, [None, Some(golden!("lease.v1.json"))], Lease::decode, &lease.encode().unwrap());
    same(&floor, [None, Some(golden!("floor.v1.json"))], FloorObject::decode, &floor.encode().unwrap());
    let (groups, configs, acls) = (groups(), topic_configs(), acls());
    let golden = golden!("state-groups.v1.json");
    same(&groups, [None, Some(golden)], Dated::<GroupOffsets>::decode, &groups.encode().unwrap());
    let golden = golden!("state-configs.v1.json");
    same(&configs, [None, Some(golden)], Dated::<TopicConfigs>::decode, &configs.encode().unwrap());
    let golden = golden!("state-acls.v1.json");
    same(&acls, [None, Some(golden)], Dated::<Acls>::decode, &acls.encode().unwrap());
}
