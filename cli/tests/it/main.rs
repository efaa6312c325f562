//! The built binary, run as a user runs it.

mod config;
mod docs;
mod garbage;
mod rig;
mod tier;
mod usage;
