//! Records that Debezium 3.6.1 wrote for a PostgreSQL 15, byte for byte.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array as _, ArrayRef, BinaryArray, RecordBatch};
use serde_json::Value;

use super::*;
use crate::cdc::flatten::{Changes, Decoded};
use crate::cdc::plan::ChangePlan;
use crate::cdc::settings::{CdcSettings, CdcTable};

fn changes(topic: &str, table: CdcTable) -> (ChangePlan, Changes) {
    let records: Vec<Value> = include_str!("../testdata/debezium-3.6.1.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|record: &Value| record["topic"] == topic)
        .collect();
    let column = |name: &str| -> ArrayRef {
        Arc::new(BinaryArray::from_iter(
            records.iter().map(|record| record[name].as_str().map(str::as_bytes)),
        ))
    };
    let batch =
        RecordBatch::try_from_iter([("kafka_key", column("key")), ("kafka_value", column("value"))]).unwrap();
    let (runs, refused) = Inline::default().runs(&batch).unwrap();
    assert_eq!(refused, []);
    let [run] = &runs[..] else { panic!("one schema, one run: {}", runs.len()) };
    let (key, value) = (run.key.as_ref().unwrap(), run.value.as_ref().unwrap());
    assert_eq!(value.schema.left_out, Vec::<String>::new());
    let settings = CdcSettings { table, ..CdcSettings::default() };
    let plan = ChangePlan::new(
        (value.fields(), &value.schema.names),
        Some((key.fields(), &key.schema.names)),
        &settings,
    )
    .unwrap();
    let decoded = Decoded {
        rows: run.rows.len(),
        value: &value.columns,
        has_value: value.has.as_ref(),
        key: Some(&key.columns),
    };
    let changes = plan.flatten(&decoded).unwrap();
    assert_eq!(changes.refused, []);
    (plan, changes)
}

fn column<'a>(plan: &ChangePlan, changes: &'a Changes, name: &str) -> &'a ArrayRef {
    let at = plan.fields().iter().position(|field| field.name() == name);
    &changes.columns[at.unwrap_or_else(|| panic!("no {name}"))]
}

#[test]
fn envelopes_become_rows_with_the_sources_types() {
    let (plan, changes) = changes("shop.public.customers", CdcTable::Current);
    let ops: Vec<_> = changes.ops.iter().map(|op| op.letter()).collect();
    assert_eq!(ops, ["r", "r", "d", "c"]);
    assert_eq!(changes.tombstones, 2);
    assert_eq!(plan.keys().iter().map(|at| plan.fields()[*at].name().as_str()).collect::<Vec<_>>(), ["id"]);
    let ids = column(&plan, &changes, "id").as_primitive::<Int64Type>();
    assert_eq!(ids.values(), &[30, 100, 40, 540], "a key that changes is deleted and made");
    assert_eq!(column(&plan, &changes, "balance").as_primitive::<Decimal128Type>().value(0), 3750);
    assert_eq!(column(&plan, &changes, "balance").data_type().to_string(), "Decimal128(12, 2)");
    assert_eq!(column(&plan, &changes, "born").as_primitive::<Date32Type>().value(0), 23);
    let at = column(&plan, &changes, "at").as_primitive::<TimestampMicrosecondType>();
    assert_eq!((at.value(0), at.timezone()), (1_767_333_600_123_456, Some("UTC")));
    let wall = column(&plan, &changes, "wall").as_primitive::<TimestampMicrosecondType>();
    assert_eq!((wall.value(0), wall.timezone()), (2_591_999_500_000, None));
    assert_eq!(column(&plan, &changes, "free").as_string::<i32>().value(0), "0.03");
    assert_eq!(column(&plan, &changes, "tags").as_list::<i32>().value(0).as_string::<i32>().value(2), "t30");
    assert!(column(&plan, &changes, "name").is_null(2), "not in the row before the delete");
    assert_eq!(column(&plan, &changes, "cdc_source_table").as_string::<i32>().value(0), "customers");
    assert!(column(&plan, &changes, "cdc_source_lsn").is_valid(0));
    assert!(
        column(&plan, &changes, "cdc_ts").is_valid(0) && column(&plan, &changes, "cdc_source_ts").is_valid(0)
    );
}

#[test]
fn unwrapped_records_become_the_same() {
    let (plan, changes) = changes("flat.public.customers", CdcTable::Current);
    let ops: Vec<_> = changes.ops.iter().map(|op| op.letter()).collect();
    assert_eq!((ops, changes.tombstones), (vec!["r", "d"], 1));
    assert_eq!(column(&plan, &changes, "id").as_primitive::<Int64Type>().values(), &[30, 40]);
    assert_eq!(column(&plan, &changes, "balance").as_primitive::<Decimal128Type>().value(0), 3750);
    assert!(column(&plan, &changes, "cdc_source_lsn").is_valid(0));
    assert!(plan.fields().iter().all(|field| !field.name().starts_with("__")));
}
