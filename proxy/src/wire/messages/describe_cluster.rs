//! The cluster's id, and the addresses of its brokers.

use super::{At, List, message, structs};

structs! {
    struct DescribeClusterRequest {
        include_cluster_authorized_operations: bool [0+] = false;
        endpoint_type: i8 [1+] = 1;
        include_fenced_brokers: bool [2+] = false;
    }
}

message!(DescribeClusterRequest, Request, DESCRIBE_CLUSTER);

structs! {
    struct DescribeClusterResponse<'a> {
        throttle_time_ms: i32 [0+] = 0;
        error_code: i16 [0+] = 0;
        error_message: Option<&'a str> [0+] = None;
        endpoint_type: i8 [1+] = 1;
        cluster_id: &'a str [0+] = "";
        controller_id: i32 [0+] = -1;
        brokers: List<'a, DescribeClusterBroker<'a>> [0+] = List::new();
        cluster_authorized_operations: i32 [0+] = i32::MIN;
    }

    struct DescribeClusterBroker<'a> {
        broker_id: i32 [0+] = 0;
        host: At<&'a str> [0+] = At::new("");
        port: At<i32> [0+] = At::new(0);
        rack: Option<&'a str> [0+] = None;
        is_fenced: bool [2+] = false;
    }
}

message!(DescribeClusterResponse<'a>, Response, DESCRIBE_CLUSTER);
