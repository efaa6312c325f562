//! Frames that mean no good: whatever comes, it is an error or a frame, and never longer than it was but for addresses.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use firnline_index::{TopicId, TopicName};
use proptest::prelude::*;

use super::addresses::{self, Doors};
use super::fetch::{Kept, Look, Passing, Refusals, look, pass_entry};
use super::login::handshake;
use super::nodes::{NodeError, Reached};
use super::offsets::{names_wanted, patch_spared, spare};
use super::route::route;
use super::shares::Share;
use super::tier::Known;
use super::versions::cap;
use crate::serve::catalog::{Topic, Topics};
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use crate::wire::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse, PartitionData,
};
use crate::wire::{Api, At, FetchScan, List, TABLE, write_request, write_response};

const ID: [u8; 16] = [7; 16];

/// One door for all.
struct One;

impl Doors for One {
    fn reach(&self, _: i32, _: &str, _: i32) -> Result<Reached, NodeError> {
        Ok(Reached { host: "127.0.0.1".into(), port: 9092 })
    }
}

fn known() -> Known {
    let topic = Topic {
        name: TopicName::new("orders").expect("a name"),
        id: TopicId::from_bytes(ID),
        partitions: 4,
        deleted: false,
        configs: BTreeMap::new(),
    };
    Known::of(&Topics::new([topic]), &Known::default())
}

/// All that is done with a request from outside.
fn take_request(frame: &[u8]) {
    let known = known();
    let _ = route(frame);
    let _ = handshake(frame);
    let _ = names_wanted(frame, &known);
    let mut changed = BytesMut::from(frame);
    let _ = spare(&mut changed, |name| known.named(name).is_some());
    let mut changed = BytesMut::from(frame);
    if let Ok(Look::Ask { .. }) =
        look(&mut changed, &known, &Kept::default(), &Refusals::default(), &Share::alone(1 << 20))
    {
        assert_eq!(changed.len(), frame.len());
    }
}

/// All that is done with an answer from outside.
fn take_answer(api: Api, version: i16, frame: &Bytes) {
    let known = known();
    if api == Api::DELETE_RECORDS {
        let _ = patch_spared(&mut BytesMut::from(&frame[..]), &deletion(), KafkaError::RequestTimedOut);
    }
    if addresses::are_in(api, version) {
        let _ = addresses::rewrite(api, version, frame, &One);
    }
    let _ = cap(frame, version, false);
    if api == Api::FETCH
        && let Ok(mut scan) = FetchScan::new(version, frame.len())
    {
        let mut frame = frame.to_vec();
        let refusals = Refusals::default();
        let passing = Passing { known: &known, refusals: &refusals, has_looked_since: |_| false, version };
        let passed = scan.pass(&mut frame, |topic, front, patches| {
            pass_entry(&passing, topic, front, patches);
        });
        assert!(passed.is_err() || passed.is_ok_and(|passed| passed <= frame.len()));
    }
}

fn deletion() -> Vec<u8> {
    let partitions = List::from(vec![DeleteRecordsPartition { partition_index: 1, offset: At::new(-2) }]);
    let topics = List::from(vec![DeleteRecordsTopic { name: "orders", partitions }]);
    let request = DeleteRecordsRequest { topics, ..DeleteRecordsRequest::default() };
    write_request(&request, 2, 1, Some(b"client")).expect("it can be written").into_bytes()[4..].to_vec()
}

fn request(version: i16) -> Vec<u8> {
    let partition = FetchPartition { partition: 1, fetch_offset: 5, ..FetchPartition::default() };
    let partitions = List::from(vec![partition]);
    let topics = List::from(vec![FetchTopic { topic: "orders", topic_id: ID, partitions }]);
    let request = FetchRequest { session_epoch: At::new(0), topics, ..FetchRequest::default() };
    write_request(&request, version, 1, Some(b"client")).expect("it can be written").into_bytes()[4..]
        .to_vec()
}

fn answer(version: i16) -> Vec<u8> {
    let data = |partition_index, error_code| PartitionData {
        partition_index,
        error_code: At::new(error_code),
        ..PartitionData::default()
    };
    let partitions = List::from(vec![data(1, 0), data(2, 1)]);
    let responses = List::from(vec![FetchableTopicResponse { topic: "orders", topic_id: ID, partitions }]);
    let answer = FetchResponse { responses, ..FetchResponse::default() };
    write_response(&answer, version, 1).expect("it can be written").into_bytes()[4..].to_vec()
}

fn apis() -> impl Strategy<Value = (Api, i16)> {
    (0..TABLE.len(), -1..20_i16).prop_map(|(row, version)| (TABLE[row].api, version))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_an_error_or_a_frame((api, version) in apis(), rest in prop::collection::vec(any::<u8>(), 0..200)) {
        let front = [&api.key().to_be_bytes()[..], &version.to_be_bytes(), &[0; 4], &rest].concat();
        take_request(&front);
        take_answer(api, version, &[&[0; 4][..], &rest].concat().into());
    }

    #[test]
    fn so_are_good_ones_with_a_wrong_byte_or_an_early_end(
        version in 4..=18_i16,
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        end in any::<prop::sample::Index>(),
    ) {
        for (mut frame, is_request) in [(request(version), true), (answer(version), false)] {
            let at = at.index(frame.len());
            frame[at] = byte;
            let end = end.index(frame.len() + 1);
            for frame in [&frame[..], &frame[..end]] {
                if is_request {
                    take_request(frame);
                } else {
                    take_answer(Api::FETCH, version, &Bytes::copy_from_slice(frame));
                }
            }
        }
    }
}
