//! Reading records: the data path. What may be patched in a passing answer knows its place.

use bytes::Bytes;

use super::{At, List, Records, message, structs};
use crate::wire::header::read_response_header;
use crate::wire::{Api, Patches, Reader, Value, WireError};

structs! {
    struct FetchRequest<'a> {
        replica_id: i32 [0-14] = -1;
        max_wait_ms: i32 [0+] = 0;
        min_bytes: i32 [0+] = 0;
        max_bytes: At<i32> [3+] = At::new(i32::MAX);
        isolation_level: i8 [4+] = 0;
        session_id: i32 [7+] = 0;
        session_epoch: At<i32> [7+] = At::new(-1);
        topics: List<'a, FetchTopic<'a>> [0+] = List::new();
        forgotten_topics_data: List<'a, ForgottenTopic<'a>> [7+] = List::new();
        rack_id: &'a str [11+] = "";
    } tags {
        cluster_id: &'a str [12+] = 0;
        replica_state: ReplicaState [15+] = 1;
    }

    struct ForgottenTopic<'a> {
        topic: &'a str [7-12] = "";
        topic_id: [u8; 16] [13+] = [0; 16];
        partitions: List<'a, i32> [7+] = List::new();
    }

    struct FetchTopic<'a> {
        topic: &'a str [0-12] = "";
        topic_id: [u8; 16] [13+] = [0; 16];
        partitions: List<'a, FetchPartition> [0+] = List::new();
    }

    struct FetchPartition {
        partition: i32 [0+] = 0;
        current_leader_epoch: i32 [9+] = -1;
        fetch_offset: i64 [0+] = 0;
        last_fetched_epoch: i32 [12+] = -1;
        log_start_offset: i64 [5+] = -1;
        partition_max_bytes: i32 [0+] = 0;
    } tags {
        replica_directory_id: [u8; 16] [17+] = 0;
        high_watermark: i64 [18+] = 1;
    }

    struct ReplicaState {
        replica_id: i32 [15+] = -1;
        replica_epoch: i64 [15+] = -1;
    }
}

message!(FetchRequest<'a>, Request, FETCH);

structs! {
    struct FetchResponse<'a> {
        throttle_time_ms: i32 [1+] = 0;
        error_code: i16 [7+] = 0;
        session_id: i32 [7+] = 0;
        responses: List<'a, FetchableTopicResponse<'a>> [0+] = List::new();
    } tags {
        node_endpoints: List<'a, NodeEndpoint<'a>> [16+] = 0;
    }

    struct NodeEndpoint<'a> {
        node_id: i32 [16+] = 0;
        host: At<&'a str> [16+] = At::new("");
        port: At<i32> [16+] = At::new(0);
        rack: Option<&'a str> [16+] = None;
    }

    struct FetchableTopicResponse<'a> {
        topic: &'a str [0-12] = "";
        topic_id: [u8; 16] [13+] = [0; 16];
        partitions: List<'a, PartitionData<'a>> [0+] = List::new();
    }

    struct PartitionData<'a> {
        partition_index: i32 [0+] = 0;
        error_code: At<i16> [0+] = At::new(0);
        high_watermark: At<i64> [0+] = At::new(0);
        last_stable_offset: At<i64> [4+] = At::new(-1);
        log_start_offset: At<i64> [5+] = At::new(-1);
        aborted_transactions: At<Option<List<'a, AbortedTransaction>>> [4+] = At::new(Some(List::new()));
        preferred_read_replica: At<i32> [11+] = At::new(-1);
        records: At<Records<'a>> [0+] null [0+] = At::new(Records::EMPTY);
    } tags {
        diverging_epoch: EpochEndOffset [12+] = 0;
        current_leader: LeaderIdAndEpoch [12+] = 1;
        snapshot_id: SnapshotId [12+] = 2;
    }

    struct AbortedTransaction {
        producer_id: i64 [4+] = 0;
        first_offset: i64 [4+] = 0;
    }

    struct SnapshotId {
        end_offset: i64 [0+] = -1;
        epoch: i32 [0+] = -1;
    }

    struct LeaderIdAndEpoch {
        leader_id: i32 [12+] = -1;
        leader_epoch: i32 [12+] = -1;
    }

    struct EpochEndOffset {
        epoch: i32 [12+] = -1;
        end_offset: i64 [12+] = -1;
    }
}

message!(FetchResponse<'a>, Response, FETCH);

/// What a partition is answered that the broker has refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The high watermark.
    pub high_watermark: i64,
    /// The last stable offset.
    pub last_stable_offset: i64,
    /// Where the log starts, the tier included.
    pub log_start_offset: i64,
}

/// What stands at the front of an answer: whether it is one, and of which session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchFront {
    /// Kafka's error code for the whole, from version 7 on.
    pub error_code: i16,
    /// The session to go on with, from version 7 on; 0 where there is none.
    pub session_id: i32,
}

impl FetchFront {
    /// Reads the front of a frame, its length cut off, of which the rest need not have arrived.
    ///
    /// # Errors
    /// [`WireError::Short`] where more must arrive before it can be told.
    pub fn read(frame: &[u8], version: i16) -> Result<Self, WireError> {
        let from = &mut read_response_header(frame, Api::FETCH, version)?;
        if version >= 1 {
            i32::read(from)?;
        }
        if version < 7 {
            return Ok(Self { error_code: 0, session_id: 0 });
        }
        Ok(Self { error_code: Value::read(from)?, session_id: Value::read(from)? })
    }
}

/// What stands at the front of a partition's entry: all that is patched in one that passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartitionFront {
    /// Which partition.
    pub partition_index: i32,
    /// Kafka's error code.
    pub error_code: At<i16>,
    /// The high watermark.
    pub high_watermark: At<i64>,
    /// The last stable offset, from version 4 on.
    pub last_stable_offset: At<i64>,
    /// Where the log starts, from version 5 on.
    pub log_start_offset: At<i64>,
}

impl PartitionFront {
    /// Reads the front of an entry, in the order in which [`PartitionData`] has its fields.
    pub(in crate::wire) fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let version = from.form().version;
        Ok(Self {
            partition_index: Value::read(from)?,
            error_code: Value::read(from)?,
            high_watermark: Value::read(from)?,
            last_stable_offset: if version >= 4 { Value::read(from)? } else { At::new(-1) },
            log_start_offset: if version >= 5 { Value::read(from)? } else { At::new(-1) },
        })
    }

    /// Turns a refusal into an answer without records, in place: an entry with an error has no records, no aborted
    /// transactions and no other replica to go to, so that its length stays.
    pub fn patch_empty(&self, bounds: Bounds, patches: &mut Patches) {
        patches.set(&self.error_code, 0);
        patches.set(&self.high_watermark, bounds.high_watermark);
        patches.set(&self.last_stable_offset, bounds.last_stable_offset);
        patches.set(&self.log_start_offset, bounds.log_start_offset);
    }
}

impl<'a> PartitionData<'a> {
    /// The front of the entry.
    #[must_use]
    pub const fn front(&self) -> PartitionFront {
        PartitionFront {
            partition_index: self.partition_index,
            error_code: self.error_code,
            high_watermark: self.high_watermark,
            last_stable_offset: self.last_stable_offset,
            log_start_offset: self.log_start_offset,
        }
    }

    /// An answer with records in the place of a refusal; goes into the span of the whole entry.
    #[must_use]
    pub fn filled(
        &self,
        bounds: Bounds,
        aborted: Option<List<'a, AbortedTransaction>>,
        records: Vec<Bytes>,
    ) -> Self {
        Self {
            error_code: At::new(0),
            high_watermark: At::new(bounds.high_watermark),
            last_stable_offset: At::new(bounds.last_stable_offset),
            log_start_offset: At::new(bounds.log_start_offset),
            aborted_transactions: At::new(aborted),
            // A client that is sent elsewhere throws the records away.
            preferred_read_replica: At::new(-1),
            records: At::new(Records::Shared(records)),
            ..self.clone()
        }
    }
}
