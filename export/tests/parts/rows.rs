//! Records to rows, without schemas.

use firnline_export::rows::{Headers, Part, RowSettings, dead_letter_schema};
use firnline_index::batch::{Compression, TimestampType};
use firnline_records::encode::{LegacyMagic, MessageSet, NewRecord, message_set};

use crate::custom::{
    Made, add, add_broken, add_numbered, add_packed, blobs, encode, encode_between, end, ints, longs,
    offsets, push, sorted, texts,
};
use crate::log::{Log, at, ms};
use crate::tier::TestTier;
use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::TimestampMicrosecondType;

#[tokio::test]
async fn null_is_not_empty_anywhere() {
    let mut log = Log::from(0);
    add(&mut log, &[Made::default(), Made { time: Some(0), key: Some(b""), value: Some(b""), headers: &[] }]);
    let headers: [(&str, Option<&[u8]>); 3] = [("a", Some(b"1")), ("a", None), ("", Some(b""))];
    add(&mut log, &[Made { time: Some(7), key: Some(b"k"), value: Some(b"v"), headers: &headers }]);
    let tier = TestTier::of(&log, &[]);
    let all = encode(&tier, &RowSettings::default()).await;
    let [encoded] = &all[..] else { panic!("{all:?}") };
    let rows = encoded.rows.as_ref().expect("rows");
    assert_eq!(offsets(rows), [0, 1, 2]);
    assert_eq!(blobs(rows, "kafka_key"), [None, Some(vec![]), Some(b"k".to_vec())]);
    assert_eq!(blobs(rows, "kafka_value"), [None, Some(vec![]), Some(b"v".to_vec())]);
    let times = rows.column_by_name("kafka_timestamp").expect("a column");
    let times: Vec<_> = times.as_primitive::<TimestampMicrosecondType>().iter().collect();
    assert_eq!(times, [None, Some(0), Some(7_000)]);
    let headers = rows.column_by_name("kafka_headers").expect("a column").as_list::<i32>();
    assert_eq!((headers.null_count(), headers.value_length(0), headers.value_length(2)), (0, 0, 3));
    let last = headers.value(2);
    assert_eq!(
        last.as_struct().column(0).as_string::<i32>().iter().collect::<Vec<_>>(),
        [Some("a"), Some("a"), Some("")]
    );
    assert_eq!(last.as_struct().column(1).null_count(), 1);
    assert_eq!((encoded.stats.rows, encoded.stats.tombstones), (3, 1));
    assert_eq!(encoded.covered, [(crate::tier::tip().partition, range(0, 3))]);
}

fn range(start: i64, end: i64) -> firnline_index::OffsetRange {
    firnline_index::OffsetRange::new(at(start), at(end)).expect("forward")
}

#[tokio::test]
async fn producers_epochs_and_sequences_come_from_the_batch() {
    let mut log = Log::from(0);
    add_numbered(&mut log, 9, i32::MAX - 1, &[Made::value(b"a"), Made::value(b"b"), Made::value(b"c")]);
    add(&mut log, &[Made::value(b"d")]);
    let tier = TestTier::of(&log, &[]);
    let all = encode(&tier, &RowSettings::default()).await;
    let rows = all[0].rows.as_ref().expect("rows");
    assert_eq!(longs(rows, "kafka_producer_id"), [Some(9), Some(9), Some(9), None]);
    assert_eq!(ints(rows, "kafka_producer_epoch"), [Some(3), Some(3), Some(3), None]);
    let around = [Some(i32::MAX - 1), Some(i32::MAX), Some(0), None];
    assert_eq!(ints(rows, "kafka_sequence"), around, "behind the largest comes 0, as in Kafka");
    assert_eq!(ints(rows, "kafka_leader_epoch"), [None, None, None, Some(0)]);
    assert_eq!(ints(rows, "kafka_timestamp_type"), [Some(0); 4]);
    assert_eq!(ints(rows, "kafka_partition"), [Some(3); 4]);
}

#[tokio::test]
async fn old_formats_have_no_more_than_they_had() {
    let mut log = Log::from(0);
    let record = |value: &'static [u8]| NewRecord {
        timestamp: Some(ms(5)),
        key: None,
        value: Some(value),
        headers: &[],
    };
    let records = [record(b"a"), record(b"b")];
    for (magic, compression) in [
        (LegacyMagic::Zero, Compression::None),
        (LegacyMagic::Zero, Compression::Gzip),
        (LegacyMagic::One, Compression::None),
        (LegacyMagic::One, Compression::Snappy),
    ] {
        // A plain message is a batch of its own; compressed ones stand in one together.
        let together = if compression == Compression::None { 1 } else { 2 };
        for records in records.chunks(together) {
            let base_offset = log.end();
            let set = MessageSet { magic, compression, base_offset, timestamp_type: TimestampType::Create };
            push(&mut log, message_set(&set, records).expect("builds"), together);
        }
    }
    let tier = TestTier::of(&log, &[]);
    let all = encode(&tier, &RowSettings::default()).await;
    let rows = all[0].rows.as_ref().expect("rows");
    assert_eq!(offsets(rows), [0, 1, 2, 3, 4, 5, 6, 7]);
    let old = [None; 4].into_iter().chain([Some(0); 4]).collect::<Vec<_>>();
    assert_eq!(ints(rows, "kafka_timestamp_type"), old, "magic 0 has no timestamps");
    assert_eq!(ints(rows, "kafka_leader_epoch"), [None; 8]);
}

#[tokio::test]
async fn only_records_of_the_range_become_rows() {
    let mut log = Log::from(0);
    log.data(10, 100).data(10, 100);
    let tier = TestTier::of(&log, &[]);
    for (from, until) in [(0, 20), (3, 17), (9, 11), (5, 6), (10, 10)] {
        let all = encode_between(&tier, &RowSettings::default(), from, until).await;
        assert_eq!(sorted(&all).0, (from..until).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_batch_that_cannot_be_unpacked_is_one_dead_letter() {
    let mut log = Log::from(0);
    add(&mut log, &[Made::value(b"a")]);
    add_broken(&mut log);
    add(&mut log, &[Made::value(b"b")]);
    let tier = TestTier::of(&log, &[]);
    let all = encode(&tier, &RowSettings::default()).await;
    let (rows, dead) = sorted(&all);
    let [offset] = dead[..] else { panic!("{dead:?}") };
    assert!((1..11).contains(&offset), "{offset}");
    let expected: Vec<i64> = (0..offset).chain([11]).collect();
    assert_eq!(rows, expected, "what could be read before it, and the neighbours");
    let letters = all[0].dead.as_ref().expect("dead letters");
    assert_eq!(letters.schema(), dead_letter_schema());
    assert_eq!(blobs(letters, "kafka_value"), [Some(log.batches[1].bytes.to_vec())]);
    assert_eq!(texts(letters, "dlq_reason"), [Some("undecodable_batch".to_owned())]);
    let behind = encode_between(&tier, &RowSettings::default(), offset + 1, end(&log)).await;
    assert_eq!(sorted(&behind), (vec![11], vec![]), "it is told once");
}

#[tokio::test]
async fn what_is_no_text_is_a_dead_letter_and_costs_itself_alone() {
    let mut log = Log::from(0);
    let values: [&[u8]; 3] = ["f\u{fc}nf".as_bytes(), &[0xff, 0xfe], b"sechs"];
    add(&mut log, &values.map(Made::value));
    let tier = TestTier::of(&log, &[]);
    let settings = RowSettings { key: Part::None, value: Part::String, ..RowSettings::default() };
    let all = encode(&tier, &settings).await;
    let rows = all[0].rows.as_ref().expect("rows");
    assert!(rows.column_by_name("kafka_key").is_none());
    assert_eq!(texts(rows, "kafka_value"), [Some("f\u{fc}nf".to_owned()), Some("sechs".to_owned())]);
    let dead = all[0].dead.as_ref().expect("dead letters");
    assert_eq!(offsets(dead), [1]);
    assert_eq!(texts(dead, "dlq_field"), [Some("kafka_value".to_owned())]);
    assert_eq!(all[0].stats.dead.get("invalid_utf8"), Some(&1));
}

#[tokio::test]
async fn headers_are_left_out_where_nobody_wants_them() {
    let mut log = Log::from(0);
    add(&mut log, &[Made { headers: &[("h", None)], ..Made::value(b"v") }]);
    let tier = TestTier::of(&log, &[]);
    let settings = RowSettings { headers: Headers::None, ..RowSettings::default() };
    let all = encode(&tier, &settings).await;
    assert!(all[0].rows.as_ref().expect("rows").column_by_name("kafka_headers").is_none());
    assert_eq!(all[0].stats.header_bytes, 1);
}

#[tokio::test]
async fn rows_come_in_portions() {
    let mut log = Log::from(0);
    for compression in [Compression::None, Compression::Lz4, Compression::Snappy, Compression::Zstd] {
        let value = vec![1; 1000];
        add_packed(&mut log, compression, &[Made::value(&value); 50]);
    }
    let tier = TestTier::of(&log, &[]);
    let by_rows = RowSettings { max_rows: 7, ..RowSettings::default() };
    let all = encode(&tier, &by_rows).await;
    assert_eq!(all.len(), 200_usize.div_ceil(7));
    assert_eq!(sorted(&all).0, (0..200).collect::<Vec<_>>());
    let by_bytes = RowSettings { max_bytes: 20_000, ..RowSettings::default() };
    let all = encode(&tier, &by_bytes).await;
    assert!((10..=12).contains(&all.len()), "{}", all.len());
    assert_eq!(sorted(&all).0, (0..200).collect::<Vec<_>>());
}
