//! What a sidecar, a server and a proxy count, as Prometheus reads it.
//!
//! All values are taken from snapshots when somebody asks, so nothing is counted twice and no metric costs anything in
//! between. Writing the text format is the whole job; a library for it would bring registries that have nothing to do here.

#[cfg(feature = "serve")]
mod durations;
pub mod names;
#[cfg(feature = "export")]
mod of_export;
#[cfg(feature = "serve")]
mod of_proxy;
#[cfg(feature = "sidecar")]
mod of_remote_log;
#[cfg(feature = "serve")]
mod of_server;
#[cfg(feature = "sidecar")]
mod of_sidecar;
#[cfg(feature = "http")]
mod shared;
#[cfg(feature = "http")]
mod text;

#[cfg(feature = "export")]
pub use of_export::{Exported, of_export};
#[cfg(feature = "serve")]
pub use of_proxy::{Watching, of_proxy};
#[cfg(feature = "sidecar")]
pub use of_remote_log::of_remote_log;
#[cfg(feature = "serve")]
pub use of_server::{Seen, of_server};
#[cfg(feature = "sidecar")]
pub use of_sidecar::{Measured, of_sidecar};
#[cfg(feature = "http")]
pub use text::CONTENT_TYPE;
