//! Any bytes as a transactions section: refused, or the one form of what they say.
#![no_main]

use firnline_index::transactions::SegmentTransactions;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(section) = SegmentTransactions::decode(bytes) {
        assert_eq!(section.encode(), bytes);
    }
});
