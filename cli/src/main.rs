//! The `firnline` binary: arguments, config and environment become components of the library crates; what they return
//! becomes text or JSON.
//!
//! This crate must never hold logic of its own: what another program could want belongs into a library. It is the only one
//! that reads the environment and files of the user's choosing, and the only one that prints.

#![forbid(unsafe_code)]
#![expect(
    unreachable_pub,
    reason = "a binary has no outside: here `pub` says that an item is used beyond its module"
)]

mod args;
#[cfg(feature = "serve")]
mod changes;
mod commands;
mod config;
mod exit;
mod failure;
#[cfg(feature = "http")]
mod http;
mod logs;
mod metrics;
mod output;
mod position;
mod reference;
#[cfg(feature = "sidecar")]
mod remote_log;
mod run;
mod selector;
mod signals;
mod status;
mod units;
mod wiring;

use firnline_config::{nearest, surroundings};

fn main() -> std::process::ExitCode {
    run::run().code().into()
}
