//! Random requests are asked of real brokers while all of their logs is local, and again, when local retention has cut
//! them, of the proxy before those brokers and of a server without any. What is told must be the same.
//!
//! ```text
//!   stand: brokers, sidecars ──► workload ──► image: the logs as they are, batch by batch
//!                                               │
//!   question ──► brokers ──► before ────────────┤
//!      │          (retention cuts the logs)     ▼
//!      └───────► proxy, serve ──► after ──► compare
//! ```
//!
//! All that is random comes from one seed, which a run tells first: the same seed writes and asks the same again. Nothing
//! here reads or writes Kafka's protocol with code of the project.

#![expect(clippy::disallowed_methods, reason = "it waits for real servers in real time")]

pub mod answer;
pub mod asked;
pub mod compare;
pub mod dice;
pub mod image;
pub mod old;
pub mod proxied;
pub mod question;
pub mod run;
pub mod served;
pub mod server;
pub mod session;
pub mod stand;
pub mod wire;
pub mod workload;
