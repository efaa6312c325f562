use super::*;

#[test]
fn primitive_types_are_read_as_they_are_written() {
    for text in [
        "boolean",
        "int",
        "long",
        "float",
        "double",
        "decimal(9, 2)",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "timestamp_ns",
        "timestamptz_ns",
        "string",
        "uuid",
        "fixed[12]",
        "binary",
        "unknown",
        "variant",
        "geometry(srid:4326)",
    ] {
        assert_eq!(text.parse::<PrimitiveType>().unwrap().to_string(), text);
    }
    let tight: PrimitiveType = "decimal(9,2)".parse().unwrap();
    assert_eq!(tight, PrimitiveType::Decimal { precision: 9, scale: 2 });
    for bad in ["", "decimal(39, 0)", "decimal(0,0)", "decimal(2,3)", "decimal(1)", "fixed[x]", "fixed[-1]"] {
        assert!(bad.parse::<PrimitiveType>().is_err(), "{bad}");
    }
}

#[test]
fn nested_types_keep_ids_docs_and_what_is_not_known() {
    let json = json!({
        "type": "struct",
        "fields": [
            {"id": 1, "name": "a", "required": true, "type": "long", "doc": "d", "initial-default": 3},
            {"id": 2, "name": "l", "required": false, "type":
                {"type": "list", "element-id": 3, "element-required": false, "element": "string"}},
            {"id": 4, "name": "m", "required": false, "type":
                {"type": "map", "key-id": 5, "key": "string", "value-id": 6, "value-required": true, "value":
                    {"type": "struct", "fields": [{"id": 7, "name": "x", "required": false, "type": "variant"}]}}},
        ],
    });
    let read: Type = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), json);
    assert_eq!(
        read.to_string(),
        "struct<1: a: required long, 2: l: optional list<string>, 4: m: optional map<string, struct<7: x: optional variant>>>"
    );
}

#[test]
fn types_with_parts_missing_are_refused() {
    for json in [
        json!({"type": "list", "element": "string", "element-required": true}),
        json!({"type": "map", "key-id": 1, "key": "string", "value-id": 2, "value": "int"}),
        json!({"type": "struct"}),
        json!({"type": "set"}),
        json!({"type": "struct", "fields": [{"id": 5_000_000_000_i64, "name": "a", "required": true, "type": "int"}]}),
        json!(3),
    ] {
        assert!(serde_json::from_value::<Type>(json.clone()).is_err(), "{json}");
    }
}

#[test]
fn only_promotions_that_keep_every_value_widen() {
    use PrimitiveType::*;
    let decimal = |precision, scale| Decimal { precision, scale };
    assert!(Int.widens_to(&Long) && Float.widens_to(&Double) && decimal(9, 2).widens_to(&decimal(10, 2)));
    for (from, to) in [
        (Long, Int),
        (Int, Int),
        (Int, Double),
        (Double, Float),
        (decimal(9, 2), decimal(10, 3)),
        (decimal(9, 2), decimal(8, 2)),
        (Date, Timestamp),
        (String, Binary),
    ] {
        assert!(!from.widens_to(&to), "{from} {to}");
    }
}
