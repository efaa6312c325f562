//! Any fields, and any values of them written as JSON: what comes out of the columns is what went in.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{as_json, map_of};
use crate::show::{Dice, float, hex, pairs, row};
use crate::{Plan, RowBuilder, WriterSchema, parse_fields, print_fields};

fn field(dice: &mut Dice, name: &str, depth: usize) -> Field {
    let kinds = if depth == 0 { 15 } else { 18 };
    let data_type = match dice.below(kinds) {
        0 => DataType::Boolean,
        1 => DataType::Int32,
        2 => DataType::Int64,
        3 => DataType::Float32,
        4 => DataType::Float64,
        5 => {
            let precision = u8::try_from(1 + dice.below(38)).unwrap();
            DataType::Decimal128(precision, i8::try_from(dice.below(usize::from(precision) + 1)).unwrap())
        }
        6 => DataType::Date32,
        7 => DataType::Time64(TimeUnit::Microsecond),
        8 => DataType::Timestamp(TimeUnit::Microsecond, None),
        9 => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        10 | 11 => DataType::Utf8,
        12 => DataType::Binary,
        13 => DataType::FixedSizeBinary(i32::try_from(1 + dice.below(20)).unwrap()),
        14 => return as_json(name),
        15 => DataType::List(Arc::new(field(dice, "element", depth - 1))),
        16 => map_of(field(dice, "value", depth - 1)),
        _ => DataType::Struct(fields(dice, depth - 1)),
    };
    Field::new(name, data_type, true)
}

fn fields(dice: &mut Dice, depth: usize) -> Fields {
    let count = 1 + dice.below(5);
    (0..count).map(|at| field(dice, &format!("{}{at}", dice_name(at)), depth)).collect()
}

fn dice_name(at: usize) -> &'static str {
    ["a", "É", "with space ", "quo\"te", "back\\slash"][at % 5]
}

/// Days since 1970 as a date, by counting: another way than the decoder's.
fn date(days: i64) -> String {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let (mut year, mut left) = (1970, days);
    while left < 0 {
        year -= 1;
        left += if leap(year) { 366 } else { 365 };
    }
    while left >= if leap(year) { 366 } else { 365 } {
        left -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", left + 1)
}

fn clock(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { clock } else { format!("{clock}.{fraction:06}") }
}

const DAY: i64 = 86_400_000_000;

fn below(dice: &mut Dice, bound: i64) -> i64 {
    (dice.any() % bound.unsigned_abs()).cast_signed()
}

/// A value as JSON, and what is to come of it.
fn value(dice: &mut Dice, field: &Field) -> (String, Value) {
    if dice.below(6) == 0 {
        return ("null".to_owned(), Value::Null);
    }
    let text = |text: &str| json!(text).to_string();
    match field.data_type() {
        DataType::Boolean => {
            let value = dice.below(2) == 0;
            (value.to_string(), value.into())
        }
        DataType::Int32 => {
            let value = dice.signed_short();
            // A whole number may be written in several ways.
            (if dice.below(3) == 0 { format!("{value}.0") } else { value.to_string() }, value.into())
        }
        DataType::Int64 => {
            let value = dice.signed();
            (value.to_string(), value.into())
        }
        DataType::Float32 => {
            let value = f32::from_bits(u32::try_from(dice.any() >> 32).unwrap());
            let value = if value.is_finite() { value } else { 0.5 };
            (json!(value).to_string(), float(value.into()))
        }
        DataType::Float64 => {
            let value = f64::from_bits(dice.any());
            let value = if value.is_finite() { value } else { -0.25 };
            (json!(value).to_string(), value.into())
        }
        DataType::Decimal128(precision, scale) => {
            let digits: String =
                (0..1 + dice.below(usize::from(*precision))).map(|_| dice.below(10).to_string()).collect();
            let unscaled: i128 = digits.parse().unwrap();
            let scale = usize::from(scale.unsigned_abs());
            let padded = format!("{unscaled:0>width$}", width = scale + 1);
            let (whole, fraction) = padded.split_at(padded.len() - scale);
            let plain = if scale == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") };
            let (sign, unscaled) = if dice.below(2) == 0 { ("-", -unscaled) } else { ("", unscaled) };
            let written = match dice.below(3) {
                0 => format!("\"{sign}{plain}\""),
                1 => format!("{sign}{}e-{scale}", unscaled.unsigned_abs()),
                _ => format!("{sign}{plain}"),
            };
            (written, unscaled.to_string().into())
        }
        DataType::Date32 => {
            let days = below(dice, 3_600_000) - 719_000;
            (text(&date(days)), days.into())
        }
        DataType::Time64(_) => {
            let micros = below(dice, DAY);
            (text(&clock(micros)), micros.into())
        }
        DataType::Timestamp(_, zone) => {
            let (days, micros) = (below(dice, 3_600_000) - 719_000, below(dice, DAY));
            let (written, offset) = match (zone, dice.below(3)) {
                (None, _) => ("", 0),
                (Some(_), 0) => ("+05:30", 19_800_000_000),
                (Some(_), 1) => ("-08:00", -28_800_000_000),
                (Some(_), _) => ("Z", 0),
            };
            let written = format!("{}T{}{written}", date(days), clock(micros));
            (text(&written), (days * DAY + micros - offset).into())
        }
        DataType::Utf8 if super::schema::is_json(field) => {
            let kept = [r#"{"a" : [1, {"b":1.50}]}"#, "[]", "\"x\\n\"", "1e400", "true"][dice.below(5)];
            (kept.to_owned(), kept.into())
        }
        DataType::Utf8 => {
            let value = dice.text();
            (text(&value), value.into())
        }
        DataType::Binary => {
            let bytes = dice.bytes(20);
            (text(&STANDARD.encode(&bytes)), hex(&bytes))
        }
        DataType::FixedSizeBinary(size) => {
            let bytes: Vec<u8> = (0..*size).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
            (text(&STANDARD.encode(&bytes)), hex(&bytes))
        }
        DataType::List(item) => {
            let items: Vec<_> = (0..dice.below(4)).map(|_| value(dice, item)).collect();
            let (written, items): (Vec<_>, Vec<_>) = items.into_iter().unzip();
            (format!("[{}]", written.join(", ")), items.into())
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(both) = entries.data_type() else { panic!("entries are structs") };
            let entries: Vec<_> =
                (0..dice.below(12)).map(|at| (format!("k{at}\u{e9}"), value(dice, &both[1]))).collect();
            let written: Vec<String> =
                entries.iter().map(|(key, (written, _))| format!("{}:{written}", text(key))).collect();
            let entries = entries.into_iter().map(|(key, (_, value))| (key.into(), value)).collect();
            (format!("{{{}}}", written.join(",")), pairs(entries))
        }
        DataType::Struct(fields) => object(dice, fields),
        other => panic!("{other} is none of them"),
    }
}

/// An object in any order, with fields left out, and others between.
fn object(dice: &mut Dice, fields: &Fields) -> (String, Value) {
    let mut wanted = serde_json::Map::new();
    let mut members = Vec::new();
    for field in fields {
        let (written, value) = value(dice, field);
        let is_null = value.is_null();
        wanted.insert(field.name().clone(), value);
        if !is_null || dice.below(2) == 0 {
            members.push(format!("{} : {written}", json!(field.name())));
        }
    }
    if dice.below(3) == 0 {
        members.push(r#""not a field":[{"a0":1}]"#.to_owned());
    }
    if dice.below(3) == 0 {
        members.reverse();
    }
    (format!("{{{}}}", members.join(",")), wanted.into())
}

proptest! {
    #[test]
    fn values_come_out_as_they_went_in(seed: u64) {
        let dice = &mut Dice::new(seed);
        let fields = fields(dice, 3);
        let again = parse_fields(&print_fields(&fields)).expect("what was printed");
        prop_assert_eq!(print_fields(&again), print_fields(&fields));
        let place = |path: &[&str], _: &DataType| fields.iter().position(|field| [field.name().as_str()] == path);
        let plan = Plan::new(&WriterSchema::declared(&fields), &[], &fields, &place).expect("a plan");
        let mut rows = RowBuilder::new(&fields).expect("columns");
        let mut wanted = Vec::new();
        for _ in 0..8 {
            let (written, value) = object(dice, &fields);
            let bad = &written.as_bytes()[..dice.below(written.len())];
            prop_assert!(plan.decode(bad, &mut rows).is_err());
            rows.roll_back();
            plan.decode(written.as_bytes(), &mut rows).map_err(|error| {
                TestCaseError::fail(format!("{error} in {written}"))
            })?;
            rows.end_row().expect("a whole row");
            wanted.push(value);
        }
        let columns = rows.finish();
        for (at, wanted) in wanted.iter().enumerate() {
            prop_assert_eq!(&row(&fields, &columns, at), wanted);
        }
        for column in &columns {
            arrow_array::Array::to_data(column).validate_full().expect("a valid column");
        }
    }
}
