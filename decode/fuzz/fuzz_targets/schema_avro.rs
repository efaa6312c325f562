#![no_main]

mod common;

use firnline_decode::WriterSchema;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((text, value)) = common::schema_and_value(data) else { return };
    if let Ok(schema) = WriterSchema::avro(text, &[]) {
        common::any(&schema, value);
    }
});
