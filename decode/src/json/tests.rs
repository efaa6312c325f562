use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, Field, Fields};
use proptest::prelude::*;

use crate::{Plan, Reason, RowBuilder, WriterSchema, parse_fields};

fn fields() -> Fields {
    parse_fields(
        r#"[{"name":"a","type":"long"},{"name":"b","type":"string"},{"name":"i","type":"int"},{"name":"d","type":"decimal(5,2)"},
            {"name":"l","type":{"list":"int"}},{"name":"m","type":{"map":"int"}},{"name":"j","type":"json"},
            {"name":"s","type":{"struct":[{"name":"x","type":"double"},{"name":"Y","type":"boolean"}]}},
            {"name":"t","type":"timestamptz"},{"name":"u","type":"uuid"},{"name":"y","type":"binary"}]"#,
    )
    .expect("fields")
}

fn plan(fields: &Fields) -> (Plan, RowBuilder) {
    let place = |path: &[&str], _: &DataType| fields.iter().position(|field| [field.name().as_str()] == path);
    let plan = Plan::new(&WriterSchema::declared(fields), &[], fields, &place).expect("a plan");
    (plan, RowBuilder::new(fields).expect("columns"))
}

/// Decodes one value after the other, each bad one as its reason.
fn all(values: &[&[u8]]) -> (Vec<Result<(), Reason>>, Vec<ArrayRef>) {
    let (plan, mut rows) = plan(&fields());
    let mut came = Vec::new();
    for value in values {
        match plan.decode(value, &mut rows) {
            Ok(()) => {
                rows.end_row().expect("a whole row");
                came.push(Ok(()));
            }
            Err(error) => {
                rows.roll_back();
                came.push(Err(error.reason));
            }
        }
    }
    (came, rows.finish())
}

fn one(value: &str) -> Result<Vec<ArrayRef>, (Reason, Option<String>)> {
    let (plan, mut rows) = plan(&fields());
    match plan.decode(value.as_bytes(), &mut rows) {
        Ok(()) => {
            rows.end_row().expect("a whole row");
            Ok(rows.finish())
        }
        Err(error) => Err((error.reason, error.field)),
    }
}

#[test]
fn a_bad_value_costs_itself_and_no_neighbour() {
    let good = br#"{"a":1,"b":"x"}"#;
    let poison: [(&[u8], Reason); 25] = [
        (br#"{"a":1}{"a":2}"#, Reason::MoreThanOneValue),
        (br#"{"a":1"#, Reason::Truncated),
        (br#","b":2}"#, Reason::NotJson),
        (br#"{"a":1.5}"#, Reason::NotAnInteger),
        (br#"{"a":"15"}"#, Reason::WrongType),
        (br#"{"a":100000000000000000000}"#, Reason::NumberOutOfRange),
        (br#"{"a":18446744073709551615}"#, Reason::NumberOutOfRange),
        (br#"{"i":3000000000}"#, Reason::NumberOutOfRange),
        (br#"{"a":[1]}"#, Reason::WrongType),
        (br#"{"a":{"x":1}}"#, Reason::WrongType),
        (br#"{"a":true}"#, Reason::WrongType),
        (br#"{"b":1}"#, Reason::WrongType),
        (b"7", Reason::WrongType),
        (b"[1,2]", Reason::WrongType),
        (b"", Reason::Truncated),
        (br#"{"a":1,"a":2}"#, Reason::DuplicateKey),
        (br#"{"l":[1,2,"x"]}"#, Reason::WrongType),
        (br#"{"l":[1,2.5]}"#, Reason::NotAnInteger),
        (br#"{"m":{"k":1,"k":2}}"#, Reason::DuplicateKey),
        (br#"{"d":1.234}"#, Reason::NumberOutOfRange),
        (b"{\"b\":\"\xff\"}", Reason::InvalidUtf8),
        (br#"{"b":"x"} true"#, Reason::MoreThanOneValue),
        (br#"{"b":"x"},"#, Reason::TrailingBytes),
        (br#"{"a":1e999}"#, Reason::NumberOutOfRange),
        (br#"{"a":9007199254740994.0}"#, Reason::NumberOutOfRange),
    ];
    for (bad, reason) in poison {
        let (came, columns) = all(&[good, bad, good]);
        assert_eq!(came, [Ok(()), Err(reason), Ok(())], "{}", String::from_utf8_lossy(bad));
        assert_eq!(
            columns[0].as_primitive::<Int64Type>().values(),
            &[1, 1],
            "{}",
            String::from_utf8_lossy(bad)
        );
        assert_eq!(columns[1].as_string::<i32>().value(1), "x");
        assert!(columns.iter().all(|column| column.len() == 2));
    }
}

#[test]
fn every_type_has_its_values() {
    let columns = one(
        r#"{"new":[{}],"a":1.0,"i":-1,"d":"1.5","l":[1,null],"m":{"k":3},"j":{"any" : [1]},"s":{"Y":true,"x":2},
            "t":"1970-01-01T00:00:01Z","u":"00000000-0000-0000-0000-000000000007","y":"AAE="}"#,
    )
    .expect("a row");
    assert_eq!(columns[0].as_primitive::<Int64Type>().value(0), 1);
    assert!(columns[1].is_null(0));
    assert_eq!(columns[2].as_primitive::<Int32Type>().value(0), -1);
    let list = columns[4].as_list::<i32>().value(0);
    assert!(list.len() == 2 && list.is_null(1));
    assert_eq!(columns[6].as_string::<i32>().value(0), r#"{"any" : [1]}"#);
    assert_eq!(columns[9].as_fixed_size_binary().value(0)[15], 7);
    assert_eq!(columns[10].as_binary::<i32>().value(0), [0, 1]);
    assert!(one("{}").expect("nothing but nulls").iter().all(|column| column.is_null(0)));
}

#[test]
fn where_a_fault_lies_is_told() {
    assert_eq!(one(r#"{"s":{"x":"no"}}"#).unwrap_err(), (Reason::WrongType, Some("s.x".to_owned())));
    assert_eq!(one(r#"{"m":{"k":2.5}}"#).unwrap_err().1, Some("m".to_owned()));
    let deep = format!("{{\"new\":{}{}}}", "[".repeat(200), "]".repeat(200));
    one(&deep).expect("what is skipped may be as deep as it likes");
}

#[test]
fn a_value_that_is_no_object_goes_into_one_column() {
    let schema = WriterSchema::json(r#"{"type":"array","items":{"type":"integer"}}"#, &[]).expect("a schema");
    let fields = schema.fields().expect("fields");
    let plan = Plan::new(&schema, &[], &fields, &|_, _| Some(0)).expect("a plan");
    let mut rows = RowBuilder::new(&fields).expect("columns");
    plan.decode(b"[1,2]", &mut rows).expect("a list");
    rows.end_row().expect("a row");
    assert!(plan.decode(b"{}", &mut rows).is_err());
}

#[test]
fn a_field_goes_only_where_it_fits() {
    let text = Fields::from(vec![Field::new("a", DataType::Utf8, true)]);
    let schema = WriterSchema::declared(&Fields::from(vec![Field::new("a", DataType::Int64, true)]));
    assert!(Plan::new(&schema, &[], &text, &|_, _| Some(0)).is_err());
}

#[test]
fn messages_tell_what_is_wrong_and_not_the_contents() {
    for bad in [
        r#""s3cret""#,
        r#"{"a":"s3cret"}"#,
        r#"{"a":{"s3cret":"s3cret"}}"#,
        r#"{"t":"s3cret"}"#,
        r#"{"u":"s3cret"}"#,
        r#"{"y":"s3cret"}"#,
        r#"{"d":"s3cret"}"#,
        r#"{"m":{"s3cret":"s3cret"}}"#,
        r#"{"m":{"s3cret":1,"s3cret":2}}"#,
        r#"{"a":1}"s3cret""#,
        r#"{"a":s3cret}"#,
    ] {
        let (plan, mut rows) = plan(&fields());
        let error = plan.decode(bad.as_bytes(), &mut rows).expect_err(bad);
        assert!(!error.to_string().contains("s3cret") && error.to_string().len() < 200, "{bad}: {error}");
    }
}

#[test]
fn what_is_kept_as_json_is_no_deeper_than_others_read() {
    let nested = |depth: usize| format!(r#"{{"j":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    one(&nested(64)).expect("deep enough");
    assert_eq!(one(&nested(65)).unwrap_err(), (Reason::TooDeep, Some("j".to_owned())));
    assert_eq!(one(&nested(100_000)).unwrap_err().0, Reason::TooDeep);
}

#[test]
fn doubles_are_the_very_ones_that_were_written() {
    // Without `float_roundtrip` it comes out one step off.
    let columns = one(r#"{"s":{"x":5.0216813883093453e-8}}"#).expect("a row");
    let wanted: f64 = "5.0216813883093453e-8".parse().unwrap();
    let found = columns[7].as_struct().column(0).as_primitive::<arrow_array::types::Float64Type>().value(0);
    assert_eq!(found.to_bits(), wanted.to_bits());
}

#[test]
fn a_few_bytes_do_not_become_many_values() {
    let wide: Vec<String> = (0..2_000).map(|at| format!(r#"{{"name":"w{at}","type":"long"}}"#)).collect();
    let struct_type = format!(r#"{{"struct":[{}]}}"#, wide.join(","));
    for (of, item) in [(struct_type.as_str(), "{}"), (&struct_type, "null"), (r#""fixed[60000]""#, "null")] {
        for (many, items) in [
            (format!(r#"{{"list":{of}}}"#), format!("[{}]", vec![item; 5_000].join(","))),
            (format!(r#"{{"map":{of}}}"#), {
                let entries: Vec<String> = (0..5_000).map(|at| format!(r#""{at}":{item}"#)).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ] {
            let fields = parse_fields(&format!(r#"[{{"name":"l","type":{many}}}]"#)).expect("fields");
            let (plan, mut rows) = plan(&fields);
            let payload = format!(r#"{{"l":{items}}}"#);
            let error = plan.decode(payload.as_bytes(), &mut rows).expect_err("it would be too much");
            assert_eq!((error.reason, error.field.as_deref()), (Reason::TooLarge, Some("l")));
            assert!(rows.bytes() < 64 << 20, "{} bytes", rows.bytes());
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_leave_a_trace(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let good = br#"{"a":1}"#;
        let (came, columns) = all(&[good, &bytes, good]);
        let rows = came.iter().filter(|came| came.is_ok()).count();
        prop_assert!(columns.iter().all(|column| column.len() == rows));
    }

    #[test]
    fn a_good_value_with_bytes_changed_leaves_no_trace(at in 0_usize..60, byte: u8) {
        let mut value = br#"{"l":[1,2,3],"m":{"k":1,"q":2},"s":{"x":1,"Y":false},"j":[1]}"#.to_vec();
        let at = at.min(value.len() - 1);
        value[at] = byte;
        let good: &[u8] = br#"{"a":1,"l":[9]}"#;
        let (came, columns) = all(&[&value, good]);
        let last = came.iter().filter(|came| came.is_ok()).count() - 1;
        prop_assert_eq!(columns[0].as_primitive::<Int64Type>().value(last), 1);
        prop_assert_eq!(columns[4].as_list::<i32>().value(last).len(), 1);
    }
}
