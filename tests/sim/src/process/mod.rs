//! A process that may be frozen and killed at any await, and the hook that does so between two named steps.
//!
//! Killing drops its future, as the kernel drops a process: nothing of it runs on. What it had pinned, remembered and sent
//! stays. Freezing leaves the future alone for a while: time passes, its requests are neither sent nor heard, and then it
//! goes on where it was, believing what it believed.

mod gate;
mod points;

pub use gate::{Gate, Guarded, Until};
pub use points::{Plan, PlannedFaults, Points};
