//! Remote segments: written, opened, read, damaged.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that meets an error has failed; figures are printed"
)]

mod broker_files;
mod contents;
mod damage;
mod golden;
mod overhead;
mod refused;
pub(crate) mod sample;
mod sealing;
