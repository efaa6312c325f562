//! Writing records. A proxy looks for `acks` alone: with 0 there is no answer; a server refuses.

use super::{At, List, Records, message, structs};
use crate::wire::{Reader, Value, WireError};

structs! {
    struct ProduceRequest<'a> {
        transactional_id: Option<&'a str> [3+] = None;
        acks: i16 [0+] = 0;
        timeout_ms: i32 [0+] = 0;
        topic_data: List<'a, TopicProduceData<'a>> [0+] = List::new();
    }

    struct TopicProduceData<'a> {
        name: &'a str [0-12] = "";
        topic_id: [u8; 16] [13+] = [0; 16];
        partition_data: List<'a, PartitionProduceData<'a>> [0+] = List::new();
    }

    struct PartitionProduceData<'a> {
        index: i32 [0+] = 0;
        records: Records<'a> [0+] null [0+] = Records::EMPTY;
    }
}

message!(ProduceRequest<'a>, Request, PRODUCE);

structs! {
    struct ProduceResponse<'a> {
        responses: List<'a, TopicProduceResponse<'a>> [0+] = List::new();
        throttle_time_ms: i32 [1+] = 0;
    } tags {
        node_endpoints: List<'a, NodeEndpoint<'a>> [10+] = 0;
    }

    struct NodeEndpoint<'a> {
        node_id: i32 [10+] = 0;
        host: At<&'a str> [10+] = At::new("");
        port: At<i32> [10+] = At::new(0);
        rack: Option<&'a str> [10+] = None;
    }

    struct TopicProduceResponse<'a> {
        name: &'a str [0-12] = "";
        topic_id: [u8; 16] [13+] = [0; 16];
        partition_responses: List<'a, PartitionProduceResponse<'a>> [0+] = List::new();
    }

    struct PartitionProduceResponse<'a> {
        index: i32 [0+] = 0;
        error_code: i16 [0+] = 0;
        base_offset: i64 [0+] = 0;
        log_append_time_ms: i64 [2+] = -1;
        log_start_offset: i64 [5+] = -1;
        record_errors: List<'a, BatchIndexAndErrorMessage<'a>> [8+] = List::new();
        error_message: Option<&'a str> [8+] = None;
    } tags {
        current_leader: LeaderIdAndEpoch [10+] = 0;
    }

    struct LeaderIdAndEpoch {
        leader_id: i32 [10+] = -1;
        leader_epoch: i32 [10+] = -1;
    }

    struct BatchIndexAndErrorMessage<'a> {
        batch_index: i32 [8+] = 0;
        batch_index_error_message: Option<&'a str> [8+] = None;
    }
}

message!(ProduceResponse<'a>, Response, PRODUCE);

/// What stands before the records: all that decides whether there is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProduceFront<'a> {
    /// The transaction, from version 3 on.
    pub transactional_id: Option<&'a str>,
    /// How many must have it; with 0 the broker answers nothing.
    pub acks: i16,
}

impl<'a> ProduceFront<'a> {
    /// Reads the front of a body, of which the rest need not have arrived.
    ///
    /// # Errors
    /// [`WireError::Short`] where more must arrive before it can be told.
    pub fn read(mut body: Reader<'a>) -> Result<Self, WireError> {
        let from = &mut body;
        let transactional_id = if from.form().version >= 3 { Value::read(from)? } else { None };
        Ok(Self { transactional_id, acks: Value::read(from)? })
    }
}
