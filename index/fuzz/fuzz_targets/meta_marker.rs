//! The marker from any bytes.
#![no_main]

#[path = "meta_common/mod.rs"]
mod common;

use firnline_index::marker::TierMarker;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = TierMarker::decode(data);
    if let Ok(marker) = TierMarker::decode(&common::checked(data)) {
        let bytes = marker.encode().expect("what was read can be written");
        assert_eq!(TierMarker::decode(&bytes).expect("what was written can be read"), marker);
    }
});
