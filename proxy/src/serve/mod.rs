//! A server without brokers: Kafka's clients read the tier as if it were a cluster of one node.
//!
//! | question | answer |
//! |---|---|
//! | which topics are there? | [`Catalog`] |
//! | who asks? | `entry`, by `login` or a certificate (`tls`) |
//! | who may read them? | [`Rights`]: nobody, unless a rule says so |
//! | where are the bytes? | `logs`, over [`firnline_reader::Reader`] |
//! | and as of an earlier time? | `as_of`: each log ends where it ended then |
//! | who is in a consumer group, and how far has it read? | `groups` |
//! | what is a request answered? | `answer`, `fetch`, `offsets`, `groups`, put together by `service` |
//! | and a connection? | `connection`, one request after the other; [`Server`] has all of them, `strangers` those before a login |
//!
//! All that is not a socket is a function from a frame to a frame. Nothing is written to the tier but how far groups have
//! read; what would write records is refused. A partition that cannot be read is answered with an error that clients ask
//! again after, never with one that says it is not there.

mod answer;
mod as_of;
pub(crate) mod catalog;
pub(crate) mod codes;
mod connection;
mod counts;
mod entry;
pub(crate) mod failure;
pub(crate) mod fetch;
mod groups;
pub(crate) mod kafka_error;
mod login;
pub(crate) mod logs;
mod node;
pub(crate) mod offsets;
mod once;
mod rights;
mod server;
mod service;
mod settings;
pub(crate) mod stop;
mod strangers;
mod tls;
pub(crate) mod view;

pub use as_of::AsOf;
pub use catalog::{Catalog, CatalogError, MAX_PARTITIONS, MAX_TOPICS, Topic, Topics};
pub use codes::{ALL as CODES, Code};
pub use counts::ServeCounts;
pub use groups::{ByConnecting, GroupLimits, GroupSettings, Reach};
pub use kafka_error::KafkaError;
pub use login::{Hash, Hashed, ITERATIONS, Users, UsersError, is_name};
pub use node::Node;
pub use rights::{GroupRule, PatternError, Principal, Rights, Rule, TopicPattern, Who};
pub use server::{Security, ServeError, Served, Server, Watched};
pub use settings::{Anonymous, Limits, ServeSettings};

pub use crate::counts::ApiCounts;
pub use crate::tls::{Tls, TlsError, TlsMaterial};
