//! Tests of the Protobuf reader: types one by one, schemas, poison, and random messages against `prost-reflect`.

mod oracle;
mod poison;
mod schemas;
mod types;

use arrow_schema::{DataType, Fields};
use serde_json::Value;

use super::{Message, Plan, Schema};
use crate::columns::RowBuilder;
use crate::{DecodeError, Reference, show};

/// The first message of a text without references.
fn message(text: &str) -> Message {
    Schema::parse(text, &[] as &[Reference]).unwrap().message(&[]).unwrap()
}

/// A proto3 message of these fields.
fn of_fields(fields: &str) -> Message {
    message(&format!("syntax = \"proto3\";\nmessage M {{ {fields} }}"))
}

/// Reads payloads with the message's own columns; a bad one is rolled back and does not disturb the others.
fn read(message: &Message, payloads: &[&[u8]]) -> Vec<Result<Value, DecodeError>> {
    read_into(message, message.fields(), payloads)
}

/// Reads payloads into columns of the same names.
fn read_into(message: &Message, target: &Fields, payloads: &[&[u8]]) -> Vec<Result<Value, DecodeError>> {
    let place = |path: &[&str], _: &DataType| target.iter().position(|field| field.name() == path[0]);
    let plan = Plan::new(message, target, &place).unwrap();
    let mut builder = RowBuilder::new(target).unwrap();
    let mut outcomes = Vec::new();
    for payload in payloads {
        match plan.decode(payload, builder.columns_mut()) {
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

/// Reads one payload.
fn read_one(message: &Message, payload: &[u8]) -> Result<Value, DecodeError> {
    read(message, &[payload]).pop().unwrap()
}

/// Bytes of the wire, for tests that write what no serializer would.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn varint(mut self, number: u32, value: u64) -> Self {
        prost::encoding::encode_key(number, prost::encoding::WireType::Varint, &mut self.0);
        prost::encoding::encode_varint(value, &mut self.0);
        self
    }

    fn bytes(mut self, number: u32, bytes: &[u8]) -> Self {
        prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut self.0);
        prost::encoding::encode_varint(u64::try_from(bytes.len()).unwrap(), &mut self.0);
        self.0.extend_from_slice(bytes);
        self
    }

    fn message(self, number: u32, inner: Self) -> Self {
        self.bytes(number, &inner.0)
    }

    fn double(mut self, number: u32, value: f64) -> Self {
        prost::encoding::encode_key(number, prost::encoding::WireType::SixtyFourBit, &mut self.0);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

fn write() -> Writer {
    Writer::default()
}

/// Memory that columns hold after one payload, good or bad, before a bad one is rolled back.
fn held(message: &Message, payload: &[u8]) -> usize {
    let target = message.fields();
    let place = |path: &[&str], _: &DataType| target.iter().position(|field| field.name() == path[0]);
    let plan = Plan::new(message, target, &place).unwrap();
    let mut builder = RowBuilder::new(target).unwrap();
    let _ = plan.decode(payload, builder.columns_mut());
    builder.bytes()
}
