#![no_main]

#[path = "../../src/disk/format.rs"]
#[expect(dead_code, reason = "records have a target of their own")]
mod format;

use format::{UNIT, encode_table, parse_table, table_entries, table_len};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let from = u64::from(u32::MAX) * UNIT;
    check(data, from);
    // As a checksum that holds would let more through.
    if let Some(body) = data.len().checked_sub(4) {
        let mut whole = data.to_vec();
        let crc = firnline_index::Crc32c::of(&data[..body]).get();
        whole[body..].copy_from_slice(&crc.to_le_bytes());
        check(&whole, from);
    }
});

fn check(data: &[u8], from: u64) {
    if let Ok(table) = parse_table(data, from) {
        assert_eq!(table_entries(data).map(|count| count as usize), Ok(table.len()));
        assert_eq!(data.len() as u64, table_len(table.len()));
        assert!(table.iter().all(|entry| entry.at > 0 && u64::from(entry.at) * UNIT < from));
        assert_eq!(encode_table(&table), data);
    }
}
