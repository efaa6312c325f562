//! Who coordinates a group, with an address.

use super::{At, List, message, structs};

structs! {
    struct FindCoordinatorRequest<'a> {
        key: &'a str [0-3] = "";
        key_type: i8 [1+] = 0;
        coordinator_keys: List<'a, &'a str> [4+] = List::new();
    }
}

message!(FindCoordinatorRequest<'a>, Request, FIND_COORDINATOR);

structs! {
    struct FindCoordinatorResponse<'a> {
        throttle_time_ms: i32 [1+] = 0;
        error_code: i16 [0-3] = 0;
        error_message: Option<&'a str> [1-3] = Some("");
        node_id: i32 [0-3] = 0;
        host: At<&'a str> [0-3] = At::new("");
        port: At<i32> [0-3] = At::new(0);
        coordinators: List<'a, Coordinator<'a>> [4+] = List::new();
    }

    struct Coordinator<'a> {
        key: &'a str [4+] = "";
        node_id: i32 [4+] = 0;
        host: At<&'a str> [4+] = At::new("");
        port: At<i32> [4+] = At::new(0);
        error_code: i16 [4+] = 0;
        error_message: Option<&'a str> [4+] = Some("");
    }
}

message!(FindCoordinatorResponse<'a>, Response, FIND_COORDINATOR);
