//! The engine against directories and a simulated store with failures.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod border;
mod closing;
mod copying;
mod fetching;
mod life;
mod projecting;
mod removing;
mod support;
