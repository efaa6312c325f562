use super::*;
use arrow_schema::{DataType, Field as ArrowField, Fields, TimeUnit};
use std::sync::Arc;

fn nested() -> Fields {
    let pair = Fields::from(vec![
        ArrowField::new("key", DataType::Utf8, false),
        ArrowField::new("value", DataType::Binary, true),
    ]);
    let map = Fields::from(vec![
        ArrowField::new("key", DataType::Utf8, false),
        ArrowField::new("value", DataType::Int64, true),
    ]);
    Fields::from(vec![
        ArrowField::new("id", DataType::Int64, false),
        ArrowField::new(
            "headers",
            DataType::List(Arc::new(ArrowField::new("element", DataType::Struct(pair), true))),
            true,
        ),
        ArrowField::new(
            "counts",
            DataType::Map(Arc::new(ArrowField::new("entries", DataType::Struct(map), false)), false),
            true,
        ),
        ArrowField::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ])
}

#[test]
fn ids_are_given_level_by_level_and_stand_on_every_arrow_field() {
    let schema = Schema::from_arrow(&nested(), &["id"]).unwrap();
    let ids: Vec<i32> = schema.fields().iter().map(|field| field.id).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert_eq!(schema.path_name(7).as_deref(), Some("headers.element.value"));
    assert_eq!(schema.by_path("counts.key").map(|field| field.id), Some(8));
    assert_eq!((schema.highest_id(), schema.identifier_field_ids()), (9, &[1][..]));
    assert!(schema.is_repeated(6) && !schema.is_repeated(4) && !schema.is_repeated(2));

    let arrow = schema.arrow().unwrap();
    fn id(field: &ArrowField) -> &str {
        field.metadata().get(FIELD_ID).unwrap()
    }
    let DataType::List(element) = arrow.field(1).data_type() else { panic!() };
    let DataType::Struct(parts) = element.data_type() else { panic!() };
    assert_eq!(
        (element.name().as_str(), id(element), id(&parts[0]), id(&parts[1])),
        ("element", "5", "6", "7")
    );
    let DataType::Map(entries, _) = arrow.field(2).data_type() else { panic!() };
    let DataType::Struct(parts) = entries.data_type() else { panic!() };
    assert_eq!((id(&parts[0]), id(&parts[1])), ("8", "9"));
    assert!(!parts[0].is_nullable() && parts[1].is_nullable());
    assert_eq!(Schema::from_arrow(arrow.fields(), &["id"]).unwrap(), schema);
}

#[test]
fn json_is_kept_with_fields_that_are_not_known() {
    let json = serde_json::json!({
        "type": "struct", "schema-id": 3, "identifier-field-ids": [1], "some-new-thing": {"a": 1},
        "fields": [{"id": 1, "name": "a", "required": true, "type": "long", "write-default": 1}],
    });
    let schema: Schema = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&schema).unwrap(), json);
}

#[test]
fn one_id_for_two_fields_is_refused() {
    let twice = vec![
        Field::optional(1, "a", PrimitiveType::Int),
        Field::optional(2, "b", Type::list(1, true, PrimitiveType::Int)),
    ];
    assert_eq!(Schema::new(0, twice, vec![]), Err(SchemaError::TwiceId(1)));
    let name = vec![Field::optional(1, "a", PrimitiveType::Int), Field::optional(2, "a", PrimitiveType::Int)];
    assert_eq!(Schema::new(0, name, vec![]), Err(SchemaError::TwiceName("a".to_owned())));
    for id in [0, -3, i32::MAX - 1] {
        let bad = vec![Field::optional(id, "a", PrimitiveType::Int)];
        assert_eq!(Schema::new(0, bad, vec![]), Err(SchemaError::BadId(id)));
    }
}

#[test]
fn identifiers_have_to_be_required_and_comparable() {
    let fields = vec![
        Field::required(1, "a", PrimitiveType::Long),
        Field::optional(2, "b", PrimitiveType::Long),
        Field::required(3, "c", PrimitiveType::Double),
        Field::required(4, "d", Type::list(5, true, PrimitiveType::Int)),
        Field::required(6, "e", Type::Struct(vec![Field::required(7, "x", PrimitiveType::Uuid)])),
    ];
    assert!(Schema::new(0, fields.clone(), vec![1, 7]).is_ok());
    for id in [2, 3, 4, 5, 6, 99] {
        assert!(
            matches!(Schema::new(0, fields.clone(), vec![id]), Err(SchemaError::Identifier { .. })),
            "{id}"
        );
    }
}

#[test]
fn fresh_ids_are_the_same_wherever_one_begins() {
    let schema = Schema::from_arrow(&nested(), &["id"]).unwrap();
    let shifted = Schema::read(0, schema.fields().to_vec(), vec![1], Map::new()).unwrap();
    let (fresh, new_ids) = shifted.with_fresh_ids().unwrap();
    assert_eq!(fresh, schema);
    assert!(new_ids.iter().all(|(old, new)| old == new));
}

#[test]
fn arrow_types_that_no_column_has_name_their_column() {
    let inner = ArrowField::new("x", DataType::Timestamp(TimeUnit::Second, None), true);
    let fields = Fields::from(vec![ArrowField::new("a", DataType::Struct(vec![inner].into()), true)]);
    let error = Schema::from_arrow(&fields, &[]).unwrap_err();
    assert!(error.to_string().starts_with("column `a.x` has the Arrow type Timestamp"), "{error}");
}
