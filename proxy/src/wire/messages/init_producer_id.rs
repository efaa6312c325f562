//! A producer asks for its id, before it writes. Version 6, not yet stable, is passed on.

use super::{message, structs};

structs! {
    struct InitProducerIdRequest<'a> {
        transactional_id: Option<&'a str> [0+] = Some("");
        transaction_timeout_ms: i32 [0+] = 0;
        producer_id: i64 [3+] = -1;
        producer_epoch: i16 [3+] = -1;
    }
}

message!(InitProducerIdRequest<'a>, Request, INIT_PRODUCER_ID);

structs! {
    struct InitProducerIdResponse {
        throttle_time_ms: i32 [0+] = 0;
        error_code: i16 [0+] = 0;
        producer_id: i64 [0+] = -1;
        producer_epoch: i16 [0+] = 0;
    }
}

message!(InitProducerIdResponse, Response, INIT_PRODUCER_ID);
