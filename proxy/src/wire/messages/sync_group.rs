//! The leader of a group gives its partitions out.

use super::{List, message, structs};

structs! {
    struct SyncGroupRequest<'a> {
        group_id: &'a str [0+] = "";
        generation_id: i32 [0+] = 0;
        member_id: &'a str [0+] = "";
        group_instance_id: Option<&'a str> [3+] = None;
        protocol_type: Option<&'a str> [5+] = None;
        protocol_name: Option<&'a str> [5+] = None;
        assignments: List<'a, SyncGroupRequestAssignment<'a>> [0+] = List::new();
    }

    struct SyncGroupRequestAssignment<'a> {
        member_id: &'a str [0+] = "";
        assignment: &'a [u8] [0+] = &[];
    }
}

message!(SyncGroupRequest<'a>, Request, SYNC_GROUP);

structs! {
    struct SyncGroupResponse<'a> {
        throttle_time_ms: i32 [1+] = 0;
        error_code: i16 [0+] = 0;
        protocol_type: Option<&'a str> [5+] = None;
        protocol_name: Option<&'a str> [5+] = None;
        assignment: &'a [u8] [0+] = &[];
    }
}

message!(SyncGroupResponse<'a>, Response, SYNC_GROUP);
