//! The sidecar: everything that `firnline offload` does for years.
//!
//! | question | answer |
//! |---|---|
//! | what is to be done for a partition? | [`decide()`], pure |
//! | are these bytes committed? | [`prove()`], pure |
//! | where do tier and leader part? | [`diverge()`], pure |
//! | how is it going? | [`Status`] |

mod decide;
mod diverge;
mod held;
mod next;
mod prove;
mod settings;
mod status;
mod step;
mod view;
mod wait;

pub use decide::decide;
pub use diverge::{Answer, Divergence, MAX_STEPS, diverge};
pub use held::{Chain, File, Held};
pub use next::{Next, Why};
pub use prove::{Claimed, Proof, Unproven, prove};
pub use settings::{PolicyOf, Pressure, SidecarSettings, TopicPolicy};
pub use status::{Counts, PartitionStatus, Status, StatusTotals, Thrown};
pub use step::{NoSidecarFaults, SidecarFaults, SidecarStep};
pub use view::{Comparison, Digest, Known, Limits, Standing, View};
pub use wait::{BoundReason, OffReason, OperatorReason, Severity, WaitReason};
