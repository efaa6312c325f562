use arrow_schema::{DataType, Field, Fields};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use serde_json::json;

use super::{Plan, Schema, message, of_fields, read_into, read_one, write};
use crate::Reference;
use crate::omitted::Why;
use crate::show::chain;

fn reference(name: &str, text: &str) -> Reference {
    Reference { name: name.to_owned(), text: text.to_owned() }
}

fn names(fields: &Fields) -> Vec<&str> {
    fields.iter().map(|field| field.name().as_str()).collect()
}

#[test]
fn imports_are_found_among_references_and_built_in_files() {
    let text = r#"syntax = "proto3"; package shop; import "geo/place.proto"; import "confluent/meta.proto"; import "google/type/money.proto";
        message Order { option (confluent.message_meta).doc = "an order"; geo.Place to = 1; google.type.Money price = 2; }"#;
    let place =
        r#"syntax = "proto3"; package geo; import "geo/point.proto"; message Place { Point at = 1; }"#;
    let point = r#"syntax = "proto3"; package geo; message Point { double lat = 1; }"#;
    let references = [reference("geo/point.proto", point), reference("geo/place.proto", place)];
    let order = Schema::parse(text, &references).unwrap().message(&[]).unwrap();
    assert_eq!(order.name(), "shop.Order");
    let payload = write().message(1, write().message(1, write().double(1, 1.5)));
    assert_eq!(read_one(&order, &payload.0).unwrap(), json!({"to": {"at": {"lat": 1.5}}, "price": null}));
    let error = Schema::parse(text, &references[..1]).map(|_| ()).unwrap_err();
    assert!(chain(&error).contains("geo/place.proto"), "{error:?}");
}

#[test]
fn every_built_in_file_compiles() {
    for name in [
        "confluent/meta.proto",
        "confluent/type/decimal.proto",
        "google/type/date.proto",
        "google/type/timeofday.proto",
        "google/type/money.proto",
        "google/type/latlng.proto",
        "google/type/dayofweek.proto",
        "google/type/month.proto",
        "google/type/interval.proto",
        "google/type/fraction.proto",
        "google/type/decimal.proto",
    ] {
        let text = format!("syntax = \"proto3\"; import \"{name}\"; message M {{ int32 a = 1; }}");
        assert!(Schema::parse(&text, &[] as &[Reference]).is_ok(), "{name}");
    }
}

#[test]
fn a_descriptor_in_base64_is_a_schema_too() {
    let text = r#"syntax = "proto3"; import "dep.proto"; message M { Dep d = 1; }"#;
    let dep = r#"syntax = "proto3"; message Dep { int32 x = 1; }"#;
    let coded = |name: &str, text: &str| {
        STANDARD.encode(
            protox::file::File::from_source(name, text).unwrap().file_descriptor_proto().encode_to_vec(),
        )
    };
    let references = [reference("dep.proto", &coded("somewhere/else.proto", dep))];
    let schema = Schema::parse(&coded("m.proto", text), &references).unwrap();
    let payload = write().message(1, write().varint(1, 4));
    assert_eq!(read_one(&schema.message(&[0]).unwrap(), &payload.0).unwrap(), json!({"d": {"x": 4}}));
}

#[test]
fn a_message_index_names_nested_messages_and_skips_map_entries() {
    let schema = Schema::parse(
        "syntax = \"proto3\"; message A { map<string, int32> m = 1; message B { message C { int32 c = 1; } } message D { int32 d = 1; } } message E { int32 e = 1; }",
        &[] as &[Reference],
    )
    .unwrap();
    let name = |index: &[i32]| schema.message(index).map(|message| message.name().to_owned());
    assert_eq!(name(&[]).unwrap(), "A");
    assert_eq!(name(&[0]).unwrap(), "A");
    assert_eq!(name(&[1]).unwrap(), "E");
    assert_eq!(name(&[0, 0, 0]).unwrap(), "A.B.C");
    assert_eq!(name(&[0, 1]).unwrap(), "A.D");
    for bad in [&[2][..], &[-1], &[0, 2], &[1, 0], &[0, 0, 0, 0]] {
        assert!(name(bad).is_err(), "{bad:?}");
    }
    assert_eq!(schema.message_named("E").unwrap().name(), "E");
    assert_eq!(schema.message_named("A.B.C").unwrap().name(), "A.B.C");
    let error = schema.message_named("F").map(|_| ()).unwrap_err();
    assert!(chain(&error).contains("it has A, E"), "{}", chain(&error));
}

#[test]
fn texts_that_do_not_compile_are_refused_with_the_place() {
    for (text, words) in [
        ("message { }", "schema.proto:1"),
        ("syntax = \"proto3\"; message M { Nothing n = 1; }", "Nothing"),
        ("syntax = \"proto3\"; import \"schema.proto\"; message M {}", "schema.proto"),
        ("{\"type\": \"record\"}", "schema.proto:1"),
    ] {
        let error = Schema::parse(text, &[] as &[Reference]).map(|_| ()).unwrap_err();
        assert!(chain(&error).contains(words), "{text}: {}", chain(&error));
    }
}

#[test]
fn messages_that_contain_themselves_are_left_out_by_name() {
    let schema = message(
        "syntax = \"proto3\"; message Node { int32 v = 1; Node next = 2; repeated Node kids = 3; map<string, Node> by = 4; Other other = 5; } message Other { string s = 1; Node back = 2; }",
    );
    assert_eq!(names(schema.fields()), ["v", "other"]);
    let omitted: Vec<&str> = schema.omitted().iter().map(|omitted| omitted.path.as_str()).collect();
    assert_eq!(omitted, ["next", "kids", "by", "other.back"]);
    assert!(schema.omitted().iter().all(|omitted| omitted.why == Why::Recursive));
    let payload = write().varint(1, 1).message(2, write().varint(1, 2)).message(5, write().bytes(1, b"x"));
    assert_eq!(read_one(&schema, &payload.0).unwrap(), json!({"v": 1, "other": {"s": "x"}}));
}

#[test]
fn messages_that_multiply_are_refused() {
    let mut text = "syntax = \"proto3\"; message T0 { T1 a = 1; T1 b = 2; }".to_owned();
    for index in 1..40 {
        let next = index + 1;
        text += &format!("message T{index} {{ T{next} a = 1; T{next} b = 2; }}");
    }
    text += "message T40 { int32 x = 1; }";
    let error = Schema::parse(&text, &[] as &[Reference]).unwrap().message(&[]).map(|_| ()).unwrap_err();
    assert!(chain(&error).contains("columns"), "{}", chain(&error));
}

#[test]
fn columns_keep_the_order_of_the_file() {
    assert_eq!(names(of_fields("int32 z = 3; int32 a = 1; int32 m = 2;").fields()), ["z", "a", "m"]);
}

#[test]
fn fields_that_do_not_fit_their_column_are_told_with_both_types() {
    let schema = of_fields("string f = 1;");
    let target: Fields = vec![Field::new("f", DataType::Int64, true)].into();
    let plan = |column: usize| Plan::new(&schema, &target, &move |_: &[&str], _: &DataType| Some(column));
    let error = plan(0).map(|_| ()).unwrap_err();
    assert!(chain(&error).contains("field f is string"), "{}", chain(&error));
    assert!(plan(1).is_err());
}

#[test]
fn what_the_shape_leaves_out_stays_out_whatever_the_table_has() {
    let schema = message(
        "syntax = \"proto3\"; message M { Node f = 1; } message Node { int32 v = 1; Node next = 2; oneof o { Node left = 3; int32 w = 4; } }",
    );
    let inner = ["v", "next", "left", "w"].map(|name| Field::new(name, DataType::Int32, true)).to_vec();
    let target = vec![Field::new("f", DataType::Struct(inner.into()), true)];
    let node = write().varint(1, 1).message(2, write().varint(1, 2)).varint(4, 5).message(3, write());
    let row = read_into(&schema, &target.into(), &[&write().message(1, node).0]).pop().unwrap();
    assert_eq!(row.unwrap(), json!({"f": {"v": 1, "next": null, "left": null, "w": null}}));
}
