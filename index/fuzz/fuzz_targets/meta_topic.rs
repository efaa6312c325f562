//! The topic object from any bytes.
#![no_main]

#[path = "meta_common/mod.rs"]
mod common;

use firnline_index::topic::TopicObject;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = TopicObject::decode(data);
    if let Ok(topic) = TopicObject::decode(&common::checked(data)) {
        // Indenting may carry an object over the limit; nothing else may stop it.
        if let Ok(bytes) = topic.encode() {
            assert_eq!(TopicObject::decode(&bytes).expect("what was written can be read"), topic);
        }
    }
});
