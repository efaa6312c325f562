use apache_avro::types::Value as Datum;
use apache_avro::{Decimal, Duration, Uuid};
use arrow_schema::{DataType, Field, TimeUnit};
use serde_json::{Value, json};

use super::{field_of, of_field, read_into, read_one, schema, written};
use crate::Reason;

fn type_of(data_type: &str) -> DataType {
    schema(&of_field(data_type)).fields()[0].data_type().clone()
}

#[test]
fn primitives_are_themselves() {
    assert_eq!(field_of(r#""boolean""#, Datum::Boolean(true)), json!(true));
    assert_eq!(field_of(r#""int""#, Datum::Int(i32::MIN)), json!(i32::MIN));
    assert_eq!(field_of(r#""long""#, Datum::Long(i64::MIN)), json!(i64::MIN));
    assert_eq!(field_of(r#""float""#, Datum::Float(1.5)), json!(1.5));
    assert_eq!(field_of(r#""double""#, Datum::Double(-0.1)), json!(-0.1));
    assert_eq!(field_of(r#""bytes""#, Datum::Bytes(vec![0, 255])), json!("0x00ff"));
    assert_eq!(field_of(r#""string""#, Datum::String("firn ❄".to_owned())), json!("firn ❄"));
}

#[test]
fn enums_are_text_and_fixed_is_bytes() {
    let of = r#"{"type":"enum","name":"E","symbols":["SNOW","ICE"]}"#;
    assert_eq!(field_of(of, Datum::Enum(1, "ICE".to_owned())), json!("ICE"));
    let of = r#"{"type":"fixed","name":"F","size":3}"#;
    assert_eq!(type_of(of), DataType::FixedSizeBinary(3));
    assert_eq!(field_of(of, Datum::Fixed(3, vec![1, 2, 3])), json!("0x010203"));
}

#[test]
fn decimals_are_read_at_every_width_and_sign() {
    let of = r#"{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}"#;
    assert_eq!(type_of(of), DataType::Decimal128(10, 2));
    for bytes in [vec![0x04, 0xd2], vec![0xfb, 0x2e], vec![0], vec![0xff], vec![0, 0, 0, 0, 0, 0x7f]] {
        let long = bytes
            .iter()
            .fold(if bytes[0] < 0x80 { 0 } else { -1 }, |value: i64, byte| value << 8 | i64::from(*byte));
        assert_eq!(field_of(of, Datum::Decimal(Decimal::from(bytes))), json!(long.to_string()));
    }
    let of =
        r#"{"type":{"type":"fixed","name":"F","size":16},"logicalType":"decimal","precision":38,"scale":0}"#;
    let largest = 10_i128.pow(38) - 1;
    for value in [largest, -largest, 0, -1] {
        let datum = Datum::Decimal(Decimal::from(value.to_be_bytes()));
        assert_eq!(field_of(of, datum), json!(value.to_string()));
    }
}

#[test]
fn decimals_of_more_digits_than_declared_are_refused() {
    let text = of_field(r#"{"type":"bytes","logicalType":"decimal","precision":3,"scale":0}"#);
    let schema = schema(&text);
    for bytes in
        [&[4, 0x03, 0xe8][..], &[4, 0xfc, 0x18], &[2 * 17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]
    {
        assert_eq!(read_one(&schema, bytes).unwrap_err().reason, Reason::NumberOutOfRange, "{bytes:?}");
    }
    // Bytes of padding beyond 128 bits are harmless.
    let mut padded = vec![2 * 20];
    padded.extend([0xff; 20]);
    assert_eq!(read_one(&schema, &padded).unwrap(), json!({"f": "-1"}));
    assert_eq!(read_one(&schema, &[0]).unwrap_err().reason, Reason::WrongType);
}

#[test]
fn decimals_that_128_bits_do_not_hold_stay_bytes() {
    let of = r#"{"type":"bytes","logicalType":"decimal","precision":39,"scale":0}"#;
    assert_eq!(type_of(of), DataType::Binary);
    assert_eq!(
        type_of(r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":5}"#),
        DataType::Binary
    );
    assert_eq!(type_of(r#"{"type":"bytes","logicalType":"big-decimal"}"#), DataType::Binary);
}

#[test]
fn uuids_are_16_bytes_however_they_are_written() {
    let uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    let value = Uuid::parse_str(uuid).unwrap();
    for of in [
        r#"{"type":"string","logicalType":"uuid"}"#,
        r#"{"type":{"type":"fixed","name":"F","size":16},"logicalType":"uuid"}"#,
    ] {
        let text = of_field(of);
        let field = schema(&text).fields()[0].clone();
        assert_eq!(field.data_type(), &DataType::FixedSizeBinary(16));
        assert_eq!(field.metadata().get("ARROW:extension:name").map(String::as_str), Some("arrow.uuid"));
        assert_eq!(field_of(of, Datum::Uuid(value)), json!("0xf81d4fae7dec11d0a76500a0c91e6bf6"));
    }
    let text = schema(&of_field(r#"{"type":"string","logicalType":"uuid"}"#));
    for bad in [
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
        "f81d4fae+7dec-11d0-a765-00a0c91e6bf6",
        "g81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    ] {
        let mut bytes = vec![u8::try_from(bad.len() * 2).unwrap()];
        bytes.extend(bad.bytes());
        assert_eq!(read_one(&text, &bytes).unwrap_err().reason, Reason::WrongType, "{bad}");
    }
}

#[test]
fn dates_times_and_timestamps_are_counted_in_microseconds() {
    let of = |base: &str, logical: &str| format!(r#"{{"type":"{base}","logicalType":"{logical}"}}"#);
    assert_eq!(type_of(&of("int", "date")), DataType::Date32);
    assert_eq!(field_of(&of("int", "date"), Datum::Date(-1)), json!(-1));
    assert_eq!(field_of(&of("int", "time-millis"), Datum::TimeMillis(1)), json!(1_000));
    assert_eq!(field_of(&of("long", "time-micros"), Datum::TimeMicros(7)), json!(7));
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let local = DataType::Timestamp(TimeUnit::Microsecond, None);
    for (unit, micros) in [("millis", -7_000), ("micros", -7), ("nanos", -1)] {
        let logical = format!("timestamp-{unit}");
        assert_eq!(type_of(&of("long", &logical)), utc);
        let datum = match unit {
            "millis" => Datum::TimestampMillis(-7),
            "micros" => Datum::TimestampMicros(-7),
            _ => Datum::TimestampNanos(-7),
        };
        assert_eq!(field_of(&of("long", &logical), datum), json!(micros));
        assert_eq!(type_of(&of("long", &format!("local-timestamp-{unit}"))), local);
    }
}

#[test]
fn times_outside_of_a_day_and_timestamps_beyond_64_bits_are_refused() {
    let of = |base: &str, logical: &str| {
        schema(&of_field(&format!(r#"{{"type":"{base}","logicalType":"{logical}"}}"#)))
    };
    let reason = |schema: &super::Schema, value: i64| {
        let text = of_field(r#""long""#);
        let bytes = written(&text, Datum::Record(vec![("f".to_owned(), Datum::Long(value))]));
        read_one(schema, &bytes).map_err(|error| error.reason)
    };
    let millis = of("int", "time-millis");
    assert!(reason(&millis, 86_399_999).is_ok());
    assert_eq!(reason(&millis, 86_400_000), Err(Reason::NumberOutOfRange));
    assert_eq!(reason(&millis, -1), Err(Reason::NumberOutOfRange));
    let timestamp = of("long", "timestamp-millis");
    assert_eq!(reason(&timestamp, i64::MAX), Err(Reason::NumberOutOfRange));
    assert_eq!(reason(&timestamp, i64::MAX / 1_000), Ok(json!({"f": i64::MAX / 1_000 * 1_000})));
}

#[test]
fn names_of_connect_and_debezium_stand_for_logical_types() {
    let of = |base: &str, name: &str| type_of(&format!(r#"{{"type":"{base}","connect.name":"{name}"}}"#));
    assert_eq!(of("int", "io.debezium.time.Date"), DataType::Date32);
    assert_eq!(
        of("long", "io.debezium.time.MicroTimestamp"),
        DataType::Timestamp(TimeUnit::Microsecond, None)
    );
    // MySQL's times go beyond a day.
    assert_eq!(of("long", "io.debezium.time.MicroTime"), DataType::Int64);
}

#[test]
fn durations_are_12_bytes() {
    let of = r#"{"type":{"type":"fixed","name":"F","size":12},"logicalType":"duration"}"#;
    let bytes = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
    assert_eq!(field_of(of, Datum::Duration(Duration::from(bytes))), json!("0x010000000200000003000000"));
}

#[test]
fn a_union_with_null_is_an_optional_in_either_order() {
    for (of, null, value) in [(r#"["null","long"]"#, 0, 1), (r#"["long","null"]"#, 1, 0)] {
        assert_eq!(type_of(of), DataType::Int64);
        assert_eq!(field_of(of, Datum::Union(null, Box::new(Datum::Null))), Value::Null);
        assert_eq!(field_of(of, Datum::Union(value, Box::new(Datum::Long(5)))), json!(5));
    }
    assert_eq!(field_of(r#"["long"]"#, Datum::Union(0, Box::new(Datum::Long(5)))), json!(5));
}

#[test]
fn a_union_of_several_types_is_a_struct_named_by_them() {
    let of =
        r#"["null","int","string",{"type":"record","name":"ns.Point","fields":[{"name":"x","type":"int"}]}]"#;
    let DataType::Struct(fields) = type_of(of) else { panic!("a struct") };
    assert_eq!(
        fields.iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
        ["int", "string", "Point"]
    );
    assert_eq!(field_of(of, Datum::Union(0, Box::new(Datum::Null))), Value::Null);
    assert_eq!(
        field_of(of, Datum::Union(2, Box::new(Datum::String("a".to_owned())))),
        json!({"int": null, "string": "a", "Point": null})
    );
    let point = Datum::Record(vec![("x".to_owned(), Datum::Int(7))]);
    assert_eq!(
        field_of(of, Datum::Union(3, Box::new(point))),
        json!({"int": null, "string": null, "Point": {"x": 7}})
    );
}

#[test]
fn lists_and_maps_hold_any_type() {
    let of = r#"{"type":"array","items":["null",{"type":"array","items":"int"}]}"#;
    let inner = Datum::Array(vec![Datum::Int(1), Datum::Int(2)]);
    let datum = Datum::Array(vec![
        Datum::Union(1, Box::new(inner)),
        Datum::Union(0, Box::new(Datum::Null)),
        Datum::Union(1, Box::new(Datum::Array(vec![]))),
    ]);
    assert_eq!(field_of(of, datum), json!([[1, 2], null, []]));
    let of = r#"{"type":"map","values":["null","string"]}"#;
    let entry = |key: &str, index, value| (key.to_owned(), Datum::Union(index, Box::new(value)));
    let datum = Datum::Map([entry("a", 1, Datum::String("x".to_owned())), entry("b", 0, Datum::Null)].into());
    assert_eq!(field_of(of, datum), json!([["a", "x"], ["b", null]]));
}

#[test]
fn blocks_with_lengths_are_read_like_those_without() {
    let schema = schema(&of_field(r#"{"type":"array","items":"int"}"#));
    // Two items in a block with its length, one in a block without.
    assert_eq!(read_one(&schema, &[3, 4, 2, 4, 2, 6, 0]).unwrap(), json!({"f": [1, 2, 3]}));
}

#[test]
fn a_record_without_fields_says_that_it_is_there() {
    let of =
        r#"["null",{"type":"record","name":"Stop","fields":[]},{"type":"record","name":"Go","fields":[]}]"#;
    let datum = Datum::Union(2, Box::new(Datum::Record(vec![])));
    assert_eq!(field_of(of, datum), json!({"Stop": null, "Go": true}));
}

#[test]
fn values_go_to_wider_columns_and_to_columns_in_another_order() {
    let text = r#"{"type":"record","name":"R","fields":[
        {"name":"a","type":"int"},{"name":"b","type":"float"},{"name":"gone","type":{"type":"array","items":"string"}},
        {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":1}},
        {"name":"s","type":{"type":"record","name":"S","fields":[{"name":"X","type":"int"},{"name":"y","type":"int"}]}}]}"#;
    let inner = vec![Field::new("Z", DataType::Utf8, true), Field::new("x", DataType::Int64, true)];
    let target = vec![
        Field::new("s", DataType::Struct(inner.into()), true),
        Field::new("new", DataType::Utf8, true),
        Field::new("d", DataType::Decimal128(10, 1), true),
        Field::new("b", DataType::Float64, true),
        Field::new("a", DataType::Int64, true),
    ];
    let datum = Datum::Record(vec![
        ("a".to_owned(), Datum::Int(1)),
        ("b".to_owned(), Datum::Float(0.5)),
        ("gone".to_owned(), Datum::Array(vec![Datum::String("x".to_owned())])),
        ("d".to_owned(), Datum::Decimal(Decimal::from(vec![12]))),
        (
            "s".to_owned(),
            Datum::Record(vec![("X".to_owned(), Datum::Int(2)), ("y".to_owned(), Datum::Int(3))]),
        ),
    ]);
    let row = read_into(&schema(text), &target.into(), &[&written(text, datum)]).pop().unwrap().unwrap();
    assert_eq!(row, json!({"s": {"Z": null, "x": 2}, "new": null, "d": "12", "b": 0.5, "a": 1}));
}
