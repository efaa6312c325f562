//! Tests of the Avro reader: types one by one, schemas, poison, and random schemas and values against `apache-avro`.

mod oracle;
mod poison;
mod schemas;
mod types;

use apache_avro::types::Value as Datum;
use arrow_schema::{DataType, Fields};
use serde_json::Value;

use super::{Plan, Schema};
use crate::columns::RowBuilder;
use crate::{DecodeError, Reference, show};

/// A schema without references.
fn schema(text: &str) -> Schema {
    Schema::parse(text, &[] as &[Reference]).unwrap()
}

/// A record of one field of a type.
fn of_field(data_type: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":{data_type}}}]}}"#)
}

/// The bytes that `apache-avro` writes.
fn written(text: &str, datum: Datum) -> Vec<u8> {
    let schema = apache_avro::Schema::parse_str(text).unwrap();
    let writer = apache_avro::writer::datum::GenericDatumWriter::builder(&schema).build().unwrap();
    writer.write_value_to_vec(datum).unwrap()
}

/// Reads datums with the schema's own columns; a bad one is rolled back and does not disturb the others.
fn read(schema: &Schema, datums: &[&[u8]]) -> Vec<Result<Value, DecodeError>> {
    read_into(schema, schema.fields(), datums)
}

/// Reads datums into columns of the same names.
fn read_into(schema: &Schema, target: &Fields, datums: &[&[u8]]) -> Vec<Result<Value, DecodeError>> {
    let place = |path: &[&str], _: &DataType| target.iter().position(|field| field.name() == path[0]);
    let plan = Plan::new(schema, target, &place).unwrap();
    let mut builder = RowBuilder::new(target).unwrap();
    let mut outcomes = Vec::new();
    for datum in datums {
        match plan.decode(datum, builder.columns_mut()) {
            Ok(()) => {
                builder.end_row().unwrap();
                outcomes.push(Ok(builder.rows() - 1));
            }
            Err(error) => {
                builder.roll_back();
                outcomes.push(Err(error));
            }
        }
    }
    let columns = builder.finish();
    outcomes.into_iter().map(|outcome| outcome.map(|row| show::row(target, &columns, row))).collect()
}

/// Reads one datum.
fn read_one(schema: &Schema, datum: &[u8]) -> Result<Value, DecodeError> {
    read(schema, &[datum]).pop().unwrap()
}

/// The value of the only field of [`of_field`], as `apache-avro` wrote it.
fn field_of(data_type: &str, datum: Datum) -> Value {
    let text = of_field(data_type);
    let bytes = written(&text, Datum::Record(vec![("f".to_owned(), datum)]));
    let mut row = read_one(&schema(&text), &bytes).unwrap();
    row["f"].take()
}

/// Memory that columns hold after one datum, good or bad, before a bad one is rolled back.
fn held(schema: &Schema, datum: &[u8]) -> usize {
    let target = schema.fields();
    let place = |path: &[&str], _: &DataType| target.iter().position(|field| field.name() == path[0]);
    let plan = Plan::new(schema, target, &place).unwrap();
    let mut builder = RowBuilder::new(target).unwrap();
    let _ = plan.decode(datum, builder.columns_mut());
    builder.bytes()
}
