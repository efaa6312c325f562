//! A group's positions are deleted.

use super::{List, message, structs};

structs! {
    struct OffsetDeleteRequest<'a> {
        group_id: &'a str [0+] = "";
        topics: List<'a, OffsetDeleteRequestTopic<'a>> [0+] = List::new();
    }

    struct OffsetDeleteRequestTopic<'a> {
        name: &'a str [0+] = "";
        partitions: List<'a, OffsetDeleteRequestPartition> [0+] = List::new();
    }

    struct OffsetDeleteRequestPartition {
        partition_index: i32 [0+] = 0;
    }
}

message!(OffsetDeleteRequest<'a>, Request, OFFSET_DELETE);

structs! {
    struct OffsetDeleteResponse<'a> {
        error_code: i16 [0+] = 0;
        throttle_time_ms: i32 [0+] = 0;
        topics: List<'a, OffsetDeleteResponseTopic<'a>> [0+] = List::new();
    }

    struct OffsetDeleteResponseTopic<'a> {
        name: &'a str [0+] = "";
        partitions: List<'a, OffsetDeleteResponsePartition> [0+] = List::new();
    }

    struct OffsetDeleteResponsePartition {
        partition_index: i32 [0+] = 0;
        error_code: i16 [0+] = 0;
    }
}

message!(OffsetDeleteResponse<'a>, Response, OFFSET_DELETE);
