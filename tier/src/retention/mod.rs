//! What is old enough, or too much, leaves the tier.
//!
//! ```text
//!  plan: head + oldest pages ─► decide (pure) ─► retire: tier start ─► commit ─► condemned ─► [wait, look again] ─► deleted
//! ```
//!
//! The commit comes first: from then on nobody who reads the manifest looks for what goes. What follows is the same for all
//! that is deleted ([`Condemned`](crate::gc::Condemned)): a wait for readers with an older manifest, a second look, and one
//! logged DELETE an object. A crash after the commit leaves objects that gc finds between the manifest's first offset and the
//! tier's start.
//!
//! How much one run takes is bounded by a share ([`Share`]), however old everything seems to be.

mod dead;
mod decide;
mod plan;
mod retire;
mod share;

pub use dead::DeadBranchId;
pub use decide::{Limits, RetentionDecision, RetentionRefusal, decide};
pub use plan::{RetentionPlan, RetentionRequest, RetentionSettings};
pub use retire::{NotAsPlanned, RetireError, RetireOutcome};
pub use share::Share;

pub(crate) use retire::condemn;
