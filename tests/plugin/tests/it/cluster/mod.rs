//! Three brokers and one tier: what Kafka's own integration tests of tiered storage play with a directory that cannot fail,
//! played with the plugin, and held against the ledger.
//!
//! The brokers are started once. Scenarios that leave them alone share them ([`stand::shared`]); those that end brokers have
//! them to themselves ([`stand::alone`]).

mod attaching;
mod configs;
mod deleting;
mod leaders;
mod losing;
mod many;
mod offloading;
mod offsets;
mod placing;
mod stand;
