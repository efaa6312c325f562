//! The object of a topic key, and ring keys as text, from any bytes.
#![no_main]

#[path = "meta_common/mod.rs"]
mod common;

use firnline_index::topic_key::{RingKey, WrappedTopicKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = WrappedTopicKey::decode(data);
    if let Ok(key) = WrappedTopicKey::decode(&common::checked(data)) {
        if let Ok(bytes) = key.encode() {
            assert_eq!(WrappedTopicKey::decode(&bytes).expect("what was written can be read"), key);
        }
        let ring = RingKey::new([7; 32].into());
        let _ = ring.unwrap(&key.context(), &key.wrapped);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = RingKey::parse(text);
    }
});
