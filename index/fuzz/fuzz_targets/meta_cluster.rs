//! Floors, leases and cluster state from any bytes.
#![no_main]

#[path = "meta_common/mod.rs"]
mod common;

use firnline_index::cluster_state::{Acls, Dated, GroupOffsets, TopicConfigs};
use firnline_index::floor::FloorObject;
use firnline_index::lease::Lease;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for bytes in [data, &common::checked(data)] {
        if let Ok(floor) = FloorObject::decode(bytes)
            && let Ok(again) = floor.encode()
        {
            assert_eq!(FloorObject::decode(&again).expect("what was written can be read"), floor);
        }
        if let Ok(lease) = Lease::decode(bytes)
            && let Ok(again) = lease.encode()
        {
            assert_eq!(Lease::decode(&again).expect("what was written can be read"), lease);
        }
        let _ = Dated::<GroupOffsets>::decode(bytes);
        let _ = Dated::<TopicConfigs>::decode(bytes);
        let _ = Dated::<Acls>::decode(bytes);
    }
});
