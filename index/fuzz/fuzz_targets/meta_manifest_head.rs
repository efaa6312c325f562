//! A manifest's head from any bytes: refused, or read, named, and written as it was read.
#![no_main]

#[path = "meta_common/mod.rs"]
mod common;

use firnline_index::ids::TimestampMs;
use firnline_index::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Manifest::decode(data);
    let Ok(manifest) = Manifest::decode_unchecked(&common::sealed(1, data)) else { return };
    let _ = manifest.find(manifest.tier_start);
    let _ = manifest.find_timestamp(TimestampMs::ZERO, manifest.tier_start);
    if manifest.check().is_empty() {
        let bytes = manifest.encode().expect("what was read and is sound can be written");
        assert_eq!(Manifest::decode(&bytes).expect("what was written can be read"), manifest);
    }
});
