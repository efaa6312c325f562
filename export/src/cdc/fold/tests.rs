use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::{Int32Array, Int64Array, PrimitiveArray, StringArray};
use arrow_schema::{DataType, Field, Schema};
use proptest::prelude::*;

use super::*;
use crate::cdc::flatten::LeftKeys;

/// A change: partition, offset, kind, key, value.
type Change = (i32, i64, Op, i64, i64);

fn given(changes: &[Change]) -> (RecordBatch, Vec<i32>, Vec<i64>, Changes) {
    let schema = Schema::new(vec![
        Field::new("kafka_partition", DataType::Int32, false),
        Field::new("id", DataType::Int64, true),
        Field::new("value", DataType::Int64, true),
    ]);
    let partitions: Vec<_> = changes.iter().map(|change| change.0).collect();
    let offsets: Vec<_> = changes.iter().map(|change| change.1).collect();
    let ids = Int64Array::from(changes.iter().map(|change| change.3).collect::<Vec<_>>());
    let values = Int64Array::from(changes.iter().map(|change| change.4).collect::<Vec<_>>());
    let batch = RecordBatch::try_new(
        Arc::new(schema),
        vec![Arc::new(Int32Array::from(partitions.clone())), Arc::new(ids), Arc::new(values)],
    )
    .unwrap();
    let letters: Vec<_> = changes.iter().map(|change| change.2.letter()).collect();
    let ts: PrimitiveArray<TimestampMicrosecondType> = changes.iter().map(|change| Some(change.1)).collect();
    let made = Changes {
        columns: vec![Arc::new(StringArray::from(letters)), Arc::new(ts.with_timezone("UTC"))],
        from: (0..changes.len()).collect(),
        ops: changes.iter().map(|change| change.2).collect(),
        left_keys: None,
        unavailable: None,
        refused: Vec::new(),
        tombstones: 0,
    };
    (batch, partitions, offsets, made)
}

fn push(fold: &mut Fold, changes: &[Change]) -> Result<(), CdcError> {
    let (batch, partitions, offsets, made) = given(changes);
    fold.push(&batch, &partitions, &offsets, &made, &|at| format!("column {at}"))
}

fn fold(partitions: usize, truncate: Truncate) -> Fold {
    Fold::new(vec![1], truncate, partitions)
}

fn rows(folded: &Folded) -> BTreeMap<i64, i64> {
    let mut rows = BTreeMap::new();
    for batch in &folded.rows {
        let (ids, values) = (batch.column(1), batch.column(2));
        for row in 0..batch.num_rows() {
            let id = ids.as_primitive::<Int64Type>().value(row);
            let before = rows.insert(id, values.as_primitive::<Int64Type>().value(row));
            assert_eq!(before, None, "a key stands once");
        }
    }
    rows
}

fn deletes(folded: &Folded) -> Vec<i64> {
    let mut ids: Vec<i64> = folded
        .deletes
        .iter()
        .flat_map(|columns| columns[0].as_primitive::<Int64Type>().values().to_vec())
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn the_last_change_of_a_key_counts_and_all_touched_keys_are_deleted() {
    let mut fold = fold(1, Truncate::Stop);
    push(&mut fold, &[(0, 1, Op::Create, 1, 10), (0, 2, Op::Create, 2, 20), (0, 3, Op::Update, 1, 11)])
        .unwrap();
    push(&mut fold, &[(0, 4, Op::Delete, 2, 0), (0, 5, Op::Create, 3, 30)]).unwrap();
    let folded = fold.finish(false).unwrap();
    assert_eq!(rows(&folded), BTreeMap::from([(1, 11), (3, 30)]));
    assert_eq!(deletes(&folded), [1, 2, 3]);
}

#[test]
fn a_table_without_rows_needs_no_deletes() {
    let mut fold = fold(1, Truncate::Stop);
    push(&mut fold, &[(0, 1, Op::Read, 1, 10)]).unwrap();
    let folded = fold.finish(true).unwrap();
    assert!(folded.deletes.is_empty() && folded.rows.len() == 1);
}

#[test]
fn a_key_that_moved_between_partitions_keeps_its_later_change() {
    let mut fold = fold(2, Truncate::Stop);
    push(&mut fold, &[(1, 50, Op::Update, 1, 11), (0, 20, Op::Create, 1, 10)]).unwrap();
    assert_eq!(rows(&fold.finish(false).unwrap()), BTreeMap::from([(1, 11)]));
}

#[test]
fn a_changed_key_deletes_the_old_one() {
    let mut fold = fold(1, Truncate::Stop);
    let (batch, partitions, offsets, mut made) = given(&[(0, 1, Op::Update, 2, 10)]);
    let old: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    made.left_keys = Some(LeftKeys { columns: vec![old], left: vec![true] });
    fold.push(&batch, &partitions, &offsets, &made, &|_| String::new()).unwrap();
    let folded = fold.finish(false).unwrap();
    assert_eq!((rows(&folded), deletes(&folded)), (BTreeMap::from([(2, 10)]), vec![1, 2]));
}

#[test]
fn a_truncation_stops_or_empties_as_told() {
    let log = [(0, 1, Op::Create, 1, 10), (0, 2, Op::Truncate, 0, 0), (0, 3, Op::Create, 2, 20)];
    let mut stopping = fold(1, Truncate::Stop);
    let error = push(&mut stopping, &log).unwrap_err();
    assert!(matches!(error, CdcError::Truncated { partition: 0, offset: 2 }));
    assert!(stopping.is_empty(), "nothing of the batch was added");

    let mut emptying = fold(1, Truncate::DeleteAll);
    push(&mut emptying, &log).unwrap();
    let folded = emptying.finish(false).unwrap();
    assert!(folded.truncated && folded.deletes.is_empty());
    assert_eq!(rows(&folded), BTreeMap::from([(2, 20)]));

    let error = push(&mut fold(3, Truncate::DeleteAll), &log).unwrap_err();
    assert!(matches!(error, CdcError::TruncatedOverPartitions { partitions: 3, .. }));
}

#[test]
fn a_value_that_was_not_given_stops_with_the_cure() {
    let mut fold = fold(1, Truncate::Stop);
    let (batch, partitions, offsets, mut made) = given(&[(0, 7, Op::Update, 2, 10)]);
    made.unavailable = Some((0, 2));
    let error = fold.push(&batch, &partitions, &offsets, &made, &|at| format!("column {at}")).unwrap_err();
    assert_eq!(error.word(), "cdc_unavailable_value");
    assert!(error.to_string().contains("offset 7: column `column 2`"), "{error}");
    assert!(error.to_string().contains("REPLICA IDENTITY FULL"));
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![Just(Op::Create), Just(Op::Update), Just(Op::Delete), Just(Op::Message), Just(Op::Truncate)]
}

proptest! {
    /// Commits of any size leave the same table as applying each change by itself.
    #[test]
    fn commits_leave_what_the_changes_left(
        log in proptest::collection::vec((op(), 0_i64..6, any::<i64>()), 0..60),
        cuts in proptest::collection::vec(1_usize..12, 1..12),
    ) {
        let mut expected = BTreeMap::new();
        let mut table: BTreeMap<i64, i64> = BTreeMap::new();
        let changes: Vec<Change> = log
            .into_iter()
            .zip(0_i64..)
            .map(|((op, key, value), offset)| {
                match op {
                    Op::Delete => { expected.remove(&key); }
                    Op::Message => {}
                    Op::Truncate => expected.clear(),
                    _ => { expected.insert(key, value); }
                }
                (0, offset, op, key, value)
            })
            .collect();
        let mut left = &changes[..];
        for cut in cuts.iter().cycle() {
            if left.is_empty() {
                break;
            }
            let (commit, rest) = left.split_at((*cut).min(left.len()));
            left = rest;
            let mut fold = fold(1, Truncate::DeleteAll);
            for batch in commit.chunks(3) {
                push(&mut fold, batch).unwrap();
            }
            let folded = fold.finish(table.is_empty()).unwrap();
            if folded.truncated {
                table.clear();
            }
            for key in deletes(&folded) {
                table.remove(&key);
            }
            for (key, value) in rows(&folded) {
                prop_assert_eq!(table.insert(key, value), None, "a row that nothing has deleted");
            }
        }
        prop_assert_eq!(table, expected);
    }
}

#[test]
fn rows_that_were_replaced_are_let_go() {
    let mut fold = fold(1, Truncate::Stop);
    let mut offset = 0;
    for _ in 0..40 {
        let batch: Vec<Change> = (0..8192)
            .map(|at| {
                offset += 1;
                (0, offset, Op::Update, at % 10, offset)
            })
            .collect();
        push(&mut fold, &batch).unwrap();
    }
    assert!(fold.rows < 3 * MIN_DEAD_ROWS, "{} rows are held for ten keys", fold.rows);
    let folded = fold.finish(false).unwrap();
    assert_eq!(rows(&folded).len(), 10);
    assert!(rows(&folded).values().all(|value| *value > offset - 8192));
}
