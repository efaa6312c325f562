//! A fetch answer that passes in pieces is changed as one that is held, and little of it ever waits.

use bytes::BytesMut;
use firnline_proxy::wire::messages::fetch::{Bounds, FetchResponse, PartitionFront};
use firnline_proxy::wire::{Api, At, FetchScan, Patches, Side, Span, Value, WireError, read_response};
use proptest::prelude::*;

use crate::frame::framed;
use crate::sample::{Taste, sample};

const BOUNDS: Bounds = Bounds { high_watermark: 900, last_stable_offset: 890, log_start_offset: 5 };

/// Any front of an entry is patched one way or the other.
fn patch(front: &PartitionFront, patches: &mut Patches) {
    if front.partition_index % 2 == 0 {
        front.patch_empty(BOUNDS, patches);
    } else {
        patches.set(&front.log_start_offset, 3);
    }
}

/// Which partitions were seen, in order.
type Seen = Vec<(String, [u8; 16], i32)>;

/// The frame as it is with the same patches when it is held, and who was seen.
fn held(frame: &[u8], version: i16) -> (Vec<u8>, Seen) {
    let (mut patches, mut seen) = (Patches::new(), Vec::new());
    let answer: FetchResponse<'_> = read_response(frame, version).unwrap();
    for topic in &answer.responses {
        for partition in &topic.partitions {
            patch(&partition.front(), &mut patches);
            seen.push((topic.topic.to_owned(), topic.topic_id, partition.partition_index));
        }
    }
    let mut patched = frame.to_vec();
    patches.apply(&mut patched).unwrap();
    if let Some(span) = answer.node_endpoints.and_then(|endpoints| endpoints.span) {
        patched[span.start] = 127;
    }
    (patched, seen)
}

type Passed = (Vec<u8>, Seen, usize);

/// The same in pieces; the last number is the most that waited.
fn passed(frame: &[u8], version: i16, steps: &[usize]) -> Result<Passed, WireError> {
    let mut scan = FetchScan::new(version, frame.len())?;
    let (mut buffer, mut out, mut seen, mut waited) = (BytesMut::new(), Vec::new(), Vec::new(), 0);
    let (mut left, mut steps) = (frame, steps.iter().cycle());
    while !left.is_empty() {
        let (step, rest) = left.split_at((*steps.next().unwrap()).min(left.len()));
        buffer.extend_from_slice(step);
        left = rest;
        let bytes = scan.pass(&mut buffer, |topic, front, patches| {
            patch(&front, patches);
            seen.push((topic.name.to_owned(), topic.id, front.partition_index));
        })?;
        out.extend_from_slice(&buffer.split_to(bytes));
        waited = waited.max(buffer.len());
    }
    assert_eq!(scan.is_done(), buffer.is_empty());
    Ok((out, seen, waited))
}

proptest! {
    #[test]
    fn it_is_changed_as_one_that_is_held(
        version in 0..=18_i16,
        seed in any::<u64>(),
        steps in prop::collection::vec(1..400_usize, 1..20),
        unknown_tags in any::<bool>(),
    ) {
        let kind = <FetchResponse<'_> as Value>::KIND;
        let body = sample(kind, Api::FETCH.form(version), seed, Taste { unknown_tags });
        let frame = framed(Api::FETCH, Side::Response, version, &body);
        let (expected, expected_seen) = held(&frame, version);
        let (out, seen, waited) = passed(&frame, version, &steps).unwrap();
        prop_assert_eq!(out, expected);
        prop_assert_eq!(seen, expected_seen);
        // A name of 200 bytes and its count.
        prop_assert!(waited < 210, "{} bytes waited", waited);
    }

    #[test]
    fn any_bytes_are_refused_or_pass(
        version in 0..=18_i16,
        body in prop::collection::vec(any::<u8>(), 0..300),
        steps in prop::collection::vec(1..60_usize, 1..10),
    ) {
        let frame = framed(Api::FETCH, Side::Response, version, &body);
        let out = passed(&frame, version, &steps);
        if read_response::<FetchResponse<'_>>(&frame, version).is_ok() {
            prop_assert_eq!(out.map(|(out, ..)| out), Ok(held(&frame, version).0));
        }
    }
}

#[test]
fn what_claims_more_than_its_frame_is_refused_before_it_is_waited_for() {
    let partition = |records: u32| {
        let mut body =
            [&[0; 10][..], &1_u32.to_be_bytes(), &[0, 1, b't'], &1_u32.to_be_bytes(), &[0; 30]].concat();
        body.extend_from_slice(&u32::MAX.to_be_bytes());
        body.extend_from_slice(&[0xff; 4]);
        body.extend_from_slice(&records.to_be_bytes());
        framed(Api::FETCH, Side::Response, 11, &body)
    };
    let fine = partition(0);
    assert!(passed(&fine, 11, &[1]).is_ok_and(|(out, ..)| out.len() == fine.len()));
    let long = partition(1 << 30);
    let error = passed(&long, 11, &[7]).unwrap_err();
    assert!(matches!(error, WireError::Count { claimed, bytes: 0, .. } if claimed == 1 << 30), "{error}");

    let named = [&[0; 10][..], &1_u32.to_be_bytes(), &[0x7f, 0xff]].concat();
    let mut named = framed(Api::FETCH, Side::Response, 11, &named);
    named.resize(60_000, b'n');
    let error = passed(&named, 11, &[7]).unwrap_err();
    assert!(matches!(error, WireError::Length { length: 0x7fff, .. }), "{error}");

    // A tagged field of the header, found by fuzzing: it was waited for until the frame's end.
    let mut tagged = framed(Api::FETCH, Side::Response, 11, &[1, 5, 0xff, 0xff, 0x7f]);
    tagged.resize(60_000, 0);
    let mut scan = FetchScan::new(12, tagged.len()).unwrap();
    let error = scan.pass(&mut tagged[..20], |_, _, _| ()).unwrap_err();
    assert_eq!(error, WireError::Count { at: 4, claimed: 0x1f_ffff, bytes: 60_000 - 9 });

    let longer = [&fine[..], &[0]].concat();
    assert!(matches!(passed(&longer, 11, &[9]), Err(WireError::LeftOver { bytes: 1, .. })));
    assert!(passed(&fine[..fine.len() - 1], 11, &[9]).is_err());
    assert!(FetchScan::new(19, 10).is_err());
}

#[test]
fn only_the_entry_at_hand_is_patched() {
    let body = [&[0; 10][..], &1_u32.to_be_bytes(), &[0, 1, b't'], &1_u32.to_be_bytes(), &[0; 30]].concat();
    let mut frame = framed(Api::FETCH, Side::Response, 11, &[&body[..], &[0; 12]].concat());
    let elsewhere = At { value: 0_i64, span: Some(Span { start: 26, end: 34 }) };
    let mut scan = FetchScan::new(11, frame.len()).unwrap();
    let error = scan.pass(&mut frame, |_, _, patches| assert!(patches.set(&elsewhere, 1))).unwrap_err();
    assert_eq!(error, WireError::Place { at: 30 });
}
