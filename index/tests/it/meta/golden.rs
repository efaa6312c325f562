//! Golden bytes: what version 0 wrote must be read for ever, and is written still. Never edited; new ones come from
//! `cargo run -p firnline-index --example golden_manifest`.

use firnline_index::manifest::*;
use firnline_index::marker::TierMarker;
use firnline_index::summary::NodeSummary;
use firnline_index::topic::TopicObject;

use super::samples::*;

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("../../golden/", $name)).as_slice()
    };
}

#[test]
fn heads_of_version_0_are_read_and_written() {
    for (golden, sample) in [
        (golden!("manifest-full.v0"), full_head()),
        (golden!("manifest-began.v0"), began_head()),
        (golden!("manifest-kip405.v0"), kip405_head()),
    ] {
        assert_eq!(Manifest::decode(golden).unwrap(), sample);
        assert_eq!(sample.encode().unwrap(), golden);
    }
}

#[test]
fn pages_of_version_0_are_read_and_written() {
    for (golden, sample) in [
        (golden!("manifest-entries-page.v0"), entries_page()),
        (golden!("manifest-refs-page.v0"), refs_page()),
    ] {
        assert_eq!(Page::decode(golden).unwrap(), sample);
        assert_eq!(sample.encode().unwrap().0, golden);
    }
}

#[test]
fn summaries_of_version_0_are_read_and_say_the_same() {
    let golden = golden!("summary.v0");
    assert_eq!(NodeSummary::decode(golden).unwrap(), summary());
    // The frame is zstd's business: another release of it may pack the same sections differently.
    assert_eq!(NodeSummary::decode(&summary().encode().unwrap()).unwrap(), summary());
}

#[test]
fn marker_and_topic_object_of_layout_0_are_read_and_written() {
    let golden = golden!("marker.v0.json");
    assert_eq!(TierMarker::decode(golden).unwrap(), marker());
    assert_eq!(marker().encode().unwrap(), golden);
    let golden = golden!("topic.v0.json");
    assert_eq!(TopicObject::decode(golden).unwrap(), topic());
    assert_eq!(topic().encode().unwrap(), golden);
}
