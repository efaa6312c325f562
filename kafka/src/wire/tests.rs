//! What hostile or broken bytes may not do, and what the shapes must agree on with the crate that decodes.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiVersionsRequest, DescribeAclsRequest, DescribeClusterRequest, DescribeConfigsRequest,
    DescribeProducersRequest, FetchRequest, FindCoordinatorRequest, FindCoordinatorResponse,
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, ListGroupsRequest, ListOffsetsRequest, MetadataRequest, MetadataResponse,
    OffsetFetchRequest, OffsetForLeaderEpochRequest, ProduceRequest, ResponseHeader, SaslAuthenticateRequest,
    SaslHandshakeRequest, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, Message, StrBytes};
use proptest::prelude::*;

use super::frame::frame_length;
use super::*;

fn name() -> StrBytes {
    StrBytes::from_static_str("a-name")
}

/// An answer as a broker sends it, without its length.
fn sent<R: Exchange>(answer: &R::Response, correlation: i32) -> Bytes
where
    R::Response: Encodable,
{
    let version = R::API.version();
    let mut frame = BytesMut::new();
    let header = ResponseHeader::default().with_correlation_id(correlation);
    header.encode(&mut frame, <R::Response as HeaderVersion>::header_version(version)).unwrap();
    answer.encode(&mut frame, version).unwrap();
    frame.freeze()
}

/// Decodes what was encoded; then with every byte cut off, with one added, and with each byte made large.
fn holds<R: Exchange>(answer: R::Response)
where
    R::Response: Encodable + PartialEq + std::fmt::Debug,
{
    let frame = sent::<R>(&answer, 7);
    assert_eq!(decode::<R>(frame.clone(), 7).unwrap(), answer, "{}", R::API);
    assert!(matches!(decode::<R>(frame.clone(), 8), Err(ProtocolError::Correlation { found: 7, .. })));
    for cut in 0..frame.len() {
        decode::<R>(frame.slice(..cut), 7).expect_err("an answer that was cut");
    }
    let mut longer = BytesMut::from(&frame[..]);
    longer.put_u8(0);
    assert!(matches!(decode::<R>(longer.freeze(), 7), Err(ProtocolError::LeftOver { bytes: 1 })));
    for at in 4..frame.len() {
        for byte in [0x00, 0x7f, 0xff] {
            let mut changed = BytesMut::from(&frame[..]);
            changed[at] = byte;
            let _ = decode::<R>(changed.freeze(), 7);
        }
    }
}

fn topics() -> MetadataResponse {
    use kafka_protocol::messages::metadata_response::{
        MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
    };
    let partition = MetadataResponsePartition::default()
        .with_leader_id(1.into())
        .with_replica_nodes(vec![1.into(), 2.into()])
        .with_isr_nodes(vec![1.into()])
        .with_offline_replicas(vec![2.into()]);
    let topic = MetadataResponseTopic::default()
        .with_name(Some(name().into()))
        .with_topic_id(uuid::Uuid::from_bytes([7; 16]))
        .with_partitions(vec![partition.clone(), partition]);
    MetadataResponse::default()
        .with_brokers(vec![MetadataResponseBroker::default().with_host(name()).with_rack(Some(name()))])
        .with_cluster_id(Some(name()))
        .with_topics(vec![topic.clone(), topic.with_name(None)])
}

#[test]
fn the_shapes_are_those_of_the_decoder() {
    use kafka_protocol::messages::*;
    let versions = api_versions_response::ApiVersion::default().with_api_key(3).with_max_version(12);
    let supported = api_versions_response::SupportedFeatureKey::default().with_name(name());
    let finalized = api_versions_response::FinalizedFeatureKey::default().with_name(name());
    let answer = ApiVersionsResponse::default()
        .with_api_keys(vec![versions.clone(), versions])
        .with_supported_features(vec![supported])
        .with_finalized_features(vec![finalized])
        .with_finalized_features_epoch(3)
        .with_zk_migration_ready(true);
    holds::<ApiVersionsRequest>(answer.with_unknown_tagged_field(9, Bytes::from_static(b"later")));
    holds::<SaslHandshakeRequest>(SaslHandshakeResponse::default().with_mechanisms(vec![name(), name()]));
    let step = SaslAuthenticateResponse::default()
        .with_error_message(Some(name()))
        .with_auth_bytes(Bytes::from_static(b"r=x"))
        .with_session_lifetime_ms(1000);
    holds::<SaslAuthenticateRequest>(step);
    holds::<MetadataRequest>(topics());
    let broker = describe_cluster_response::DescribeClusterBroker::default().with_host(name());
    let cluster = DescribeClusterResponse::default().with_cluster_id(name()).with_brokers(vec![broker]);
    holds::<DescribeClusterRequest>(cluster);
    let partition = list_offsets_response::ListOffsetsPartitionResponse::default().with_offset(5);
    let topic = list_offsets_response::ListOffsetsTopicResponse::default()
        .with_name(name().into())
        .with_partitions(vec![partition.clone(), partition]);
    holds::<ListOffsetsRequest>(ListOffsetsResponse::default().with_topics(vec![topic]));
    let end = offset_for_leader_epoch_response::EpochEndOffset::default().with_end_offset(5);
    let topic = offset_for_leader_epoch_response::OffsetForLeaderTopicResult::default()
        .with_topic(name().into())
        .with_partitions(vec![end]);
    holds::<OffsetForLeaderEpochRequest>(OffsetForLeaderEpochResponse::default().with_topics(vec![topic]));
    let synonym = describe_configs_response::DescribeConfigsSynonym::default().with_name(name());
    let entry = describe_configs_response::DescribeConfigsResourceResult::default()
        .with_name(name())
        .with_value(Some(name()))
        .with_synonyms(vec![synonym]);
    let result = describe_configs_response::DescribeConfigsResult::default()
        .with_resource_name(name())
        .with_configs(vec![entry]);
    holds::<DescribeConfigsRequest>(DescribeConfigsResponse::default().with_results(vec![result]));
    let state = describe_producers_response::ProducerState::default().with_last_timestamp(9);
    let partition =
        describe_producers_response::PartitionResponse::default().with_active_producers(vec![state]);
    let topic = describe_producers_response::TopicResponse::default()
        .with_name(name().into())
        .with_partitions(vec![partition]);
    holds::<DescribeProducersRequest>(DescribeProducersResponse::default().with_topics(vec![topic]));
    let group = list_groups_response::ListedGroup::default().with_group_id(name().into());
    holds::<ListGroupsRequest>(ListGroupsResponse::default().with_groups(vec![group]));
    let offset = offset_fetch_response::OffsetFetchResponsePartitions::default().with_committed_offset(5);
    let topic = offset_fetch_response::OffsetFetchResponseTopics::default()
        .with_name(name().into())
        .with_partitions(vec![offset]);
    let group = offset_fetch_response::OffsetFetchResponseGroup::default()
        .with_group_id(name().into())
        .with_topics(vec![topic]);
    holds::<OffsetFetchRequest>(OffsetFetchResponse::default().with_groups(vec![group]));
    let acl = describe_acls_response::AclDescription::default().with_principal(name()).with_host(name());
    let resource = describe_acls_response::DescribeAclsResource::default()
        .with_resource_name(name())
        .with_acls(vec![acl]);
    holds::<DescribeAclsRequest>(DescribeAclsResponse::default().with_resources(vec![resource]));
    let aborted = fetch_response::AbortedTransaction::default().with_first_offset(3);
    let partition = fetch_response::PartitionData::default()
        .with_log_start_offset(5)
        .with_aborted_transactions(Some(vec![aborted]))
        .with_diverging_epoch(fetch_response::EpochEndOffset::default().with_end_offset(5))
        .with_current_leader(fetch_response::LeaderIdAndEpoch::default().with_leader_epoch(5))
        .with_snapshot_id(fetch_response::SnapshotId::default().with_end_offset(5))
        .with_records(Some(Bytes::from_static(b"batches")));
    let topic = fetch_response::FetchableTopicResponse::default().with_partitions(vec![partition]);
    holds::<FetchRequest>(FetchResponse::default().with_responses(vec![topic]));
    let wrong =
        produce_response::BatchIndexAndErrorMessage::default().with_batch_index_error_message(Some(name()));
    let partition = produce_response::PartitionProduceResponse::default()
        .with_base_offset(5)
        .with_record_errors(vec![wrong])
        .with_error_message(Some(name()));
    let topic = produce_response::TopicProduceResponse::default()
        .with_name(name().into())
        .with_partition_responses(vec![partition]);
    holds::<ProduceRequest>(ProduceResponse::default().with_responses(vec![topic]));
}

#[test]
fn answers_about_members_have_the_shapes_that_are_checked() {
    use kafka_protocol::messages::find_coordinator_response::Coordinator;
    use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
    use kafka_protocol::messages::leave_group_response::MemberResponse;
    let coordinator =
        Coordinator::default().with_key(name()).with_host(name()).with_error_message(Some(name()));
    holds::<FindCoordinatorRequest>(FindCoordinatorResponse::default().with_coordinators(vec![coordinator]));
    let member = JoinGroupResponseMember::default()
        .with_member_id(name())
        .with_group_instance_id(Some(name()))
        .with_metadata(Bytes::from_static(b"what it wants"));
    let joined = JoinGroupResponse::default()
        .with_generation_id(3)
        .with_protocol_type(Some(name()))
        .with_protocol_name(Some(name()))
        .with_leader(name())
        .with_member_id(name())
        .with_members(vec![member]);
    holds::<JoinGroupRequest>(joined);
    let synced = SyncGroupResponse::default()
        .with_protocol_type(Some(name()))
        .with_assignment(Bytes::from_static(b"what is its own"));
    holds::<SyncGroupRequest>(synced);
    holds::<HeartbeatRequest>(HeartbeatResponse::default().with_error_code(27));
    let left = MemberResponse::default().with_member_id(name()).with_group_instance_id(Some(name()));
    holds::<LeaveGroupRequest>(LeaveGroupResponse::default().with_members(vec![left]));
}

#[test]
fn a_count_that_its_bytes_cannot_hold_is_refused_before_anything_is_set_aside() {
    // Behind the header and the throttle time: 4,294,967,294 brokers, which the decoder would set memory aside for.
    let frame = Bytes::from_static(&[0, 0, 0, 7, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    let error = decode::<MetadataRequest>(frame, 7).unwrap_err();
    assert!(matches!(error, ProtocolError::Count { claimed: 4_294_967_294, bytes: 0 }), "{error}");
    // The same within a tagged field that the decoder looks into.
    let mut frame = BytesMut::from(&[0, 0, 0, 7, 0, 0, 1, 0, 0, 0, 0, 1, 0, 5][..]);
    frame.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    let error = decode::<ApiVersionsRequest>(frame.freeze(), 7).unwrap_err();
    assert!(matches!(error, ProtocolError::Count { bytes: 0, .. }), "{error}");
    // And in an array of the old form.
    let frame = Bytes::from_static(&[0, 0, 0, 7, 0, 0, 0x7f, 0xff, 0xff, 0xff]);
    let error = decode::<SaslHandshakeRequest>(frame, 7).unwrap_err();
    assert!(matches!(error, ProtocolError::Count { claimed: 0x7fff_ffff, .. }), "{error}");
}

#[test]
fn a_length_that_no_answer_has_is_refused() {
    assert_eq!(frame_length([0, 0, 1, 0], 256).unwrap(), 256);
    assert!(matches!(frame_length([0, 0, 1, 1], 256), Err(FrameError::Length { claimed: 257, .. })));
    assert!(matches!(frame_length([0xff; 4], 256), Err(FrameError::Length { claimed: -1, .. })));
    // A TLS alert: "protocol version".
    assert!(matches!(frame_length([0x15, 3, 3, 0], usize::MAX), Err(FrameError::SpeaksTls)));
}

#[tokio::test]
async fn a_frame_that_ends_early_is_an_error_and_no_wait() {
    let mut whole: &[u8] = &[0, 0, 0, 3, b'a', b'b', b'c', b'd'];
    assert_eq!(read_frame(&mut whole, 10).await.unwrap(), "abc");
    assert_eq!(whole, b"d", "nothing is read from behind the frame");
    for cut in 0..7 {
        let mut short: &[u8] = &[0, 0, 0, 3, b'a', b'b', b'c'][..cut];
        assert!(matches!(read_frame(&mut short, 10).await, Err(FrameError::Io(_))), "{cut}");
    }
    // A length of 30 MiB with nothing behind it: only what arrives is set aside, see `read_frame`.
    let mut claim: &[u8] = &[1, 0xe0, 0, 0, 1];
    assert!(matches!(read_frame(&mut claim, 32 << 20).await, Err(FrameError::Io(_))));
}

#[test]
fn every_version_is_one_that_the_crate_and_all_brokers_speak() {
    // Lowest and highest version of each request in brokers 3.3 and 4.4, from Kafka's own message definitions.
    let brokers = [
        (Api::ListOffsets, [(0, 7), (1, 11)]),
        (Api::Metadata, [(0, 12), (0, 13)]),
        (Api::OffsetFetch, [(0, 8), (1, 10)]),
        (Api::ListGroups, [(0, 4), (0, 5)]),
        (Api::SaslHandshake, [(0, 1), (0, 1)]),
        (Api::ApiVersions, [(0, 3), (0, 5)]),
        (Api::OffsetForLeaderEpoch, [(0, 4), (2, 4)]),
        (Api::DescribeAcls, [(0, 3), (1, 3)]),
        (Api::DescribeConfigs, [(0, 4), (1, 4)]),
        (Api::SaslAuthenticate, [(0, 2), (0, 2)]),
        (Api::DescribeCluster, [(0, 0), (0, 2)]),
        (Api::DescribeProducers, [(0, 0), (0, 0)]),
        (Api::Fetch, [(0, 13), (4, 18)]),
        (Api::Produce, [(0, 9), (3, 13)]),
        (Api::FindCoordinator, [(0, 4), (0, 6)]),
        (Api::JoinGroup, [(0, 9), (0, 9)]),
        (Api::SyncGroup, [(0, 5), (0, 5)]),
        (Api::Heartbeat, [(0, 4), (0, 4)]),
        (Api::LeaveGroup, [(0, 5), (0, 5)]),
    ];
    assert_eq!(brokers.len(), Api::ALL.len());
    for (api, ranges) in brokers {
        for (min, max) in ranges {
            assert!((min..=max).contains(&api.version()), "{api}");
        }
    }
    fn crate_speaks<R: Exchange + Message>() -> (Api, bool) {
        let version = R::API.version();
        (R::API, R::VERSIONS.min <= version && version <= R::VERSIONS.max)
    }
    let crates = [
        crate_speaks::<ListOffsetsRequest>(),
        crate_speaks::<MetadataRequest>(),
        crate_speaks::<OffsetFetchRequest>(),
        crate_speaks::<ListGroupsRequest>(),
        crate_speaks::<SaslHandshakeRequest>(),
        crate_speaks::<ApiVersionsRequest>(),
        crate_speaks::<OffsetForLeaderEpochRequest>(),
        crate_speaks::<DescribeAclsRequest>(),
        crate_speaks::<DescribeConfigsRequest>(),
        crate_speaks::<SaslAuthenticateRequest>(),
        crate_speaks::<DescribeClusterRequest>(),
        crate_speaks::<DescribeProducersRequest>(),
        crate_speaks::<FetchRequest>(),
        crate_speaks::<ProduceRequest>(),
        crate_speaks::<FindCoordinatorRequest>(),
        crate_speaks::<JoinGroupRequest>(),
        crate_speaks::<SyncGroupRequest>(),
        crate_speaks::<HeartbeatRequest>(),
        crate_speaks::<LeaveGroupRequest>(),
    ];
    for (api, speaks) in crates {
        assert!(speaks, "{api}");
    }
    for (at, api) in Api::ALL.into_iter().enumerate() {
        assert_eq!(api.position(), at);
    }
}

#[test]
fn codes_carry_kafkas_names() {
    let name = |code| Code::of(code).unwrap().to_string();
    assert_eq!(name(6), "NOT_LEADER_OR_FOLLOWER (6)");
    assert_eq!(name(29), "TOPIC_AUTHORIZATION_FAILED (29)");
    assert_eq!(name(74), "FENCED_LEADER_EPOCH (74)");
    assert_eq!(name(75), "UNKNOWN_LEADER_EPOCH (75)");
    assert_eq!(name(100), "UNKNOWN_TOPIC_ID (100)");
    assert_eq!(name(3), "UNKNOWN_TOPIC_OR_PARTITION (3)");
    assert_eq!(name(58), "SASL_AUTHENTICATION_FAILED (58)");
    assert_eq!(name(12345), "error code 12345");
    assert!(Code::of(0).is_none());
    assert!(Code::of(78).unwrap().is_retriable() && !Code::of(29).unwrap().is_retriable());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut frame = BytesMut::from(&[0, 0, 0, 7][..]);
        frame.extend_from_slice(&bytes);
        let frame = frame.freeze();
        let _ = decode::<ApiVersionsRequest>(frame.clone(), 7);
        let _ = decode::<SaslHandshakeRequest>(frame.clone(), 7);
        let _ = decode::<SaslAuthenticateRequest>(frame.clone(), 7);
        let _ = decode::<MetadataRequest>(frame.clone(), 7);
        let _ = decode::<DescribeClusterRequest>(frame.clone(), 7);
        let _ = decode::<ListOffsetsRequest>(frame.clone(), 7);
        let _ = decode::<OffsetForLeaderEpochRequest>(frame.clone(), 7);
        let _ = decode::<DescribeConfigsRequest>(frame.clone(), 7);
        let _ = decode::<DescribeProducersRequest>(frame.clone(), 7);
        let _ = decode::<ListGroupsRequest>(frame.clone(), 7);
        let _ = decode::<OffsetFetchRequest>(frame.clone(), 7);
        let _ = decode::<DescribeAclsRequest>(frame.clone(), 7);
        let _ = decode::<FetchRequest>(frame.clone(), 7);
        let _ = decode::<ProduceRequest>(frame.clone(), 7);
        let _ = decode::<FindCoordinatorRequest>(frame.clone(), 7);
        let _ = decode::<JoinGroupRequest>(frame.clone(), 7);
        let _ = decode::<SyncGroupRequest>(frame.clone(), 7);
        let _ = decode::<HeartbeatRequest>(frame.clone(), 7);
        let _ = decode::<LeaveGroupRequest>(frame, 7);
    }

    #[test]
    fn an_answer_with_some_bytes_changed_never_panics(
        changes in proptest::collection::vec((4_usize..200, any::<u8>()), 1..8),
    ) {
        let mut frame = BytesMut::from(&sent::<MetadataRequest>(&topics(), 7)[..]);
        for (at, byte) in changes {
            let at = at.min(frame.len() - 1);
            frame[at] = byte;
        }
        let _ = decode::<MetadataRequest>(frame.freeze(), 7);
    }
}
