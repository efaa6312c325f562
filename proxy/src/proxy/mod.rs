//! The proxy before the brokers: clients read hot and cold as one log, and all else passes.
//!
//! | question | answer |
//! |---|---|
//! | what is done with a request? | `route`, from its front alone |
//! | and with its answer? | a `line`, written down before the request is passed |
//! | who moves bytes? | `up` and `down`, the two halves of a `connection`, over `link` |
//! | how much may anybody take? | `places`, `shares`, `bandwidth`; `clients` says who took what |
//! | who takes connections? | `accept`, a port each; [`Proxy`] has all of them |
//! | does the broker know the client by its own name? | `identity` |
//! | where are the brokers? | `nodes`; `addresses` takes theirs out of answers and puts ours in |
//! | what may be spoken? | `versions` |
//! | what is known of the tier? | `tier`, in memory |
//! | and which offsets? | `offsets`, merged into what the broker says |
//! | and topics as they stood? | `travel`, once a broker has consented |
//! | which records come from it? | `fetch`, where the broker has refused them as out of range |
//!
//! One connection of a client is one connection to a broker: its login, quotas, groups and order are the broker's business.
//! Frames pass byte for byte; what has to be changed is patched in place or spliced. A frame that nobody looks into is never
//! held.

mod accept;
mod addresses;
mod bandwidth;
mod clients;
mod codes;
mod connection;
mod counts;
mod down;
mod ended;
mod fetch;
#[cfg(test)]
mod hostile;
mod identity;
mod learn;
mod line;
mod link;
mod login;
mod names;
mod nodes;
mod offsets;
mod own;
mod places;
mod route;
mod security;
mod server;
mod settings;
mod shared;
mod shares;
mod tier;
#[cfg(test)]
mod trace;
mod travel;
mod up;
mod versions;

pub use crate::counts::{ApiCounts, TOOK_UP_TO};
pub use clients::{ClientBytes, ClientRead};
pub use codes::ALL as CODES;
pub use counts::ProxyCounts;
pub use identity::Unproven;
pub use names::NodeNames;
pub use nodes::NodeError;
pub use security::ProxySecurity;
pub use server::{Proxy, ProxyError, Watched};
pub use settings::{Address, ProxyLimits, ProxySettings};
pub use tier::Archive;
