//! What every target does with a schema and a value.

use arrow_array::Array as _;
use arrow_schema::{DataType, Fields};
use firnline_decode::{Plan, RowBuilder, WriterSchema};

/// Memory that columns may take for each byte of a value, and for none. A value pays for 32 columns' values a byte, of 16 bytes each at
/// most, and what grows doubles.
const MEMORY_PER_BYTE: usize = 2 * 32 * 16;
const MEMORY: usize = 4 << 20;

/// The columns of a schema, each field in its own.
pub fn plan(schema: &WriterSchema) -> Option<(Plan, Fields)> {
    let fields = schema.fields().ok()?;
    let place = |path: &[&str], _: &DataType| fields.iter().position(|field| [field.name().as_str()] == path);
    let plan =
        Plan::new(schema, &[], &fields, &place).expect("each field fits into a column of its own type");
    Some((plan, fields))
}

/// Decodes a value between two others, which it may not touch.
#[allow(dead_code, reason = "each target has its own copy of this module")]
pub fn decode((plan, fields): &(Plan, Fields), good: &[u8], value: &[u8]) {
    let mut alone = RowBuilder::new(fields).expect("columns");
    let mut among = RowBuilder::new(fields).expect("columns");
    push(plan, good, &mut alone);
    push(plan, good, &mut among);
    let is_row = plan.decode(value, &mut among).is_ok();
    assert!(
        among.bytes() <= MEMORY + MEMORY_PER_BYTE * (value.len() + good.len()),
        "{} bytes",
        among.bytes()
    );
    if is_row {
        among.end_row().expect("a value that is one gives one value to each column");
    } else {
        among.roll_back();
    }
    push(plan, good, &mut alone);
    push(plan, good, &mut among);
    let (alone, among) = (alone.finish(), among.finish());
    for (alone, among) in alone.iter().zip(&among) {
        among.to_data().validate_full().expect("a valid column");
        let last = among.len() - 1;
        assert_eq!(last, if is_row { 2 } else { 1 });
        assert_eq!(&alone.slice(0, 1), &among.slice(0, 1));
        assert_eq!(&alone.slice(1, 1), &among.slice(last, 1));
    }
}

fn push(plan: &Plan, good: &[u8], rows: &mut RowBuilder) {
    plan.decode(good, rows).expect("it is good");
    rows.end_row().expect("a whole row");
}

/// A schema as text, and a value of it, apart at the first byte that no text has.
#[allow(dead_code, reason = "each target has its own copy of this module")]
pub fn schema_and_value(data: &[u8]) -> Option<(&str, &[u8])> {
    let end = data.iter().position(|byte| *byte == 0xff).unwrap_or(data.len());
    Some((std::str::from_utf8(&data[..end]).ok()?, data.get(end + 1..).unwrap_or_default()))
}

/// Whatever the schema is, it gives columns that can be built, and decodes without a panic.
#[allow(dead_code, reason = "each target has its own copy of this module")]
pub fn any(schema: &WriterSchema, value: &[u8]) {
    let Some((plan, fields)) = plan(schema) else { return };
    let mut rows = RowBuilder::new(&fields).expect("a schema's columns are of the types that tables have");
    match plan.decode(value, &mut rows) {
        Ok(()) => rows.end_row().expect("a value that is one gives one value to each column"),
        Err(_) => rows.roll_back(),
    }
    for column in rows.finish() {
        column.to_data().validate_full().expect("a valid column");
    }
}
