//! The keys below `cluster/`: what the sidecars of a cluster tell each other, and what a restore needs of it.

use super::ObjectKey;
use crate::ids::{NodeId, PartitionIndex};

pub(super) const SUMMARY: &str = "summary";
pub(super) const LEASE: &str = "lease";

/// Takes apart what follows `cluster/`.
pub(super) fn parse(rest: &str) -> Option<ObjectKey> {
    let (kind, rest) = rest.split_once('/')?;
    match kind {
        "nodes" => of_node(rest),
        "floors" => {
            let (topic_id, partition) = rest.split_once('.')?;
            let partition = PartitionIndex::new(partition.parse().ok()?).ok()?;
            Some(ObjectKey::FloorHint { topic_id: topic_id.parse().ok()?, partition })
        }
        "state" => Some(ObjectKey::ClusterState { name: rest.parse().ok()? }),
        _ => None,
    }
}

fn of_node(rest: &str) -> Option<ObjectKey> {
    let (node, name) = rest.split_once('/')?;
    let node = NodeId::new(node.parse().ok()?).ok()?;
    match name {
        SUMMARY => Some(ObjectKey::NodeSummary { node }),
        LEASE => Some(ObjectKey::NodeLease { node }),
        _ => None,
    }
}
