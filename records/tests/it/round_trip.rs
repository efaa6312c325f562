//! What was encoded comes back.

use firnline_index::batch::{Compression, Marker, ProducerInfo, TimestampType, control_marker};
use firnline_index::{LeaderEpoch, ProducerId};
use firnline_records::encode::{BatchBuilder, ControlMarker, NewRecord, control_batch};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::support::{CODECS, decode, header, offset, time};

type Headers = Vec<(String, Option<Vec<u8>>)>;
type Fields = (Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>, Headers, i64);

fn fields() -> impl Strategy<Value = Fields> {
    let bytes = || option::of(vec(any::<u8>(), 0..200));
    // Year 9999 and beyond, and the largest timestamp there is.
    let timestamp =
        option::of(prop_oneof![0..2_000_000_000_000_i64, Just(253_402_300_799_999), Just(i64::MAX)]);
    (timestamp, bytes(), bytes(), vec(("[a-z]{0,8}", option::of(vec(any::<u8>(), 0..20))), 0..4), 0..3_i64)
}

proptest! {
    #[test]
    fn every_field_of_every_record_comes_back(
        records in vec(fields(), 1..30),
        base in 0..i64::MAX / 2,
        codec in 0_usize..5,
        producer in option::of((0..i64::MAX, 0..i16::MAX, 0..i32::MAX)),
        append_time: bool,
    ) {
        let timestamp_type = if append_time { TimestampType::LogAppend } else { TimestampType::Create };
        let mut builder = BatchBuilder::new(offset(base))
            .leader_epoch(LeaderEpoch::from_kafka(7))
            .compression(CODECS[codec])
            .timestamp_type(timestamp_type);
        let producer = producer.map(|(id, epoch, base_sequence)| {
            ProducerInfo { id: ProducerId::new(id).unwrap(), epoch, base_sequence }
        });
        if let Some(producer) = producer {
            builder = builder.producer(producer).transactional();
        }
        let mut offsets = Vec::new();
        for (timestamp, key, value, headers, skip) in &records {
            let at = offset(builder.next_offset().get() + skip);
            let headers: Vec<(&str, Option<&[u8]>)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
            builder.push_at(at, NewRecord {
                timestamp: timestamp.map(time),
                key: key.as_deref(),
                value: value.as_deref(),
                headers: &headers,
            }).unwrap();
            offsets.push(at);
        }
        let batch = builder.build().unwrap();

        let header = header(&batch);
        prop_assert_eq!(header.base_offset, offset(base));
        prop_assert_eq!(Some(header.last_offset), offsets.last().copied());
        prop_assert_eq!(header.leader_epoch, LeaderEpoch::from_kafka(7));
        prop_assert_eq!(header.producer, producer);
        prop_assert_eq!(header.transactional, producer.is_some());
        let latest = records.iter().filter_map(|record| record.0).max().map(time);
        prop_assert_eq!(header.max_timestamp, latest);

        let decoded = decode(&batch).unwrap();
        prop_assert_eq!(decoded.len(), records.len());
        for ((record, (timestamp, key, value, headers, _)), at) in decoded.iter().zip(&records).zip(offsets) {
            prop_assert_eq!(record.offset, at);
            prop_assert_eq!(record.timestamp_type, timestamp_type);
            prop_assert_eq!(record.timestamp, if append_time { latest } else { timestamp.map(time) });
            prop_assert_eq!(record.key.as_deref(), key.as_deref());
            prop_assert_eq!(record.value.as_deref(), value.as_deref());
            let read: Headers = record.headers.iter()
                .map(|(name, value)| (String::from_utf8(name.to_vec()).unwrap(), value.as_ref().map(|v| v.to_vec())))
                .collect();
            prop_assert_eq!(&read, headers);
        }
    }
}

#[test]
fn markers_read_as_commit_and_abort() {
    for committed in [true, false] {
        let marker = ControlMarker {
            offset: offset(99),
            leader_epoch: LeaderEpoch::from_kafka(2),
            producer: ProducerId::new(4000).unwrap(),
            producer_epoch: 5,
            coordinator_epoch: 12,
            timestamp: Some(time(1_000)),
            committed,
        };
        let batch = control_batch(&marker).unwrap();
        let header = header(&batch);
        assert!(header.control && header.transactional);
        let expected = if committed { Marker::Commit } else { Marker::Abort };
        assert_eq!(control_marker(&header, &batch).unwrap(), expected);
        let records = decode(&batch).unwrap();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].value.as_deref(), Some(&[0, 0, 0, 0, 0, 12][..]));
    }
}

#[test]
fn a_cleaned_batch_keeps_its_range_without_its_last_records() {
    let mut builder = BatchBuilder::new(offset(10)).compression(Compression::Zstd);
    builder.push_at(offset(12), NewRecord { value: Some(b"kept"), ..NewRecord::default() }).unwrap();
    builder.extend_to(offset(20)).unwrap();
    let batch = builder.build().unwrap();
    assert_eq!(header(&batch).next_offset(), offset(20));
    let records = decode(&batch).unwrap();
    assert_eq!(records.iter().map(|record| record.offset.get()).collect::<Vec<_>>(), [12]);
}

#[test]
fn a_batch_that_a_cleaner_emptied_has_no_records() {
    for codec in CODECS {
        let mut builder = BatchBuilder::new(offset(5)).compression(codec);
        builder.extend_to(offset(9)).unwrap();
        let batch = builder.build().unwrap();
        assert_eq!(header(&batch).next_offset(), offset(9));
        assert_eq!(decode(&batch).unwrap(), []);
    }
}

#[test]
fn timestamps_stay_right_where_the_base_is_a_delete_horizon() {
    let mut builder = BatchBuilder::new(offset(0)).delete_horizon(time(5_000_000));
    for timestamp in [1_000, 2_000] {
        builder.push(NewRecord { timestamp: Some(time(timestamp)), ..NewRecord::default() }).unwrap();
    }
    let batch = builder.build().unwrap();
    assert!(header(&batch).delete_horizon);
    let timestamps: Vec<_> = decode(&batch).unwrap().into_iter().map(|record| record.timestamp).collect();
    assert_eq!(timestamps, [Some(time(1_000)), Some(time(2_000))]);
}

#[test]
fn negative_timestamps_read_as_none_and_do_not_shift_the_others() {
    let mut builder = BatchBuilder::new(offset(0));
    builder.push(NewRecord::default()).unwrap();
    builder.push(NewRecord { timestamp: Some(time(500)), ..NewRecord::default() }).unwrap();
    let mut batch = builder.build().unwrap();
    let timestamps = |batch: &[u8]| -> Vec<_> {
        decode(batch).unwrap().into_iter().map(|record| record.timestamp.map(|t| t.get())).collect()
    };
    assert_eq!(timestamps(&batch), [None, Some(500)]);
    // A client that does not refuse negative times: base −300, so the records stand at −300 and 201.
    batch[27..35].copy_from_slice(&(-300_i64).to_be_bytes());
    let crc = firnline_index::Crc32c::of(&batch[21..]).get();
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(timestamps(&batch), [None, Some(201)]);
}

/// Found by the property test above: the distance between the two does not fit in 64 bits.
#[test]
fn no_timestamp_and_the_largest_one_stand_in_one_batch() {
    let mut builder = BatchBuilder::new(offset(0));
    builder.push(NewRecord::default()).unwrap();
    builder.push(NewRecord { timestamp: Some(time(i64::MAX)), ..NewRecord::default() }).unwrap();
    let timestamps: Vec<_> = decode(&builder.build().unwrap()).unwrap().iter().map(|r| r.timestamp).collect();
    assert_eq!(timestamps, [None, Some(time(i64::MAX))]);
}

#[test]
fn a_batch_may_hold_one_record_of_many_megabytes() {
    let value: Vec<u8> = (0..9_u32 << 20).map(|i| (i % 251) as u8).collect();
    for codec in CODECS {
        let mut builder = BatchBuilder::new(offset(0)).compression(codec);
        builder.push(NewRecord { value: Some(&value), ..NewRecord::default() }).unwrap();
        let batch = builder.build().unwrap();
        assert_eq!(decode(&batch).unwrap()[0].value.as_deref(), Some(&value[..]), "{codec:?}");
    }
}
