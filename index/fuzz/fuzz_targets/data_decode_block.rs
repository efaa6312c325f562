//! Any bytes as a stored block of any length: never more than the raw length comes out, and never without its checksum.
#![no_main]

use firnline_index::block_index::BlockEntry;
use firnline_index::segment::decode_block;
use firnline_index::{Crc32c, Offset};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(([a, b, c, d], stored)) = bytes.split_first_chunk() else { return };
    let raw_len = u64::from(u32::from_le_bytes([*a, *b, *c, 0]));
    let entry = |crc| BlockEntry {
        number: 7,
        first_offset: Offset::ZERO,
        raw: 100..100 + raw_len,
        stored: 50..50 + stored.len() as u64,
        max_timestamp: None,
        crc,
    };
    let decode = |crc| decode_block(&entry(crc), stored.to_vec().into());
    if let Ok(raw) = decode(Crc32c::new(u32::from(*d))).or_else(|_| decode(Crc32c::of(stored))) {
        assert_eq!(raw.len() as u64, raw_len);
    }
});
