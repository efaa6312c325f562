//! What a share group is answered: read for the addresses in it.

use super::{At, List, message, structs};

structs! {
    struct ShareAcknowledgeResponse<'a> {
        throttle_time_ms: i32 [0+] = 0;
        error_code: i16 [0+] = 0;
        error_message: Option<&'a str> [0+] = None;
        acquisition_lock_timeout_ms: i32 [2+] = 0;
        responses: List<'a, ShareAcknowledgeTopicResponse<'a>> [0+] = List::new();
        node_endpoints: At<List<'a, NodeEndpoint<'a>>> [0+] = At::new(List::new());
    }

    struct NodeEndpoint<'a> {
        node_id: i32 [0+] = 0;
        host: At<&'a str> [0+] = At::new("");
        port: At<i32> [0+] = At::new(0);
        rack: Option<&'a str> [0+] = None;
    }

    struct ShareAcknowledgeTopicResponse<'a> {
        topic_id: [u8; 16] [0+] = [0; 16];
        partitions: List<'a, PartitionData<'a>> [0+] = List::new();
    }

    struct PartitionData<'a> {
        partition_index: i32 [0+] = 0;
        error_code: At<i16> [0+] = At::new(0);
        error_message: Option<&'a str> [0+] = None;
        current_leader: LeaderIdAndEpoch [0+] = LeaderIdAndEpoch::default();
    }

    struct LeaderIdAndEpoch {
        leader_id: i32 [0+] = 0;
        leader_epoch: i32 [0+] = 0;
    }
}

message!(ShareAcknowledgeResponse<'a>, Response, SHARE_ACKNOWLEDGE);
