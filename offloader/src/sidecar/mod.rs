//! The sidecar: everything that `firnline offload` does for years.
//!
//! | question | answer |
//! |---|---|
//! | what is to be done for a partition? | [`decide()`], pure |
//! | are these bytes committed? | [`prove()`], pure |
//! | where do tier and leader part? | [`diverge()`], pure |
//! | how is it going? | [`Status`] |
//! | do it all, for years | [`Sidecar`] |

mod act;
mod bucket;
mod compared;
mod core;
mod decide;
mod diverge;
mod epochs;
mod gone;
mod held;
mod next;
mod pace;
mod parts;
mod prove;
mod report;
mod round;
mod run;
mod settings;
mod state;
mod status;
mod step;
mod topic;
mod turns;
mod upkeep;
mod verdict;
mod view;
mod wait;

pub use decide::decide;
pub use diverge::{Answer, Divergence, MAX_STEPS, diverge};
pub use held::{Chain, File, Held};
pub use next::{Next, Why};
pub use parts::SidecarParts;
pub use prove::{Claimed, Proof, Unproven, prove};
pub use run::{Sidecar, Stopped};
pub use settings::{PolicyOf, Pressure, SidecarSettings, TopicPolicy};
pub use status::{Counts, PartitionStatus, Status, StatusTotals, Thrown};
pub use step::{NoSidecarFaults, SidecarFaults, SidecarStep};
pub use view::{Comparison, Digest, Known, Limits, Standing, View};
pub use wait::{BoundReason, OffReason, OperatorReason, Severity, WaitReason};
