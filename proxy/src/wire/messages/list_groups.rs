//! Which groups there are.

use super::{List, message, structs};

structs! {
    struct ListGroupsRequest<'a> {
        states_filter: List<'a, &'a str> [4+] = List::new();
        types_filter: List<'a, &'a str> [5+] = List::new();
    }
}

message!(ListGroupsRequest<'a>, Request, LIST_GROUPS);

structs! {
    struct ListGroupsResponse<'a> {
        throttle_time_ms: i32 [1+] = 0;
        error_code: i16 [0+] = 0;
        groups: List<'a, ListedGroup<'a>> [0+] = List::new();
    }

    struct ListedGroup<'a> {
        group_id: &'a str [0+] = "";
        protocol_type: &'a str [0+] = "";
        group_state: &'a str [4+] = "";
        group_type: &'a str [5+] = "";
    }
}

message!(ListGroupsResponse<'a>, Response, LIST_GROUPS);
