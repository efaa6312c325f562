//! Who is in a group.

use super::{List, message, structs};

structs! {
    struct DescribeGroupsRequest<'a> {
        groups: List<'a, &'a str> [0+] = List::new();
        include_authorized_operations: bool [3+] = false;
    }
}

message!(DescribeGroupsRequest<'a>, Request, DESCRIBE_GROUPS);

structs! {
    struct DescribeGroupsResponse<'a> {
        throttle_time_ms: i32 [1+] = 0;
        groups: List<'a, DescribedGroup<'a>> [0+] = List::new();
    }

    struct DescribedGroup<'a> {
        error_code: i16 [0+] = 0;
        error_message: Option<&'a str> [6+] = None;
        group_id: &'a str [0+] = "";
        group_state: &'a str [0+] = "";
        protocol_type: &'a str [0+] = "";
        protocol_data: &'a str [0+] = "";
        members: List<'a, DescribedGroupMember<'a>> [0+] = List::new();
        authorized_operations: i32 [3+] = i32::MIN;
    }

    struct DescribedGroupMember<'a> {
        member_id: &'a str [0+] = "";
        group_instance_id: Option<&'a str> [4+] = None;
        client_id: &'a str [0+] = "";
        client_host: &'a str [0+] = "";
        member_metadata: &'a [u8] [0+] = &[];
        member_assignment: &'a [u8] [0+] = &[];
    }
}

message!(DescribeGroupsResponse<'a>, Response, DESCRIBE_GROUPS);
