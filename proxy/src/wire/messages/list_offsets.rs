//! Where a log begins and ends, and which record has a time. Version 0, which answers a list, is passed on.

use super::{At, List, message, structs};

structs! {
    struct ListOffsetsRequest<'a> {
        replica_id: i32 [0+] = 0;
        isolation_level: i8 [2+] = 0;
        topics: List<'a, ListOffsetsTopic<'a>> [0+] = List::new();
        timeout_ms: i32 [10+] = 0;
    }

    struct ListOffsetsTopic<'a> {
        name: &'a str [0+] = "";
        partitions: List<'a, ListOffsetsPartition> [0+] = List::new();
    }

    struct ListOffsetsPartition {
        partition_index: i32 [0+] = 0;
        current_leader_epoch: i32 [4+] = -1;
        timestamp: i64 [0+] = 0;
    }
}

message!(ListOffsetsRequest<'a>, Request, LIST_OFFSETS);

structs! {
    struct ListOffsetsResponse<'a> {
        throttle_time_ms: i32 [2+] = 0;
        topics: List<'a, ListOffsetsTopicResponse<'a>> [0+] = List::new();
    }

    struct ListOffsetsTopicResponse<'a> {
        name: &'a str [0+] = "";
        partitions: List<'a, ListOffsetsPartitionResponse> [0+] = List::new();
    }

    struct ListOffsetsPartitionResponse {
        partition_index: i32 [0+] = 0;
        error_code: At<i16> [0+] = At::new(0);
        timestamp: At<i64> [0+] = At::new(-1);
        offset: At<i64> [0+] = At::new(-1);
        leader_epoch: At<i32> [4+] = At::new(-1);
    }
}

message!(ListOffsetsResponse<'a>, Response, LIST_OFFSETS);
