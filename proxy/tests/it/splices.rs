//! Addresses and other things of another length, put into answers that pass.

use bytes::{Buf, Bytes};
use firnline_proxy::wire::messages::fetch::{FetchResponse, NodeEndpoint};
use firnline_proxy::wire::messages::metadata::{MetadataResponse, MetadataResponseBroker};
use firnline_proxy::wire::{
    Api, At, Frame, Patches, Records, Span, Splice, WriteError, fragment, read_response, splice,
    tagged_fragment, write_response,
};

fn payload(frame: Frame) -> Bytes {
    frame.into_bytes().slice(4..)
}

fn broker<'a>(node_id: i32, host: &'a str, port: i32) -> MetadataResponseBroker<'a> {
    MetadataResponseBroker { node_id, host: At::new(host), port: At::new(port), rack: Some("r") }
}

#[test]
fn addresses_change_and_nothing_else() {
    for version in 0..=13 {
        let answer = |brokers: Vec<MetadataResponseBroker<'static>>| {
            let answer = MetadataResponse {
                brokers: brokers.into(),
                cluster_id: Some("c"),
                controller_id: 2,
                ..MetadataResponse::default()
            };
            payload(write_response(&answer, version, 5).unwrap())
        };
        let frame = answer(vec![broker(1, "kafka-1.internal", 9092), broker(2, "k", 9093)]);
        let form = Api::METADATA.form(version);
        let mut splices = Vec::new();
        for broker in &read_response::<MetadataResponse<'_>>(&frame, version).unwrap().brokers {
            let host = fragment(&"proxy", form).unwrap();
            let port = fragment(&(19_000 + broker.node_id), form).unwrap();
            splices.push(Splice { span: broker.host.span.unwrap(), with: host });
            splices.push(Splice { span: broker.port.span.unwrap(), with: port });
        }
        let spliced = splice(&frame, splices).unwrap();
        let expected = answer(vec![broker(1, "proxy", 19_001), broker(2, "proxy", 19_002)]);
        assert_eq!(payload(spliced), expected, "version {version}");
    }
}

#[test]
fn a_tagged_field_changes_with_its_size() {
    let endpoint =
        |host: &'static str| NodeEndpoint { node_id: 3, host: At::new(host), ..Default::default() };
    let answer = |host| {
        let endpoints = At::new(vec![endpoint(host)].into());
        let answer = FetchResponse { node_endpoints: Some(endpoints), ..FetchResponse::default() };
        payload(write_response(&answer, 16, 5).unwrap())
    };
    // Short enough for one byte of size, then not.
    let long = "a-host-with-a-name-that-is-far-longer-than-a-hundred-and-twenty-seven-bytes-\
                so-that-the-size-of-the-field-takes-two-bytes-where-it-took-one.example";
    for (from, to) in [("k", long), (long, "k")] {
        let frame = answer(from);
        let read: FetchResponse<'_> = read_response(&frame, 16).unwrap();
        let field = read.node_endpoints.unwrap();
        let with = vec![endpoint(to)];
        let with = tagged_fragment(0, &firnline_proxy::wire::List::from(with), Api::FETCH.form(16)).unwrap();
        let spliced = splice(&frame, vec![Splice { span: field.span.unwrap(), with }]).unwrap();
        assert_eq!(payload(spliced), answer(to));
    }
}

#[test]
fn what_was_not_read_from_a_frame_does_not_change_it() {
    let frame = Bytes::from_static(b"0123456789");
    let at = |start, end| Splice { span: Span { start, end }, with: vec![Bytes::from_static(b"x")] };
    for wrong in [vec![at(8, 11)], vec![at(2, 6), at(5, 7)], vec![at(4, 3)]] {
        assert!(matches!(splice(&frame, wrong), Err(WriteError::Place { .. })));
    }
    // In any order, side by side, and inserted.
    let spliced = splice(&frame, vec![at(9, 10), at(0, 2), at(2, 3), at(5, 5)]).unwrap();
    assert_eq!(&payload(spliced)[..], b"xx34x5678x");

    let mut patches = Patches::new();
    assert!(!patches.set(&At::new(7_i64), 1));
    patches.set(&At { value: 7_i64, span: Some(Span { start: 3, end: 11 }) }, 1);
    assert_eq!(patches.apply(&mut [0; 10]), Err(WriteError::Place { at: 3 }));
}

#[test]
fn a_frame_goes_out_in_its_parts() {
    let shared = Bytes::from(vec![7; 4000]);
    let records = Records::Shared(vec![shared.clone(), Bytes::from_static(b"small"), shared.clone()]);
    let frame = Frame::new(fragment(&records, Api::FETCH.form(12)).unwrap());
    let whole = frame.clone().into_bytes();
    assert_eq!(whole.len(), frame.remaining());
    let mut slices = [std::io::IoSlice::new(&[]); 8];
    let filled = frame.chunks_vectored(&mut slices);
    assert_eq!(slices[..filled].iter().map(|slice| slice.len()).collect::<Vec<_>>(), [2, 4000, 5, 4000]);
    for step in [1, 2, 3, 1000, 4003, 8007] {
        let (mut left, mut seen) = (frame.clone(), Vec::new());
        while left.has_remaining() {
            let bytes = step.min(left.chunk().len());
            seen.extend_from_slice(&left.chunk()[..bytes]);
            left.advance(bytes);
        }
        assert_eq!(seen, whole);
        let mut left = frame.clone();
        left.advance(step.min(left.remaining()));
        assert_eq!(left.into_bytes(), whole.slice(step.min(whole.len())..));
    }
}

#[test]
fn what_a_length_cannot_say_is_refused() {
    let long = "x".repeat(40_000);
    let form = |version| Api::METADATA.form(version);
    assert_eq!(fragment(&&*long, form(8)), Err(WriteError::Length { bytes: 40_000 }));
    assert!(fragment(&&*long, form(9)).is_ok());
    let all =
        firnline_proxy::wire::messages::metadata::MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(fragment(&all, form(0)), Err(WriteError::Null { field: "topics", version: 0 }));
    assert!(fragment(&all, form(1)).is_ok());
}
