//! What this crate promises, on directories on disk.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "test helpers may panic")]

mod changes;
mod discovery;
mod full_disk;
mod holder;
mod local;
mod lock;
mod page_cache;
mod permission;
mod pins;
mod racing;
mod restore;
mod source;
mod support;
mod tails;
