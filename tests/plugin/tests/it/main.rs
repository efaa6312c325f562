//! Real brokers with the plugin: what they have let go of comes back from the tier, by the broker itself.
//!
//! `scripts/plugin` builds the jar and runs these; each is a broker of its own.

#![allow(clippy::disallowed_methods, reason = "real servers are waited for in real time")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod attached;
mod cluster;
mod doors;
mod jvm;
mod kept;
mod mirrored;
mod outside;
mod panics;
mod previous;
mod reading;
mod refused;
mod releases;
mod rig;
mod unowned;
mod weather;
