//! Headers, and the one answer that has its own.

use firnline_proxy::wire::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use firnline_proxy::wire::messages::heartbeat::HeartbeatRequest;
use firnline_proxy::wire::messages::metadata::MetadataRequest;
use firnline_proxy::wire::messages::produce::{ProduceFront, ProduceRequest};
use firnline_proxy::wire::{
    Api, At, RequestHeader, Side, Value, WireError, read_request, response_correlation, write_request,
    write_response,
};
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Encodable, StrBytes};

use crate::frame::{framed, read};
use crate::sample::{Taste, sample};

#[test]
fn every_version_of_a_header_is_read() {
    for (api, version, header) in [
        (Api::CONTROLLED_SHUTDOWN, 0, 0),
        (Api::CONTROLLED_SHUTDOWN, 1, 1),
        (Api::FETCH, 11, 1),
        (Api::FETCH, 12, 2),
        (Api::SASL_HANDSHAKE, 1, 1),
        (Api::API_VERSIONS, 3, 2),
    ] {
        assert_eq!(api.request_header(version), header, "{api} {version}");
        let mut said = theirs::RequestHeader::default()
            .with_request_api_key(api.key())
            .with_request_api_version(version)
            .with_correlation_id(-5);
        // Theirs writes a name into version 0, too, which never had one.
        said = said.with_client_id(Some(StrBytes::from_static_str("me")));
        let mut frame = Vec::new();
        said.encode(&mut frame, header.max(1)).unwrap();
        if header == 0 {
            frame.truncate(8);
        }
        frame.extend_from_slice(b"body");
        let (read, body) = RequestHeader::read(&frame).unwrap();
        let client_id = (header > 0).then_some(&b"me"[..]);
        assert_eq!(read, RequestHeader { api, version, correlation_id: -5, client_id });
        assert_eq!(body.remaining(), 4);
    }
}

#[test]
fn a_client_may_have_no_name_or_one_that_is_no_text() {
    for name in [None, Some(&b""[..]), Some(b"\xff\xfe")] {
        let frame = write_request(&HeartbeatRequest::default(), 4, 9, name).unwrap().into_bytes();
        let (header, body) = RequestHeader::read(&frame[4..]).unwrap();
        assert_eq!((header.client_id, header.correlation_id), (name, 9));
        assert_eq!(read_request::<HeartbeatRequest<'_>>(&header, body).unwrap(), HeartbeatRequest::default());
        let error = read_request::<MetadataRequest<'_>>(&header, body).unwrap_err();
        assert_eq!(error, WireError::Kind { expected: Api::METADATA, found: Api::HEARTBEAT });
    }
}

#[test]
fn the_front_of_an_unknown_request_is_read() {
    let frame = b"\x30\x39\x00\x07\x00\x00\x00\x2a\x00\x02me\x01\x02\x03";
    let (header, body) = RequestHeader::read(frame).unwrap();
    assert_eq!((header.api.key(), header.version, header.correlation_id), (12_345, 7, 42));
    assert_eq!(header.client_id, Some(&b"me"[..]));
    assert_eq!(body.remaining(), 3);
    assert_eq!(header.api.row().map(|row| row.name), None);
}

#[test]
fn what_a_broker_speaks_is_answered_without_tagged_fields_in_the_header() {
    let versions = ApiVersion { api_key: 1, min_version: 4, max_version: 18 };
    let answer = ApiVersionsResponse { api_keys: At::new(vec![versions].into()), ..Default::default() };
    let frame = write_response(&answer, 4, 3).unwrap().into_bytes();
    assert_eq!(response_correlation(&frame[4..]), Ok(3));
    assert_eq!(ApiVersionsResponse::answered(&frame[4..], 4), Ok((4, answer.clone())));
}

#[test]
fn a_broker_that_is_asked_in_a_version_it_does_not_know_answers_in_version_0() {
    let versions = ApiVersion { api_key: 18, min_version: 0, max_version: 4 };
    let answer = ApiVersionsResponse {
        error_code: 35,
        api_keys: At::new(vec![versions].into()),
        ..Default::default()
    };
    let frame = write_response(&answer, 0, 3).unwrap().into_bytes();
    // Whatever was asked: a version that is not known here, too.
    for asked in [3, 5, 9] {
        assert_eq!(ApiVersionsResponse::answered(&frame[4..], asked), Ok((0, answer.clone())));
    }
}

#[test]
fn whether_a_write_is_answered_is_told_by_its_front() {
    for version in 0..=13 {
        for seed in 0..40 {
            let taste = Taste { unknown_tags: false };
            let body = sample(<ProduceRequest<'_> as Value>::KIND, Api::PRODUCE.form(version), seed, taste);
            let frame = framed(Api::PRODUCE, Side::Request, version, &body);
            let whole: ProduceRequest<'_> = read(&frame, version).unwrap();
            let told = (1..=frame.len()).find_map(|arrived| {
                let (_, body) = RequestHeader::read(&frame[..arrived]).ok()?;
                ProduceFront::read(body).ok()
            });
            let expected = ProduceFront { transactional_id: whole.transactional_id, acks: whole.acks };
            assert_eq!(told, Some(expected), "version {version}");
        }
    }
}
