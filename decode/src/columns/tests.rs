use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use proptest::prelude::*;

use super::{Column, RowBuilder};

fn fields() -> Fields {
    let list = DataType::List(Arc::new(Field::new("element", DataType::Int32, true)));
    let entries =
        Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", list.clone(), true)]);
    let inner =
        Fields::from(vec![Field::new("p", DataType::Utf8, true), Field::new("q", list.clone(), true)]);
    Fields::from(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("b", DataType::Utf8, true),
        Field::new("c", list, true),
        Field::new(
            "d",
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false),
            true,
        ),
        Field::new("e", DataType::Struct(inner), true),
        Field::new("f", DataType::FixedSizeBinary(3), true),
        Field::new("g", DataType::Boolean, true),
        Field::new("h", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("i", DataType::Decimal128(9, 2), true),
    ])
}

/// One value, or none, and whatever lies in it, decided by `choice`.
fn push(column: &mut Column, choice: &mut impl FnMut() -> u8) {
    if choice().is_multiple_of(5) {
        return column.push_null();
    }
    let value = choice();
    match column {
        Column::Boolean(column) => column.push(value.is_multiple_of(2)),
        Column::Int32(column) => column.push(value.into()),
        Column::Int64(column) => column.push(value.into()),
        Column::Timestamp(column) => column.push(value.into()),
        Column::Decimal128(column) => column.push(value.into()),
        Column::Utf8(column) => column.push("text".repeat(usize::from(value % 4)).as_bytes()),
        Column::FixedSizeBinary(column) => column.push(&[value; 3]),
        Column::List(column) => {
            for _ in 0..value % 4 {
                push(column.items(), choice);
            }
            column.end();
        }
        Column::Map(column) => {
            for key in 0..value % 4 {
                let (keys, values) = column.entries();
                let Column::Utf8(keys) = keys else { panic!("keys are texts") };
                keys.push(&[b'a' + key]);
                push(values, choice);
            }
            column.end();
        }
        Column::Struct(column) => {
            for child in column.children() {
                push(child, choice);
            }
            column.end();
        }
        other => panic!("{other:?} is not among the fields"),
    }
}

/// A row of a seed; of a torn one only the first columns, and of the last of these what it began.
fn row(rows: &mut RowBuilder, seed: &[u8], torn: Option<usize>) {
    let mut at = 0;
    let mut choice = || {
        at += 1;
        seed[at % seed.len()]
    };
    let columns = rows.columns_mut();
    let whole = torn.unwrap_or(columns.len());
    for column in &mut columns[..whole] {
        push(column, &mut choice);
    }
    match columns.get_mut(whole) {
        Some(Column::List(column)) => push(column.items(), &mut choice),
        Some(Column::Struct(column)) => push(&mut column.children()[0], &mut choice),
        Some(Column::Map(column)) => {
            let (keys, _) = column.entries();
            let Column::Utf8(keys) = keys else { panic!("keys are texts") };
            keys.push(b"half");
        }
        _ => {}
    }
}

fn built(seeds: &[(Vec<u8>, Option<usize>)], with_torn: bool) -> Vec<ArrayRef> {
    let mut rows = RowBuilder::new(&fields()).expect("columns");
    for (seed, torn) in seeds {
        match torn {
            None => {
                row(&mut rows, seed, None);
                rows.end_row().expect("a whole row");
            }
            Some(_) if with_torn => {
                row(&mut rows, seed, *torn);
                rows.roll_back();
            }
            Some(_) => {}
        }
    }
    rows.finish()
}

proptest! {
    #[test]
    fn rows_that_were_taken_back_leave_no_trace(
        seeds in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 1..24), proptest::option::of(0_usize..9)),
            0..24,
        ),
    ) {
        let (with, without) = (built(&seeds, true), built(&seeds, false));
        prop_assert_eq!(&with, &without);
        for column in &with {
            column.to_data().validate_full().expect("a valid column");
        }
    }
}

#[test]
fn a_row_that_is_not_whole_is_none() {
    let mut rows = RowBuilder::new(&fields()).expect("columns");
    rows.columns_mut()[0].push_null();
    let error = rows.end_row().expect_err("the others have nothing");
    assert_eq!((error.column, error.wanted, error.found), (1, 1, 0));
    assert_eq!(rows.columns_mut()[0].len(), 0);
    rows.push_null_row();
    assert!(rows.finish().iter().all(|column| column.len() == 1 && column.is_null(0)));
    assert_eq!(rows.rows(), 0);
}

#[test]
fn bytes_of_another_length_make_no_row() {
    let mut rows = RowBuilder::new(&Fields::from(vec![Field::new("f", DataType::FixedSizeBinary(3), true)]))
        .expect("a column");
    let Column::FixedSizeBinary(column) = &mut rows.columns_mut()[0] else { panic!("it is one") };
    column.push(b"four");
    assert!(rows.end_row().is_err());
}

#[test]
fn types_that_no_table_has_are_refused() {
    for of in [DataType::UInt64, DataType::LargeUtf8, DataType::Timestamp(TimeUnit::Nanosecond, None)] {
        assert_eq!(Column::new(&of).expect_err("it is none").data_type, of);
    }
}
