#![no_main]

use firnline_logdir::files::{leader_epochs, offsets};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(entries) = leader_epochs(data) {
        assert!(entries.windows(2).all(|pair| pair[0].epoch < pair[1].epoch && pair[0].start <= pair[1].start));
    }
    let _ = offsets(data);
});
