use apache_avro::types::Value as Datum;
use arrow_schema::{DataType, Field, Fields};
use serde_json::json;

use super::{Plan, Schema, of_field, read_into, read_one, schema, written};
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
fn references_are_found_in_any_order_and_by_namespace() {
    let text = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
        {"name":"buyer","type":"Person"},{"name":"to","type":"geo.Place"}]}"#;
    let person = r#"{"type":"record","name":"Person","namespace":"shop","fields":[{"name":"home","type":"geo.Place"}]}"#;
    let place = r#"{"type":"record","name":"geo.Place","fields":[{"name":"lat","type":"double"}]}"#;
    let schema = Schema::parse(text, &[reference("person", person), reference("place", place)]).unwrap();
    assert_eq!(names(schema.fields()), ["buyer", "to"]);
    let mut bytes = 1.5_f64.to_le_bytes().to_vec();
    bytes.extend(2.5_f64.to_le_bytes());
    assert_eq!(
        read_one(&schema, &bytes).unwrap(),
        json!({"buyer": {"home": {"lat": 1.5}}, "to": {"lat": 2.5}})
    );
}

#[test]
fn a_definition_repeated_in_the_same_words_is_one_type_and_in_others_an_error() {
    let text = r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"enum","name":"E","symbols":["A"]}},{"name":"b","type":"E"}]}"#;
    let same = r#"{"type":"enum","name":"E","symbols":["A"]}"#;
    assert!(Schema::parse(text, &[reference("e", same)]).is_ok());
    let other = r#"{"type":"enum","name":"E","symbols":["B"]}"#;
    let error = Schema::parse(text, &[reference("e", other)]).map(|_| ()).unwrap_err();
    assert!(chain(&error).contains("defined twice"), "{}", chain(&error));
}

#[test]
fn texts_that_are_no_schema_are_refused_with_the_place() {
    for (text, words) in [
        ("{", "not JSON"),
        ("7", "is not a type"),
        (r#"{"type":"record","name":"R"}"#, "\"fields\""),
        (r#"{"type":"record","fields":[]}"#, "no name"),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"Nowhere"}]}"#,
            "\"Nowhere\" is not defined",
        ),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
            "one name",
        ),
        (r#"{"type":"array"}"#, "\"items\""),
        (r#"[]"#, "union of nothing"),
        (r#"["int",["long"]]"#, "inside a union"),
        (r#"{"type":"fixed","name":"F","size":-1}"#, "\"size\""),
        (r#"{"type":"enum","name":"E","symbols":[1]}"#, "symbol"),
        // apache-avro's parser panics on this one when it is a reference.
        (r#"{"type":{"name":"X","type":"nothing"},"name":"Y"}"#, "\"nothing\" is not defined"),
    ] {
        let error = Schema::parse(text, &[] as &[Reference]).map(|_| ()).unwrap_err();
        assert!(chain(&error).contains(words), "{text}: {}", chain(&error));
    }
}

#[test]
fn schemas_too_deep_or_too_wide_are_refused_or_cut() {
    let mut deep = r#""int""#.to_owned();
    for _ in 0..100 {
        deep = format!(r#"{{"type":"array","items":{deep}}}"#);
    }
    let text = of_field(&deep);
    if let Ok(schema) = Schema::parse(&text, &[] as &[Reference]) {
        assert_eq!(schema.omitted()[0].why, Why::TooDeep);
    }
    // Each type holds the next one twice: 2⁴⁰ columns.
    let mut references: Vec<Reference> = (0..40)
        .map(|index| {
            let next = index + 1;
            let text = format!(
                r#"{{"type":"record","name":"T{index}","fields":[{{"name":"a","type":"T{next}"}},{{"name":"b","type":"T{next}"}}]}}"#
            );
            reference("t", &text)
        })
        .collect();
    references.push(reference("t", r#"{"type":"record","name":"T40","fields":[{"name":"x","type":"int"}]}"#));
    let error = Schema::parse(r#""T0""#, &references).map(|_| ()).unwrap_err();
    assert!(chain(&error).contains("columns"), "{}", chain(&error));
}

#[test]
fn a_type_that_contains_itself_is_left_out_by_name_and_stepped_over() {
    let text = r#"{"type":"record","name":"Node","fields":[
        {"name":"before","type":"int"},{"name":"next","type":["null","Node"]},{"name":"after","type":"int"}]}"#;
    let schema = schema(text);
    assert_eq!(names(schema.fields()), ["before", "after"]);
    assert_eq!((schema.omitted()[0].path.as_str(), schema.omitted()[0].why), ("next", Why::Recursive));
    let node = |before, next: Option<Datum>, after| {
        let next =
            next.map_or(Datum::Union(0, Box::new(Datum::Null)), |next| Datum::Union(1, Box::new(next)));
        Datum::Record(vec![
            ("before".to_owned(), Datum::Int(before)),
            ("next".to_owned(), next),
            ("after".to_owned(), Datum::Int(after)),
        ])
    };
    let datum = node(1, Some(node(2, Some(node(3, None, 4)), 5)), 6);
    assert_eq!(read_one(&schema, &written(text, datum)).unwrap(), json!({"before": 1, "after": 6}));
}

#[test]
fn a_recursive_type_inside_costs_its_own_field_only() {
    let text = of_field(
        r#"{"type":"record","name":"Tree","fields":[{"name":"v","type":"int"},{"name":"kids","type":{"type":"array","items":"Tree"}}]}"#,
    );
    let schema = schema(&text);
    assert_eq!(schema.omitted()[0].path, "f.kids");
    assert_eq!(read_one(&schema, &[2, 2, 4, 0, 0]).unwrap(), json!({"f": {"v": 1}}));
}

#[test]
fn what_has_nothing_to_store_has_no_column() {
    let text = r#"{"type":"record","name":"R","fields":[{"name":"n","type":"null"},{"name":"f","type":{"type":"fixed","name":"F","size":0}},{"name":"a","type":{"type":"array","items":"null"}},{"name":"x","type":"int"}]}"#;
    let schema = schema(text);
    assert_eq!(names(schema.fields()), ["x"]);
    assert!(schema.omitted().iter().all(|omitted| omitted.why == Why::Nothing));
    assert_eq!(read_one(&schema, &[10, 0, 2]).unwrap(), json!({"x": 1}));
}

#[test]
fn names_that_differ_by_case_only_have_one_column() {
    let text =
        r#"{"type":"record","name":"R","fields":[{"name":"id","type":"int"},{"name":"ID","type":"string"}]}"#;
    let schema = schema(text);
    assert_eq!(names(schema.fields()), ["id"]);
    assert_eq!(schema.omitted()[0].why, Why::NameClash);
    assert_eq!(read_one(&schema, &[2, 2, b'x']).unwrap(), json!({"id": 1}));
}

#[test]
fn a_schema_that_is_no_record_has_one_column() {
    let string = schema(r#""string""#);
    assert_eq!(names(string.fields()), ["value"]);
    assert_eq!(read_one(&string, &[2, b'k']).unwrap(), json!({"value": "k"}));
    let optional = schema(r#"["null","long"]"#);
    assert_eq!(read_one(&optional, &[0]).unwrap(), json!({"value": null}));
    let list = schema(r#"{"type":"array","items":"int"}"#);
    assert_eq!(read_one(&list, &[2, 2, 0]).unwrap(), json!({"value": [1]}));
}

#[test]
fn a_union_at_the_top_has_the_columns_of_its_records() {
    let a = r#"{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]}"#;
    let b = r#"{"type":"record","name":"B","fields":[{"name":"y","type":"int"}]}"#;
    let optional = schema(&format!(r#"["null",{a}]"#));
    assert_eq!(read_one(&optional, &[2, 4]).unwrap(), json!({"x": 2}));
    assert_eq!(read_one(&optional, &[0]).unwrap(), json!({"x": null}));
    let several = Schema::parse(r#"["A","null","B"]"#, &[reference("a", a), reference("b", b)]).unwrap();
    assert_eq!(names(several.fields()), ["A", "B"]);
    assert_eq!(read_one(&several, &[4, 6]).unwrap(), json!({"A": null, "B": {"y": 3}}));
    assert_eq!(read_one(&several, &[2]).unwrap(), json!({"A": null, "B": null}));
}

#[test]
fn fields_that_do_not_fit_their_column_are_told_with_both_types() {
    let schema = schema(&of_field(r#""string""#));
    let target: Fields = vec![Field::new("f", DataType::Int64, true)].into();
    let plan = |column: usize| Plan::new(&schema, &target, &move |_: &[&str], _: &DataType| Some(column));
    let error = plan(0).map(|_| ()).unwrap_err();
    assert!(chain(&error).contains("field f is string"), "{}", chain(&error));
    assert!(plan(1).is_err());
}

#[test]
fn what_the_shape_leaves_out_stays_out_whatever_the_table_has() {
    let text = of_field(
        r#"{"type":"record","name":"Tree","fields":[{"name":"v","type":"int"},{"name":"kids","type":{"type":"array","items":"Tree"}}]}"#,
    );
    let inner = vec![Field::new("v", DataType::Int32, true), Field::new("kids", DataType::Utf8, true)];
    let target = vec![Field::new("f", DataType::Struct(inner.into()), true)];
    let row = read_into(&schema(&text), &target.into(), &[&[2, 2, 4, 0, 0]]).pop().unwrap();
    assert_eq!(row.unwrap(), json!({"f": {"v": 1, "kids": null}}));
}
