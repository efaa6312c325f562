#![no_main]

#[path = "../../src/disk/format.rs"]
#[expect(dead_code, reason = "tables have a target of their own")]
mod format;

use format::{RECORD_HEADER_LEN, RecordHeader, check_slab_header, record_len, slab_header};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if check_slab_header(data).is_ok() {
        assert!(data.starts_with(&slab_header()));
    }
    if let Ok(header) = RecordHeader::parse(data) {
        assert_eq!(header.encode(), data[..RECORD_HEADER_LEN]);
        assert!(record_len(header.length) >= u64::from(header.length) + RECORD_HEADER_LEN as u64);
    }
    // As a checksum that holds would let more through.
    if let Some(head) = data.first_chunk::<RECORD_HEADER_LEN>() {
        let mut head = *head;
        let crc = firnline_index::Crc32c::of(&head[..RECORD_HEADER_LEN - 4]).get();
        head[RECORD_HEADER_LEN - 4..].copy_from_slice(&crc.to_le_bytes());
        if let Ok(header) = RecordHeader::parse(&head) {
            assert_eq!(header.encode(), head);
        }
    }
});
