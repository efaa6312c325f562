#![no_main]

use firnline_table::manifest::parse_list;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = parse_list(data, "memory:/l");
});
