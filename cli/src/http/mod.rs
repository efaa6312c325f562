//! The port on which a sidecar shows how it is. It answers reads only: no request changes anything, so it needs no login
//! where it stands by default, on this machine alone.
//!
//! Everything is bounded: connections, the time each may take, the length of a request's head. Bodies are not read.

mod client;
mod server;

pub use client::get;
pub use server::{Page, Server, Site};
