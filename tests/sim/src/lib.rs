//! Sidecars beside a small Kafka, over a store that fails: many short histories, each from a seed.
//!
//! | part | what it is |
//! |---|---|
//! | [`model`] | brokers, logs, elections, and the truth about what was committed |
//! | [`seams`] | that model as a sidecar sees it: cluster, host, clock |
//! | [`people`] | operators and readers of the tier |
//! | [`process`] | processes that are killed and frozen at any await |
//! | [`history`] | what happens, in which order |
//! | [`check`] | what must hold, looked at whenever it could break |
//!
//! Everything runs on one thread with paused time. All choices come from the seed, so that a seed gives the same history
//! again.

#![forbid(unsafe_code)]

pub mod careless;
pub mod check;
pub mod history;
pub mod model;
pub mod people;
pub mod process;
pub mod run;
pub mod seams;
pub mod sidecar;
