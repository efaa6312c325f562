//! Heads and pages as bytes: they come back, and nothing else passes.

use firnline_index::manifest::*;
use firnline_index::*;
use proptest::prelude::*;

use super::samples::*;

/// One step in the life of a manifest.
#[derive(Debug, Clone)]
enum Step {
    Append { span: u64, epochs: u64, rich: bool, piece: bool, open: bool },
    Gap { span: u64 },
    Stamp,
    MoveStart,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (8..2_000u64, 0..3u64, any::<[bool; 3]>())
            .prop_map(|(span, epochs, [rich, piece, open])| Step::Append { span, epochs, rich, piece, open }),
        1 => (1..500u64).prop_map(|span| Step::Gap { span }),
        1 => Just(Step::Stamp),
        1 => Just(Step::MoveStart),
    ]
}

/// A manifest that some history made.
fn any_manifest() -> impl Strategy<Value = Manifest> {
    (0..5_000u64, proptest::collection::vec(any_step(), 0..40), any::<[bool; 5]>()).prop_map(
        |(start, steps, has)| {
            let mut m = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(start), commit(0));
            let mut last_epoch = 1;
            for (n, step) in (1u64..).zip(steps) {
                let end = u64::try_from(m.tier_end.get()).unwrap();
                match step {
                    Step::Append { span, epochs, rich, piece, open: is_open } => {
                        let mut e = if rich {
                            rich_entry(n, end, end + span, [last_epoch, last_epoch + 1])
                        } else {
                            entry(n, end, end + span, last_epoch)
                        };
                        if !rich {
                            let more =
                                (1..).zip(1..=epochs).map(|(up, i)| epoch_start(last_epoch + up, end + i));
                            e.epochs.extend(more);
                        }
                        last_epoch = e.epochs.last().unwrap().epoch.get();
                        e.kind = if piece { EntryKind::TailPiece } else { EntryKind::Segment };
                        let transactions = if is_open { vec![open(3, end + 2)] } else { Vec::new() };
                        e.stable_end = if is_open { offset(end + 2) } else { e.range.end() };
                        m.append(e, transactions).unwrap();
                    }
                    Step::Gap { span } => {
                        m.record_gap(range(end, end + span), GapReason::Damage, time(3)).unwrap()
                    }
                    Step::Stamp => m.stamp(commit(n), None),
                    Step::MoveStart => m.tier_start = m.serving_start,
                }
            }
            let full = full_head();
            m.writer = full.writer.filter(|_| has[0]);
            m.gc_boundary = full.gc_boundary.filter(|_| has[1]);
            m.claim = full.claim.filter(|_| has[2]);
            m.deleted = full.deleted.filter(|_| has[3]);
            m.dead_branches = if has[4] {
                vec![DeadBranch { entries: vec![entry(9_999, 3, 5, 1)], ..full.dead_branches[0].clone() }]
            } else {
                Vec::new()
            };
            m
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_manifest_comes_back(manifest in any_manifest()) {
        prop_assert_eq!(manifest.check(), []);
        let bytes = manifest.encode().unwrap();
        prop_assert_eq!(Manifest::decode(&bytes).unwrap(), manifest);
    }

    #[test]
    fn any_flipped_bit_of_any_manifest_is_refused(manifest in any_manifest(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut bytes = manifest.encode().unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        prop_assert!(Manifest::decode(&bytes).is_err());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in any::<Vec<u8>>()) {
        prop_assert!(Manifest::decode(&bytes).is_err());
        prop_assert!(Page::decode(&bytes).is_err());
    }

    #[test]
    fn any_body_under_a_fitting_checksum_is_read_without_panic(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        splice in any::<prop::sample::Index>(),
    ) {
        // Part of a real body, then noise: gets past the first fields.
        let real = full_head().encode().unwrap();
        let mixed = [&real[20..20 + splice.index(real.len() - 20)], &body[..]].concat();
        for body in [body, mixed] {
            let _ = Manifest::decode_unchecked(&sealed(1, &body)).map(|m| m.check());
            let _ = Page::decode_unchecked(&sealed(2, &body)).map(|p| p.check());
        }
    }
}

/// An envelope as the format page describes it.
fn sealed(kind: u16, body: &[u8]) -> Vec<u8> {
    sealed_as(*b"FIRNLMAN", 0, kind, u32::try_from(body.len()).unwrap(), body)
}

fn sealed_as(magic: [u8; 8], version: u16, kind: u16, length: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    let crc = Crc32c::of(&[&bytes[..], body].concat());
    bytes.extend(crc.get().to_le_bytes());
    bytes.extend(body);
    bytes
}

#[test]
fn any_flipped_bit_and_any_cut_is_refused() {
    let head = full_head().encode().unwrap();
    let (entries, _) = entries_page().encode().unwrap();
    let (refs, _) = refs_page().encode().unwrap();
    type Passes = fn(&[u8]) -> bool;
    let decode: [(&[u8], Passes); 3] = [
        (&head, |b| Manifest::decode(b).is_ok()),
        (&entries, |b| Page::decode(b).is_ok()),
        (&refs, |b| Page::decode(b).is_ok()),
    ];
    for (bytes, passes) in decode {
        assert!(passes(bytes));
        for at in 0..bytes.len() {
            assert!(!passes(&bytes[..at]), "cut at {at}");
            for bit in 0..8 {
                let mut flipped = bytes.to_vec();
                flipped[at] ^= 1 << bit;
                assert!(!passes(&flipped), "byte {at} bit {bit}");
            }
        }
        assert!(!passes(&[bytes, &[0]].concat()), "trailing byte");
    }
}

#[test]
fn envelopes_name_the_value_that_failed() {
    let refusal = |bytes: &[u8]| match Manifest::decode(bytes).unwrap_err() {
        ManifestError::Envelope(e) => e.to_string(),
        other => panic!("{other}"),
    };
    assert_eq!(refusal(b"FIRN"), "4 bytes are too short for the header of 20");
    assert!(refusal(&sealed_as(*b"PAR1PAR1", 0, 1, 0, b"")).contains("50, 41, 52, 31"));
    assert_eq!(
        refusal(&sealed_as(*b"FIRNLMAN", 7, 1, 0, b"")),
        "format version 7 is newer than 1, the newest that this build reads; upgrade firnline"
    );
    assert_eq!(refusal(&sealed(2, b"")), "kind 2 where 1 is expected (1 head, 2 page)");
    assert_eq!(
        refusal(&sealed_as(*b"FIRNLMAN", 0, 1, u32::MAX, b"")),
        "body of 4294967295 bytes is longer than the limit of 16777216"
    );
    assert_eq!(
        refusal(&sealed_as(*b"FIRNLMAN", 0, 1, 3, b"ab")),
        "body length is stated as 3, but 2 bytes follow the header"
    );
    let mut damaged = full_head().encode().unwrap().to_vec();
    damaged[30] ^= 1;
    assert!(refusal(&damaged).starts_with("checksum is stated as "));
}

/// A field of wire type 2.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()][..], bytes].concat()
}

#[test]
fn a_body_that_would_swell_in_memory_is_refused_before_it_does() {
    // Field 22, entries: an empty one takes three bytes here and hundreds in memory.
    let entries = [0xb2, 0x01, 0x00].repeat(1_001);
    let refused = Manifest::decode_unchecked(&sealed(1, &entries)).unwrap_err();
    assert_eq!(refused.to_string(), "entries in the head: 1001 is more than the limit of 1000");
    // Within one entry: more epochs than allowed.
    let epochs = [0x2a, 0x00].repeat(1_025);
    let entry = [&[0xb2, 0x01, 0x82, 0x10][..], &epochs].concat();
    let refused = Manifest::decode_unchecked(&sealed(1, &entry)).unwrap_err();
    assert_eq!(refused.to_string(), "epochs in an entry: 1025 is more than the limit of 1024");
}

#[test]
fn fields_of_a_later_build_are_refused_not_dropped() {
    let body = &full_head().encode().unwrap()[20..];
    let later = [body, &[0xc0, 0x01, 0x05]].concat();
    let refused = Manifest::decode(&sealed(1, &later)).unwrap_err();
    assert!(refused.is_newer());
    assert!(Manifest::decode(&sealed_as(*b"FIRNLMAN", 2, 1, 0, b"")).unwrap_err().is_newer());
    assert!(!Manifest::decode(b"").unwrap_err().is_newer());
    assert_eq!(
        refused.to_string(),
        "body holds field head.24, which this build does not know; upgrade before you write here"
    );
}

#[test]
fn values_that_their_types_refuse_are_named() {
    let body = &full_head().encode().unwrap()[20..];
    assert_eq!(
        Manifest::decode(&sealed(1, body)).unwrap(),
        full_head(),
        "the envelope of this test is the real one"
    );
    // The head begins with generation, kind, cluster id; a second cluster id is one too many.
    let refused = Manifest::decode(&sealed(1, &[body, &field(3, b"x")].concat())).unwrap_err().to_string();
    assert_eq!(refused, "cluster id: 2 is more than the limit of 1");
    let refusal = |parts: &[&[u8]]| Manifest::decode(&sealed(1, &parts.concat())).unwrap_err().to_string();
    assert_eq!(refusal(&[&[0x10, 9]]), "kind is not valid: known are 1 (sidecar) and 2 (kip405)");
    assert_eq!(refusal(&[&[0x10, 1]]), "cluster id is not valid");
    assert_eq!(refusal(&[&[0x10, 1], &field(3, b"c")]), "topic is not valid");
    let topic = [&field(3, b"c")[..], &field(4, b"t")].concat();
    assert_eq!(refusal(&[&[0x10, 1], &topic]), "topic id is not valid: an id has 16 bytes");
    let topic = [&topic[..], &field(5, &[1; 16])].concat();
    assert_eq!(refusal(&[&[0x10, 1], &topic]), "commit is not valid: an id has 16 bytes");
    let named = [&topic[..], &field(7, &[1; 16])].concat();
    assert_eq!(refusal(&[&[0x10, 1], &named]), "totals is not valid: it is missing");
    let end = [0x68, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(refusal(&[&[0x10, 1], &named, &end]), "tier_end is not valid: it is beyond 2^63");
}

#[test]
fn limits_hold_when_writing_too() {
    let mut head = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(0), commit(1));
    for n in 0..=MAX_ENTRIES as u64 {
        head.append(entry(n, n, n + 1, 1), Vec::new()).unwrap();
    }
    assert!(matches!(head.encode(), Err(ManifestError::TooMany { count: 1_001, limit: 1_000, .. })));
    let mut head = full_head();
    head.recent_commits = (100..117).map(commit).collect();
    assert!(matches!(head.encode(), Err(ManifestError::TooMany { count: 17, limit: 16, .. })));
    let mut head = full_head();
    head.entries[0].storage_class = Some("no spaces".to_owned());
    assert!(matches!(head.encode(), Err(ManifestError::Field { .. })));
}

#[test]
fn a_manifest_of_another_partition_or_cluster_is_refused() {
    let head = full_head();
    head.expect_origin(&cluster(), &tip()).unwrap();
    let other = TopicIdPartition { partition: PartitionIndex::new(4).unwrap(), ..tip() };
    let text = head.expect_origin(&cluster(), &other).unwrap_err().to_string();
    assert!(text.contains("/3 of cluster 5L6") && text.contains("/4 of cluster 5L6"), "{text}");
    assert!(head.expect_origin(&ClusterId::new("other").unwrap(), &tip()).is_err());
}

#[test]
fn a_page_is_known_from_every_other() {
    let (bytes, named) = entries_page().encode().unwrap();
    let read = |named: &PageRef| Page::decode_named(&bytes, named, &cluster(), &tip());
    assert_eq!(read(&named).unwrap(), entries_page());
    let others = [
        ("uuid", PageRef { uuid: object_uuid(9), ..named }),
        ("level", PageRef { level: 1, ..named }),
        ("range", PageRef { range: range(100, 999), ..named }),
        ("length", PageRef { length: ByteCount::new(1), ..named }),
        ("checksum", PageRef { crc: Crc32c::new(1), ..named }),
        ("totals", PageRef { totals: Totals { records: 1, ..named.totals }, ..named }),
        ("largest timestamp", PageRef { max_timestamp: None, ..named }),
    ];
    for (what, other) in others {
        let text = read(&other).unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("page is not the one that the manifest names: {what} is ")),
            "{text}"
        );
    }
    let elsewhere = TopicIdPartition { partition: PartitionIndex::ZERO, ..tip() };
    assert!(matches!(
        Page::decode_named(&bytes, &named, &cluster(), &elsewhere),
        Err(ManifestError::Foreign { .. })
    ));
}

#[test]
fn a_page_of_references_that_could_lead_in_a_circle_is_refused() {
    let (bytes, _) = refs_page().encode().unwrap();
    let body = &bytes[20..];
    // Field 7, the level, is 1 in this page; its references are of level 0.
    let at = body.windows(2).position(|pair| pair == [0x38, 0x01]).unwrap();
    for level in [0, 2, 7] {
        let mut other = body.to_vec();
        other[at + 1] = level;
        assert!(Page::decode(&sealed(2, &other)).is_err(), "level {level}");
        assert!(Page::decode_unchecked(&sealed(2, &other)).is_err(), "level {level}");
    }
}
