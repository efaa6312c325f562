#![no_main]

mod common;

use firnline_table::metadata::TableMetadata;
use firnline_table::update::{TableRequirement, TableUpdate};

// Metadata that updates have led to is metadata.
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let metadata = common::metadata();
    if let Ok(requirement) = serde_json::from_slice::<TableRequirement>(data) {
        let _ = requirement.check(Some(&metadata));
    }
    let Ok(updates) = serde_json::from_slice::<Vec<TableUpdate>>(data) else { return };
    let Ok(after) = metadata.apply(&updates, "memory:/m", 7) else { return };
    let json = after.to_json().expect("it was made");
    TableMetadata::parse(&json).expect("it was made of metadata by updates");
});
