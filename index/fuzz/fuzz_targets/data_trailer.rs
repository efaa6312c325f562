//! Any bytes as a trailer, as they are and with the checksum put right.
#![no_main]

use firnline_index::Crc32c;
use firnline_index::segment::{TRAILER_LEN, Trailer};
use libfuzzer_sys::fuzz_target;

/// Where the checksum stands.
const CRC_AT: usize = 148;

fuzz_target!(|bytes: &[u8]| {
    let _ = Trailer::parse(bytes);
    let Some(own) = bytes.last_chunk::<TRAILER_LEN>() else { return };
    let mut sealed = *own;
    sealed[TRAILER_LEN - 8..].copy_from_slice(b"FIRNLSEG");
    let crc = Crc32c::of(&sealed[..CRC_AT]).get().to_le_bytes();
    sealed[CRC_AT..CRC_AT + 4].copy_from_slice(&crc);
    if let Ok(trailer) = Trailer::parse(&sealed) {
        assert_eq!(trailer.encode(), sealed);
    }
});
