//! The data path: every field of a fetch answer by its name, and answers changed in passing.

use bytes::{Bytes, BytesMut};
use firnline_proxy::wire::messages::fetch::{
    AbortedTransaction, Bounds, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData,
};
use firnline_proxy::wire::{
    Api, At, Frame, List, Patches, Records, RequestHeader, Splice, fragment, read_request, read_response,
    splice, write_response,
};
use kafka_protocol::messages as theirs;
use kafka_protocol::messages::fetch_response as parts;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

const OUT_OF_RANGE: i16 = 1;
const BOUNDS: Bounds = Bounds { high_watermark: 900, last_stable_offset: 890, log_start_offset: 5 };

/// One partition with records, one refused, one more with records.
fn answer(version: i16) -> theirs::FetchResponse {
    let full = |index: i32| {
        let aborted = parts::AbortedTransaction::default().with_producer_id(70.into()).with_first_offset(71);
        parts::PartitionData::default()
            .with_partition_index(index)
            .with_high_watermark(1000)
            .with_last_stable_offset(990)
            .with_log_start_offset(if version >= 5 { 800 } else { -1 })
            .with_aborted_transactions(Some(vec![aborted]))
            .with_preferred_read_replica(if version >= 11 { 4.into() } else { (-1).into() })
            .with_records(Some(Bytes::from(vec![b'r'; 3000])))
    };
    let refused = parts::PartitionData::default()
        .with_partition_index(1)
        .with_error_code(OUT_OF_RANGE)
        .with_high_watermark(-1)
        .with_aborted_transactions(None);
    let mut topic = parts::FetchableTopicResponse::default().with_partitions(vec![full(0), refused, full(2)]);
    if version >= 13 {
        topic = topic.with_topic_id(uuid::Uuid::from_bytes([9; 16]));
    } else {
        topic = topic.with_topic(StrBytes::from_static_str("orders").into());
    }
    let answer = theirs::FetchResponse::default().with_throttle_time_ms(7).with_responses(vec![topic]);
    if version >= 7 { answer.with_session_id(66) } else { answer }
}

/// As a broker sends it, without its length.
fn sent(answer: &theirs::FetchResponse, version: i16) -> Bytes {
    let mut frame = BytesMut::new();
    let header = theirs::ResponseHeader::default().with_correlation_id(12);
    header.encode(&mut frame, theirs::FetchResponse::header_version(version)).unwrap();
    answer.encode(&mut frame, version).unwrap();
    frame.freeze()
}

fn received(mut frame: Bytes, version: i16) -> theirs::FetchResponse {
    theirs::ResponseHeader::decode(&mut frame, theirs::FetchResponse::header_version(version)).unwrap();
    theirs::FetchResponse::decode(&mut frame, version).unwrap()
}

/// A whole frame as its payload; its length must be right.
fn payload(frame: Frame) -> Bytes {
    let mut bytes = frame.into_bytes();
    let length = bytes.split_to(4);
    assert_eq!(&length[..], &i32::try_from(bytes.len()).unwrap().to_be_bytes());
    bytes
}

fn each_partition(
    answer: &FetchResponse<'_>,
    mut with: impl FnMut(&At<std::borrow::Cow<'_, PartitionData<'_>>>),
) {
    for topic in &answer.responses {
        for partition in &topic.partitions {
            with(&partition);
        }
    }
}

#[test]
fn every_field_is_read_under_its_name() {
    for version in 4..=18 {
        let expected = answer(version);
        let frame = sent(&expected, version);
        let read: FetchResponse<'_> = read_response(&frame, version).unwrap();
        assert_eq!((read.throttle_time_ms, read.error_code, read.session_id), (7, 0, expected.session_id));
        let topic = &expected.responses[0];
        let mut at = 0;
        for found in &read.responses {
            assert_eq!(found.topic, topic.topic.as_str());
            assert_eq!(found.topic_id, *topic.topic_id.as_bytes());
        }
        each_partition(&read, |found| {
            let (expected, raw) =
                (&topic.partitions[at], |span: firnline_proxy::wire::Span| &frame[span.start..span.end]);
            assert_eq!(found.partition_index, expected.partition_index);
            assert_eq!(*found.error_code, expected.error_code);
            assert_eq!(*found.high_watermark, expected.high_watermark);
            assert_eq!(raw(found.high_watermark.span.unwrap()), expected.high_watermark.to_be_bytes());
            assert_eq!(*found.last_stable_offset, expected.last_stable_offset);
            assert_eq!(*found.log_start_offset, expected.log_start_offset);
            assert_eq!(found.log_start_offset.span.is_some(), version >= 5);
            let aborted = found
                .aborted_transactions
                .as_ref()
                .map(|list| list.iter().map(|one| (one.producer_id, one.first_offset)).collect::<Vec<_>>());
            let theirs = expected
                .aborted_transactions
                .as_ref()
                .map(|list| list.iter().map(|one| (one.producer_id.0, one.first_offset)).collect::<Vec<_>>());
            assert_eq!(aborted, theirs);
            assert_eq!(*found.preferred_read_replica, expected.preferred_read_replica.0);
            let Records::Read(records) = *found.records else { panic!("records are of the frame") };
            assert_eq!(records, &expected.records.as_ref().unwrap()[..]);
            assert!(raw(found.records.span.unwrap()).ends_with(records));
            at += 1;
        });
        assert_eq!(at, 3);
    }
}

#[test]
fn a_log_start_is_patched_in_every_entry_without_an_error() {
    for version in 4..=18 {
        let mut expected = answer(version);
        let frame = sent(&expected, version);
        let mut patches = Patches::new();
        each_partition(&read_response(&frame, version).unwrap(), |partition| {
            if *partition.error_code == 0 {
                assert_eq!(patches.set(&partition.log_start_offset, 3), version >= 5);
            }
        });
        assert_eq!(patches.is_empty(), version < 5);
        let mut patched = BytesMut::from(&frame[..]);
        patches.apply(&mut patched).unwrap();
        for partition in [0, 2] {
            let start = &mut expected.responses[0].partitions[partition].log_start_offset;
            *start = if version >= 5 { 3 } else { *start };
        }
        assert_eq!(received(patched.freeze(), version), expected, "version {version}");
    }
}

#[test]
fn a_refusal_becomes_an_empty_answer_of_the_same_length() {
    for version in 4..=18 {
        let mut expected = answer(version);
        let frame = sent(&expected, version);
        let mut patches = Patches::new();
        each_partition(&read_response(&frame, version).unwrap(), |partition| {
            if *partition.error_code == OUT_OF_RANGE {
                partition.front().patch_empty(BOUNDS, &mut patches);
            }
        });
        let mut patched = BytesMut::from(&frame[..]);
        patches.apply(&mut patched).unwrap();
        let partition = &mut expected.responses[0].partitions[1];
        partition.error_code = 0;
        partition.high_watermark = 900;
        partition.last_stable_offset = 890;
        partition.log_start_offset = if version >= 5 { 5 } else { -1 };
        assert_eq!(received(patched.freeze(), version), expected, "version {version}");
    }
}

#[test]
fn a_refusal_becomes_records_without_a_copy_of_them_or_of_the_rest() {
    let chunks =
        vec![Bytes::from(vec![b'a'; 5000]), Bytes::from(vec![b'b'; 10]), Bytes::from(vec![b'c'; 2000])];
    let aborted = || Some(List::from(vec![AbortedTransaction { producer_id: 70, first_offset: 71 }]));
    for version in 4..=18 {
        let mut expected = answer(version);
        if version >= 11 {
            // A client that is sent elsewhere would throw the records away.
            expected.responses[0].partitions[1].preferred_read_replica = 4.into();
        }
        let frame = sent(&expected, version);
        let mut splices = Vec::new();
        each_partition(&read_response(&frame, version).unwrap(), |partition| {
            if *partition.error_code == OUT_OF_RANGE {
                let filled = partition.filled(BOUNDS, aborted(), chunks.clone());
                let with = fragment(&filled, Api::FETCH.form(version)).unwrap();
                splices.push(Splice { span: partition.span.unwrap(), with });
            }
        });
        let spliced = splice(&frame, splices).unwrap();
        // The large chunks and what the broker sent are where they were.
        let places: Vec<_> = spliced.parts().map(|part| part.as_ptr()).collect();
        for whole in [&chunks[0], &chunks[2], &frame] {
            assert!(places.contains(&whole.as_ptr()), "version {version}: something was copied");
        }
        let partition = &mut expected.responses[0].partitions[1];
        partition.error_code = 0;
        partition.high_watermark = 900;
        partition.last_stable_offset = 890;
        partition.log_start_offset = if version >= 5 { 5 } else { -1 };
        let listed = parts::AbortedTransaction::default().with_producer_id(70.into()).with_first_offset(71);
        partition.aborted_transactions = Some(vec![listed]);
        partition.preferred_read_replica = (-1).into();
        partition.records = Some(chunks.concat().into());
        assert_eq!(received(payload(spliced), version), expected, "version {version}");
    }
}

#[test]
fn an_answer_made_here_is_read_by_others() {
    for version in 4..=18 {
        let expected = answer(version);
        let partitions = expected.responses[0].partitions.iter().map(|partition| PartitionData {
            partition_index: partition.partition_index,
            error_code: At::new(partition.error_code),
            high_watermark: At::new(partition.high_watermark),
            last_stable_offset: At::new(partition.last_stable_offset),
            log_start_offset: At::new(partition.log_start_offset),
            aborted_transactions: At::new(partition.aborted_transactions.as_ref().map(|list| {
                let one = |one: &parts::AbortedTransaction| AbortedTransaction {
                    producer_id: one.producer_id.0,
                    first_offset: one.first_offset,
                };
                list.iter().map(one).collect()
            })),
            preferred_read_replica: At::new(partition.preferred_read_replica.0),
            records: At::new(Records::Shared(vec![partition.records.clone().unwrap()])),
            ..PartitionData::default()
        });
        let topic =
            FetchableTopicResponse { topic: "orders", topic_id: [9; 16], partitions: partitions.collect() };
        let made = FetchResponse {
            throttle_time_ms: 7,
            session_id: 66,
            responses: vec![topic].into(),
            ..FetchResponse::default()
        };
        let frame = payload(write_response(&made, version, 12).unwrap());
        assert_eq!(received(frame, version), expected, "version {version}");
    }
}

#[test]
fn what_a_proxy_changes_in_a_request_is_where_it_was_read() {
    use kafka_protocol::messages::fetch_request as asked;
    for version in 4..=18 {
        let topic = asked::FetchTopic::default().with_partitions(vec![asked::FetchPartition::default()]);
        let request = theirs::FetchRequest::default().with_max_bytes(50 << 20).with_topics(vec![topic]);
        let request = if version >= 7 { request.with_session_epoch(0) } else { request };
        let mut frame = BytesMut::new();
        let header =
            theirs::RequestHeader::default().with_request_api_key(1).with_request_api_version(version);
        header.encode(&mut frame, theirs::FetchRequest::header_version(version)).unwrap();
        let body = frame.len();
        request.encode(&mut frame, version).unwrap();

        let mut patches = Patches::new();
        let (read, rest) = RequestHeader::read(&frame).unwrap();
        let read: FetchRequest<'_> = read_request(&read, rest).unwrap();
        assert!(patches.set(&read.max_bytes, 1 << 20));
        assert_eq!(patches.set(&read.session_epoch, -1), version >= 7);
        patches.apply(&mut frame).unwrap();
        let expected = request.with_max_bytes(1 << 20).with_session_epoch(-1);
        assert_eq!(theirs::FetchRequest::decode(&mut &frame[body..], version).unwrap(), expected);
    }
}
