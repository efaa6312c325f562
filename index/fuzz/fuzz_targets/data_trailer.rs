//! Any bytes as a trailer, as they are and with the checksum put right.
#![no_main]

use firnline_index::segment::{TRAILER_LEN, Trailer};
use firnline_index::{Crc32c, FORMAT_VERSION};
use libfuzzer_sys::fuzz_target;

/// Where the version and the checksum stand.
const VERSION_AT: usize = 146;
const CRC_AT: usize = 148;

fn sum(trailer: &mut [u8; TRAILER_LEN]) {
    let crc = Crc32c::of(&trailer[..CRC_AT]).get().to_le_bytes();
    trailer[CRC_AT..CRC_AT + 4].copy_from_slice(&crc);
}

fuzz_target!(|bytes: &[u8]| {
    let _ = Trailer::parse(bytes);
    let Some(own) = bytes.last_chunk::<TRAILER_LEN>() else { return };
    let mut sealed = *own;
    sealed[TRAILER_LEN - 8..].copy_from_slice(b"FIRNLSEG");
    sum(&mut sealed);
    if let Ok(trailer) = Trailer::parse(&sealed) {
        // An older version is written as the newest, with the same values.
        sealed[VERSION_AT..CRC_AT].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        sum(&mut sealed);
        assert_eq!(trailer.encode(), sealed);
    }
});
