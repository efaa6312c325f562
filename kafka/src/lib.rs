//! Control requests to Kafka brokers: who leads a partition, how far it is committed, where a leader epoch ends, what is
//! set, who may what. Used by the offloader, and by whatever else must ask a cluster.
//!
//! | layer | where |
//! |---|---|
//! | bytes: frames, the shape of each answer, error codes | `wire` |
//! | who we are: TLS, SASL | `security` |
//! | one connection: opening, one request at a time | `connection` |
//! | all brokers: reuse, bounds, back-off | [`Client`], [`Lease`] |
//! | one request, one file: values in, values out | [`requests`] |
//! | a member of a group that shares work | [`Membership`] |
//! | everything a cluster would need to be set up again | [`state`] |
//!
//! This crate must never carry records but those of the brokers' own topic about remote segments: one Fetch reads them
//! ([`requests::fetch`], for `gc --by-brokers`), one Produce adds some ([`requests::produce`], for `restore --kip405`). It
//! must never change anything else in a cluster but who is in a group ([`Membership`]), never believe a length or a count from the wire before as many bytes
//! have arrived, never take silence on a partition for an answer, and never print a secret. It starts no task: every future
//! does its own work and may be dropped; the connection it used is closed then.

mod address;
mod client;
mod connection;
mod counts;
mod error;
mod membership;
pub mod requests;
pub mod security;
mod settings;
pub mod state;
mod wire;

pub use address::{Address, AddressError};
pub use client::{Client, Lease};
pub use counts::{Count, Counts};
pub use error::{ConnectError, RequestError};
pub use membership::{Beat, Joined, Membership, MembershipError, Share};
pub use settings::{ClientSettings, SettingsError};
pub use wire::{Api, Code, ProtocolError};
