//! Bytes that are no message, or nearly one: never a panic, and what is taken for a message is one.

use firnline_proxy::wire::messages::fetch::{FetchRequest, FetchResponse};
use firnline_proxy::wire::{Api, Message, Side, Value, WireError};
use proptest::prelude::*;

use crate::frame::{framed, read, written};
use crate::sample::{Taste, sample};

/// Reads any bytes as any message. What is read can be printed and written; what was written is read as the same.
fn dare<'f, M: Message<'f> + std::fmt::Debug>(frame: &'f [u8], version: i16) -> Option<Vec<u8>> {
    let message: M = read(frame, version).ok()?;
    let _ = format!("{message:?}");
    Some(written(&message, version)[4..].to_vec())
}

fn again<'f, M: Message<'f> + std::fmt::Debug>(frame: &'f [u8], version: i16) {
    let message: M = read(frame, version).expect("what was written here is read here");
    assert_eq!(&written(&message, version)[4..], frame);
}

macro_rules! dare_each {
    ($version_of:expr, $body_of:expr) => {
        macro_rules! check {
            ($type:ty, $name:ident) => {
                let api = <$type as Message>::API;
                let walked = api.row().unwrap().walked.unwrap();
                let version = walked.min + $version_of % (walked.max - walked.min + 1);
                let body: Vec<u8> = $body_of(api.form(version), <$type as Value>::KIND);
                let frame = framed(api, <$type as Message>::SIDE, version, &body);
                if let Some(written) = dare::<$type>(&frame, version) {
                    again::<$type>(&written, version);
                }
            };
        }
        each_message!(check);
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(version in 0..19_i16, body in prop::collection::vec(any::<u8>(), 0..200)) {
        dare_each!(version, |_, _| body.clone());
    }

    #[test]
    fn a_message_with_some_bytes_changed(
        version in 0..19_i16,
        seed in any::<u64>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        dare_each!(version, |form, kind| {
            let mut body = sample(kind, form, seed, Taste { unknown_tags: true });
            if !body.is_empty() {
                for (at, byte) in &changes {
                    let at = at.index(body.len());
                    body[at] = *byte;
                }
            }
            body
        });
    }
}

#[test]
fn a_count_is_held_against_the_bytes_that_follow() {
    // topics: 2^31 - 1 of them, in a body that ends there.
    let body = [&[0xff; 4][..], &[0; 8], &[0, 0, 0, 1], &[0], &[0; 8], &i32::MAX.to_be_bytes()].concat();
    let frame = framed(Api::FETCH, Side::Request, 11, &body);
    let error = read::<FetchRequest<'_>>(&frame, 11).unwrap_err();
    let claimed = i32::MAX.unsigned_abs();
    assert_eq!(error, WireError::Count { at: frame.len(), claimed, bytes: 0 });

    // responses: 2^32 - 2 of them, compact.
    let body = [&[0; 10][..], &[0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
    let frame = framed(Api::FETCH, Side::Response, 12, &body);
    let error = read::<FetchResponse<'_>>(&frame, 12).unwrap_err();
    assert_eq!(error, WireError::Count { at: frame.len(), claimed: u32::MAX - 1, bytes: 0 });
}

#[test]
fn what_no_encoder_writes_is_refused_with_its_place() {
    type Heartbeat<'a> = firnline_proxy::wire::messages::heartbeat::HeartbeatResponse;
    let frame = |body: &[u8]| framed(Api::HEARTBEAT, Side::Response, 4, body);
    let fine = frame(&[0, 0, 0, 0, 0, 0, 2, 1, 0, 2, 1, 9]);
    assert!(read::<Heartbeat<'_>>(&fine, 4).is_ok());
    for (tags, error) in [
        (&[2, 2, 0, 1, 0][..], WireError::TagOrder { tag: 1, at: 15 }),
        (&[2, 1, 0, 1, 0], WireError::TagOrder { tag: 1, at: 15 }),
        (&[1, 1, 5, 0], WireError::Short { at: 15 }),
        (&[0xff, 0xff, 0xff, 0xff, 0x1f], WireError::Varint { at: 16 }),
        (&[0x80, 0x80, 0x80, 0x80, 0x80], WireError::Varint { at: 16 }),
        // A longer form of 0 is read, as Kafka does.
        (&[0x80, 0x00, 7], WireError::LeftOver { at: 13, bytes: 1 }),
    ] {
        let frame = frame(&[&[0; 6][..], tags].concat());
        assert_eq!(read::<Heartbeat<'_>>(&frame, 4).unwrap_err(), error);
    }
    // The epoch of an ApiVersions answer is eight bytes: not seven, not nine.
    type Versions<'a> = firnline_proxy::wire::messages::api_versions::ApiVersionsResponse<'a>;
    for (bytes, fine) in [(7, false), (8, true), (9, false)] {
        let field = [&[0, 0, 1, 0, 0, 0, 0, 1, 1, bytes][..], &vec![0; usize::from(bytes)]].concat();
        let frame = framed(Api::API_VERSIONS, Side::Response, 3, &field);
        assert_eq!(read::<Versions<'_>>(&frame, 3).is_ok(), fine, "{bytes} bytes");
    }
    type Group<'a> = firnline_proxy::wire::messages::heartbeat::HeartbeatRequest<'a>;
    let front = framed(Api::HEARTBEAT, Side::Request, 3, &[]).len();
    for (body, error) in [
        (&[0xff, 0xff][..], WireError::Null { at: front + 2, version: 3 }),
        (&[0xff, 0xfe], WireError::Length { at: front + 2, length: -2 }),
        (&[0, 2, 0xc3, 0x28], WireError::Text { at: front + 4 }),
    ] {
        let frame = framed(Api::HEARTBEAT, Side::Request, 3, body);
        assert_eq!(read::<Group<'_>>(&frame, 3).unwrap_err(), error);
    }
}

#[test]
fn what_may_be_absent_in_some_versions_may_not_in_others() {
    use firnline_proxy::wire::messages::metadata::MetadataRequest;
    // All topics: from version 1 on. A topic without a name: from version 10 on.
    let all = |version: i16| {
        let flags = usize::from(version >= 4);
        let body = [&[0xff; 4][..], &vec![0; flags]].concat();
        let frame = framed(Api::METADATA, Side::Request, version, &body);
        read::<MetadataRequest<'_>>(&frame, version).map(|read| read.topics.is_none())
    };
    assert!(matches!(all(0), Err(WireError::Null { version: 0, .. })));
    assert_eq!(all(1), Ok(true));
    assert_eq!(all(4), Ok(true));
    let nameless = |version: i16| {
        let id = if version >= 10 { 16 } else { 0 };
        let flags = if version >= 11 { 2 } else { 3 };
        let body = [&[2][..], &vec![0; id], &[0, 0], &vec![0; flags], &[0]].concat();
        let frame = framed(Api::METADATA, Side::Request, version, &body);
        read::<MetadataRequest<'_>>(&frame, version).map(|read| read.topics.map(|topics| topics.len()))
    };
    assert!(matches!(nameless(9), Err(WireError::Null { version: 9, .. })));
    assert_eq!(nameless(10), Ok(Some(1)));
    assert_eq!(nameless(13), Ok(Some(1)));
}
