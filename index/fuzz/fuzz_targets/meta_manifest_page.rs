//! A page from any bytes: refused, or read, named, and written as it was read.
#![no_main]

#[path = "meta_common/mod.rs"]
mod common;

use firnline_index::ids::TimestampMs;
use firnline_index::manifest::Page;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Page::decode(data);
    let Ok(page) = Page::decode_unchecked(&common::sealed(2, data)) else { return };
    let _ = page.find(page.range.start());
    let _ = page.find_timestamp(TimestampMs::ZERO, page.range.start());
    if page.check().is_empty() {
        let (bytes, named) = page.encode().expect("what was read and is sound can be written");
        let again = Page::decode_named(&bytes, &named, &page.cluster_id, &page.tip);
        assert_eq!(again.expect("what was written can be read"), page);
    }
});
