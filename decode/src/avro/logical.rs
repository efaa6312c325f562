//! Logical types over base types.
//!
//! Logical types that do not fit their base type are ignored, as the specification asks. Kafka Connect's and
//! Debezium's own names (`connect.name`) stand for dates and timestamps where no `logicalType` says so, or those
//! columns would be bare numbers. Debezium's times of day stay numbers: MySQL's go beyond a day.

use serde_json::{Map, Value};

use super::node::{Node, Stored, Unit};

/// The logical type over `base`, if the object names one that fits.
pub(super) fn logical(base: &Node, object: &Map<String, Value>) -> Option<Node> {
    if let Some(name) = object.get("logicalType").and_then(Value::as_str) {
        return by_logical_type(base, name, object);
    }
    by_connect_name(base, object.get("connect.name").and_then(Value::as_str)?)
}

fn by_logical_type(base: &Node, name: &str, object: &Map<String, Value>) -> Option<Node> {
    let timestamp = |unit, utc| Some(Node::Timestamp { unit, utc });
    match (name, base) {
        ("decimal", Node::Bytes) => decimal(object, Stored::Bytes),
        ("decimal", Node::Fixed { size }) => decimal(object, Stored::Fixed(*size)),
        ("uuid", Node::String) => Some(Node::UuidText),
        ("uuid", Node::Fixed { size: 16 }) => Some(Node::UuidBytes { stored: Stored::Fixed(16) }),
        ("uuid", Node::Bytes) => Some(Node::UuidBytes { stored: Stored::Bytes }),
        ("date", Node::Int) => Some(Node::Date),
        ("time-millis", Node::Int) => Some(Node::TimeMillis),
        ("time-micros", Node::Long) => Some(Node::TimeMicros),
        ("timestamp-millis", Node::Long) => timestamp(Unit::Milliseconds, true),
        ("timestamp-micros", Node::Long) => timestamp(Unit::Microseconds, true),
        ("timestamp-nanos", Node::Long) => timestamp(Unit::Nanoseconds, true),
        ("local-timestamp-millis", Node::Long) => timestamp(Unit::Milliseconds, false),
        ("local-timestamp-micros", Node::Long) => timestamp(Unit::Microseconds, false),
        ("local-timestamp-nanos", Node::Long) => timestamp(Unit::Nanoseconds, false),
        ("duration", Node::Fixed { size: 12 }) => Some(Node::Duration),
        _ => None,
    }
}

fn by_connect_name(base: &Node, name: &str) -> Option<Node> {
    let timestamp = |unit, utc| Some(Node::Timestamp { unit, utc });
    match (name, base) {
        ("org.apache.kafka.connect.data.Date" | "io.debezium.time.Date", Node::Int) => Some(Node::Date),
        ("org.apache.kafka.connect.data.Time", Node::Int) => Some(Node::TimeMillis),
        ("org.apache.kafka.connect.data.Timestamp", Node::Long) => timestamp(Unit::Milliseconds, true),
        ("io.debezium.time.Timestamp", Node::Long) => timestamp(Unit::Milliseconds, false),
        ("io.debezium.time.MicroTimestamp", Node::Long) => timestamp(Unit::Microseconds, false),
        ("io.debezium.time.NanoTimestamp", Node::Long) => timestamp(Unit::Nanoseconds, false),
        _ => None,
    }
}

/// A decimal that 128 bits hold; any other stays the bytes it is.
fn decimal(object: &Map<String, Value>, stored: Stored) -> Option<Node> {
    let precision = object.get("precision").and_then(Value::as_u64)?;
    let scale = object.get("scale").map_or(Some(0), Value::as_u64)?;
    let precision = u8::try_from(precision).ok().filter(|precision| (1..=38).contains(precision))?;
    let scale =
        i8::try_from(scale).ok().filter(|scale| u8::try_from(*scale).is_ok_and(|s| s <= precision))?;
    Some(Node::Decimal { precision, scale, stored })
}
