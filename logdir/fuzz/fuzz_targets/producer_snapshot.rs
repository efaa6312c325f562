//! Any bytes as a producer snapshot: as they are, and with a checksum that is right.
#![no_main]

use firnline_index::Crc32c;
use firnline_logdir::files::open_transactions;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = open_transactions(data);
    let checked = [&[0, 1][..], &Crc32c::of(data).get().to_be_bytes(), data].concat();
    if let Ok(open) = open_transactions(&checked) {
        assert!(open.windows(2).all(|pair| pair[0].first_offset <= pair[1].first_offset));
    }
});
