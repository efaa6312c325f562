#![no_main]

use firnline_logdir::files::MetaProperties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = MetaProperties::parse(data);
});
