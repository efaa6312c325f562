//! The proxy before the brokers: clients read hot and cold as one log, and all else passes.
//!
//! | question | answer |
//! |---|---|
//! | what is done with a request? | `route`, from its front alone |
//! | and with its answer? | a `line`, written down before the request is passed |
//! | who moves bytes? | `up` and `down`, the two halves of a `connection`, over `link` |
//! | where are the brokers? | `nodes`; `addresses` takes theirs out of answers and puts ours in |
//! | what may be spoken? | `versions` |
//! | what is known of the tier? | `tier`, in memory |
//! | and which offsets? | `offsets`, merged into what the broker says |
//! | which records come from it? | `fetch`, where the broker has refused them as out of range |
//!
//! One connection of a client is one connection to a broker: its login, quotas, groups and order are the broker's business.
//! Frames pass byte for byte; what has to be changed is patched in place or spliced. A frame that nobody looks into is never
//! held.

mod addresses;
mod codes;
mod connection;
mod counts;
mod down;
mod ended;
mod fetch;
#[cfg(test)]
mod hostile;
mod line;
mod link;
mod login;
mod nodes;
mod offsets;
mod own;
mod route;
mod server;
mod settings;
mod tier;
#[cfg(test)]
mod trace;
mod up;
mod versions;

pub use codes::ALL as CODES;
pub use counts::{PassedCounts, ProxyCounts};
pub use nodes::NodeError;
pub use server::{Proxy, ProxyError, Watched};
pub use settings::{Address, ProxyLimits, ProxySettings};
pub use tier::Archive;
