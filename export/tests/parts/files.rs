//! Rows to Parquet files, read back.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, ListBuilder, StringBuilder};
use arrow_array::{
    Array as _, ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use firnline_export::Workers;
use firnline_export::files::{
    ByDay, FileSet, FileSettings, MemorySink, Naming, Partitioner, Unpartitioned, WrittenFile,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::LogicalType;

fn with_id(field: Field, id: i32) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert("PARQUET:field_id".to_owned(), id.to_string());
    field.with_metadata(metadata)
}

fn naming() -> Naming {
    Naming { prefix: "table/data".to_owned(), stem: "s".to_owned() }
}

fn set<P: Partitioner>(schema: &SchemaRef, settings: FileSettings, by: P) -> (FileSet<P>, MemorySink) {
    let sink = MemorySink::default();
    let into = Arc::new(sink.clone());
    let set = FileSet::new(Arc::clone(schema), settings, naming(), by, into, Workers::Inline).expect("a set");
    (set, sink)
}

fn whole(sink: &MemorySink) -> HashMap<String, Bytes> {
    sink.take().into_iter().map(|(location, chunks)| (location, chunks.concat().into())).collect()
}

fn read(bytes: &Bytes) -> Vec<RecordBatch> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).expect("Parquet").build().expect("reads");
    reader.map(|batch| batch.expect("a batch")).collect()
}

const DAY: i64 = 86_400_000_000;

fn timed(times: &[Option<i64>]) -> (SchemaRef, RecordBatch) {
    let zone = DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, Some("UTC".into()));
    let fields = vec![
        with_id(Field::new("kafka_timestamp", zone, true), 1),
        with_id(Field::new("n", DataType::Int64, false), 2),
    ];
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let rows = i64::try_from(times.len()).expect("few");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC")),
        Arc::new(Int64Array::from_iter_values(0..rows)),
    ];
    (Arc::clone(&schema), RecordBatch::try_new(schema, columns).expect("a batch"))
}

fn by_day() -> ByDay {
    ByDay { column: 0, name: "day".to_owned() }
}

#[tokio::test]
async fn rows_go_to_the_files_of_their_days_in_order() {
    for stretch in [1, 100] {
        let days = [Some(0), Some(DAY), None, Some(0), Some(2 * DAY + 5), Some(i64::MAX)];
        let times: Vec<_> = days.into_iter().flat_map(|day| std::iter::repeat_n(day, stretch)).collect();
        let (schema, batch) = timed(&times);
        let (mut set, sink) = set(&schema, FileSettings::default(), by_day());
        set.push(batch.clone()).await.expect("written");
        set.push(batch).await.expect("written");
        assert_eq!(set.rows(), times.len() as u64 * 2);
        let written = set.finish().await.expect("finished");
        let files = whole(&sink);
        let rows: Vec<(Option<i32>, u64)> = written.iter().map(|file| (file.partition, file.rows)).collect();
        let each = stretch as u64 * 2;
        assert_eq!(rows, [(Some(0), each * 2), (Some(1), each), (None, each * 2), (Some(2), each)]);
        assert_eq!(written[0].location, "table/data/day=1970-01-01/s-00000.parquet");
        assert_eq!(written[2].location, "table/data/day=__HIVE_DEFAULT_PARTITION__/s-00002.parquet");
        for file in &written {
            let bytes = &files[&file.location];
            assert_eq!(bytes.len() as u64, file.size);
            assert_eq!(read(bytes).iter().map(RecordBatch::num_rows).sum::<usize>() as u64, file.rows);
            assert_eq!(file.split_offsets, [4]);
        }
        let numbers: Vec<i64> = read(&files[&written[0].location])
            .iter()
            .flat_map(|batch| {
                batch["n"].as_any().downcast_ref::<Int64Array>().expect("longs").values().to_vec()
            })
            .collect();
        assert!(numbers[..numbers.len() / 2].is_sorted(), "in the order in which they came");
    }
}

#[tokio::test]
async fn memory_is_bounded_whatever_comes() {
    let days: Vec<_> = (0..50).flat_map(|day| std::iter::repeat_n(Some(day * DAY), 2000)).collect();
    let (schema, batch) = timed(&days);
    let settings = FileSettings { memory: 256 << 10, max_open: 20, ..FileSettings::default() };
    let (mut set, sink) = set(&schema, settings, by_day());
    for _ in 0..3 {
        set.push(batch.clone()).await.expect("written");
        assert!(set.memory() <= 256 << 10, "{}", set.memory());
    }
    let written = set.finish().await.expect("finished");
    assert_eq!(written.iter().map(|file| file.rows).sum::<u64>(), 300_000);
    assert_eq!(written.len(), 150, "of 50 days only 20 are open at once");
    assert_eq!(whole(&sink).len(), 150);
}

#[tokio::test]
async fn files_end_at_their_target_and_row_groups_at_theirs() {
    let (schema, batch) = timed(&vec![Some(1); 10_000]);
    let settings = FileSettings { target_bytes: 20_000, row_group_rows: 4_000, ..FileSettings::default() };
    let (mut set, sink) = set(&schema, settings, Unpartitioned);
    for _ in 0..5 {
        set.push(batch.clone()).await.expect("written");
    }
    let written = set.end_files().await.expect("finished");
    assert_eq!(written.iter().map(|file| file.rows).sum::<u64>(), 50_000);
    assert!(written.iter().all(|file| file.split_offsets.len() >= 3), "{written:?}");
    set.push(batch).await.expect("rows may come behind");
    assert_eq!(set.finish().await.expect("finished").len(), 1);
    assert_eq!(whole(&sink).len(), written.len() + 1);
}

/// A file with a column of each kind that bounds are told for.
async fn measured() -> (WrittenFile<()>, Bytes) {
    let uuid = Field::new("uuid", DataType::FixedSizeBinary(16), true)
        .with_metadata([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())]);
    let element = with_id(Field::new("item", DataType::Utf8, true), 7);
    let fields = vec![
        with_id(Field::new("text", DataType::Utf8, true), 1),
        with_id(Field::new("double", DataType::Float64, true), 2),
        with_id(Field::new("decimal", DataType::Decimal128(30, 2), true), 3),
        with_id(Field::new("small", DataType::Decimal128(9, 2), true), 4),
        with_id(uuid, 5),
        with_id(Field::new("list", DataType::List(Arc::new(element.clone())), true), 6),
        with_id(Field::new("nothing", DataType::Int64, true), 8),
    ];
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let mut uuids = FixedSizeBinaryBuilder::new(16);
    uuids.append_value([9; 16]).expect("sixteen");
    uuids.append_value([1; 16]).expect("sixteen");
    uuids.append_null();
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(element);
    lists.append_value([Some("a"), None]);
    lists.append_value([Some("b"); 0]);
    lists.append_null();
    let long = "zzzzzzzzzzzzzzz\u{fc}zzz";
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![Some("aaaaaaaaaaaaaaaaaaaaaa"), Some(long), None])),
        Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(-1.5), Some(2.0)])),
        Arc::new(Decimal128Array::from(vec![1420, -5, 0]).with_precision_and_scale(30, 2).expect("fits")),
        Arc::new(
            Decimal128Array::from(vec![Some(128), None, Some(-129)])
                .with_precision_and_scale(9, 2)
                .expect("fits"),
        ),
        Arc::new(uuids.finish()),
        Arc::new(lists.finish()),
        Arc::new(Int64Array::new_null(3)),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).expect("a batch");
    let (mut set, sink) = set(&schema, FileSettings::default(), Unpartitioned);
    set.push(batch.slice(0, 1)).await.expect("written");
    set.push(batch.slice(1, 2)).await.expect("written");
    let written = set.finish().await.expect("finished").remove(0);
    let bytes = whole(&sink).remove(&written.location).expect("there");
    (written, bytes)
}

#[tokio::test]
async fn bounds_are_told_as_manifests_want_them() {
    let (written, _) = measured().await;
    let of = |id: i32| written.columns.iter().find(|column| column.field_id == id).expect("a column");
    assert_eq!(
        written.columns.iter().map(|column| column.field_id).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 7, 8]
    );
    let text = of(1);
    assert_eq!((text.values, text.nulls, text.nans), (3, Some(1), None));
    assert_eq!(text.lower.as_deref(), Some(&b"aaaaaaaaaaaaaaaa"[..]), "cut to sixteen bytes");
    assert_eq!(text.upper.as_deref(), Some(&b"zzzzzzzzzzzzzz{"[..]), "one more, on a character's border");
    let double = of(2);
    assert_eq!((double.nulls, double.nans), (Some(0), Some(1)));
    assert_eq!(double.lower.as_deref(), Some(&(-1.5_f64).to_le_bytes()[..]));
    assert_eq!(double.upper.as_deref(), Some(&2.0_f64.to_le_bytes()[..]));
    assert_eq!(
        (of(3).lower.as_deref(), of(3).upper.as_deref()),
        (Some(&[0xfb][..]), Some(&[0x05, 0x8c][..]))
    );
    assert_eq!(
        (of(4).lower.as_deref(), of(4).upper.as_deref()),
        (Some(&[0xff, 0x7f][..]), Some(&[0, 0x80][..]))
    );
    assert_eq!((of(5).lower.as_deref(), of(5).upper.as_deref()), (Some(&[1; 16][..]), Some(&[9; 16][..])));
    assert_eq!((of(7).values, of(7).lower.as_ref()), (4, None), "nothing inside of lists");
    assert_eq!((of(8).nulls, of(8).lower.as_ref(), of(8).upper.as_ref()), (Some(3), None, None));
    assert!(written.columns.iter().all(|column| column.bytes > 0));
}

#[tokio::test]
async fn types_and_ids_are_those_of_the_table_on_every_level() {
    let (_, bytes) = measured().await;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).expect("Parquet");
    let schema = reader.parquet_schema();
    let leaf = |at: usize| schema.column(at);
    assert_eq!(leaf(4).logical_type_ref(), Some(&LogicalType::Uuid));
    assert_eq!(leaf(5).path().string(), "list.list.element");
    let ids: Vec<i32> = schema.columns().iter().map(|leaf| leaf.self_type().get_basic_info().id()).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 7, 8]);
    assert_eq!(schema.root_schema().get_fields()[5].get_basic_info().id(), 6, "the list itself");
    let metadata = reader.metadata().file_metadata();
    assert!(metadata.key_value_metadata().is_none(), "no second schema");
    let rows = read(&bytes);
    assert_eq!(rows[0].num_rows(), 3);
    assert_eq!(rows[0]["list"].null_count(), 1);
}

#[tokio::test]
async fn a_set_that_was_given_up_takes_nothing_more() {
    let (schema, batch) = timed(&[Some(1)]);
    let (mut set, sink) = set(&schema, FileSettings::default(), Unpartitioned);
    set.push(batch.clone()).await.expect("written");
    set.abort().await;
    let error = set.push(batch).await.expect_err("given up");
    assert_eq!(error.code().code, "FIRN-E020");
    assert!(sink.take().is_empty());
}
