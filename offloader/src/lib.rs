//! Which bytes move to the tier, and when.
//!
//! | step | where |
//! |---|---|
//! | what is there | `firnline_logdir`, as [`PartitionLog`]s |
//! | which offsets become which remote segments | [`plan()`], a pure function |
//! | bring one partition up to date | [`PartitionJob`] |
//! | all partitions of a broker, once | [`run_once`] |
//!
//! This crate must never make a request to the store except through `firnline_tier`; never take a batch at or above the
//! commit bound, nor from the file that the broker still writes; never change anything in a log directory; and never
//! carry on past damage in a log as if it were not there.

mod chain;
mod cluster;
mod history;
mod holes;
mod host;
#[cfg(feature = "kafka")]
mod kafka;
mod log;
mod meter;
mod partition;
mod pass;
mod plan;
mod progress;
mod report;
pub mod sidecar;
mod upload;

pub use chain::chain_of;
pub use cluster::{
    AskError, Bound, BoundAsk, Cluster, ClusterError, Leader, OpenProducer, PartitionView, TopicConfigs,
    TopicState, TopicView,
};
pub use history::{EpochFalls, OtherHistory};
pub use holes::{HoleInLog, Holes};
pub use host::{
    DirectoryHost, DirectoryOptions, GivenWay, HeldChain, HeldFile, HeldPartition, Host, HostError, PinId,
    Presence, Space, Stretch, Wanted, Witness,
};
#[cfg(feature = "kafka")]
pub use kafka::KafkaCluster;
pub use log::{DirectoryLog, PartitionLog};
pub use partition::PartitionJob;
pub use pass::{FormOf, PassError, PassInputs, PassPolicy, TopicFilter, cluster_of, run_once};
pub use plan::{CommitBound, Extent, MAX_JOINED, PlanPolicy, PlanRefusal, PlannedSegment, plan};
pub use progress::{Progress, Silent};
pub use report::{CommittedSegment, PartitionReport, PassReport, Problem};
