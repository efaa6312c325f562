//! Random schemas and values: `apache-avro` writes, this reads.

use apache_avro::types::Value as Datum;
use apache_avro::{Decimal, Duration, Uuid};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{read, read_one, schema, written};
use crate::show::{Dice, float, hex, pairs};

/// A type to write and read.
#[derive(Clone, Debug)]
enum Type {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(usize),
    Decimal { fixed: bool },
    Uuid { fixed: bool },
    Date,
    TimeMillis,
    TimeMicros,
    Millis { local: bool },
    Micros { local: bool },
    Nanos { local: bool },
    Duration,
    Array(Box<Type>),
    Map(Box<Type>),
    Optional(Box<Type>, bool),
    Union(Vec<Type>),
    Record(Vec<Type>),
}

impl Type {
    fn any(dice: &mut Dice, depth: usize) -> Self {
        match dice.below(if depth == 0 { 18 } else { 25 }) {
            0 => Self::Boolean,
            1 => Self::Int,
            2 => Self::Long,
            3 => Self::Float,
            4 => Self::Double,
            5 => Self::Bytes,
            6 => Self::Text,
            7 => Self::Fixed(1 + dice.below(9)),
            8 => Self::Enum(1 + dice.below(4)),
            9 => Self::Decimal { fixed: dice.below(2) == 0 },
            10 => Self::Uuid { fixed: dice.below(2) == 0 },
            11 => Self::Date,
            12 => Self::TimeMillis,
            13 => Self::TimeMicros,
            14 => Self::Millis { local: dice.below(2) == 0 },
            15 => Self::Micros { local: dice.below(2) == 0 },
            16 => Self::Nanos { local: dice.below(2) == 0 },
            17 => Self::Duration,
            18 | 19 => Self::Array(Box::new(Self::any(dice, depth - 1))),
            20 => Self::Map(Box::new(Self::any(dice, depth - 1))),
            21 | 22 => Self::optional(dice, depth),
            23 => Self::Union(vec![
                Self::Int,
                Self::Text,
                Self::Array(Box::new(Self::any(dice, depth - 1))),
                Self::record(dice, depth - 1),
            ]),
            _ => Self::record(dice, depth - 1),
        }
    }

    fn optional(dice: &mut Dice, depth: usize) -> Self {
        let first = dice.below(2) == 0;
        match Self::any(dice, depth - 1) {
            union @ (Self::Optional(..) | Self::Union(_)) => union,
            other => Self::Optional(Box::new(other), first),
        }
    }

    fn record(dice: &mut Dice, depth: usize) -> Self {
        let fields = 1 + dice.below(5);
        Self::Record((0..fields).map(|_| Self::any(dice, depth)).collect())
    }

    /// The schema; names are numbered, since each may be defined once.
    fn schema(&self, named: &mut usize) -> Value {
        let mut name = || {
            *named += 1;
            format!("N{named}")
        };
        let logical = |base: &str, logical: &str| json!({"type": base, "logicalType": logical});
        let zone = |local: bool, unit: &str| {
            if local { format!("local-timestamp-{unit}") } else { format!("timestamp-{unit}") }
        };
        match self {
            Self::Boolean => json!("boolean"),
            Self::Int => json!("int"),
            Self::Long => json!("long"),
            Self::Float => json!("float"),
            Self::Double => json!("double"),
            Self::Bytes => json!("bytes"),
            Self::Text => json!("string"),
            Self::Fixed(size) => json!({"type": "fixed", "name": name(), "size": size}),
            Self::Enum(symbols) => {
                let symbols: Vec<String> = (0..*symbols).map(|index| format!("S{index}")).collect();
                json!({"type": "enum", "name": name(), "symbols": symbols})
            }
            Self::Decimal { fixed: false } => {
                json!({"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 4})
            }
            Self::Decimal { fixed: true } => {
                let fixed = json!({"type": "fixed", "name": name(), "size": 9});
                json!({"type": fixed, "logicalType": "decimal", "precision": 20, "scale": 4})
            }
            Self::Uuid { fixed: false } => logical("string", "uuid"),
            Self::Uuid { fixed: true } => {
                json!({"type": {"type": "fixed", "name": name(), "size": 16}, "logicalType": "uuid"})
            }
            Self::Date => logical("int", "date"),
            Self::TimeMillis => logical("int", "time-millis"),
            Self::TimeMicros => logical("long", "time-micros"),
            Self::Millis { local } => logical("long", &zone(*local, "millis")),
            Self::Micros { local } => logical("long", &zone(*local, "micros")),
            Self::Nanos { local } => logical("long", &zone(*local, "nanos")),
            Self::Duration => {
                json!({"type": {"type": "fixed", "name": name(), "size": 12}, "logicalType": "duration"})
            }
            Self::Array(items) => json!({"type": "array", "items": items.schema(named)}),
            Self::Map(values) => json!({"type": "map", "values": values.schema(named)}),
            Self::Optional(of, true) => json!(["null", of.schema(named)]),
            Self::Optional(of, false) => json!([of.schema(named), "null"]),
            Self::Union(types) => {
                let mut branches = vec![json!("null")];
                branches.extend(types.iter().map(|branch| branch.schema(named)));
                branches.into()
            }
            Self::Record(fields) => {
                let name = name();
                let field = |(index, field): (usize, &Self)| json!({"name": format!("f{index}"), "type": field.schema(named)});
                let fields: Vec<Value> = fields.iter().enumerate().map(field).collect();
                json!({"type": "record", "name": name, "fields": fields})
            }
        }
    }

    /// A value to write, and what a table must hold of it.
    fn value(&self, dice: &mut Dice) -> (Datum, Value) {
        let micros = |dice: &mut Dice, most: i64| dice.signed() % most;
        match self {
            Self::Boolean => {
                let value = dice.below(2) == 0;
                (Datum::Boolean(value), json!(value))
            }
            Self::Int => same(dice.signed_short(), Datum::Int),
            Self::Long => same(dice.signed(), Datum::Long),
            Self::Float => {
                let value = f32::from_bits(u32::try_from(dice.any() >> 32).unwrap());
                (Datum::Float(value), float(value.into()))
            }
            Self::Double => {
                let value = f64::from_bits(dice.any());
                (Datum::Double(value), float(value))
            }
            Self::Bytes => {
                let bytes = dice.bytes(20);
                (Datum::Bytes(bytes.clone()), hex(&bytes))
            }
            Self::Text => {
                let text = dice.text();
                (Datum::String(text.clone()), json!(text))
            }
            Self::Fixed(size) => {
                let bytes: Vec<u8> = (0..*size).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
                (Datum::Fixed(*size, bytes.clone()), hex(&bytes))
            }
            Self::Enum(symbols) => {
                let index = dice.below(*symbols);
                let symbol = format!("S{index}");
                (Datum::Enum(u32::try_from(index).unwrap(), symbol.clone()), json!(symbol))
            }
            Self::Decimal { fixed } => {
                let value = i128::from(dice.signed());
                let bytes = &value.to_be_bytes()[if *fixed { 7 } else { dice.below(8) }..];
                (Datum::Decimal(Decimal::from(bytes)), json!(value.to_string()))
            }
            Self::Uuid { .. } => {
                let uuid = Uuid::from_u128(u128::from(dice.any()) << 64 | u128::from(dice.any()));
                (Datum::Uuid(uuid), hex(uuid.as_bytes()))
            }
            Self::Date => same(dice.signed_short(), Datum::Date),
            Self::TimeMillis => {
                let value = i32::try_from(dice.below(86_400_000)).unwrap();
                (Datum::TimeMillis(value), json!(i64::from(value) * 1_000))
            }
            Self::TimeMicros => same(i64::try_from(dice.below(86_400_000_000)).unwrap(), Datum::TimeMicros),
            Self::Millis { local } => {
                let value = micros(dice, i64::MAX / 1_000);
                let datum =
                    if *local { Datum::LocalTimestampMillis(value) } else { Datum::TimestampMillis(value) };
                (datum, json!(value * 1_000))
            }
            Self::Micros { local: true } => same(dice.signed(), Datum::LocalTimestampMicros),
            Self::Micros { local: false } => same(dice.signed(), Datum::TimestampMicros),
            Self::Nanos { local } => {
                let value = dice.signed();
                let datum =
                    if *local { Datum::LocalTimestampNanos(value) } else { Datum::TimestampNanos(value) };
                (datum, json!(value.div_euclid(1_000)))
            }
            Self::Duration => {
                let mut bytes = [0; 12];
                bytes.iter_mut().for_each(|byte| *byte = u8::try_from(dice.below(256)).unwrap());
                (Datum::Duration(Duration::from(bytes)), hex(&bytes))
            }
            Self::Array(items) => {
                let length = dice.below(4);
                let (datums, values): (Vec<_>, Vec<_>) = (0..length).map(|_| items.value(dice)).unzip();
                (Datum::Array(datums), values.into())
            }
            Self::Map(of) => {
                let length = dice.below(12);
                let entry = |index| (format!("{}{index}", dice.text()), of.value(dice));
                let entries: Vec<_> = (0..length).map(entry).collect();
                let shown = entries.iter().map(|(key, (_, value))| (json!(key), value.clone())).collect();
                (
                    Datum::Map(entries.into_iter().map(|(key, (datum, _))| (key, datum)).collect()),
                    pairs(shown),
                )
            }
            Self::Optional(of, first) => {
                let (null, other) = if *first { (0, 1) } else { (1, 0) };
                if dice.below(3) == 0 {
                    return (Datum::Union(null, Box::new(Datum::Null)), Value::Null);
                }
                let (datum, value) = of.value(dice);
                (Datum::Union(other, Box::new(datum)), value)
            }
            Self::Union(types) => {
                let chosen = dice.below(types.len() + 1);
                let Some(index) = chosen.checked_sub(1) else {
                    return (Datum::Union(0, Box::new(Datum::Null)), Value::Null);
                };
                let (datum, value) = types[index].value(dice);
                (Datum::Union(u32::try_from(chosen).unwrap(), Box::new(datum)), json!([index, value]))
            }
            Self::Record(fields) => {
                let mut datums = Vec::new();
                let mut values = serde_json::Map::new();
                for (index, field) in fields.iter().enumerate() {
                    let (datum, value) = field.value(dice);
                    datums.push((format!("f{index}"), datum));
                    values.insert(format!("f{index}"), value);
                }
                (Datum::Record(datums), values.into())
            }
        }
    }

    /// The table's value in the form of [`Self::value`]: a union's struct as its chosen member, which nothing but
    /// the member tells.
    fn normal(&self, shown: Value) -> Value {
        match (self, shown) {
            (_, Value::Null) => Value::Null,
            (Self::Array(of), Value::Array(items)) => {
                items.into_iter().map(|item| of.normal(item)).collect::<Vec<_>>().into()
            }
            (Self::Map(of), Value::Array(entries)) => {
                let entry = |entry: Value| (entry[0].clone(), of.normal(entry[1].clone()));
                pairs(entries.into_iter().map(entry).collect())
            }
            (Self::Optional(of, _), shown) => of.normal(shown),
            (Self::Union(types), Value::Object(members)) => {
                assert_eq!(members.len(), types.len());
                let name = |of: &Self| match of {
                    Self::Int => "int",
                    Self::Text => "string",
                    Self::Array(_) => "array",
                    _ => "N",
                };
                let mut chosen = members.iter().filter(|(_, member)| !member.is_null());
                let (key, member) = chosen.next().expect("a member");
                assert!(chosen.next().is_none(), "one member");
                let index = types.iter().position(|of| key.starts_with(name(of))).unwrap();
                json!([index, types[index].normal(member.clone())])
            }
            (Self::Record(fields), Value::Object(mut members)) => {
                for (index, field) in fields.iter().enumerate() {
                    let member = members.get_mut(&format!("f{index}")).expect("a field");
                    *member = field.normal(member.take());
                }
                members.into()
            }
            (_, shown) => shown,
        }
    }
}

fn same<T: Copy + Into<Value>>(value: T, datum: impl Fn(T) -> Datum) -> (Datum, Value) {
    (datum(value), value.into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn what_apache_avro_writes_is_read(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let of = Type::record(&mut dice, 3);
        let text = of.schema(&mut 0).to_string();
        let schema = schema(&text);
        prop_assert!(schema.omitted().is_empty());
        let rows: Vec<_> = (0..4).map(|_| of.value(&mut dice)).collect();
        let (bytes, expected): (Vec<_>, Vec<_>) =
            rows.into_iter().map(|(datum, value)| (written(&text, datum), value)).unzip();
        let datums: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
        for ((outcome, expected), datum) in read(&schema, &datums).into_iter().zip(expected).zip(&datums) {
            let row = outcome.map_err(|error| TestCaseError::fail(format!("{error:?} for {text} of {datum:?}")))?;
            prop_assert_eq!(of.normal(row), expected, "{}", text);
            for end in 0..datum.len() {
                prop_assert!(read_one(&schema, &datum[..end]).is_err(), "{} of {:?} cut at {}", text, datum, end);
            }
        }
    }

    #[test]
    fn any_bytes_of_any_schema_are_a_row_or_an_error(seed in any::<u64>(), bytes in proptest::collection::vec(any::<u8>(), 0..48)) {
        let mut dice = Dice::new(seed);
        let of = Type::record(&mut dice, 3);
        let text = of.schema(&mut 0).to_string();
        let schema = schema(&text);
        let good = written(&text, of.value(&mut dice).0);
        let mut flipped = good.clone();
        if !flipped.is_empty() {
            let at = dice.below(flipped.len());
            flipped[at] = u8::try_from(dice.below(256)).unwrap();
        }
        let outcomes = read(&schema, &[&bytes, &flipped, &good]);
        prop_assert!(outcomes[2].is_ok());
    }
}
