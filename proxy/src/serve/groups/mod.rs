//! Consumer groups: who is in them, how their work is divided, how far they have read.
//!
//! | question | answer |
//! |---|---|
//! | what does an event do to a group? | `machine`: a pure function |
//! | who waits for what? | `group`, behind a lock that is held for one step |
//! | whose is a group, and may it be taken? | `owner`, pure; `held` asks the store and the other server |
//! | what is kept, and what waits to be? | `positions` |
//! | where? | `bucket`: one object a group, replaced under a condition |
//! | what is a request answered? | `requests` |
//!
//! A commit is answered after it is durable. What is told of positions is as the store has it, or had it moments ago. What
//! is lost with the server are the members alone: they enter again.

mod bucket;
mod group;
mod held;
mod lost;
mod machine;
mod owner;
mod positions;
mod reach;
pub(crate) mod requests;
mod saved;
mod settings;

pub use reach::{ByConnecting, Reach};
pub use settings::{GroupLimits, GroupSettings};

pub(crate) use bucket::Bucket;
pub(crate) use held::Groups;
