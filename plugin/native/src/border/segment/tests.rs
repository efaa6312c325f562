use super::*;
use crate::engine::CustomMetadata;
use proptest::prelude::*;

/// As the shell writes them.
fn encode(segment: &Segment) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend(segment.tip.topic_id.as_bytes());
    out.extend(segment.uuid.as_bytes());
    out.extend(segment.tip.partition.get().to_be_bytes());
    out.extend(segment.range.start().get().to_be_bytes());
    out.extend((segment.range.end().get() - 1).to_be_bytes());
    out.extend(i32::try_from(segment.size).unwrap().to_be_bytes());
    out.extend(segment.max_timestamp.map_or(-1, TimestampMs::get).to_be_bytes());
    out.extend(segment.broker.to_be_bytes());
    out.extend(i32::try_from(segment.epochs.len()).unwrap().to_be_bytes());
    for start in &segment.epochs {
        out.extend(start.epoch.get().to_be_bytes());
        out.extend(start.start.get().to_be_bytes());
    }
    let topic = segment.tip.topic.as_str();
    out.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
    out.extend(topic.as_bytes());
    match &segment.custom {
        None => out.extend(NONE.to_be_bytes()),
        Some(custom) => {
            out.extend(u16::try_from(custom.len()).unwrap().to_be_bytes());
            out.extend(custom);
        }
    }
    out
}

fn start(epoch: i32, start: i64) -> EpochStart {
    EpochStart { epoch: LeaderEpoch::new(epoch).unwrap(), start: Offset::new(start).unwrap() }
}

/// One with everything in it.
fn example() -> Segment {
    let ids = |first: u8| std::array::from_fn(|at| first + u8::try_from(at).unwrap());
    Segment {
        tip: TopicIdPartition {
            topic: TopicName::new("orders.eu").unwrap(),
            topic_id: TopicId::from_bytes(ids(0x10)),
            partition: PartitionIndex::new(3).unwrap(),
        },
        uuid: SegmentUuid::from_bytes(ids(0x30)),
        range: OffsetRange::new(Offset::new(170_045).unwrap(), Offset::new(180_000).unwrap()).unwrap(),
        size: 1_048_576,
        max_timestamp: TimestampMs::from_kafka(1_700_000_000_123),
        broker: 2,
        epochs: vec![start(4, 170_000), start(12, 175_000)],
        custom: Some((0..24).collect()),
    }
}

/// Jar and library must agree on these bytes; the shell has the same file in its tests.
#[test]
fn golden_bytes() {
    let text = include_str!("../../../../src/test/resources/segment-v1.hex");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let golden: Vec<Vec<u8>> = lines.map(|line| line.as_bytes().chunks(2).map(pair).collect()).collect();
    let [alone, copied, greatest, foreign] = &golden[..] else { panic!("{} lines", golden.len()) };
    let decoded = |bytes: &[u8]| {
        let segment = decode_segment(bytes).unwrap();
        assert_eq!(encode(&segment), bytes);
        segment
    };
    let hex = |text: &str| std::array::from_fn(|at| pair(&text.as_bytes()[2 * at..2 * at + 2]));
    let range =
        |first, next| OffsetRange::new(Offset::new(first).unwrap(), Offset::new(next).unwrap()).unwrap();
    let orders = Segment {
        tip: TopicIdPartition {
            topic: TopicName::new("orders").unwrap(),
            topic_id: TopicId::from_bytes(hex("0123456789abcdef1122334455667788")),
            partition: PartitionIndex::new(3).unwrap(),
        },
        uuid: SegmentUuid::from_bytes(hex("fedcba98765432100f1e2d3c4b5a6978")),
        range: range(1000, 2000),
        size: 1_000_000,
        max_timestamp: TimestampMs::from_kafka(1_700_000_000_123),
        broker: 5,
        epochs: vec![start(4, 900)],
        custom: None,
    };
    assert_eq!(decoded(alone), orders);
    let copied = decoded(copied);
    assert_eq!(copied.epochs, [start(4, 900), start(5, 1200), start(7, 1500)]);
    let known = CustomMetadata::decode(copied.custom.as_deref().unwrap()).expect("it is ours");
    assert_eq!((known.length.get(), known.tail_position.get()), (1_000_500, 1_000_000));
    let greatest = decoded(greatest);
    assert_eq!((greatest.range, greatest.tip.partition.get()), (range(0, i64::MAX), i32::MAX));
    assert_eq!((greatest.size, greatest.custom), (0x7fff_ffff, Some(Vec::new())));
    let foreign = decoded(foreign);
    assert_eq!((foreign.range, foreign.epochs), (range(5, 6), vec![start(i32::MAX, 5)]));
    assert!(CustomMetadata::decode(&foreign.custom.unwrap()).is_none());
}

#[test]
fn cut_off_at_any_length_is_refused() {
    let good = encode(&example());
    for length in 0..good.len() {
        assert!(decode_segment(&good[..length]).is_err(), "{length}");
    }
    assert_eq!(decode_segment(&[&good[..], &[0]].concat()), Err(SegmentError::Trailing(1)));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = encode(&example());
        change(&mut bytes);
        decode_segment(&bytes).unwrap_err().to_string()
    };
    assert!(refused(&|bytes| bytes[0] = 2).contains("version 2"));
    assert!(refused(&|bytes| bytes[33] = 0xff).contains("the partition"));
    assert!(refused(&|bytes| bytes[37] = 0xff).contains("the start offset"));
    assert!(refused(&|bytes| bytes[45] = 0xff).contains("the end offset"));
    assert!(refused(&|bytes| bytes[45..53].copy_from_slice(&i64::MAX.to_be_bytes())).contains("the end"));
    assert!(refused(&|bytes| bytes[45..53].copy_from_slice(&7_i64.to_be_bytes())).contains("range"));
    assert!(refused(&|bytes| bytes[53] = 0xff).contains("the size"));
    assert!(refused(&|bytes| bytes[69] = 0xff).contains("number of leader epochs"));
    assert!(refused(&|bytes| bytes[70] = 0xff).contains("16711682 leader epochs, at most 1024"));
    assert!(refused(&|bytes| bytes[76] = 90).contains("rising order"));
    assert!(refused(&|bytes| bytes[97..99].fill(0xff)).contains("the topic"));
    assert!(refused(&|bytes| bytes[99] = b'/').contains("the topic"));
    assert!(refused(&|bytes| bytes[99] = 0xff).contains("not UTF-8"));
    assert!(refused(&|bytes| bytes.resize(MAX_SEGMENT_LEN + 1, 0)).contains("bytes"));
}

fn segments() -> impl Strategy<Value = Segment> {
    let epochs = proptest::collection::btree_map(0_i32.., 0_i64..1_000_000, 0..20);
    (
        any::<([u8; 16], [u8; 16])>(),
        (0_i32.., 0_i64..1 << 60, 1_i64..1 << 30, 0_u32..=i32::MAX.unsigned_abs()),
        (-1_i64.., any::<i32>()),
        epochs,
        "[a-zA-Z0-9_-]{1,249}",
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300)),
    )
        .prop_map(|(ids, (partition, first, count, size), (time, broker), epochs, topic, custom)| {
            let mut starts: Vec<_> = epochs.values().copied().collect();
            starts.sort_unstable();
            let epochs = epochs.keys().zip(starts).map(|(epoch, at)| start(*epoch, at)).collect();
            let offset = |at| Offset::new(at).unwrap();
            Segment {
                tip: TopicIdPartition {
                    topic: TopicName::new(&topic).unwrap(),
                    topic_id: TopicId::from_bytes(ids.0),
                    partition: PartitionIndex::new(partition).unwrap(),
                },
                uuid: SegmentUuid::from_bytes(ids.1),
                range: OffsetRange::new(offset(first), offset(first + count)).unwrap(),
                size,
                max_timestamp: TimestampMs::from_kafka(time),
                broker,
                epochs,
                custom,
            }
        })
}

proptest! {
    #[test]
    fn any_segment_comes_back(segment in segments()) {
        let bytes = encode(&segment);
        match decode_segment(&bytes) {
            Ok(found) => prop_assert_eq!(found, segment),
            // Epochs that rise with starts that do not are no lineage.
            Err(error) => prop_assert_eq!(error.to_string().contains("rising order"), true),
        }
    }

    #[test]
    fn any_bytes_are_a_segment_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(segment) = decode_segment(&bytes) {
            // Timestamps below zero all mean that there is none.
            if segment.max_timestamp.is_some() {
                prop_assert_eq!(encode(&segment), bytes);
            }
        }
    }
}
