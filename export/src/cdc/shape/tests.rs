use arrow_array::{Date32Array, Int32Array, Int64Array, StringArray, StructArray};
use arrow_schema::Field;
use firnline_store::env::ManualClock;

use super::*;
use crate::rows::{FIELD_ID, OwnSchema, RowStats};

const ENVELOPE: &str = r#"{"type":"record","name":"Envelope","fields":[
    {"name":"before","type":["null",{"type":"record","name":"Value","fields":[
        {"name":"id","type":"long"},
        {"name":"born","type":["null",{"type":"int","connect.name":"io.debezium.time.Date"}]}]}]},
    {"name":"after","type":["null","Value"]},
    {"name":"op","type":"string"}]}"#;

const KEY: &str = r#"{"type":"record","name":"Key","fields":[{"name":"id","type":"long"}]}"#;

fn settings() -> RowSettings {
    RowSettings { key: Part::Registry, value: Part::Registry, ..RowSettings::default() }
}

/// The layout as a table has it: with ids.
fn with_ids(layout: &Layout) -> Arc<Layout> {
    let id = |at: usize| [(FIELD_ID.to_owned(), (at + 1).to_string())];
    let fields = layout.columns().iter().enumerate();
    let fields: Fields =
        fields.map(|(at, column)| Field::clone(&column.field).with_metadata(id(at))).collect();
    Arc::new(layout.with_fields(&fields).unwrap())
}

fn own(schema: &WriterSchema, columns: Vec<ArrayRef>, has: Option<NullBuffer>) -> OwnColumns {
    let fields = schema.fields().unwrap();
    let schema = OwnSchema { reference: None, schema: schema.clone(), message_index: Vec::new(), fields };
    OwnColumns { schema: Some(schema), columns, has }
}

/// Changes as kind, id and day; a record for each offset from 10 on.
fn encoded(changes: &[(&str, i64, i32)]) -> Encoded {
    let value = WriterSchema::avro(ENVELOPE, &[]).unwrap();
    let fields = value.fields().unwrap();
    let DataType::Struct(row) = fields[0].data_type() else { panic!("a struct") };
    let side = |is_it: &dyn Fn(&str) -> bool| -> ArrayRef {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(changes.iter().map(|change| change.1)));
        let days: ArrayRef = Arc::new(Date32Array::from_iter_values(changes.iter().map(|change| change.2)));
        let valid: Vec<bool> = changes.iter().map(|change| is_it(change.0)).collect();
        Arc::new(StructArray::new(row.clone(), vec![ids, days], Some(valid.into())))
    };
    let ops: ArrayRef = Arc::new(StringArray::from_iter_values(changes.iter().map(|change| change.0)));
    let columns = vec![side(&|op| op == "d"), side(&|op| op != "d"), ops];
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(changes.iter().map(|change| change.1)));
    let rows = Cdc::new(CdcSettings::default(), 1, Arc::new(ManualClock::at(0))).own(&settings()).unwrap();
    let schema = Layout::own(&rows).schema();
    let kafka = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "kafka_partition" => Arc::new(Int32Array::from(vec![0; changes.len()])),
            "kafka_offset" => Arc::new(Int64Array::from_iter_values((10..).take(changes.len()))),
            _ => new_null_array(field.data_type(), changes.len()),
        }
    });
    let rows = RecordBatch::try_new(Arc::clone(&schema), kafka.collect()).unwrap();
    Encoded {
        rows: Some(rows),
        key: Some(Box::new(own(&WriterSchema::avro(KEY, &[]).unwrap(), vec![keys], None))),
        value: Some(Box::new(own(&value, columns, None))),
        dead: None,
        stats: RowStats::default(),
        covered: Vec::new(),
    }
}

fn shape(table: CdcTable) -> Box<dyn Shape> {
    let cdc = Cdc::new(CdcSettings { table, ..CdcSettings::default() }, 1, Arc::new(ManualClock::at(0)));
    assert!(cdc.own(&settings()).is_some());
    cdc.begin(&with_ids(&Layout::new(&settings()).unwrap())).unwrap()
}

fn pushed(shape: &mut dyn Shape, changes: &[(&str, i64, i32)]) -> (Option<RecordBatch>, Option<RecordBatch>) {
    let mut encoded = encoded(changes);
    for _ in 0..2 {
        match shape.push(&mut encoded).unwrap() {
            Pushed::Taken { rows, dead } => return (rows, dead),
            Pushed::Grow(grown) => shape.relayout(&with_ids(&grown.layout)).unwrap(),
        }
    }
    panic!("the columns that were asked for are there")
}

#[test]
fn a_changelog_gives_rows_with_the_columns_of_the_table() {
    let mut shape = shape(CdcTable::Changelog);
    let (rows, dead) = pushed(shape.as_mut(), &[("c", 1, 7), ("x", 1, 7), ("d", 2, 8)]);
    let rows = rows.unwrap();
    assert_eq!(rows.num_rows(), 2);
    assert_eq!(rows.column_by_name("kafka_offset").unwrap().as_primitive::<Int64Type>().values(), &[10, 12]);
    assert_eq!(rows.column_by_name("cdc_op").unwrap().as_string::<i32>().value(1), "d");
    assert_eq!(rows.column_by_name("born").unwrap().data_type(), &DataType::Date32);
    let dead = dead.unwrap();
    assert_eq!(dead.column_by_name("kafka_offset").unwrap().as_primitive::<Int64Type>().values(), &[11]);
    assert_eq!(dead.column_by_name("dlq_reason").unwrap().as_string::<i32>().value(0), "cdc_unknown_op");
    assert!(shape.finish(true).unwrap().rows.is_empty());
}

#[test]
fn a_current_state_table_gives_keys_and_last_rows_at_the_end() {
    let mut shape = shape(CdcTable::Current);
    assert!(shape.one_schema());
    let (rows, _) = pushed(shape.as_mut(), &[("c", 1, 7), ("c", 2, 7), ("u", 1, 9), ("d", 2, 7)]);
    assert!(rows.is_none() && shape.held() > 0);
    let shaped = shape.finish(false).unwrap();
    let [rows] = &shaped.rows[..] else { panic!("one batch") };
    assert_eq!(rows.column_by_name("kafka_offset").unwrap().as_primitive::<Int64Type>().values(), &[12]);
    let [deletes] = &shaped.deletes[..] else { panic!("one batch") };
    assert_eq!(deletes.num_columns(), 1);
    assert!(deletes.schema().field(0).metadata().contains_key(FIELD_ID));
    assert_eq!(deletes.column(0).as_primitive::<Int64Type>().len(), 2);
    assert!(!shaped.replaces_all);
}

#[test]
fn a_fold_that_waits_for_columns_takes_nothing_and_ends_in_an_error() {
    let mut shape = shape(CdcTable::Current);
    let mut encoded = encoded(&[("c", 1, 7)]);
    assert!(matches!(shape.push(&mut encoded).unwrap(), Pushed::Grow(_)));
    let taken = shape.push(&mut encoded).unwrap();
    assert!(matches!(taken, Pushed::Taken { rows: None, dead: None }) && shape.held() == 0);
    assert!(shape.finish(true).is_err());
}

/// A record that carries its schema: an envelope whose row has a text, which Connect calls `name`.
fn inline(name: Option<&str>, at: &str) -> Encoded {
    let mut field = serde_json::json!({"field": "at", "type": "string", "optional": true});
    if let Some(name) = name {
        field["name"] = name.into();
    }
    let fields = serde_json::json!([
        {"field": "after", "type": "struct", "optional": true, "fields": [field]},
        {"field": "op", "type": "string"},
    ]);
    let payload = serde_json::json!({"after": {"at": at}, "op": "c"});
    let schema = serde_json::json!({"type": "struct", "fields": fields});
    let value = serde_json::json!({"schema": schema, "payload": payload}).to_string();
    let cdc = Cdc::new(CdcSettings::default(), 1, Arc::new(ManualClock::at(0))).inline();
    let schema = Layout::own(&cdc.own(&settings()).unwrap()).schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "kafka_partition" => Arc::new(Int32Array::from(vec![0])),
            "kafka_offset" => Arc::new(Int64Array::from(vec![1])),
            "kafka_value" => Arc::new(arrow_array::BinaryArray::from(vec![value.as_bytes()])),
            _ => new_null_array(field.data_type(), 1),
        }
    });
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    Encoded {
        rows: Some(rows),
        key: None,
        value: None,
        dead: None,
        stats: RowStats::default(),
        covered: Vec::new(),
    }
}

/// Found by the rig of real engines: a column whose type changes at the source so that only its name says it.
#[test]
fn the_same_fields_under_another_name_are_another_column() {
    let cdc = Cdc::new(CdcSettings::default(), 1, Arc::new(ManualClock::at(0))).inline();
    let mut shape = cdc.begin(&with_ids(&Layout::new(&settings()).unwrap())).unwrap();
    let mut push = |mut encoded: Encoded| loop {
        match shape.push(&mut encoded).unwrap() {
            Pushed::Taken { rows, .. } => return rows.unwrap(),
            Pushed::Grow(grown) => shape.relayout(&with_ids(&grown.layout)).unwrap(),
        }
    };
    let text = push(inline(None, "noon"));
    assert_eq!(text.column_by_name("at").unwrap().as_string::<i32>().value(0), "noon");
    let moment = push(inline(Some("io.debezium.time.ZonedTimestamp"), "1970-01-01T00:00:01Z"));
    assert!(moment.column_by_name("at").unwrap().is_null(0));
    let column = moment.column_by_name("at_v2").unwrap();
    assert_eq!(column.as_primitive::<arrow_array::types::TimestampMicrosecondType>().value(0), 1_000_000);
    assert_eq!(push(inline(None, "noon")).column_by_name("at").unwrap().null_count(), 0);
}
