//! The messages that are read or written here, one file for a request and its answer.
//!
//! Each struct is a table of Kafka's own names, types and versions; a test holds every table against the schemas in the
//! jars of Kafka's clients. `Default` is what Kafka assumes of a field that is not there. Numbers are as Kafka has them,
//! −1 for absent ones: whoever gives them a meaning turns them into types of their own.

pub mod api_versions;
pub mod consumer_group_heartbeat;
pub mod delete_groups;
pub mod delete_records;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod fetch;
pub mod find_coordinator;
pub mod heartbeat;
pub mod init_producer_id;
pub mod join_group;
pub mod leave_group;
pub mod list_groups;
pub mod list_offsets;
pub mod metadata;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod sasl_authenticate;
pub mod sasl_handshake;
pub mod share_acknowledge;
pub mod share_fetch;
pub mod sync_group;

use super::message::{message, structs};
use super::{At, Hidden, List, Records};
