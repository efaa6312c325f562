//! A member of a group whose partitions the server gives out (KIP-848).

use super::{List, message, structs};

structs! {
    struct ConsumerGroupHeartbeatRequest<'a> {
        group_id: &'a str [0+] = "";
        member_id: &'a str [0+] = "";
        member_epoch: i32 [0+] = 0;
        instance_id: Option<&'a str> [0+] = None;
        rack_id: Option<&'a str> [0+] = None;
        rebalance_timeout_ms: i32 [0+] = -1;
        subscribed_topic_names: Option<List<'a, &'a str>> [0+] = None;
        subscribed_topic_regex: Option<&'a str> [1+] = None;
        server_assignor: Option<&'a str> [0+] = None;
        topic_partitions: Option<List<'a, TopicPartitions<'a>>> [0+] = None;
    }

    struct TopicPartitions<'a> {
        topic_id: [u8; 16] [0+] = [0; 16];
        partitions: List<'a, i32> [0+] = List::new();
    }
}

message!(ConsumerGroupHeartbeatRequest<'a>, Request, CONSUMER_GROUP_HEARTBEAT);

structs! {
    struct ConsumerGroupHeartbeatResponse<'a> {
        throttle_time_ms: i32 [0+] = 0;
        error_code: i16 [0+] = 0;
        error_message: Option<&'a str> [0+] = None;
        member_id: Option<&'a str> [0+] = None;
        member_epoch: i32 [0+] = 0;
        heartbeat_interval_ms: i32 [0+] = 0;
        assignment: Option<Assignment<'a>> [0+] = None;
    }

    struct Assignment<'a> {
        topic_partitions: List<'a, TopicPartitions<'a>> [0+] = List::new();
    }
}

message!(ConsumerGroupHeartbeatResponse<'a>, Response, CONSUMER_GROUP_HEARTBEAT);
