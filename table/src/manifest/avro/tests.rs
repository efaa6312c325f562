use super::*;
use apache_avro::types::Value;
use proptest::prelude::*;

const SCHEMA: &str = r#"{"type": "record", "name": "r", "namespace": "n", "fields": [
    {"name": "a", "type": "long", "field-id": 1},
    {"name": "b", "type": ["null", "string"], "default": null, "field-id": 2},
    {"name": "c", "type": {"type": "array", "items": {"type": "record", "name": "kv", "fields": [
        {"name": "key", "type": "int", "field-id": 4}, {"name": "value", "type": "bytes", "field-id": 5}]}}, "field-id": 3},
    {"name": "d", "type": {"type": "fixed", "name": "f", "size": 3}, "field-id": 6},
    {"name": "e", "type": "f"},
    {"name": "f", "type": "double", "field-id": 7},
    {"name": "g", "type": "boolean", "field-id": 8}
]}"#;

#[derive(Clone, Debug)]
struct Row {
    a: i64,
    b: Option<String>,
    c: Vec<(i32, Vec<u8>)>,
    d: [u8; 3],
    f: f64,
    g: bool,
}

fn row() -> impl Strategy<Value = Row> {
    let pairs = proptest::collection::vec((any::<i32>(), proptest::collection::vec(any::<u8>(), 0..5)), 0..4);
    (any::<i64>(), proptest::option::of(".{0,6}"), pairs, any::<[u8; 3]>(), any::<f64>(), any::<bool>())
        .prop_map(|(a, b, c, d, f, g)| Row { a, b, c, d, f, g })
}

fn encode(row: &Row) -> Vec<u8> {
    let mut to = Encoder::default();
    to.long(row.a);
    to.optional(row.b.as_deref(), Encoder::text);
    to.array(row.c.len(), |to| {
        for (key, value) in &row.c {
            to.int(*key);
            to.bytes(value);
        }
    });
    to.raw(&row.d);
    to.raw(&row.d);
    to.raw(&row.f.to_le_bytes());
    to.boolean(row.g);
    to.into_bytes()
}

fn datum(row: &Row) -> Datum {
    let pair = |(key, value): &(i32, Vec<u8>)| {
        Datum::Record(vec![(4, Datum::Int((*key).into())), (5, Datum::Bytes(value.clone()))])
    };
    let fixed = Datum::Bytes(row.d.to_vec());
    Datum::Record(vec![
        (1, Datum::Int(row.a)),
        (2, row.b.clone().map_or(Datum::Null, Datum::Text)),
        (3, Datum::Array(row.c.iter().map(pair).collect())),
        (6, fixed.clone()),
        (0, fixed),
        (7, Datum::Double(row.f)),
        (8, Datum::Boolean(row.g)),
    ])
}

fn value(row: &Row) -> Value {
    let pair = |(key, value): &(i32, Vec<u8>)| {
        Value::Record(vec![
            ("key".to_owned(), Value::Int(*key)),
            ("value".to_owned(), Value::Bytes(value.clone())),
        ])
    };
    let b = row
        .b
        .clone()
        .map_or(Value::Union(0, Box::new(Value::Null)), |b| Value::Union(1, Box::new(Value::String(b))));
    let fixed = Value::Fixed(3, row.d.to_vec());
    Value::Record(vec![
        ("a".to_owned(), Value::Long(row.a)),
        ("b".to_owned(), b),
        ("c".to_owned(), Value::Array(row.c.iter().map(pair).collect())),
        ("d".to_owned(), fixed.clone()),
        ("e".to_owned(), fixed),
        ("f".to_owned(), Value::Double(row.f)),
        ("g".to_owned(), Value::Boolean(row.g)),
    ])
}

fn ours(rows: &[Row]) -> Vec<u8> {
    let mut container = Container::new(SCHEMA, &[("own", "value".to_owned())], [7; 16]);
    for row in rows {
        container.push(&encode(row)).unwrap();
    }
    container.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Vec<Datum>, AvroError> {
    let mut reader = Reader::new(bytes)?;
    let mut records = Vec::new();
    while let Some(record) = reader.next()? {
        records.push(record);
    }
    Ok(records)
}

proptest! {
    #[test]
    fn files_are_the_same_to_another_library_both_ways(rows in proptest::collection::vec(row(), 0..20)) {
        let bytes = ours(&rows);
        let expected: Vec<Datum> = rows.iter().map(datum).collect();
        prop_assert_eq!(&read(&bytes).unwrap(), &expected);
        let theirs = apache_avro::Reader::new(&bytes[..]).unwrap();
        prop_assert_eq!(theirs.user_metadata().get("own").map(Vec::as_slice), Some(&b"value"[..]));
        let values: Vec<Value> = theirs.map(Result::unwrap).collect();
        prop_assert_eq!(values, rows.iter().map(value).collect::<Vec<_>>());

        let schema = apache_avro::Schema::parse_str(SCHEMA).unwrap();
        for codec in [apache_avro::Codec::Null, apache_avro::Codec::Deflate(Default::default())] {
            let mut writer = apache_avro::Writer::with_codec(&schema, Vec::new(), codec).unwrap();
            for row in &rows {
                writer.append_value(value(row)).unwrap();
            }
            prop_assert_eq!(&read(&writer.into_inner().unwrap()).unwrap(), &expected);
        }
    }

    #[test]
    fn damaged_files_are_errors_or_other_files(rows in proptest::collection::vec(row(), 1..5), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = ours(&rows);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let _ = read(&bytes);
    }

    #[test]
    fn long_numbers_survive(values in proptest::collection::vec(any::<i64>(), 1..9)) {
        let mut to = Encoder::default();
        values.iter().for_each(|value| to.long(*value));
        let bytes = to.into_bytes();
        let mut cursor = datum::Cursor::new(&bytes);
        for value in values {
            prop_assert_eq!(cursor.long().unwrap(), value);
        }
        prop_assert!(cursor.rest().is_empty());
    }
}

fn some() -> Vec<u8> {
    let row = Row { a: -3, b: Some("x".to_owned()), c: vec![(1, vec![2])], d: [1, 2, 3], f: 0.5, g: true };
    ours(&[row.clone(), row])
}

#[test]
fn a_file_that_is_cut_anywhere_but_behind_a_block_is_an_error() {
    let bytes = some();
    let header = bytes.len() - read_header_rest(&bytes);
    for length in 0..bytes.len() {
        if length != header {
            assert!(read(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
        }
    }
}

/// How many bytes follow the header: all of the one block.
fn read_header_rest(bytes: &[u8]) -> usize {
    let sync = bytes.windows(16).position(|window| window == [7; 16]).unwrap();
    bytes.len() - sync - 16
}

#[test]
fn numbers_that_a_file_claims_cost_nothing() {
    let schema = r#"{"type": "record", "name": "r", "fields": [{"name": "a", "type": {"type": "array", "items": "null"}}]}"#;
    let mut container = Container::new(schema, &[], [7; 16]);
    let mut to = Encoder::default();
    to.long(i64::MAX);
    container.push(to.as_bytes()).unwrap();
    assert!(matches!(read(&container.finish().unwrap()), Err(AvroError::TooLarge(_))));

    let empty = r#"{"type": "record", "name": "r", "fields": []}"#;
    let container = Container::new(empty, &[], [7; 16]);
    let mut bytes = container.finish().unwrap();
    let mut to = Encoder::default();
    to.long(i64::MAX);
    let mut nothing = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::DeflateEncoder::new(&b""[..], flate2::Compression::fast()),
        &mut nothing,
    )
    .unwrap();
    to.bytes(&nothing);
    to.raw(&[7; 16]);
    bytes.extend(to.into_bytes());
    assert_eq!(read(&bytes), Err(AvroError::Schema("its records are empty")));
}

#[test]
fn schemas_that_hold_themselves_or_explode_are_refused() {
    let own = r#"{"type": "record", "name": "r", "fields": [{"name": "a", "type": ["null", "r"]}]}"#;
    assert!(schema::parse(own.as_bytes()).is_err());
    let mut fields = vec![r#"{"name": "f0", "type": {"type": "record", "name": "r0", "fields": [{"name": "x", "type": "int"}]}}"#.to_owned()];
    for level in 1..40 {
        let below = level - 1;
        let pair = format!(r#"{{"name": "a", "type": "r{below}"}}, {{"name": "b", "type": "r{below}"}}"#);
        fields.push(format!(
            r#"{{"name": "f{level}", "type": {{"type": "record", "name": "r{level}", "fields": [{pair}]}}}}"#
        ));
    }
    let bomb = format!(r#"{{"type": "record", "name": "top", "fields": [{}]}}"#, fields.join(","));
    assert!(matches!(schema::parse(bomb.as_bytes()), Err(AvroError::TooLarge(_))));
}

#[test]
fn other_compressions_are_read_and_unknown_ones_named() {
    let plain = some();
    let records = read(&plain).unwrap();
    let mut block = Vec::new();
    for _ in 0..2 {
        let row =
            Row { a: -3, b: Some("x".to_owned()), c: vec![(1, vec![2])], d: [1, 2, 3], f: 0.5, g: true };
        block.extend(encode(&row));
    }
    let file = |codec: &str, block: &[u8]| {
        let mut to = Encoder::default();
        to.raw(b"Obj\x01");
        to.array(2, |to| {
            for (key, value) in [("avro.schema", SCHEMA), ("avro.codec", codec)] {
                to.text(key);
                to.text(value);
            }
        });
        to.raw(&[7; 16]);
        to.long(2);
        to.bytes(block);
        to.raw(&[7; 16]);
        to.into_bytes()
    };
    let zstandard = zstd::encode_all(&block[..], 1).unwrap();
    assert_eq!(read(&file("zstandard", &zstandard)).unwrap(), records);
    let mut snappy = snap::raw::Encoder::new().compress_vec(&block).unwrap();
    snappy.extend([0; 4]);
    assert_eq!(read(&file("snappy", &snappy)).unwrap(), records);
    assert_eq!(read(&file("null", &block)).unwrap(), records);
    assert_eq!(read(&file("xz", &block)), Err(AvroError::Codec("xz".to_owned())));
    block.push(0);
    assert_eq!(read(&file("null", &block)), Err(AvroError::Trailing));
}
