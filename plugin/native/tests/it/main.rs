//! The engine against directories and a simulated store with failures.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod ahead;
mod attaching;
mod border;
mod closing;
mod copying;
mod enduring;
mod fetching;
mod indexes;
mod leaving;
mod life;
mod projecting;
mod removing;
mod scrubbing;
mod support;
