//! A group keeps its positions. Versions 0 and 1, of Kafka 3, are passed on.

use super::{List, message, structs};

structs! {
    struct OffsetCommitRequest<'a> {
        group_id: &'a str [0+] = "";
        generation_id_or_member_epoch: i32 [0+] = -1;
        member_id: &'a str [0+] = "";
        group_instance_id: Option<&'a str> [7+] = None;
        retention_time_ms: i64 [0-4] = -1;
        topics: List<'a, OffsetCommitRequestTopic<'a>> [0+] = List::new();
    }

    struct OffsetCommitRequestTopic<'a> {
        name: &'a str [0-9] = "";
        topic_id: [u8; 16] [10+] = [0; 16];
        partitions: List<'a, OffsetCommitRequestPartition<'a>> [0+] = List::new();
    }

    struct OffsetCommitRequestPartition<'a> {
        partition_index: i32 [0+] = 0;
        committed_offset: i64 [0+] = 0;
        committed_leader_epoch: i32 [6+] = -1;
        committed_metadata: Option<&'a str> [0+] = Some("");
    }
}

message!(OffsetCommitRequest<'a>, Request, OFFSET_COMMIT);

structs! {
    struct OffsetCommitResponse<'a> {
        throttle_time_ms: i32 [3+] = 0;
        topics: List<'a, OffsetCommitResponseTopic<'a>> [0+] = List::new();
    }

    struct OffsetCommitResponseTopic<'a> {
        name: &'a str [0-9] = "";
        topic_id: [u8; 16] [10+] = [0; 16];
        partitions: List<'a, OffsetCommitResponsePartition> [0+] = List::new();
    }

    struct OffsetCommitResponsePartition {
        partition_index: i32 [0+] = 0;
        error_code: i16 [0+] = 0;
    }
}

message!(OffsetCommitResponse<'a>, Response, OFFSET_COMMIT);
