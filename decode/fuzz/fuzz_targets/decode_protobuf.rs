#![no_main]

mod common;

use std::sync::LazyLock;

use arrow_schema::Fields;
use firnline_decode::{Plan, WriterSchema};

static PLAN: LazyLock<(Plan, Fields)> = LazyLock::new(|| {
    let text = r#"syntax = "proto3";
        import "google/protobuf/timestamp.proto";
        import "google/protobuf/struct.proto";
        import "google/protobuf/wrappers.proto";
        message M {
            int32 a = 1; optional sint64 b = 2; uint64 c = 3; double d = 4; string e = 5; bytes f = 6; bool g = 7; E h = 8;
            repeated int64 i = 9; repeated I j = 10; map<string, I> k = 11; map<int32, double> l = 12;
            oneof m { string n = 13; I o = 14; }
            google.protobuf.Timestamp p = 15; google.protobuf.Struct q = 16; google.protobuf.Int32Value r = 17;
            fixed32 s = 18; sfixed64 t = 19; repeated string u = 20;
        }
        message I { string x = 1; repeated uint32 y = 2; I2 z = 3; }
        message I2 { bool w = 1; }
        enum E { NONE = 0; ONE = 1; }"#;
    common::plan(&WriterSchema::protobuf(text, &[], None).expect("a schema")).expect("a plan")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| common::decode(
    &PLAN,
    b"\x08\x07\x2a\x01e\x48\x01\x52\x03\x0a\x01x",
    data
));
