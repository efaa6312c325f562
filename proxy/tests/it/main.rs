//! The wire, and the server that stands on it: held against Kafka's own schemas, against another implementation, and
//! against bytes that mean no good.

#![allow(clippy::unwrap_used, reason = "test helpers may panic")]

#[macro_use]
mod each;
mod fetch;
mod frame;
mod frames;
mod headers;
mod hostile;
mod java;
mod oracle;
#[cfg(feature = "serve")]
mod proxy;
mod round_trip;
mod sample;
mod scan;
mod schemas;
#[cfg(feature = "serve")]
mod serve;
mod splices;
