//! Topics, partitions, leaders, and the addresses of brokers.

use super::{At, List, message, structs};

structs! {
    struct MetadataRequest<'a> {
        topics: Option<List<'a, MetadataRequestTopic<'a>>> [0+] null [1+] = Some(List::new());
        allow_auto_topic_creation: bool [4+] = true;
        include_cluster_authorized_operations: bool [8-10] = false;
        include_topic_authorized_operations: bool [8+] = false;
    }

    struct MetadataRequestTopic<'a> {
        topic_id: [u8; 16] [10+] = [0; 16];
        name: Option<&'a str> [0+] null [10+] = Some("");
    }
}

message!(MetadataRequest<'a>, Request, METADATA);

structs! {
    struct MetadataResponse<'a> {
        throttle_time_ms: i32 [3+] = 0;
        brokers: List<'a, MetadataResponseBroker<'a>> [0+] = List::new();
        cluster_id: Option<&'a str> [2+] = None;
        controller_id: i32 [1+] = -1;
        topics: List<'a, MetadataResponseTopic<'a>> [0+] = List::new();
        cluster_authorized_operations: i32 [8-10] = i32::MIN;
        error_code: i16 [13+] = 0;
    }

    struct MetadataResponseTopic<'a> {
        error_code: i16 [0+] = 0;
        name: Option<&'a str> [0+] null [12+] = Some("");
        topic_id: [u8; 16] [10+] = [0; 16];
        is_internal: bool [1+] = false;
        partitions: List<'a, MetadataResponsePartition<'a>> [0+] = List::new();
        topic_authorized_operations: i32 [8+] = i32::MIN;
    }

    struct MetadataResponsePartition<'a> {
        error_code: i16 [0+] = 0;
        partition_index: i32 [0+] = 0;
        leader_id: i32 [0+] = 0;
        leader_epoch: i32 [7+] = -1;
        replica_nodes: List<'a, i32> [0+] = List::new();
        isr_nodes: List<'a, i32> [0+] = List::new();
        offline_replicas: List<'a, i32> [5+] = List::new();
    }

    struct MetadataResponseBroker<'a> {
        node_id: i32 [0+] = 0;
        host: At<&'a str> [0+] = At::new("");
        port: At<i32> [0+] = At::new(0);
        rack: Option<&'a str> [1+] = None;
    }
}

message!(MetadataResponse<'a>, Response, METADATA);
