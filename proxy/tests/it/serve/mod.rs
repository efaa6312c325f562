//! The server without brokers, asked over its socket by another implementation's client.

mod as_of;
mod client;
mod conduct;
mod groups;
mod groups_java;
mod java;
pub(crate) mod log;
mod logins;
mod offsets;
mod reading;
mod sessions;
pub(crate) mod tier;
mod topics;
mod versions;
mod weather;
mod well_formed;
mod writing;
