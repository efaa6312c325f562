use super::*;
use crate::metadata::testing::{new_table, table_of};
use crate::update::{LAST_ADDED, TableUpdate};
use arrow_schema::DataType;

fn table() -> TableMetadata {
    let fields = vec![
        Field::required(1, "id", PrimitiveType::Int),
        Field::optional(2, "s", Type::Struct(vec![Field::required(4, "x", PrimitiveType::Float)])),
        Field::optional(
            3,
            "l",
            Type::list(5, true, Type::Struct(vec![Field::optional(6, "y", PrimitiveType::Int)])),
        ),
    ];
    table_of(new_table(Schema::new(0, fields, vec![1]).unwrap()))
}

fn column(name: &str, data_type: DataType) -> ArrowField {
    ArrowField::new(name, data_type, true)
}

#[test]
fn columns_are_added_at_every_level_with_ids_of_their_own() {
    let mut update = SchemaUpdate::of(&table());
    let pair = DataType::Struct(vec![column("a", DataType::Int32), column("b", DataType::Utf8)].into());
    assert_eq!(update.add(None, &column("pair", pair)), Ok(7));
    assert_eq!(update.add(Some(2), &column("z", DataType::Int64)), Ok(10));
    assert_eq!(update.add(Some(5), &column("w", DataType::Int64)), Ok(11));
    let change = update.finish().unwrap().unwrap();
    assert_eq!((change.base_schema_id, change.schema.id(), change.last_column_id), (0, 1, 11));
    assert_eq!(change.schema.path_name(9).as_deref(), Some("pair.b"));
    assert_eq!(change.schema.path_name(10).as_deref(), Some("s.z"));
    assert_eq!(change.schema.path_name(11).as_deref(), Some("l.element.w"));
    let passed: SchemaChange = serde_json::from_str(&serde_json::to_string(&change).unwrap()).unwrap();
    assert_eq!(passed, change);
}

#[test]
fn ids_of_columns_that_are_gone_are_not_used_again() {
    let before = table();
    let mut update = SchemaUpdate::of(&before);
    update.add(None, &column("gone", DataType::Utf8)).unwrap();
    let change = update.finish().unwrap().unwrap();
    let back = before.current_schema().with_id(2);
    let updates = [
        TableUpdate::AddSchema { schema: change.schema, last_column_id: Some(change.last_column_id) },
        TableUpdate::SetCurrentSchema { schema_id: LAST_ADDED },
        TableUpdate::AddSchema { schema: back, last_column_id: None },
        TableUpdate::SetCurrentSchema { schema_id: LAST_ADDED },
    ];
    let after = before.apply(&updates, "m", 2).unwrap();
    assert_eq!((after.current_schema().id(), after.last_column_id(), after.schemas().len()), (0, 7, 2));
    assert_eq!(SchemaUpdate::of(&after).add(None, &column("new", DataType::Utf8)), Ok(8));
}

#[test]
fn types_only_widen_and_names_stay_single() {
    let mut update = SchemaUpdate::of(&table());
    update.widen(1, &PrimitiveType::Long).unwrap();
    update.widen(1, &PrimitiveType::Long).unwrap();
    update.widen(4, &PrimitiveType::Double).unwrap();
    assert!(matches!(update.widen(1, &PrimitiveType::Int), Err(EvolveError::Incompatible { .. })));
    assert!(matches!(update.widen(2, &PrimitiveType::Int), Err(EvolveError::Incompatible { .. })));
    assert_eq!(update.widen(99, &PrimitiveType::Int), Err(EvolveError::NoField(99)));
    update.make_optional(4).unwrap();
    assert_eq!(update.make_optional(1), Err(EvolveError::Identifier("id".to_owned())));
    update.rename(6, "yy").unwrap();
    assert_eq!(update.rename(1, "s"), Err(EvolveError::Taken("s".to_owned())));
    assert_eq!(update.rename(5, "e"), Err(EvolveError::NoField(5)));
    assert_eq!(update.add(None, &column("id", DataType::Utf8)), Err(EvolveError::Taken("id".to_owned())));
    assert_eq!(update.add(Some(1), &column("q", DataType::Utf8)), Err(EvolveError::NoStruct(1)));
    let required = ArrowField::new("q", DataType::Utf8, false);
    assert_eq!(update.add(None, &required), Err(EvolveError::Required("q".to_owned())));
    let schema = update.finish().unwrap().unwrap().schema;
    assert_eq!(schema.field(6).unwrap().name, "yy");
    assert_eq!(schema.field(1).unwrap().primitive(), Some(&PrimitiveType::Long));
}

#[test]
fn no_change_is_no_schema() {
    assert_eq!(SchemaUpdate::of(&table()).finish(), Ok(None));
}
