//! Random messages: `prost-reflect` writes them, and says what bytes mean that no serializer writes: concatenated,
//! shuffled, damaged.

use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value as Dynamic,
};
use serde_json::{Map, Value, json};

use super::{Message, message, read, read_one};
use crate::show::{Dice, float, hex, pairs};

const EVERYTHING: &str = r#"
syntax = "proto3";
package all;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/any.proto";
enum Mood { CALM = 0; WILD = 1; FAR = 1000; NEGATIVE = -3; }
message Everything {
  int32 i32 = 1; int64 i64 = 2; uint32 u32 = 3; uint64 u64 = 4; sint32 s32 = 5; sint64 s64 = 6;
  fixed32 f32 = 7; fixed64 f64 = 8; sfixed32 sf32 = 9; sfixed64 sf64 = 10;
  float fl = 11; double db = 12; bool yes = 13; string text = 14; bytes raw = 15; Mood mood = 16;
  optional int32 maybe_int = 17; optional string maybe_text = 18; optional Mood maybe_mood = 19;
  repeated int32 ints = 20; repeated sint64 longs = 21 [packed = false]; repeated double doubles = 22;
  repeated string texts = 23; repeated Mood moods = 24; repeated bytes raws = 25; repeated bool bools = 26;
  Inner inner = 30; repeated Inner inners = 31;
  map<string, int32> by_text = 32; map<int32, string> by_int = 33; map<string, Inner> inner_by_text = 34;
  map<bool, Mood> by_bool = 35; map<sint64, double> by_sint = 36; map<fixed32, bytes> by_fixed = 37;
  oneof choice { int32 one_int = 40; string one_text = 41; Inner one_inner = 42; Nothing one_nothing = 43; bytes one_raw = 44; }
  oneof other { Inner first = 50; Inner second = 51; }
  google.protobuf.Timestamp at = 60; google.protobuf.Duration took = 61;
  google.protobuf.Int64Value wrapped = 62; google.protobuf.StringValue wrapped_text = 63;
  google.protobuf.Any any = 64; repeated google.protobuf.Timestamp ats = 65; Nothing nothing = 66;
  int32 far = 536870911; string not_near = 300;
}
message Inner {
  sint32 x = 1; optional string name = 2; repeated uint64 ids = 3; Deep deep = 4; map<string, Deep> deeps = 5;
  oneof pick { Deep left = 6; Deep right = 7; fixed64 count = 8; }
}
message Deep { string s = 1; repeated Leaf leaves = 2; Leaf leaf = 3; }
message Leaf { int64 v = 1; optional bool b = 2; }
message Nothing {}
"#;

fn any_value(dice: &mut Dice, kind: &Kind) -> Dynamic {
    let word = |dice: &mut Dice| u32::try_from(dice.number() & 0xffff_ffff).unwrap();
    match kind {
        Kind::Double => Dynamic::F64(f64::from_bits(dice.any())),
        Kind::Float => Dynamic::F32(f32::from_bits(word(dice))),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Dynamic::I32(dice.signed_short()),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Dynamic::I64(dice.signed()),
        Kind::Uint32 | Kind::Fixed32 => Dynamic::U32(word(dice)),
        Kind::Uint64 | Kind::Fixed64 => Dynamic::U64(dice.number()),
        Kind::Bool => Dynamic::Bool(dice.below(2) == 0),
        Kind::String => Dynamic::String(dice.text()),
        Kind::Bytes => Dynamic::Bytes(dice.bytes(9).into()),
        Kind::Enum(_) => Dynamic::EnumNumber([0, 1, 1_000, -3, 2, -1][dice.below(6)]),
        Kind::Message(message) => Dynamic::Message(any_message(dice, message, 3)),
    }
}

fn any_key(dice: &mut Dice, kind: &Kind) -> MapKey {
    match any_value(dice, kind) {
        Dynamic::Bool(key) => MapKey::Bool(key),
        Dynamic::I32(key) => MapKey::I32(key % 9),
        Dynamic::I64(key) => MapKey::I64(key),
        Dynamic::U32(key) => MapKey::U32(key % 9),
        Dynamic::U64(key) => MapKey::U64(key),
        Dynamic::String(key) => MapKey::String(key),
        other => panic!("{other:?} is no key"),
    }
}

/// A message in which one field in `sparse` is set.
fn any_message(dice: &mut Dice, of: &MessageDescriptor, sparse: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    match of.full_name() {
        "google.protobuf.Timestamp" => {
            message.set_field_by_name("seconds", Dynamic::I64(dice.signed() % 1_000_000_000_000));
            message
                .set_field_by_name("nanos", Dynamic::I32(i32::try_from(dice.below(1_000_000_000)).unwrap()));
            return message;
        }
        "google.protobuf.Duration" => {
            let (seconds, nanos) = (dice.below(1_000_000), dice.below(1_000_000_000));
            let sign = if dice.below(2) == 0 { 1 } else { -1 };
            message.set_field_by_name("seconds", Dynamic::I64(i64::try_from(seconds).unwrap() * sign));
            let nanos = i64::try_from(nanos).unwrap() * sign;
            message.set_field_by_name("nanos", Dynamic::I32(i32::try_from(nanos).unwrap()));
            return message;
        }
        _ => {}
    }
    for field in of.fields() {
        if dice.below(sparse) != 0 {
            continue;
        }
        let value = if field.is_map() {
            let Kind::Message(entry) = field.kind() else { panic!("a map has entries") };
            let (key, value) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
            Dynamic::Map(
                (0..dice.below(12)).map(|_| (any_key(dice, &key), any_value(dice, &value))).collect(),
            )
        } else if field.is_list() {
            Dynamic::List((0..dice.below(4)).map(|_| any_value(dice, &field.kind())).collect())
        } else {
            any_value(dice, &field.kind())
        };
        message.set_field(&field, value);
    }
    message
}

/// What a table must hold of a message.
fn expected(message: &DynamicMessage) -> Value {
    let field = |field: FieldDescriptor| {
        let value = match field.supports_presence() && !message.has_field(&field) {
            true => Value::Null,
            false => expected_value(&message.get_field(&field), &field.kind()),
        };
        (field.name().to_owned(), value)
    };
    message.descriptor().fields().map(field).collect::<Map<_, _>>().into()
}

fn expected_value(value: &Dynamic, kind: &Kind) -> Value {
    match value {
        Dynamic::Bool(value) => json!(value),
        Dynamic::I32(value) => json!(value),
        Dynamic::I64(value) => json!(value),
        Dynamic::U32(value) => json!(value),
        Dynamic::U64(value) => json!(value.to_string()),
        Dynamic::F32(value) => float((*value).into()),
        Dynamic::F64(value) => float(*value),
        Dynamic::String(value) => json!(value),
        Dynamic::Bytes(value) => hex(value),
        Dynamic::EnumNumber(number) => {
            let name = kind.as_enum().and_then(|of| of.get_value(*number));
            name.map_or_else(|| json!(number.to_string()), |value| json!(value.name()))
        }
        Dynamic::List(items) => {
            items.iter().map(|item| expected_value(item, kind)).collect::<Vec<_>>().into()
        }
        Dynamic::Map(entries) => {
            let Kind::Message(entry) = kind else { panic!("a map has entries") };
            let (of_key, of_value) =
                (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
            let entry = |(key, value): (&MapKey, &Dynamic)| {
                (expected_value(&key.clone().into(), &of_key), expected_value(value, &of_value))
            };
            pairs(entries.iter().map(entry).collect())
        }
        Dynamic::Message(message) => {
            let number = |name: &str| match message.get_field_by_name(name).unwrap().into_owned() {
                Dynamic::I64(number) => i128::from(number),
                Dynamic::I32(number) => i128::from(number),
                other => panic!("{other:?} is no number"),
            };
            match message.descriptor().full_name() {
                "google.protobuf.Timestamp" | "google.protobuf.Duration" => {
                    json!(i64::try_from(number("seconds") * 1_000_000 + number("nanos") / 1_000).unwrap())
                }
                "google.protobuf.Int64Value" | "google.protobuf.StringValue" => {
                    let field = message.descriptor().get_field(1).unwrap();
                    expected_value(&message.get_field(&field), &field.kind())
                }
                "all.Nothing" => json!(true),
                _ => expected(message),
            }
        }
    }
}

fn everything() -> (Message, MessageDescriptor) {
    let schema = message(EVERYTHING);
    let descriptor = schema.inner.descriptor.clone();
    (schema, descriptor)
}

/// The fields at the top of a payload, each with its tag.
fn fields(payload: &[u8]) -> Vec<Vec<u8>> {
    let mut wire = super::super::wire::Wire::over(payload, 0, payload.len());
    let mut fields = Vec::new();
    while !wire.is_empty() {
        let start = wire.position();
        let tag = wire.tag().unwrap();
        wire.step(tag).unwrap();
        fields.push(payload[start..wire.position()].to_vec());
    }
    fields
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn what_prost_reflect_writes_is_read(seed in any::<u64>()) {
        let (schema, descriptor) = everything();
        prop_assert!(schema.omitted().is_empty());
        let mut dice = Dice::new(seed);
        let messages: Vec<_> = (0..3).map(|_| any_message(&mut dice, &descriptor, 2)).collect();
        let payloads: Vec<Vec<u8>> = messages.iter().map(|message| message.encode_to_vec()).collect();
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        for (row, message) in read(&schema, &payloads).into_iter().zip(&messages) {
            prop_assert_eq!(row.unwrap(), expected(message));
        }
    }

    #[test]
    fn concatenated_and_shuffled_fields_mean_what_they_mean_to_prost_reflect(seed in any::<u64>()) {
        let (schema, descriptor) = everything();
        let mut dice = Dice::new(seed);
        let mut pieces = Vec::new();
        for _ in 0..3 {
            pieces.extend(fields(&any_message(&mut dice, &descriptor, 4).encode_to_vec()));
        }
        for last in (1..pieces.len()).rev() {
            pieces.swap(last, dice.below(last + 1));
        }
        let payload = pieces.concat();
        // Timestamps put together of two may be out of range.
        match (read_one(&schema, &payload), DynamicMessage::decode(descriptor, payload.as_slice())) {
            (Ok(row), Ok(message)) => prop_assert_eq!(row, expected(&message)),
            (Err(error), Ok(_)) => {
                prop_assert_eq!(error.reason, crate::Reason::NumberOutOfRange);
                prop_assert!(matches!(error.field.as_deref(), Some("at" | "took" | "ats")), "{:?}", error);
            }
            (_, Err(error)) => return Err(TestCaseError::fail(error.to_string())),
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_mean_what_they_mean_to_prost_reflect(seed in any::<u64>()) {
        let (schema, descriptor) = everything();
        let mut dice = Dice::new(seed);
        let good = any_message(&mut dice, &descriptor, 6).encode_to_vec();
        let mut damaged = good.clone();
        for _ in 0..=dice.below(3) {
            if damaged.is_empty() {
                break;
            }
            let at = dice.below(damaged.len());
            match dice.below(3) {
                0 => damaged[at] = u8::try_from(dice.below(256)).unwrap(),
                1 => damaged.truncate(at),
                _ => damaged.insert(at, u8::try_from(dice.below(256)).unwrap()),
            }
        }
        let mut outcomes = read(&schema, &[&damaged, &good]);
        prop_assert!(outcomes.pop().unwrap().is_ok());
        if let Ok(row) = outcomes.pop().unwrap() {
            match DynamicMessage::decode(descriptor, damaged.as_slice()) {
                Ok(message) => prop_assert_eq!(row, expected(&message)),
                Err(error) => return Err(TestCaseError::fail(format!("read what {error}"))),
            }
        }
    }
}
