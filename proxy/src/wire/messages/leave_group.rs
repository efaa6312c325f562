//! Members leave a group.

use super::{List, message, structs};

structs! {
    struct LeaveGroupRequest<'a> {
        group_id: &'a str [0+] = "";
        member_id: &'a str [0-2] = "";
        members: List<'a, MemberIdentity<'a>> [3+] = List::new();
    }

    struct MemberIdentity<'a> {
        member_id: &'a str [3+] = "";
        group_instance_id: Option<&'a str> [3+] = None;
        reason: Option<&'a str> [5+] = None;
    }
}

message!(LeaveGroupRequest<'a>, Request, LEAVE_GROUP);

structs! {
    struct LeaveGroupResponse<'a> {
        throttle_time_ms: i32 [1+] = 0;
        error_code: i16 [0+] = 0;
        members: List<'a, MemberResponse<'a>> [3+] = List::new();
    }

    struct MemberResponse<'a> {
        member_id: &'a str [3+] = "";
        group_instance_id: Option<&'a str> [3+] = Some("");
        error_code: i16 [3+] = 0;
    }
}

message!(LeaveGroupResponse<'a>, Response, LEAVE_GROUP);
