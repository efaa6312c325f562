#![no_main]

use firnline_index::batch::BatchLimits;
use firnline_logdir::lower_epochs;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut run = data.to_vec();
    if lower_epochs(&mut run, &BatchLimits::default()).is_ok() {
        assert_eq!(lower_epochs(&mut run, &BatchLimits::default()), Ok(0));
    }
});
