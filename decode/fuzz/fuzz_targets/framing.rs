#![no_main]

use std::sync::LazyLock;

use firnline_decode::{Framed, WriterSchema};

static SCHEMAS: LazyLock<[WriterSchema; 2]> = LazyLock::new(|| {
    let protobuf = r#"syntax = "proto3"; message A { int32 a = 1; message B { string b = 1; } } message C { bool c = 1; }"#;
    [
        WriterSchema::avro(r#""string""#, &[]).expect("a schema"),
        WriterSchema::protobuf(protobuf, &[], None).expect("a schema"),
    ]
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (length, rest) = data.split_first().map_or((0, data), |(length, rest)| (usize::from(*length), rest));
    let (header, value) = rest.split_at(length.min(rest.len()));
    for header in [None, Some(header)] {
        let Ok(framed) = Framed::of(value, header) else { continue };
        for schema in &*SCHEMAS {
            if let Ok((index, payload)) = schema.split(&framed) {
                assert!(value.ends_with(payload));
                let _ = schema.fields_of(&index);
            }
        }
    }
});
