//! `kafka-protocol`, generated from Kafka's schemas by others: what it writes is read, what is written it reads the same.

use bytes::{Buf, Bytes, BytesMut};
use firnline_proxy::wire::{Message, Side, Value};
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message as _};
use proptest::prelude::*;

use crate::frame::{framed, read, written};
use crate::sample::{Taste, sample};

/// What the other implementation makes of a body, and the body as it writes it.
fn theirs_of<K>(body: &[u8], version: i16, named: &str) -> (K, Bytes)
where
    K: Decodable + Encodable,
{
    let mut bytes = Bytes::copy_from_slice(body);
    let message = K::decode(&mut bytes, version).unwrap_or_else(|error| panic!("{named}: {error}"));
    assert_eq!(bytes.remaining(), 0, "{named}: theirs left bytes over");
    let mut again = BytesMut::new();
    message.encode(&mut again, version).unwrap_or_else(|error| panic!("{named}: {error}"));
    (message, again.freeze())
}

/// Ours of a body, written again, without what stands before the body.
fn ours_of<'f, M: Message<'f>>(frame: &'f [u8], header: usize, version: i16, named: &str) -> Bytes {
    let message: M = read(frame, version).unwrap_or_else(|error| panic!("{named}: {error}"));
    written(&message, version).slice(4 + header..)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 10, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn both_read_and_write_the_same(seed in any::<u64>()) {
        macro_rules! check {
            ($type:ty, $name:ident) => {
                let api = <$type as Message>::API;
                let (kind, side) = (<$type as Value>::KIND, <$type as Message>::SIDE);
                let walked = api.row().unwrap().walked.unwrap();
                let known = <theirs::$name as kafka_protocol::protocol::Message>::VERSIONS;
                prop_assert!(walked.min <= known.min, "{} is known by them from {}", api, known.min);
                for version in known.min..=known.max.min(walked.max) {
                    let named = format!("{} version {version}", stringify!($name));
                    let body = sample(kind, api.form(version), seed, Taste { unknown_tags: false });
                    let frame = framed(api, side, version, &body);
                    let header = frame.len() - body.len();
                    let (message, canonical) = theirs_of::<theirs::$name>(&body, version, &named);

                    // What they write, ours reads and writes to the byte.
                    let frame = framed(api, side, version, &canonical);
                    prop_assert_eq!(&ours_of::<$type>(&frame, header, version, &named), &canonical, "{}", named);

                    // What ours writes, they read as the same message.
                    let frame = framed(api, side, version, &body);
                    let ours = ours_of::<$type>(&frame, header, version, &named);
                    let (again, _) = theirs_of::<theirs::$name>(&ours, version, &named);
                    prop_assert_eq!(again, message, "{}", named);
                }
            };
        }
        each_message!(check);
    }
}

#[test]
fn both_put_the_same_header_before_a_body() {
    macro_rules! check {
        ($type:ty, $name:ident) => {
            let api = <$type as Message>::API;
            let walked = api.row().unwrap().walked.unwrap();
            let known = theirs::$name::VERSIONS;
            for version in walked.min.max(known.min)..=walked.max.min(known.max) {
                let header = match <$type as Message>::SIDE {
                    Side::Request => api.request_header(version),
                    Side::Response => api.response_header(version),
                };
                assert_eq!(header, theirs::$name::header_version(version), "{api} version {version}");
            }
        };
    }
    each_message!(check);
}
