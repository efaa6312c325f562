//! What a share group is answered: read for the addresses in it.

use super::{At, List, Records, message, structs};

structs! {
    struct ShareFetchResponse<'a> {
        throttle_time_ms: i32 [0+] = 0;
        error_code: i16 [0+] = 0;
        error_message: Option<&'a str> [0+] = None;
        acquisition_lock_timeout_ms: i32 [0+] = 0;
        responses: List<'a, ShareFetchableTopicResponse<'a>> [0+] = List::new();
        node_endpoints: At<List<'a, NodeEndpoint<'a>>> [0+] = At::new(List::new());
    }

    struct NodeEndpoint<'a> {
        node_id: i32 [0+] = 0;
        host: At<&'a str> [0+] = At::new("");
        port: At<i32> [0+] = At::new(0);
        rack: Option<&'a str> [0+] = None;
    }

    struct ShareFetchableTopicResponse<'a> {
        topic_id: [u8; 16] [0+] = [0; 16];
        partitions: List<'a, PartitionData<'a>> [0+] = List::new();
    }

    struct PartitionData<'a> {
        partition_index: i32 [0+] = 0;
        error_code: At<i16> [0+] = At::new(0);
        error_message: Option<&'a str> [0+] = None;
        acknowledge_error_code: i16 [0+] = 0;
        acknowledge_error_message: Option<&'a str> [0+] = None;
        current_leader: LeaderIdAndEpoch [0+] = LeaderIdAndEpoch::default();
        records: At<Records<'a>> [0+] = At::new(Records::EMPTY);
        acquired_records: List<'a, AcquiredRecords> [0+] = List::new();
    }

    struct AcquiredRecords {
        first_offset: i64 [0+] = 0;
        last_offset: i64 [0+] = 0;
        delivery_count: i16 [0+] = 0;
    }

    struct LeaderIdAndEpoch {
        leader_id: i32 [0+] = 0;
        leader_epoch: i32 [0+] = 0;
    }
}

message!(ShareFetchResponse<'a>, Response, SHARE_FETCH);
