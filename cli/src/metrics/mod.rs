//! What a sidecar counts, as Prometheus reads it.
//!
//! All values are taken from snapshots when somebody asks, so nothing is counted twice and no metric costs anything in
//! between. Writing the text format is the whole job; a library for it would bring registries that have nothing to do here.

pub mod names;
#[cfg(feature = "sidecar")]
mod of_sidecar;
#[cfg(feature = "sidecar")]
mod text;

#[cfg(feature = "sidecar")]
pub use of_sidecar::{Measured, of_sidecar};
#[cfg(feature = "sidecar")]
pub use text::CONTENT_TYPE;
