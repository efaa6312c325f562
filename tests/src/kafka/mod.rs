//! Real Kafka brokers from their published jars, and clients that keep an account of what they wrote.

mod acls;
mod certificates;
mod cluster;
mod consume;
mod ledger;
mod produce;
mod properties;
mod topics;
mod wire;
pub mod workload;

pub use acls::Rule;
pub use certificates::{Authority, Issued};
pub use cluster::{Cluster, ClusterOptions, Java, Listener, Node, what_a_broker_says_that_ends};
pub use consume::{
    Isolation, PartitionContent, consume_all, consume_all_as, consumer_as, record, wait_for_markers,
};
pub use ledger::{Fate, Ledger, Message, Record, assert_same_records};
pub use produce::{Codec, Producer, Transactions};
pub use topics::{At, Placement};
pub use wire::{ask, try_ask};
pub use workload::Workload;

/// The releases that the promises are tested on, newest first.
pub const VERSIONS: [&str; 2] = ["4.3.1", "3.9.1"];

/// The oldest release that a sidecar's questions are asked of, and those that the promises are tested on.
pub const ASKED_VERSIONS: [&str; 3] = [VERSIONS[0], VERSIONS[1], "3.3.2"];
