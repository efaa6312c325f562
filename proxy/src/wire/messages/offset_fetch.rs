//! A group asks for its positions. Version 0, of Kafka 3, is passed on.

use super::{List, message, structs};

structs! {
    struct OffsetFetchRequest<'a> {
        group_id: &'a str [0-7] = "";
        topics: Option<List<'a, OffsetFetchRequestTopic<'a>>> [0-7] null [2-7] = Some(List::new());
        groups: List<'a, OffsetFetchRequestGroup<'a>> [8+] = List::new();
        require_stable: bool [7+] = false;
    }

    struct OffsetFetchRequestGroup<'a> {
        group_id: &'a str [8+] = "";
        member_id: Option<&'a str> [9+] = None;
        member_epoch: i32 [9+] = -1;
        topics: Option<List<'a, OffsetFetchRequestTopics<'a>>> [8+] = Some(List::new());
    }

    struct OffsetFetchRequestTopics<'a> {
        name: &'a str [8-9] = "";
        topic_id: [u8; 16] [10+] = [0; 16];
        partition_indexes: List<'a, i32> [8+] = List::new();
    }

    struct OffsetFetchRequestTopic<'a> {
        name: &'a str [0-7] = "";
        partition_indexes: List<'a, i32> [0-7] = List::new();
    }
}

message!(OffsetFetchRequest<'a>, Request, OFFSET_FETCH);

structs! {
    struct OffsetFetchResponse<'a> {
        throttle_time_ms: i32 [3+] = 0;
        topics: List<'a, OffsetFetchResponseTopic<'a>> [0-7] = List::new();
        error_code: i16 [2-7] = 0;
        groups: List<'a, OffsetFetchResponseGroup<'a>> [8+] = List::new();
    }

    struct OffsetFetchResponseGroup<'a> {
        group_id: &'a str [8+] = "";
        topics: List<'a, OffsetFetchResponseTopics<'a>> [8+] = List::new();
        error_code: i16 [8+] = 0;
    }

    struct OffsetFetchResponseTopics<'a> {
        name: &'a str [8-9] = "";
        topic_id: [u8; 16] [10+] = [0; 16];
        partitions: List<'a, OffsetFetchResponsePartitions<'a>> [8+] = List::new();
    }

    struct OffsetFetchResponsePartitions<'a> {
        partition_index: i32 [8+] = 0;
        committed_offset: i64 [8+] = 0;
        committed_leader_epoch: i32 [8+] = -1;
        metadata: Option<&'a str> [8+] = Some("");
        error_code: i16 [8+] = 0;
    }

    struct OffsetFetchResponseTopic<'a> {
        name: &'a str [0-7] = "";
        partitions: List<'a, OffsetFetchResponsePartition<'a>> [0-7] = List::new();
    }

    struct OffsetFetchResponsePartition<'a> {
        partition_index: i32 [0-7] = 0;
        committed_offset: i64 [0-7] = 0;
        committed_leader_epoch: i32 [5-7] = -1;
        metadata: Option<&'a str> [0-7] = Some("");
        error_code: i16 [0-7] = 0;
    }
}

message!(OffsetFetchResponse<'a>, Response, OFFSET_FETCH);
