//! Behaviour of the offloader: over logs in memory and a simulated store, and over real directories.

#![allow(clippy::unwrap_used, reason = "test helpers may panic")]

mod directories;
mod figures;
#[path = "../../../logdir/tests/it/holder.rs"]
mod holder;
mod host;
mod jobs;
mod sidecar;
mod sim;
mod world;
