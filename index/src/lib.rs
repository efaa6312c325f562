//! Pure bytes of Firnline: everything that can be said about Kafka's log and about Firnline's objects
//! without a runtime, a file or a socket.
//!
//! This crate must never open a file, make a request, read a clock, draw a random number or start a task;
//! it must never decode the records inside a batch; and nothing from outside may make it panic.

#![forbid(unsafe_code)]

pub mod batch;
pub mod block_index;
mod checked_json;
pub mod cluster_state;
pub mod custom_metadata;
pub mod floor;
pub mod group;
pub mod ids;
pub mod keys;
pub mod lease;
pub mod lineage;
pub mod log_source;
pub mod manifest;
pub mod marker;
pub mod remote_log;
mod said;
pub mod segment;
pub mod summary;
pub mod topic;
pub mod topic_key;
pub mod transactions;
mod varint;

pub use ids::{
    ByteCount, ClusterId, CommitId, Crc32c, GcBoundary, GroupName, Incarnation, KeyId, LeaderEpoch, NodeId,
    ObjectUuid, Offset, OffsetRange, PartitionIndex, ProducerId, RawPosition, RemoteLogSegmentId, Salt,
    SegmentUuid, StoredPosition, TimestampMs, TopicId, TopicIdPartition, TopicName, ValueError,
};
pub use marker::FORMAT_VERSION;
pub use said::Said;
