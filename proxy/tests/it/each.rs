//! Every message that is read here, once.

/// Calls `$each!(type, name)` for every message, request and answer.
macro_rules! each_message {
    ($each:ident) => {
        $each!(firnline_proxy::wire::messages::api_versions::ApiVersionsRequest<'_>, ApiVersionsRequest);
        $each!(firnline_proxy::wire::messages::api_versions::ApiVersionsResponse<'_>, ApiVersionsResponse);
        $each!(
            firnline_proxy::wire::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest<'_>,
            ConsumerGroupHeartbeatRequest
        );
        $each!(
            firnline_proxy::wire::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatResponse<'_>,
            ConsumerGroupHeartbeatResponse
        );
        $each!(firnline_proxy::wire::messages::delete_groups::DeleteGroupsRequest<'_>, DeleteGroupsRequest);
        $each!(firnline_proxy::wire::messages::delete_groups::DeleteGroupsResponse<'_>, DeleteGroupsResponse);
        $each!(firnline_proxy::wire::messages::offset_delete::OffsetDeleteRequest<'_>, OffsetDeleteRequest);
        $each!(firnline_proxy::wire::messages::offset_delete::OffsetDeleteResponse<'_>, OffsetDeleteResponse);
        $each!(
            firnline_proxy::wire::messages::delete_records::DeleteRecordsRequest<'_>,
            DeleteRecordsRequest
        );
        $each!(
            firnline_proxy::wire::messages::delete_records::DeleteRecordsResponse<'_>,
            DeleteRecordsResponse
        );
        $each!(
            firnline_proxy::wire::messages::describe_cluster::DescribeClusterRequest,
            DescribeClusterRequest
        );
        $each!(
            firnline_proxy::wire::messages::describe_cluster::DescribeClusterResponse<'_>,
            DescribeClusterResponse
        );
        $each!(
            firnline_proxy::wire::messages::describe_configs::DescribeConfigsRequest<'_>,
            DescribeConfigsRequest
        );
        $each!(
            firnline_proxy::wire::messages::describe_configs::DescribeConfigsResponse<'_>,
            DescribeConfigsResponse
        );
        $each!(
            firnline_proxy::wire::messages::describe_groups::DescribeGroupsRequest<'_>,
            DescribeGroupsRequest
        );
        $each!(
            firnline_proxy::wire::messages::describe_groups::DescribeGroupsResponse<'_>,
            DescribeGroupsResponse
        );
        $each!(firnline_proxy::wire::messages::fetch::FetchRequest<'_>, FetchRequest);
        $each!(firnline_proxy::wire::messages::fetch::FetchResponse<'_>, FetchResponse);
        $each!(
            firnline_proxy::wire::messages::find_coordinator::FindCoordinatorRequest<'_>,
            FindCoordinatorRequest
        );
        $each!(
            firnline_proxy::wire::messages::find_coordinator::FindCoordinatorResponse<'_>,
            FindCoordinatorResponse
        );
        $each!(firnline_proxy::wire::messages::heartbeat::HeartbeatRequest<'_>, HeartbeatRequest);
        $each!(firnline_proxy::wire::messages::heartbeat::HeartbeatResponse, HeartbeatResponse);
        $each!(
            firnline_proxy::wire::messages::init_producer_id::InitProducerIdRequest<'_>,
            InitProducerIdRequest
        );
        $each!(
            firnline_proxy::wire::messages::init_producer_id::InitProducerIdResponse,
            InitProducerIdResponse
        );
        $each!(firnline_proxy::wire::messages::join_group::JoinGroupRequest<'_>, JoinGroupRequest);
        $each!(firnline_proxy::wire::messages::join_group::JoinGroupResponse<'_>, JoinGroupResponse);
        $each!(firnline_proxy::wire::messages::leave_group::LeaveGroupRequest<'_>, LeaveGroupRequest);
        $each!(firnline_proxy::wire::messages::leave_group::LeaveGroupResponse<'_>, LeaveGroupResponse);
        $each!(firnline_proxy::wire::messages::list_groups::ListGroupsRequest<'_>, ListGroupsRequest);
        $each!(firnline_proxy::wire::messages::list_groups::ListGroupsResponse<'_>, ListGroupsResponse);
        $each!(firnline_proxy::wire::messages::list_offsets::ListOffsetsRequest<'_>, ListOffsetsRequest);
        $each!(firnline_proxy::wire::messages::list_offsets::ListOffsetsResponse<'_>, ListOffsetsResponse);
        $each!(firnline_proxy::wire::messages::metadata::MetadataRequest<'_>, MetadataRequest);
        $each!(firnline_proxy::wire::messages::metadata::MetadataResponse<'_>, MetadataResponse);
        $each!(firnline_proxy::wire::messages::offset_commit::OffsetCommitRequest<'_>, OffsetCommitRequest);
        $each!(firnline_proxy::wire::messages::offset_commit::OffsetCommitResponse<'_>, OffsetCommitResponse);
        $each!(firnline_proxy::wire::messages::offset_fetch::OffsetFetchRequest<'_>, OffsetFetchRequest);
        $each!(firnline_proxy::wire::messages::offset_fetch::OffsetFetchResponse<'_>, OffsetFetchResponse);
        $each!(
            firnline_proxy::wire::messages::offset_for_leader_epoch::OffsetForLeaderEpochRequest<'_>,
            OffsetForLeaderEpochRequest
        );
        $each!(
            firnline_proxy::wire::messages::offset_for_leader_epoch::OffsetForLeaderEpochResponse<'_>,
            OffsetForLeaderEpochResponse
        );
        $each!(firnline_proxy::wire::messages::produce::ProduceRequest<'_>, ProduceRequest);
        $each!(firnline_proxy::wire::messages::produce::ProduceResponse<'_>, ProduceResponse);
        $each!(
            firnline_proxy::wire::messages::sasl_authenticate::SaslAuthenticateRequest<'_>,
            SaslAuthenticateRequest
        );
        $each!(
            firnline_proxy::wire::messages::sasl_authenticate::SaslAuthenticateResponse<'_>,
            SaslAuthenticateResponse
        );
        $each!(
            firnline_proxy::wire::messages::sasl_handshake::SaslHandshakeRequest<'_>,
            SaslHandshakeRequest
        );
        $each!(
            firnline_proxy::wire::messages::sasl_handshake::SaslHandshakeResponse<'_>,
            SaslHandshakeResponse
        );
        $each!(
            firnline_proxy::wire::messages::share_acknowledge::ShareAcknowledgeResponse<'_>,
            ShareAcknowledgeResponse
        );
        $each!(firnline_proxy::wire::messages::share_fetch::ShareFetchResponse<'_>, ShareFetchResponse);
        $each!(firnline_proxy::wire::messages::sync_group::SyncGroupRequest<'_>, SyncGroupRequest);
        $each!(firnline_proxy::wire::messages::sync_group::SyncGroupResponse<'_>, SyncGroupResponse);
    };
}
