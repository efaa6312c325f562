//! Any bytes as a block index: refused, or every look-up agrees with every entry.
#![no_main]

use firnline_index::block_index::BlockIndex;
use firnline_index::{Offset, RawPosition, TimestampMs};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(index) = BlockIndex::parse(bytes.to_vec().into()) else { return };
    let (mut raw, mut stored, mut before) = (0, 0, None);
    for entry in index.entries() {
        assert_eq!((entry.raw.start, entry.stored.start), (raw, stored));
        assert!(entry.raw.start < entry.raw.end && entry.stored.start < entry.stored.end);
        assert!(entry.stored_len() <= entry.raw_len());
        assert!(before.is_none_or(|before| before < entry.first_offset));
        assert_eq!(index.find_offset(entry.first_offset), Some(entry.number));
        assert_eq!(index.find_raw(RawPosition::new(entry.raw.start)), Some(entry.number));
        assert_eq!(index.find_raw(RawPosition::new(entry.raw.end - 1)), Some(entry.number));
        if let Some(time) = entry.max_timestamp {
            assert!(index.find_timestamp(time).is_some_and(|found| found <= entry.number));
        }
        (raw, stored, before) = (entry.raw.end, entry.stored.end, Some(entry.first_offset));
    }
    assert_eq!((raw, stored), (index.raw_len(), index.stored_len()));
    assert_eq!(index.entry(index.len()), None);
    assert_eq!(index.find_raw(RawPosition::new(raw)), None);
    assert_eq!(index.find_offset(Offset::MAX), Some(index.len() - 1));
    let _ = (index.find_offset(Offset::ZERO), index.find_timestamp(TimestampMs::MAX));
});
