//! Where a leader epoch ends.

use super::{At, List, message, structs};

structs! {
    struct OffsetForLeaderEpochRequest<'a> {
        replica_id: i32 [3+] = -2;
        topics: List<'a, OffsetForLeaderTopic<'a>> [0+] = List::new();
    }

    struct OffsetForLeaderTopic<'a> {
        topic: &'a str [0+] = "";
        partitions: List<'a, OffsetForLeaderPartition> [0+] = List::new();
    }

    struct OffsetForLeaderPartition {
        partition: i32 [0+] = 0;
        current_leader_epoch: i32 [2+] = -1;
        leader_epoch: i32 [0+] = 0;
    }
}

message!(OffsetForLeaderEpochRequest<'a>, Request, OFFSET_FOR_LEADER_EPOCH);

structs! {
    struct OffsetForLeaderEpochResponse<'a> {
        throttle_time_ms: i32 [2+] = 0;
        topics: List<'a, OffsetForLeaderTopicResult<'a>> [0+] = List::new();
    }

    struct OffsetForLeaderTopicResult<'a> {
        topic: &'a str [0+] = "";
        partitions: List<'a, EpochEndOffset> [0+] = List::new();
    }

    struct EpochEndOffset {
        error_code: At<i16> [0+] = At::new(0);
        partition: i32 [0+] = 0;
        leader_epoch: At<i32> [1+] = At::new(-1);
        end_offset: At<i64> [0+] = At::new(-1);
    }
}

message!(OffsetForLeaderEpochResponse<'a>, Response, OFFSET_FOR_LEADER_EPOCH);
