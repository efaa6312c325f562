//! Which Connect name turns which column into what.
//!
//! | name | as decoded | becomes |
//! |---|---|---|
//! | `io.debezium.time.Date`, Connect's `Date` | int, days | date |
//! | `io.debezium.time.Time`, Connect's `Time` | int, milliseconds | time |
//! | `io.debezium.time.MicroTime`, `NanoTime` | long | time |
//! | `io.debezium.time.Timestamp`, `MicroTimestamp`, `NanoTimestamp` | long | timestamp |
//! | Connect's `Timestamp` | long, milliseconds | timestamptz |
//! | `io.debezium.time.ZonedTimestamp` | string | timestamptz |
//! | Connect's `Decimal` | bytes | decimal(`connect.decimal.precision` or 38, `scale`) |
//! | `io.debezium.data.VariableScaleDecimal` | struct of scale and bytes | string |
//!
//! Any other name leaves the column as it was decoded, and so does a name whose column has another type than here: where the
//! schema says it in its own words (Avro's `logicalType`), the decoder has done the work already.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};

use super::names::{Names, PRECISION};

/// What is done to a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Conversion {
    /// Nothing.
    Keep,
    /// Days since 1970 to a date.
    Days,
    /// A time of day in such units to microseconds.
    TimeOfDay(Unit),
    /// Units since 1970 to microseconds, in UTC or without a zone.
    Since1970 { unit: Unit, zoned: bool },
    /// ISO 8601 with a zone.
    Zoned,
    /// Bytes to a decimal.
    Decimal { precision: u8, scale: i8 },
    /// A scale and bytes to text.
    VariableScale,
    /// Each child for itself.
    Struct(Vec<Self>),
    /// All elements.
    List(Box<Self>),
    /// All values.
    MapValues(Box<Self>),
}

/// What an integer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Millis,
    Micros,
    Nanos,
}

/// The most digits that a decimal of 128 bits has.
const MAX_PRECISION: u8 = 38;

impl Conversion {
    /// What to do with a column, and the type it has then.
    pub(super) fn of(data_type: &DataType, names: &Names) -> (Self, DataType) {
        if let Some(name) = names.name.as_deref()
            && let Some(conversion) = Self::by_name(name, data_type, names)
        {
            let target = conversion.target().unwrap_or_else(|| data_type.clone());
            return (conversion, target);
        }
        match data_type {
            DataType::Struct(fields) => Self::of_struct(fields, names),
            DataType::List(element) => {
                let (inner, to) = Self::of(element.data_type(), names.child("element"));
                if inner == Self::Keep {
                    return (Self::Keep, data_type.clone());
                }
                (Self::List(Box::new(inner)), DataType::List(retyped(element, to)))
            }
            DataType::Map(entries, sorted) => {
                let DataType::Struct(pair) = entries.data_type() else {
                    return (Self::Keep, data_type.clone());
                };
                let [key, value] = pair.as_ref() else { return (Self::Keep, data_type.clone()) };
                let (inner, to) = Self::of(value.data_type(), names.child("value"));
                if inner == Self::Keep {
                    return (Self::Keep, data_type.clone());
                }
                let pair = Fields::from(vec![Arc::clone(key), retyped(value, to)]);
                let entries = retyped(entries, DataType::Struct(pair));
                (Self::MapValues(Box::new(inner)), DataType::Map(entries, *sorted))
            }
            _ => (Self::Keep, data_type.clone()),
        }
    }

    fn of_struct(fields: &Fields, names: &Names) -> (Self, DataType) {
        let both: Vec<_> =
            fields.iter().map(|field| Self::of(field.data_type(), names.child(field.name()))).collect();
        if both.iter().all(|(conversion, _)| *conversion == Self::Keep) {
            return (Self::Keep, DataType::Struct(fields.clone()));
        }
        let (inner, types): (Vec<_>, Vec<_>) = both.into_iter().unzip();
        let fields: Fields = fields.iter().zip(types).map(|(field, to)| retyped(field, to)).collect();
        (Self::Struct(inner), DataType::Struct(fields))
    }

    fn by_name(name: &str, data_type: &DataType, names: &Names) -> Option<Self> {
        let since = |unit, zoned| Self::Since1970 { unit, zoned };
        Some(match (name, data_type) {
            ("io.debezium.time.Date" | "org.apache.kafka.connect.data.Date", DataType::Int32) => Self::Days,
            ("io.debezium.time.Time" | "org.apache.kafka.connect.data.Time", DataType::Int32) => {
                Self::TimeOfDay(Unit::Millis)
            }
            ("io.debezium.time.MicroTime", DataType::Int64) => Self::TimeOfDay(Unit::Micros),
            ("io.debezium.time.NanoTime", DataType::Int64) => Self::TimeOfDay(Unit::Nanos),
            ("io.debezium.time.Timestamp", DataType::Int64) => since(Unit::Millis, false),
            ("io.debezium.time.MicroTimestamp", DataType::Int64) => since(Unit::Micros, false),
            ("io.debezium.time.NanoTimestamp", DataType::Int64) => since(Unit::Nanos, false),
            ("org.apache.kafka.connect.data.Timestamp", DataType::Int64) => since(Unit::Millis, true),
            ("io.debezium.time.ZonedTimestamp", DataType::Utf8) => Self::Zoned,
            ("org.apache.kafka.connect.data.Decimal", DataType::Binary) => decimal(names)?,
            ("io.debezium.data.VariableScaleDecimal", DataType::Struct(fields)) if is_variable(fields) => {
                Self::VariableScale
            }
            _ => return None,
        })
    }

    /// The type of a scalar after its conversion.
    fn target(&self) -> Option<DataType> {
        Some(match self {
            Self::Days => DataType::Date32,
            Self::TimeOfDay(_) => DataType::Time64(TimeUnit::Microsecond),
            Self::Since1970 { zoned: false, .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Since1970 { zoned: true, .. } | Self::Zoned => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            Self::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
            Self::VariableScale => DataType::Utf8,
            Self::Keep | Self::Struct(_) | Self::List(_) | Self::MapValues(_) => return None,
        })
    }
}

fn retyped(field: &FieldRef, to: DataType) -> FieldRef {
    Arc::new(Field::clone(field).with_data_type(to))
}

/// Connect tells the scale always and the precision sometimes; Avro's converter makes 64 of an unknown one.
fn decimal(names: &Names) -> Option<Conversion> {
    let scale = names.parameters.get("scale")?.parse::<i8>().ok()?;
    let told = names.parameters.get(PRECISION).and_then(|text| text.parse::<u8>().ok());
    let precision = told.filter(|told| (1..=MAX_PRECISION).contains(told)).unwrap_or(MAX_PRECISION);
    let fits = u8::try_from(scale).is_ok_and(|scale| scale <= precision);
    fits.then_some(Conversion::Decimal { precision, scale })
}

fn is_variable(fields: &Fields) -> bool {
    let of = |name: &str| fields.iter().find(|field| field.name() == name).map(|field| field.data_type());
    matches!((of("scale"), of("value")), (Some(DataType::Int32), Some(DataType::Binary)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, data_type: &DataType) -> DataType {
        Conversion::of(data_type, &Names::named(name)).1
    }

    #[test]
    fn names_give_types_and_unknown_ones_change_nothing() {
        let micros = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        assert_eq!(of("io.debezium.time.Date", &DataType::Int32), DataType::Date32);
        assert_eq!(of("io.debezium.time.NanoTimestamp", &DataType::Int64), micros(None));
        assert_eq!(of("org.apache.kafka.connect.data.Timestamp", &DataType::Int64), micros(Some("UTC")));
        assert_eq!(of("io.debezium.time.ZonedTimestamp", &DataType::Utf8), micros(Some("UTC")));
        assert_eq!(of("io.debezium.data.Json", &DataType::Utf8), DataType::Utf8);
        assert_eq!(of("io.debezium.time.Date", &DataType::Date32), DataType::Date32, "done already");
    }

    #[test]
    fn a_decimal_takes_the_precision_it_is_told() {
        let with = |pairs: &[(&str, &str)]| {
            let mut names = Names::named("org.apache.kafka.connect.data.Decimal");
            names.parameters = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            Conversion::of(&DataType::Binary, &names).1
        };
        assert_eq!(with(&[("scale", "2"), ("connect.decimal.precision", "10")]), DataType::Decimal128(10, 2));
        assert_eq!(with(&[("scale", "2")]), DataType::Decimal128(38, 2));
        assert_eq!(with(&[("scale", "2"), ("connect.decimal.precision", "64")]), DataType::Decimal128(38, 2));
        assert_eq!(with(&[("scale", "39")]), DataType::Binary, "cannot be held");
        assert_eq!(with(&[]), DataType::Binary);
    }
}
