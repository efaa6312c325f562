#![no_main]

mod common;

use std::sync::LazyLock;

use arrow_schema::Fields;
use firnline_decode::{Plan, WriterSchema, parse_fields};

static PLAN: LazyLock<(Plan, Fields)> = LazyLock::new(|| {
    let fields = parse_fields(
        r#"[{"name":"a","type":"long"},{"name":"b","type":"string"},{"name":"i","type":"int"},{"name":"d","type":"decimal(5,2)"},
            {"name":"l","type":{"list":{"list":"int"}}},{"name":"m","type":{"map":"float"}},{"name":"j","type":"json"},
            {"name":"s","type":{"struct":[{"name":"x","type":"double"},{"name":"Y","type":"boolean"},
                {"name":"z","type":{"list":{"struct":[{"name":"n","type":"fixed[300]"}]}}}]}},
            {"name":"t","type":"timestamptz"},{"name":"n","type":"timestamp"},{"name":"c","type":"time"},{"name":"e","type":"date"},
            {"name":"u","type":"uuid"},{"name":"y","type":"binary"}]"#,
    )
    .expect("fields");
    common::plan(&WriterSchema::declared(&fields)).expect("a plan")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    common::decode(&PLAN, br#"{"a":1,"l":[[1],null],"m":{"k":0.5},"s":{"z":[{},null]},"y":"AA=="}"#, data);
});
