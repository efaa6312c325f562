//! The object of a group from any bytes.
#![no_main]

#[path = "meta_common/mod.rs"]
mod common;

use firnline_index::group::GroupObject;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = GroupObject::decode(data);
    if let Ok(group) = GroupObject::decode(&common::checked(data)) {
        // Indenting may carry an object over the limit; nothing else may stop it.
        if let Ok(bytes) = group.encode() {
            assert_eq!(GroupObject::decode(&bytes).expect("what was written can be read"), group);
        }
    }
});
