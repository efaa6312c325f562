//! The native half of the broker plugin: a KIP-405 `RemoteStorageManager` whose every decision is made here.
//!
//! ```text
//! broker ─► Java shell ─► border (JNI: decode, catch, encode) ─► engine ─► tier    copy, delete
//!                                                                      └─► reader  fetch, indexes
//! ```
//!
//! This crate must never read or wait for a manifest in a call of the broker's; never end a stream early without an error;
//! never let a panic or a foreign exception across the border; never keep a thread of the broker's beyond a call's deadline;
//! and never call a segment gone that it could not look for.

pub mod border;
pub mod engine;
mod settings;

pub use settings::{Settings, SettingsError};
