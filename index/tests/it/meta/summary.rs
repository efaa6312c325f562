//! Summaries: small, faithful, and refused where they are not whole.

use firnline_index::summary::*;
use firnline_index::*;
use proptest::prelude::*;

use super::samples::*;

/// A summary of `count` partitions as a large cluster has them.
fn of_size(count: u64) -> NodeSummary {
    let partitions = (0..count).map(|n| {
        let (topic, number) = (n / 50, i32::try_from(n % 50).unwrap());
        // Offsets and sizes that nothing makes alike.
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let end = offset(1_000_000_000 + mixed % 1_000_000_000);
        PartitionSummary {
            tier: Some(TierMarks {
                generation: 10_000 + mixed % 5_000,
                tier_start: offset(mixed % 1_000_000),
                serving_start: offset(mixed % 1_000_000 + mixed % 7),
                tier_end: end,
            }),
            held_end: end.checked_add(mixed % 4_096),
            high_watermark: end.checked_add(mixed % 4_000),
            pinned_bytes: ByteCount::new(mixed % (1 << 30)),
            sole_link_bytes: ByteCount::new(mixed % (1 << 20)),
            ..partition_summary(topic, number)
        }
    });
    NodeSummary { partitions: partitions.collect(), ..summary() }
}

#[test]
fn ten_thousand_partitions_stay_well_below_a_mebibyte() {
    let summary = of_size(10_000);
    let bytes = summary.encode().unwrap();
    assert!(bytes.len() < 400 << 10, "{} bytes", bytes.len());
    assert_eq!(NodeSummary::decode(&bytes).unwrap(), summary);
}

#[test]
fn any_flipped_bit_and_any_cut_is_refused() {
    let bytes = summary().encode().unwrap();
    for at in 0..bytes.len() {
        assert!(NodeSummary::decode(&bytes[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << bit;
            assert!(NodeSummary::decode(&bad).is_err(), "byte {at} bit {bit}");
        }
    }
    assert!(NodeSummary::decode(&[&bytes[..], b"\n"].concat()).is_err(), "trailing byte");
    assert!(NodeSummary::decode(&vec![0; MAX_SUMMARY_BYTES + 1]).is_err());
}

/// An object around `raw`, with everything fitting.
fn sealed(raw: &[u8], stated: u32) -> Vec<u8> {
    let body = zstd::bulk::compress(raw, 3).unwrap();
    let mut out = b"FIRNLSUM".to_vec();
    out.extend(FORMAT_VERSION.to_le_bytes());
    out.extend([0, 0]);
    out.extend(stated.to_le_bytes());
    out.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    let crc = Crc32c::of(&[&out[..], &body].concat());
    out.extend(crc.get().to_le_bytes());
    out.extend(body);
    out
}

fn raw_of(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::decompress(&bytes[24..], MAX_SUMMARY_RAW).unwrap()
}

#[test]
fn sections_of_a_newer_build_are_passed_over_and_missing_facts_are_none() {
    let mut raw = raw_of(&summary().encode().unwrap());
    raw.extend([99, 3, 1, 2, 3]);
    let read = NodeSummary::decode(&sealed(&raw, u32::try_from(raw.len()).unwrap())).unwrap();
    assert_eq!(read, summary());
    // Sections 1 to 7 alone: walk to where 8 begins.
    let mut at = 0;
    while raw[at] < 8 {
        at += 2 + usize::from(raw[at + 1]);
    }
    let read = NodeSummary::decode(&sealed(&raw[..at], u32::try_from(at).unwrap())).unwrap();
    assert_eq!(read.partitions[0].tier, summary().partitions[0].tier);
    assert_eq!((read.partitions[0].held_end, read.partitions[0].waiting), (None, None));
}

#[test]
fn lengths_that_lie_are_refused() {
    let raw = raw_of(&summary().encode().unwrap());
    let length = u32::try_from(raw.len()).unwrap();
    for stated in [0, length - 1, length + 1, u32::MAX] {
        assert!(NodeSummary::decode(&sealed(&raw, stated)).is_err(), "{stated}");
    }
    // A frame of gigabytes is not unpacked beyond what is stated.
    assert!(NodeSummary::decode(&sealed(&vec![0; 64 << 20], 1_000)).is_err());
    // Two billion partitions in a few bytes.
    let mut many = raw.clone();
    many.truncate(2 + usize::from(raw[1]));
    let mut topics = vec![1];
    topics.extend([7; 16]);
    topics.extend([1, b'a', 0xff, 0xff, 0xff, 0xff, 0x07]);
    many.extend([2, u8::try_from(topics.len()).unwrap()]);
    many.extend(topics);
    many.extend([3, 1, 0]);
    let error = NodeSummary::decode(&sealed(&many, u32::try_from(many.len()).unwrap())).unwrap_err();
    assert!(matches!(error, SummaryError::Section { section: "topics", .. }), "{error}");
}

#[test]
fn what_the_bytes_cannot_carry_is_not_written() {
    let mut out_of_order = summary();
    out_of_order.partitions.swap(0, 1);
    let mut twice = summary();
    twice.partitions[1] = twice.partitions[0].clone();
    let mut two_names = summary();
    two_names.partitions[1].tip.topic = TopicName::new("other").unwrap();
    let mut backwards = summary();
    backwards.partitions[0].tier =
        summary().partitions[0].tier.map(|t| TierMarks { tier_end: offset(1), ..t });
    let mut endless = summary();
    endless.partitions[0].tier =
        summary().partitions[0].tier.map(|t| TierMarks { generation: u64::MAX, ..t });
    for bad in [out_of_order, twice, two_names, backwards, endless] {
        assert!(bad.encode().is_err(), "{:?}", bad.partitions[0].tip);
    }
}

#[test]
fn a_newer_version_is_told_apart_from_damage() {
    let mut bytes = summary().encode().unwrap();
    bytes[8] = 2;
    let error = NodeSummary::decode(&bytes).unwrap_err();
    assert!(error.is_newer());
    assert!(error.to_string().contains("format version 2 is newer than 1"));
}

#[test]
fn of_two_who_tell_of_a_partition_the_higher_generation_holds() {
    let older = summary();
    let mut newer = NodeSummary { node: NodeId::new(4).unwrap(), written_at: time(0), ..summary() };
    newer.partitions.truncate(1);
    newer.partitions[0].tier =
        older.partitions[0].tier.map(|t| TierMarks { generation: 42, tier_end: offset(200_000), ..t });
    for both in [[&older, &newer], [&newer, &older]] {
        let merged = merge(both);
        assert_eq!(merged.len(), 2, "a partition without a manifest is left out");
        let first = &merged[&(older.partitions[0].tip.topic_id, older.partitions[0].tip.partition)];
        assert_eq!((first.node, first.marks.tier_end), (newer.node, offset(200_000)));
    }
}

fn any_partition() -> impl Strategy<Value = PartitionSummary> {
    let number = || prop_oneof![0..300_u64, 0..u64::MAX / 8];
    let marks = (number(), number(), number(), number()).prop_map(|(generation, start, serving, end)| {
        let (start, end) = (start.min(end), start.max(end));
        TierMarks {
            generation,
            tier_start: offset(start),
            serving_start: offset(serving.clamp(start, end)),
            tier_end: offset(end),
        }
    });
    let waiting = (1..=u16::MAX, number()).prop_map(|(code, since)| Waiting {
        code: std::num::NonZeroU16::new(code).unwrap(),
        since: time(i64::try_from(since).unwrap()),
    });
    let ends = (proptest::option::of(number()), proptest::option::of(number()));
    let counts = (any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>());
    (proptest::option::of(marks), proptest::option::of(waiting), ends, counts).prop_map(
        |(tier, waiting, (held, bound), (pinned, sole, gaps, dead_branches))| PartitionSummary {
            tier,
            held_end: held.map(offset),
            high_watermark: bound.map(offset),
            waiting,
            pinned_bytes: ByteCount::new(pinned),
            sole_link_bytes: ByteCount::new(sole),
            gaps,
            dead_branches,
            ..partition_summary(0, 0)
        },
    )
}

proptest! {
    #[test]
    fn summaries_come_back(
        tips in proptest::collection::btree_set((0..5_u64, 0..=i32::MAX), 0..20),
        facts in proptest::collection::vec(any_partition(), 20),
        sequence in any::<u64>(),
    ) {
        let partitions = tips.into_iter().zip(facts).map(|((topic, number), facts)| {
            PartitionSummary { tip: partition_summary(topic, number).tip, ..facts }
        });
        let summary = NodeSummary { partitions: partitions.collect(), sequence, ..summary() };
        prop_assert_eq!(NodeSummary::decode(&summary.encode().unwrap()).unwrap(), summary);
    }

    #[test]
    fn any_body_is_read_without_panic(raw in any::<Vec<u8>>(), bytes in any::<Vec<u8>>()) {
        let _ = NodeSummary::decode(&sealed(&raw, u32::try_from(raw.len()).unwrap()));
        let _ = NodeSummary::decode(&bytes);
    }

    #[test]
    fn any_change_of_a_body_is_refused_or_means_what_it_says(at in any::<usize>(), byte in any::<u8>()) {
        let mut raw = raw_of(&summary().encode().unwrap());
        let at = at % raw.len();
        raw[at] = byte;
        if let Ok(read) = NodeSummary::decode(&sealed(&raw, u32::try_from(raw.len()).unwrap())) {
            prop_assert_eq!(NodeSummary::decode(&read.encode().unwrap()).unwrap(), read);
        }
    }
}
