//! The engine against directories and a simulated store with failures.

mod border;
mod closing;
mod copying;
mod fetching;
mod life;
mod removing;
mod support;
