//! The built binary, run as a user runs it.

#![expect(clippy::unwrap_used, reason = "what a helper of a test cannot do fails the test")]

mod config;
mod docs;
mod garbage;
mod rig;
mod signals;
mod tier;
mod usage;
