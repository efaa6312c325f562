//! What this crate promises, against bytes and readers that are not its own.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "test helpers may panic")]

mod bombs;
mod damage;
mod golden;
mod kafka_protocol;
mod legacy;
mod round_trip;
mod support;
