//! The beginning of a log is cut off.

use super::{At, List, message, structs};

structs! {
    struct DeleteRecordsRequest<'a> {
        topics: List<'a, DeleteRecordsTopic<'a>> [0+] = List::new();
        timeout_ms: i32 [0+] = 0;
    }

    struct DeleteRecordsTopic<'a> {
        name: &'a str [0+] = "";
        partitions: List<'a, DeleteRecordsPartition> [0+] = List::new();
    }

    struct DeleteRecordsPartition {
        partition_index: i32 [0+] = 0;
        offset: At<i64> [0+] = At::new(0);
    }
}

message!(DeleteRecordsRequest<'a>, Request, DELETE_RECORDS);

structs! {
    struct DeleteRecordsResponse<'a> {
        throttle_time_ms: i32 [0+] = 0;
        topics: List<'a, DeleteRecordsTopicResult<'a>> [0+] = List::new();
    }

    struct DeleteRecordsTopicResult<'a> {
        name: &'a str [0+] = "";
        partitions: List<'a, DeleteRecordsPartitionResult> [0+] = List::new();
    }

    struct DeleteRecordsPartitionResult {
        partition_index: i32 [0+] = 0;
        low_watermark: At<i64> [0+] = At::new(0);
        error_code: At<i16> [0+] = At::new(0);
    }
}

message!(DeleteRecordsResponse<'a>, Response, DELETE_RECORDS);
