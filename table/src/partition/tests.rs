use super::*;
use crate::types::{Field, Type};

fn schema() -> Schema {
    let fields = vec![
        Field::optional(1, "at", PrimitiveType::TimestampTz),
        Field::optional(2, "name", PrimitiveType::String),
        Field::optional(3, "tags", Type::list(4, true, PrimitiveType::String)),
        Field::optional(5, "at_day", PrimitiveType::Int),
    ];
    Schema::new(0, fields, vec![]).unwrap()
}

#[test]
fn a_spec_names_its_fields_and_directories_as_other_engines_do() {
    let spec =
        PartitionSpec::of(&schema(), &[("at", Transform::Hour), ("name", Transform::Identity)]).unwrap();
    let json = serde_json::json!({"spec-id": 0, "fields": [
        {"source-id": 1, "field-id": 1000, "name": "at_hour", "transform": "hour"},
        {"source-id": 2, "field-id": 1001, "name": "name", "transform": "identity"}]});
    assert_eq!(serde_json::to_value(&spec).unwrap(), json);
    assert_eq!(serde_json::from_value::<PartitionSpec>(json).unwrap(), spec);

    let columns = spec.columns(|id| schema().field(id)?.primitive().cloned()).unwrap();
    let values = [Some(Literal::Int(0)), Some(Literal::String("a/b c=d".to_owned()))];
    assert_eq!(path(&columns, &values), "at_hour=1970-01-01-00/name=a%2Fb+c%3Dd");
    assert_eq!(path(&columns, &[None, None]), "at_hour=null/name=null");
    assert_eq!(path(&[], &[]), "");
}

#[test]
fn specs_that_do_not_fit_are_refused() {
    let of = |column, transform| PartitionSpec::of(&schema(), &[(column, transform)]).unwrap_err();
    assert_eq!(of("at", Transform::Day), PartitionError::TwiceName("at_day".to_owned()));
    assert_eq!(of("x", Transform::Day), PartitionError::NoColumn("x".to_owned()));
    assert_eq!(of("tags.element", Transform::Identity), PartitionError::Repeated("tags.element".to_owned()));
    assert!(matches!(of("name", Transform::Hour), PartitionError::Misfit { .. }));
    assert!(matches!(of("name", Transform::Other("x".to_owned())), PartitionError::NotKnown(_)));
    let twice = PartitionSpec::of(&schema(), &[("name", Transform::Identity), ("name", Transform::Identity)]);
    assert_eq!(twice, Err(PartitionError::TwiceName("name".to_owned())));
}

#[test]
fn what_a_column_that_is_gone_was_made_into_is_known_where_it_can_be() {
    let spec = PartitionSpec::of(&schema(), &[("at", Transform::Hour)]).unwrap();
    let columns = spec.columns(|_| None).unwrap();
    assert_eq!(columns[0].value_type, PrimitiveType::Int);
    let spec = PartitionSpec::of(&schema(), &[("name", Transform::Identity)]).unwrap();
    assert!(spec.columns(|_| None).is_err());
}

#[test]
fn fields_of_several_columns_are_kept() {
    let json = serde_json::json!({"spec-id": 2, "fields": [
        {"source-ids": [1, 2], "field-id": 1000, "name": "both", "transform": "bucketV2[4]"}]});
    let spec: PartitionSpec = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&spec).unwrap(), json);
}
