#![no_main]

use firnline_logdir::files::partition_metadata;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(id) = partition_metadata(data) {
        assert_eq!(partition_metadata(format!("version: 0\ntopic_id: {id}").as_bytes()), Ok(id));
    }
});
