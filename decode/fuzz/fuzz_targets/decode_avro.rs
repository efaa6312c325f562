#![no_main]

mod common;

use std::sync::LazyLock;

use arrow_schema::Fields;
use firnline_decode::{Plan, WriterSchema};

static PLAN: LazyLock<(Plan, Fields)> = LazyLock::new(|| {
    let text = r#"{"type":"record","name":"R","fields":[
        {"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"l","type":["null","long"]},{"name":"f","type":"float"},
        {"name":"d","type":"double"},{"name":"y","type":"bytes"},{"name":"s","type":"string"},
        {"name":"x","type":{"type":"fixed","name":"F","size":3}},{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},
        {"name":"a","type":{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"n","type":["null","string","int"]}]}}},
        {"name":"z","type":{"type":"array","items":"null"}},{"name":"w","type":{"type":"array","items":["null","F"]}},
        {"name":"m","type":{"type":"map","values":{"type":"array","items":"int"}}},
        {"name":"c","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
        {"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"u","type":{"type":"string","logicalType":"uuid"}},{"name":"q","type":{"type":"int","logicalType":"date"}}]}"#;
    common::plan(&WriterSchema::avro(text, &[]).expect("a schema")).expect("a plan")
});

/// A record of it: ends of lists and maps are 0.
fn good() -> Vec<u8> {
    let mut good = vec![1, 2, 2, 4];
    good.extend([0; 4 + 8]);
    good.extend([2, 7, 2, b's', 1, 2, 3, 2]);
    good.extend([2, 2, 2, b'n', 0, 0, 4, 2, 1, 2, 3, 0, 0, 2, 2, b'k', 2, 6, 0, 0]);
    good.extend([2, 5, 8, 72]);
    good.extend(b"00010203-0405-0607-0809-0a0b0c0d0e0f");
    good.push(2);
    good
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| common::decode(&PLAN, &good(), data));
