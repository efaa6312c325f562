//! What a table has, read without the exporter, and held against the logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use firnline_export::position::OFFSETS;
use firnline_export::repair::{self, Repaired};
use firnline_table::{Catalog as _, FileContent, Table, TableName, live_files};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::log::Entry;
use crate::world::{World, dead_letters, settings, table};

/// Where a row's record stands: partition, offset, epoch; and the number in it, of a row that has one.
pub(crate) type Row = (i32, i64, i32, Option<i64>);

/// The partition that rows of other engines are given in these tests.
pub(crate) const FOREIGN: i32 = 999;

/// The live data files of a table, and what their Parquet files hold.
pub(crate) async fn batches(table: &Table) -> Vec<RecordBatch> {
    let mut all = Vec::new();
    let mut paths = std::collections::BTreeSet::new();
    for live in live_files(table).await.expect("manifests that can be read") {
        let file = &live.file;
        assert_eq!(file.content, FileContent::Data, "appends have no deletes");
        assert!(paths.insert(file.path.clone()), "{} is in the table twice", file.path);
        let bytes = table.io.get(&file.path).await.expect("a live file is there");
        assert_eq!(bytes.len() as u64, file.file_size, "{}", file.path);
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(bytes).expect("Parquet").build().expect("readable");
        let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("rows")).collect();
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows as u64, file.record_count, "{}", file.path);
        all.extend(batches);
    }
    all
}

/// All rows of a table, sorted; none where there is no table.
pub(crate) async fn rows(world: &mut World, name: &TableName) -> Vec<Row> {
    let Some(table) = world.catalog().load(name).await.expect("a catalog") else { return Vec::new() };
    let mut rows = Vec::new();
    for batch in batches(&table).await {
        let int = |name: &str| batch.column_by_name(name).map(Arc::clone);
        let partitions = int("kafka_partition").expect("a partition");
        let offsets = int("kafka_offset").expect("an offset");
        let epochs = int("kafka_leader_epoch").expect("an epoch");
        let numbers = int("n");
        for row in 0..batch.num_rows() {
            let number = numbers.as_ref().map(|numbers| numbers.as_primitive::<Int64Type>());
            let epochs = epochs.as_primitive::<Int32Type>();
            rows.push((
                partitions.as_primitive::<Int32Type>().value(row),
                offsets.as_primitive::<Int64Type>().value(row),
                if epochs.is_valid(row) { epochs.value(row) } else { -1 },
                number.filter(|number| number.is_valid(row)).map(|number| number.value(row)),
            ));
        }
    }
    rows.sort_unstable();
    rows
}

/// What the logs say a table must have: rows, and dead letters.
pub(crate) fn expected(world: &World) -> (Vec<Row>, Vec<Row>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (index, partition) in world.tier.partitions.iter().enumerate() {
        let index = i32::try_from(index).expect("small");
        for Entry { offset, epoch, number, good: is_good } in partition.log.ledger() {
            if is_good {
                good.push((index, offset, epoch, Some(number)));
            } else {
                bad.push((index, offset, epoch, None));
            }
        }
    }
    (good, bad)
}

/// Whether table and dead letters are exactly what the logs say.
pub(crate) async fn compare(world: &mut World) -> Result<(), String> {
    let (good, bad) = expected(world);
    let mut found = rows(world, &table()).await;
    found.retain(|row| row.0 != FOREIGN);
    differ("the table", &good, &found)?;
    let mut found = rows(world, &dead_letters()).await;
    found.retain(|row| row.0 != FOREIGN);
    differ("the dead letters", &bad, &found)
}

fn differ(what: &str, expected: &[Row], found: &[Row]) -> Result<(), String> {
    let mut counts: BTreeMap<Row, i64> = BTreeMap::new();
    for row in expected {
        *counts.entry(*row).or_default() -= 1;
    }
    for row in found {
        *counts.entry(*row).or_default() += 1;
    }
    counts.retain(|_, count| *count != 0);
    if counts.is_empty() {
        return Ok(());
    }
    let lost = counts.values().filter(|count| **count < 0).count();
    let some: Vec<_> = counts.iter().take(12).collect();
    Err(format!(
        "{what}: {} rows expected, {} found, {lost} lost, {} too many: {some:?}",
        expected.len(),
        found.len(),
        counts.len() - lost
    ))
}

/// What the tables say of how far they have come: rows, dead letters.
pub(crate) async fn positions(world: &mut World) -> [Option<String>; 2] {
    let catalog = world.catalog();
    let mut texts = [None, None];
    for (text, name) in texts.iter_mut().zip([table(), dead_letters()]) {
        let table = catalog.load(&name).await.expect("a catalog");
        *text = table.and_then(|table| table.metadata.properties().get(OFFSETS).cloned());
    }
    texts
}

/// What an operator does when an export says that the tier was cut.
pub(crate) async fn repair(world: &mut World) -> Repaired {
    let parts = world.operator();
    repair::repair(parts, settings()).await.expect("repairs")
}
