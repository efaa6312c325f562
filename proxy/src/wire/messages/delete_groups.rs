//! Groups are deleted.

use super::{List, message, structs};

structs! {
    struct DeleteGroupsRequest<'a> {
        groups_names: List<'a, &'a str> [0+] = List::new();
    }
}

message!(DeleteGroupsRequest<'a>, Request, DELETE_GROUPS);

structs! {
    struct DeleteGroupsResponse<'a> {
        throttle_time_ms: i32 [0+] = 0;
        results: List<'a, DeletableGroupResult<'a>> [0+] = List::new();
    }

    struct DeletableGroupResult<'a> {
        group_id: &'a str [0+] = "";
        error_code: i16 [0+] = 0;
        error_message: Option<&'a str> [3+] = None;
    }
}

message!(DeleteGroupsResponse<'a>, Response, DELETE_GROUPS);
