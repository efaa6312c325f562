use apache_avro::types::Value as Datum;
use proptest::prelude::*;
use serde_json::json;

use super::{held, of_field, read, read_one, schema, written};
use crate::Reason;

const ORDER: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"id","type":"long"},{"name":"note","type":["null","string"]},
    {"name":"prices","type":{"type":"array","items":"double"}},
    {"name":"tags","type":{"type":"map","values":"string"}},
    {"name":"state","type":{"type":"enum","name":"State","symbols":["NEW","DONE"]}}]}"#;

fn order() -> Vec<u8> {
    let text = |text: &str| Datum::String(text.to_owned());
    let datum = Datum::Record(vec![
        ("id".to_owned(), Datum::Long(300)),
        ("note".to_owned(), Datum::Union(1, Box::new(text("firn")))),
        ("prices".to_owned(), Datum::Array(vec![Datum::Double(1.0), Datum::Double(2.0)])),
        ("tags".to_owned(), Datum::Map([("k".to_owned(), text("v"))].into())),
        ("state".to_owned(), Datum::Enum(1, "DONE".to_owned())),
    ]);
    written(ORDER, datum)
}

#[test]
fn a_datum_cut_anywhere_is_truncated_and_its_neighbours_stand() {
    let schema = schema(ORDER);
    let whole = order();
    let good =
        json!({"id": 300, "note": "firn", "prices": [1.0, 2.0], "tags": [["k", "v"]], "state": "DONE"});
    for end in 0..whole.len() {
        let outcomes = read(&schema, &[&whole, &whole[..end], &whole]);
        assert_eq!(outcomes[0].as_ref().unwrap(), &good);
        assert_eq!(outcomes[1].as_ref().unwrap_err().reason, Reason::Truncated, "cut at {end}");
        assert_eq!(outcomes[2].as_ref().unwrap(), &good);
    }
}

#[test]
fn bytes_behind_the_datum_are_refused() {
    let mut bytes = order();
    bytes.push(0);
    assert_eq!(read_one(&schema(ORDER), &bytes).unwrap_err().reason, Reason::TrailingBytes);
}

#[test]
fn faults_name_their_field() {
    let schema = schema(ORDER);
    let mut bytes = order();
    let text = bytes.iter().position(|byte| *byte == b'f').unwrap();
    bytes[text] = 0xff;
    let error = read_one(&schema, &bytes).unwrap_err();
    assert_eq!((error.reason, error.field.as_deref()), (Reason::InvalidUtf8, Some("note")));
    let mut bytes = order();
    *bytes.last_mut().unwrap() = 4;
    let error = read_one(&schema, &bytes).unwrap_err();
    assert_eq!((error.reason, error.field.as_deref()), (Reason::UnknownEnum, Some("state")));
    let mut bytes = order();
    bytes[2] = 4;
    let error = read_one(&schema, &bytes).unwrap_err();
    assert_eq!((error.reason, error.field.as_deref()), (Reason::WrongType, Some("note")));
}

#[test]
fn a_map_with_a_key_twice_is_refused() {
    let schema = schema(&of_field(r#"{"type":"map","values":"int"}"#));
    let error = read_one(&schema, &[4, 2, b'k', 2, 2, b'k', 4, 0]).unwrap_err();
    assert_eq!(error.reason, Reason::DuplicateKey);
    let mut many = vec![40];
    for key in b'a'..b'u' {
        many.extend([2, key, 2]);
    }
    many.push(0);
    assert!(read_one(&schema, &many).is_ok());
    many[5] = b'c';
    assert_eq!(read_one(&schema, &many).unwrap_err().reason, Reason::DuplicateKey);
}

#[test]
fn counts_and_lengths_out_of_all_proportion_are_refused_at_once() {
    let huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let lowest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let longs = schema(&of_field(r#"{"type":"array","items":"long"}"#));
    assert_eq!(read_one(&longs, &huge).unwrap_err().reason, Reason::Truncated);
    // The lowest number has no opposite; as a count it is 2⁶³ items, with a length behind it.
    let mut negative = lowest.to_vec();
    negative.push(0);
    assert_eq!(read_one(&longs, &negative).unwrap_err().reason, Reason::Truncated);
    // A block that says it is shorter than nothing, or longer than what is left.
    assert_eq!(read_one(&longs, &[1, 1, 0]).unwrap_err().reason, Reason::WrongType);
    assert_eq!(read_one(&longs, &[1, 100, 0]).unwrap_err().reason, Reason::Truncated);
}

#[test]
fn items_of_no_size_are_bounded() {
    let empty = r#"{"type":"array","items":{"type":"record","name":"E","fields":[]}}"#;
    let schema_of_empty = schema(&of_field(empty));
    assert_eq!(read_one(&schema_of_empty, &[6, 0]).unwrap(), json!({"f": [true, true, true]}));
    let million = [0x80, 0x89, 0x7a, 0];
    assert_eq!(read_one(&schema_of_empty, &million).unwrap_err().reason, Reason::TooLarge);
    // Many blocks, each within bounds, together beyond them.
    let mut many = Vec::new();
    for _ in 0..10 {
        many.extend([0x80, 0xf4, 0x03]);
    }
    many.push(0);
    assert_eq!(read_one(&schema_of_empty, &many).unwrap_err().reason, Reason::TooLarge);
    // Stepping over them takes no time, whatever the count.
    let nulls = schema(
        r#"{"type":"record","name":"R","fields":[{"name":"n","type":{"type":"array","items":"null"}},{"name":"x","type":"int"}]}"#,
    );
    let mut huge = vec![0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0];
    huge.push(2);
    assert_eq!(read_one(&nulls, &huge).unwrap(), json!({"x": 1}));
}

#[test]
fn wide_unions_in_lists_are_bounded_by_the_bytes_read() {
    let records: Vec<String> =
        (0..1_000).map(|index| format!(r#"{{"type":"record","name":"T{index}","fields":[]}}"#)).collect();
    let schema = schema(&of_field(&format!(r#"{{"type":"array","items":[{}]}}"#, records.join(","))));
    let list = |items: u16| {
        let count = u32::from(items) * 2;
        let mut bytes = vec![u8::try_from(count & 0x7f).unwrap() | 0x80, u8::try_from(count >> 7).unwrap()];
        bytes.extend(std::iter::repeat_n(0, usize::from(items)));
        bytes.push(0);
        bytes
    };
    assert!(read_one(&schema, &list(64)).is_ok());
    assert_eq!(read_one(&schema, &list(1_000)).unwrap_err().reason, Reason::TooLarge);
}

#[test]
fn values_nested_without_end_are_refused() {
    let schema = schema(
        r#"{"type":"record","name":"Node","fields":[{"name":"next","type":["null","Node"]},{"name":"x","type":"int"}]}"#,
    );
    let bytes = vec![2; 100_000];
    assert_eq!(read_one(&schema, &bytes).unwrap_err().reason, Reason::TooDeep);
    // A list of a hundred is no attack.
    let mut bytes = vec![2; 100];
    bytes.push(0);
    bytes.extend(vec![2; 101]);
    assert_eq!(read_one(&schema, &bytes).unwrap(), json!({"x": 1}));
}

#[test]
fn a_record_that_contains_nothing_but_itself_is_read_as_nothing() {
    let schema = schema(
        r#"{"type":"record","name":"Ouroboros","fields":[{"name":"self","type":"Ouroboros"},{"name":"x","type":"int"}]}"#,
    );
    assert_eq!(read_one(&schema, &[2]).unwrap_err().reason, Reason::TooDeep);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_a_row_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let schema = schema(ORDER);
        let outcomes = read(&schema, &[&bytes, &order()]);
        prop_assert!(outcomes[1].is_ok());
    }

    #[test]
    fn any_bytes_take_memory_in_proportion_to_their_length(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let schema = schema(ORDER);
        let held = held(&schema, &bytes);
        prop_assert!(held <= 4_096 + 64 * bytes.len(), "{held} bytes for {}", bytes.len());
    }

    #[test]
    fn a_flipped_byte_does_not_disturb_the_neighbours(at in 0_usize..64, by in 1_u8..) {
        let schema = schema(ORDER);
        let whole = order();
        let mut flipped = whole.clone();
        let at = at % flipped.len();
        flipped[at] ^= by;
        let outcomes = read(&schema, &[&flipped, &whole]);
        prop_assert_eq!(outcomes[1].as_ref().unwrap(), &read_one(&schema, &whole).unwrap());
    }
}
