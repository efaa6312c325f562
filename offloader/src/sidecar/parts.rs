//! What a sidecar works with; passed beside its settings.

use std::sync::Arc;

use firnline_index::NodeId;
use firnline_tier::Tier;

use super::step::SidecarFaults;
use crate::cluster::Cluster;
use crate::host::Host;
use crate::progress::Progress;

/// The parts. Time and randomness are the tier's.
#[derive(Debug, Clone)]
pub struct SidecarParts {
    /// The tier, opened for writing.
    pub tier: Tier,
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The machine.
    pub host: Arc<dyn Host>,
    /// The broker beside which this runs.
    pub node: NodeId,
    /// What stands between two steps.
    pub faults: Arc<dyn SidecarFaults>,
    /// Who is told of uploads and commits.
    pub progress: Arc<dyn Progress>,
}
