#![no_main]

mod common;

use firnline_table::manifest::{ManifestContent, ManifestFile, parse_manifest};

// The first byte picks what the list says of the manifest.
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (pick, bytes) = data.split_first().map_or((0, data), |(pick, bytes)| (*pick, bytes));
    let manifest = ManifestFile {
        path: "memory:/m".to_owned(),
        length: 0,
        spec_id: i32::from(pick & 1),
        content: if pick & 2 == 0 { ManifestContent::Data } else { ManifestContent::Deletes },
        sequence_number: i64::from(pick & 4),
        min_sequence_number: 0,
        added_snapshot_id: 2,
        added_files: 1,
        existing_files: 0,
        deleted_files: 0,
        added_rows: 1,
        existing_rows: 0,
        deleted_rows: 0,
        partitions: None,
        key_metadata: None,
        first_row_id: (pick & 8 != 0).then_some(4),
    };
    let _ = parse_manifest(bytes, &common::metadata(), &manifest);
});
