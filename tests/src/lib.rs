//! Rigs for the end-to-end tests: real Kafka brokers, real object stores, and the `firnline` binary run as a user runs
//! it. The scenarios are in `tests/it`; this crate is never shipped and nothing depends on it.
//!
//! Every server listens on the loopback address on a port of its own, keeps its data in a temporary directory, and ends
//! with the test process however that ends ([`process`]). A missing tool fails the test and names the command that
//! installs it ([`tools`]): a test that could not run has not passed. So rigs panic where they cannot go on.

#![expect(clippy::disallowed_methods, reason = "rigs wait for real servers in real time")]

pub mod firnline;
pub mod http;
pub mod kafka;
pub mod logs;
pub mod ports;
pub mod process;
pub mod relay;
pub mod scratch;
pub mod stores;
pub mod tier;
pub mod tools;
