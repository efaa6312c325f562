//! Answers that leave something out or say too much.

use firnline_index::lineage::EpochEnd;
use firnline_index::{LeaderEpoch, Offset, PartitionIndex, TopicId, TopicName};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{ListOffsetsResponse, MetadataResponse, OffsetForLeaderEpochResponse};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::epochs::{EpochAsk, EpochEnds};
use super::metadata::TopicsById;
use super::offsets::{LeaderAsk, ListOffsets, Position};
use super::{Question, ReadFault};
use crate::wire::{Code, ProtocolError};

fn asked(topic: &str, partition: i32) -> LeaderAsk {
    LeaderAsk {
        topic: TopicName::new(topic).unwrap(),
        partition: PartitionIndex::new(partition).unwrap(),
        epoch: LeaderEpoch::new(4).unwrap(),
    }
}

fn told(partition: i32, offset: i64) -> ListOffsetsPartitionResponse {
    ListOffsetsPartitionResponse::default()
        .with_partition_index(partition)
        .with_offset(offset)
        .with_leader_epoch(4)
}

fn offsets(
    position: Position,
    told: Vec<(&'static str, Vec<ListOffsetsPartitionResponse>)>,
) -> Result<Vec<Result<Offset, Code>>, ReadFault> {
    let topics = told.into_iter().map(|(name, partitions)| {
        ListOffsetsTopicResponse::default()
            .with_name(StrBytes::from_static_str(name).into())
            .with_partitions(partitions)
    });
    let asks = [asked("a", 0), asked("b", 7), asked("a", 1)];
    ListOffsets { position, asks: &asks }.read(ListOffsetsResponse::default().with_topics(topics.collect()))
}

fn fault<T: std::fmt::Debug>(read: Result<T, ReadFault>) -> ProtocolError {
    match read {
        Err(ReadFault::Protocol(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers_are_laid_in_the_order_asked() {
    let high = Position::HighWatermark;
    let read = offsets(high, vec![("b", vec![told(7, 70)]), ("a", vec![told(1, 10), told(0, 5)])]).unwrap();
    let read: Vec<i64> = read.into_iter().map(|offset| offset.unwrap().get()).collect();
    assert_eq!(read, [5, 70, 10]);
}

#[test]
fn a_partition_left_out_unasked_or_told_twice_is_an_error() {
    let high = Position::HighWatermark;
    let missing = fault(offsets(high, vec![("b", vec![told(7, 70)]), ("a", vec![told(1, 10)])]));
    assert_eq!(missing.to_string(), "the answer says nothing of a/0");
    let all = |more| vec![("b", vec![told(7, 70)]), ("a", vec![told(0, 5), told(1, 10)]), more];
    let unasked = fault(offsets(high, all(("b", vec![told(8, 1)]))));
    assert_eq!(unasked.to_string(), "the answer names b/8 unasked");
    let twice = fault(offsets(high, all(("a", vec![told(0, 6)]))));
    assert_eq!(twice.to_string(), "the answer names a/0 twice");
    assert!(matches!(fault(offsets(high, vec![])), ProtocolError::Missing { .. }));
}

#[test]
fn a_latest_offset_under_another_epoch_is_fenced() {
    let other = told(7, 70).with_leader_epoch(5);
    let all = || vec![("b", vec![other.clone()]), ("a", vec![told(0, 5), told(1, 10)])];
    let read = offsets(Position::LastStable, all()).unwrap();
    assert_eq!(read[1], Err(Code::FENCED_LEADER_EPOCH));
    // The start carries the epoch of the first record, or none.
    assert!(offsets(Position::LogStart, all()).unwrap()[1].is_ok());
}

#[test]
fn an_offset_that_cannot_be_is_no_answer() {
    let all = |offset| vec![("b", vec![told(7, offset)]), ("a", vec![told(0, 5), told(1, 10)])];
    let error = fault(offsets(Position::HighWatermark, all(-1)));
    assert!(error.to_string().contains("b/7"), "{error}");
}

#[test]
fn a_partition_asked_twice_is_refused() {
    let asks = [asked("a", 0), asked("a", 0)];
    let topic = ListOffsetsTopicResponse::default()
        .with_name(StrBytes::from_static_str("a").into())
        .with_partitions(vec![told(0, 1)]);
    let answer = ListOffsetsResponse::default().with_topics(vec![topic]);
    fault(ListOffsets { position: Position::HighWatermark, asks: &asks }.read(answer));
}

#[test]
fn an_epochs_end_is_told_as_kafka_tells_it() {
    let read = |epoch, end| {
        let ask = EpochAsk { of: asked("a", 0), end_of: LeaderEpoch::new(3).unwrap() };
        let told = EpochEndOffset::default().with_leader_epoch(epoch).with_end_offset(end);
        let topic = OffsetForLeaderTopicResult::default()
            .with_topic(StrBytes::from_static_str("a").into())
            .with_partitions(vec![told]);
        let answer = OffsetForLeaderEpochResponse::default().with_topics(vec![topic]);
        EpochEnds(&[ask]).read(answer).map(|mut ends| ends.remove(0).unwrap())
    };
    let end =
        |epoch, end| EpochEnd { epoch: LeaderEpoch::new(epoch).unwrap(), end: Offset::new(end).unwrap() };
    assert_eq!(read(3, 9).unwrap(), Some(end(3, 9)));
    assert_eq!(read(1, 9).unwrap(), Some(end(1, 9)));
    assert_eq!(read(-1, -1).unwrap(), None);
    for (epoch, offset) in [(4, 9), (3, -1), (-1, 9)] {
        assert!(matches!(fault(read(epoch, offset)), ProtocolError::Value { .. }));
    }
}

#[test]
fn each_topic_asked_by_id_answers_for_itself() {
    let id = |byte| TopicId::from_bytes([byte; 16]);
    let topic = |byte, error| {
        let partition = MetadataResponsePartition::default().with_leader_id(2.into()).with_leader_epoch(3);
        MetadataResponseTopic::default()
            .with_topic_id(Uuid::from_bytes([byte; 16]))
            .with_error_code(error)
            .with_name((error == 0).then(|| StrBytes::from_static_str("t").into()))
            .with_partitions(vec![
                partition.clone(),
                partition.with_partition_index(1).with_leader_id((-1).into()),
            ])
    };
    let read = |ids: &[TopicId], topics| {
        let answer = MetadataResponse::default().with_topics(topics);
        TopicsById(ids).read(answer).map(|(_, topics)| topics)
    };
    let all = read(&[id(1), id(2), id(3)], vec![topic(3, 29), topic(1, 0), topic(2, 100)]).unwrap();
    let known = all[0].as_ref().unwrap();
    assert_eq!(known.partitions[0].leader.map(|(node, epoch)| (node.get(), epoch.get())), Some((2, 3)));
    assert_eq!(known.partitions[1].leader, None);
    assert_eq!(all[1], Err(Code::UNKNOWN_TOPIC_ID));
    assert_eq!(all[2], Err(Code::TOPIC_AUTHORIZATION_FAILED));

    let left_out = fault(read(&[id(1), id(2)], vec![topic(1, 0)]));
    assert!(matches!(left_out, ProtocolError::Missing { .. }));
    let unasked = fault(read(&[id(1)], vec![topic(1, 0), topic(2, 0)]));
    assert!(matches!(unasked, ProtocolError::Unasked { how: "unasked", .. }));
    let twice = fault(read(&[id(1)], vec![topic(1, 0), topic(1, 0)]));
    assert!(matches!(twice, ProtocolError::Unasked { how: "twice", .. }));
    let nameless = topic(1, 0).with_name(None);
    assert!(matches!(fault(read(&[id(1)], vec![nameless])), ProtocolError::Value { .. }));
}
