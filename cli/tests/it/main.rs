//! The built binary, run as a user runs it.

#![expect(clippy::unwrap_used, reason = "what a helper of a test cannot do fails the test")]

mod config;
mod disk;
mod docs;
mod encryption;
mod examples;
mod garbage;
mod guard;
#[path = "../../../logdir/tests/it/holder.rs"]
mod holder;
mod killed;
mod logs;
mod made;
mod offload;
mod pipe;
mod preview;
#[cfg(feature = "serve")]
mod proxy;
mod restore;
mod rig;
#[cfg(feature = "serve")]
mod serve;
mod signals;
mod strange;
mod tend;
mod tier;
mod usage;
mod words;
