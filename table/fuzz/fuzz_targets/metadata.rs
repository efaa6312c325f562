#![no_main]

use firnline_table::TableMetadata;

// What is read can be written, and read again.
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(metadata) = TableMetadata::parse(data) else { return };
    let _ = (metadata.current_schema(), metadata.default_spec(), metadata.default_sort_order());
    let _ = (metadata.history().count(), metadata.current_schema().arrow());
    for spec in metadata.specs() {
        let _ = metadata.partition_columns(spec.spec_id);
    }
    let json = metadata.to_json().expect("it was read");
    let again = TableMetadata::parse(&json).expect("it was written");
    // Fractions that are kept for others may differ in their last digit.
    assert_eq!(again.current_schema().fields().len(), metadata.current_schema().fields().len());
    assert_eq!(again.refs().keys().collect::<Vec<_>>(), metadata.refs().keys().collect::<Vec<_>>());
});
