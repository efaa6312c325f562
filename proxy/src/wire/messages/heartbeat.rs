//! A member is still there.

use super::{message, structs};

structs! {
    struct HeartbeatRequest<'a> {
        group_id: &'a str [0+] = "";
        generation_id: i32 [0+] = 0;
        member_id: &'a str [0+] = "";
        group_instance_id: Option<&'a str> [3+] = None;
    }
}

message!(HeartbeatRequest<'a>, Request, HEARTBEAT);

structs! {
    struct HeartbeatResponse {
        throttle_time_ms: i32 [1+] = 0;
        error_code: i16 [0+] = 0;
    }
}

message!(HeartbeatResponse, Response, HEARTBEAT);
