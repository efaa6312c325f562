//! What answers Kafka clients: the ground that a server without brokers and a proxy before them both stand on.
//!
//! | layer | where |
//! |---|---|
//! | bytes: frames, headers, every message that is read or written, patches in place | [`wire`] |
//! | the server without brokers: topics of the tier, rights, requests, connections | [`serve`] |
//! | TLS of both sides | [`tls`] |
//! | the proxy before the brokers: what passes, what is patched, what is filled from the tier | [`proxy`] |
//!
//! This crate must never decode a record on its way to a client, never encode again what it passes on, never answer
//! OFFSET_OUT_OF_RANGE for a failure of its own, never serve a byte that the client was not authorised for, and never let
//! a frame set aside more than its own size and a small constant. It writes to a tier nothing but floors and group
//! offsets.

#![forbid(unsafe_code)]

#[cfg(feature = "serve")]
mod counts;
#[cfg(feature = "serve")]
pub mod proxy;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "serve")]
pub mod tls;
pub mod wire;
