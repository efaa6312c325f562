//! Behaviour of a tier over a simulated store and over a directory.

#![allow(clippy::unwrap_used, reason = "test helpers may panic")]

mod checking;
mod committing;
mod crashing;
mod edit_crashing;
mod editing;
mod listing;
mod mirroring;
mod opening;
mod restoring;
mod sealing;
mod support;
mod upkeep;
mod uploading;
mod uploading_named;
