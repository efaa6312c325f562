use arrow_schema::{DataType, Field, TimeUnit};
use serde_json::{Value, json};

use super::{message, of_fields, read_into, read_one, write};
use crate::Reason;

fn type_of(fields: &str) -> DataType {
    of_fields(fields).fields()[0].data_type().clone()
}

#[test]
fn scalars_have_the_columns_that_hold_all_their_values() {
    for (scalar, column) in [
        ("int32", DataType::Int32),
        ("sint32", DataType::Int32),
        ("sfixed32", DataType::Int32),
        ("int64", DataType::Int64),
        ("uint32", DataType::Int64),
        ("fixed32", DataType::Int64),
        ("uint64", DataType::Decimal128(20, 0)),
        ("fixed64", DataType::Decimal128(20, 0)),
        ("float", DataType::Float32),
        ("double", DataType::Float64),
        ("bool", DataType::Boolean),
        ("string", DataType::Utf8),
        ("bytes", DataType::Binary),
    ] {
        assert_eq!(type_of(&format!("{scalar} f = 1;")), column, "{scalar}");
    }
}

#[test]
fn numbers_come_in_every_encoding() {
    let one = |scalar: &str, writer: super::Writer| {
        let mut row = read_one(&of_fields(&format!("{scalar} f = 1;")), &writer.0).unwrap();
        row["f"].take()
    };
    assert_eq!(one("int32", write().varint(1, u64::MAX)), json!(-1));
    // What a 64-bit writer puts into a 32-bit field is cut, as the specification has it.
    assert_eq!(one("int32", write().varint(1, 1 << 32 | 5)), json!(5));
    assert_eq!(one("uint32", write().varint(1, u64::from(u32::MAX))), json!(u32::MAX));
    assert_eq!(one("sint32", write().varint(1, 1)), json!(-1));
    assert_eq!(one("sint64", write().varint(1, u64::MAX)), json!(i64::MIN));
    assert_eq!(one("uint64", write().varint(1, u64::MAX)), json!(u64::MAX.to_string()));
    assert_eq!(one("double", write().double(1, -0.5)), json!(-0.5));
    assert_eq!(one("fixed64", write().double(1, f64::from_bits(7))), json!("7"));
    assert_eq!(one("sfixed32", write().raw(&[0x0d, 0xff, 0xff, 0xff, 0xff])), json!(-1));
    assert_eq!(one("bool", write().varint(1, 2)), json!(true));
}

#[test]
fn what_is_not_there_is_its_default_or_null_by_presence() {
    let text = "int32 a = 1; string b = 2; optional int32 c = 3; M2 d = 4; repeated int32 e = 5; map<string, int32> f = 6; oneof o { int32 g = 7; string h = 8; } K k = 9;";
    let schema = message(&format!(
        "syntax = \"proto3\";\nmessage M {{ {text} }}\nmessage M2 {{ int32 x = 1; }} enum K {{ NONE = 0; SOME = 1; }}"
    ));
    let row =
        json!({"a": 0, "b": "", "c": null, "d": null, "e": [], "f": [], "g": null, "h": null, "k": "NONE"});
    assert_eq!(read_one(&schema, &[]).unwrap(), row);
    let proto2 = message(
        "syntax = \"proto2\"; message M { optional int32 a = 1 [default = 5]; required int32 b = 2; }",
    );
    assert_eq!(read_one(&proto2, &[]).unwrap(), json!({"a": null, "b": null}));
}

#[test]
fn the_last_scalar_stands_and_messages_are_merged() {
    let schema = message(
        "syntax = \"proto3\"; message M { string s = 1; Inner m = 2; int32 n = 3; }
         message Inner { int32 a = 1; int32 b = 2; repeated int32 c = 3; Inner2 d = 4; }
         message Inner2 { string x = 1; string y = 2; }",
    );
    let inner2 = |number, text: &str| write().bytes(number, text.as_bytes());
    let payload = write()
        .bytes(1, b"first")
        .message(2, write().varint(1, 1).varint(3, 7).message(4, inner2(1, "x")))
        .varint(3, 9)
        .bytes(1, b"last")
        .message(2, write().varint(2, 2).varint(1, 3).varint(3, 8).message(4, inner2(2, "y")));
    assert_eq!(
        read_one(&schema, &payload.0).unwrap(),
        json!({"s": "last", "m": {"a": 3, "b": 2, "c": [7, 8], "d": {"x": "x", "y": "y"}}, "n": 9})
    );
}

#[test]
fn the_last_member_of_a_oneof_clears_the_others() {
    let schema = message(
        "syntax = \"proto3\"; message M { oneof o { int32 a = 1; Inner m = 2; string t = 3; } }
         message Inner { int32 x = 1; int32 y = 2; }",
    );
    let x = || write().varint(1, 1);
    let y = || write().varint(2, 2);
    let last_a = write().bytes(3, b"t").varint(1, 5);
    assert_eq!(read_one(&schema, &last_a.0).unwrap(), json!({"a": 5, "m": null, "t": null}));
    let merged = write().varint(1, 5).message(2, x()).message(2, y());
    assert_eq!(read_one(&schema, &merged.0).unwrap(), json!({"a": null, "m": {"x": 1, "y": 2}, "t": null}));
    let cleared = write().message(2, x()).varint(1, 5).message(2, y());
    assert_eq!(read_one(&schema, &cleared.0).unwrap(), json!({"a": null, "m": {"x": 0, "y": 2}, "t": null}));
    let default = write().varint(1, 0);
    assert_eq!(read_one(&schema, &default.0).unwrap(), json!({"a": 0, "m": null, "t": null}));
}

#[test]
fn a_member_of_a_oneof_that_the_table_lacks_still_clears_the_others() {
    let schema = of_fields("oneof o { int32 a = 1; string gone = 2; }");
    let target = vec![Field::new("a", DataType::Int32, true)];
    let row = read_into(&schema, &target.into(), &[&write().varint(1, 5).bytes(2, b"x").0]).pop().unwrap();
    assert_eq!(row.unwrap(), json!({"a": null}));
}

#[test]
fn lists_come_packed_unpacked_and_in_pieces() {
    let schema = of_fields("repeated sint32 a = 1; repeated string b = 2; repeated double c = 3;");
    let payload = write()
        .bytes(1, &[2, 4])
        .bytes(2, b"x")
        .varint(1, 6)
        .bytes(3, &1.5_f64.to_le_bytes())
        .bytes(2, b"")
        .bytes(1, &[1]);
    assert_eq!(
        read_one(&schema, &payload.0).unwrap(),
        json!({"a": [1, 2, 3, -1], "b": ["x", ""], "c": [1.5]})
    );
}

#[test]
fn lists_of_messages_hold_structs() {
    let schema = message(
        "syntax = \"proto3\"; message M { repeated Item items = 1; int32 n = 2; }
         message Item { string name = 1; repeated int32 at = 2; Item2 deep = 3; } message Item2 { int32 x = 1; }",
    );
    let payload = write()
        .message(1, write().varint(2, 1).bytes(1, b"a").varint(2, 2).message(3, write().varint(1, 4)))
        .varint(2, 3)
        .message(1, write());
    assert_eq!(
        read_one(&schema, &payload.0).unwrap(),
        json!({"items": [{"name": "a", "at": [1, 2], "deep": {"x": 4}}, {"name": "", "at": [], "deep": null}], "n": 3})
    );
}

#[test]
fn the_last_entry_of_a_key_stands_and_what_an_entry_lacks_is_default() {
    let schema = message(
        "syntax = \"proto3\"; message M { map<string, int32> a = 1; map<int32, V> b = 2; map<bool, string> c = 3; } message V { int32 x = 1; int32 y = 2; }",
    );
    let entry = |key: &[u8], value| write().bytes(1, key).varint(2, value);
    let payload = write()
        .message(1, entry(b"k", 1))
        .message(2, write().message(2, write().varint(1, 5)).varint(1, 7).message(2, write().varint(2, 6)))
        .message(1, entry(b"l", 2))
        .message(1, write())
        .message(3, write().varint(1, 3).bytes(2, b"yes"))
        .message(1, entry(b"k", 3))
        .message(2, write())
        .message(3, write().varint(1, 1).bytes(2, b"again"));
    assert_eq!(
        read_one(&schema, &payload.0).unwrap(),
        json!({"a": [["", 0], ["k", 3], ["l", 2]], "b": [[0, {"x": 0, "y": 0}], [7, {"x": 5, "y": 6}]], "c": [[true, "again"]]})
    );
    let mut many = write();
    for key in (0..40_u8).rev() {
        many = many.message(1, entry(&[b'a' + key % 20], u64::from(key)));
    }
    let row = read_one(&schema, &many.0).unwrap();
    let expected: Vec<Value> =
        (0..20_u8).map(|key| json!([char::from(b'a' + key).to_string(), key])).collect();
    assert_eq!(row["a"], json!(expected));
}

#[test]
fn enums_are_names_or_the_number_that_has_none() {
    let schema = message(
        "syntax = \"proto3\"; message M { E e = 1; repeated E l = 2; }
         enum E { option allow_alias = true; ZERO = 0; ONE = 1; UNO = 1; FAR = 100; NEG = -5; }",
    );
    let payload = write().varint(1, 100).bytes(2, &[0, 1, 7]).varint(2, u64::MAX - 4);
    assert_eq!(read_one(&schema, &payload.0).unwrap(), json!({"e": "FAR", "l": ["ZERO", "ONE", "7", "NEG"]}));
}

#[test]
fn timestamps_and_durations_are_microseconds() {
    let schema = message(
        "syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\"; import \"google/protobuf/duration.proto\";
         message M { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2; repeated google.protobuf.Timestamp l = 3; }",
    );
    assert_eq!(
        schema.fields()[0].data_type(),
        &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    );
    assert_eq!(schema.fields()[1].data_type(), &DataType::Int64);
    let minus = |seconds: i64| seconds.cast_unsigned();
    let payload = write()
        .message(1, write().varint(1, minus(-1)).varint(2, 999_999_999))
        .message(2, write().varint(1, minus(-1)).varint(2, minus(-1_999)))
        .message(3, write());
    assert_eq!(read_one(&schema, &payload.0).unwrap(), json!({"t": -1, "d": -1_000_001, "l": [0]}));
    for bad in [
        write().message(1, write().varint(2, 1_000_000_000)),
        write().message(1, write().varint(2, minus(-1))),
        write().message(1, write().varint(1, u64::MAX / 2)),
        write().message(2, write().varint(1, 1).varint(2, minus(-1))),
    ] {
        assert_eq!(read_one(&schema, &bad.0).unwrap_err().reason, Reason::NumberOutOfRange);
    }
}

#[test]
fn wrappers_are_optional_scalars() {
    let schema = message(
        "syntax = \"proto3\"; import \"google/protobuf/wrappers.proto\";
         message M { google.protobuf.Int64Value a = 1; google.protobuf.StringValue b = 2; google.protobuf.UInt64Value c = 3; repeated google.protobuf.BoolValue d = 4; }",
    );
    let payload = write()
        .message(1, write().varint(1, 5))
        .message(2, write())
        .message(4, write().varint(1, 1))
        .message(4, write());
    assert_eq!(
        read_one(&schema, &payload.0).unwrap(),
        json!({"a": 5, "b": "", "c": null, "d": [true, false]})
    );
}

#[test]
fn structs_and_values_are_json() {
    let schema = message(
        "syntax = \"proto3\"; import \"google/protobuf/struct.proto\";
         message M { google.protobuf.Struct s = 1; google.protobuf.Value v = 2; google.protobuf.ListValue l = 3; }",
    );
    let text = |text: &str| write().bytes(3, text.as_bytes());
    let number = |value| write().double(2, value);
    let entry = |key: &str, value| write().bytes(1, key.as_bytes()).message(2, value);
    let list = write().message(1, number(1.0)).message(1, number(1.5)).message(1, write().varint(1, 0));
    let object = write()
        .message(1, entry("a\"", text("x\n")))
        .message(1, entry("b", write().varint(4, 1)))
        .message(1, entry("a\"", write().message(6, list)))
        .message(1, entry("c", write().message(5, write())));
    let payload = write().message(1, object).message(2, number(1e300)).message(3, write());
    let row = read_one(&schema, &payload.0).unwrap();
    assert_eq!(row["s"], json!(r#"{"b":true,"a\"":[1,1.5,null],"c":{}}"#));
    assert_eq!(row["v"].as_str().unwrap().parse::<f64>().unwrap(), 1e300);
    assert_eq!(row["l"], json!("[]"));
    let empty = read_one(&schema, &write().message(2, write()).0).unwrap();
    assert_eq!(empty, json!({"s": null, "v": "null", "l": null}));
    let nan = write().message(2, number(f64::NAN));
    assert_eq!(read_one(&schema, &nan.0).unwrap_err().reason, Reason::NumberOutOfRange);
    // Members of the value's oneof clear each other, and lists of one run are one list.
    let turns = write().message(
        2,
        write().message(6, write().message(1, number(1.0))).message(6, write().message(1, number(2.0))),
    );
    assert_eq!(read_one(&schema, &turns.0).unwrap()["v"], json!("[1,2]"));
}

#[test]
fn any_is_its_type_and_bytes() {
    let schema = message(
        "syntax = \"proto3\"; import \"google/protobuf/any.proto\"; message M { google.protobuf.Any a = 1; }",
    );
    let payload = write().message(1, write().bytes(1, b"type.googleapis.com/X").bytes(2, &[1]));
    assert_eq!(
        read_one(&schema, &payload.0).unwrap(),
        json!({"a": {"type_url": "type.googleapis.com/X", "value": "0x01"}})
    );
}

#[test]
fn a_message_without_fields_says_that_it_is_there() {
    let schema = message(
        "syntax = \"proto3\"; message M { oneof o { Start start = 1; Stop stop = 2; } } message Start {} message Stop {}",
    );
    let payload = write().message(2, write().varint(9, 9));
    assert_eq!(read_one(&schema, &payload.0).unwrap(), json!({"start": null, "stop": true}));
}

#[test]
fn groups_are_structs_and_unknown_ones_are_skipped() {
    let schema = message(
        "syntax = \"proto2\"; message M { optional group G = 1 { optional int32 x = 2; } optional int32 y = 3; repeated group H = 4 { optional int32 z = 5; } }",
    );
    // G { x: 1 }, unknown group 9 { group 10 {} , 11: "a" }, H {}, H { z: 2 }
    let payload = write()
        .raw(&[0x0b, 0x10, 1, 0x0c])
        .raw(&[0x4b, 0x53, 0x54, 0x5a, 1, b'a', 0x4c])
        .varint(3, 7)
        .raw(&[0x23, 0x24, 0x23, 0x28, 2, 0x24]);
    assert_eq!(
        read_one(&schema, &payload.0).unwrap(),
        json!({"g": {"x": 1}, "y": 7, "h": [{"z": null}, {"z": 2}]})
    );
}

#[test]
fn fields_go_to_wider_columns_by_name() {
    let schema = message(
        "syntax = \"proto3\"; message M { int32 a = 1; float b = 2; Inner in = 3; string gone = 4; } message Inner { int32 X = 1; int32 y = 2; }",
    );
    let inner = vec![Field::new("Z", DataType::Utf8, true), Field::new("x", DataType::Int64, true)];
    let target = vec![
        Field::new("in", DataType::Struct(inner.into()), true),
        Field::new("new", DataType::Utf8, true),
        Field::new("b", DataType::Float64, true),
        Field::new("a", DataType::Int64, true),
    ];
    let payload = write()
        .varint(1, 1)
        .raw(&[0x15])
        .raw(&0.5_f32.to_le_bytes())
        .message(3, write().varint(1, 2).varint(2, 3))
        .bytes(4, b"x");
    let row = read_into(&schema, &target.into(), &[&payload.0]).pop().unwrap().unwrap();
    assert_eq!(row, json!({"in": {"Z": null, "x": 2}, "new": null, "b": 0.5, "a": 1}));
}
