//! DescribeCluster: the cluster's id and brokers. Needs no right.

use firnline_index::NodeId;
use kafka_protocol::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse};

use super::{Question, ReadFault};
use crate::address::Address;
use crate::wire::ProtocolError;

/// The most brokers that are taken note of; Kafka's largest clusters have a few hundred.
const MAX_BROKERS: usize = 10_000;

/// A cluster as one of its brokers tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterView {
    /// Its id.
    pub cluster_id: String,
    /// Its brokers that are up.
    pub brokers: Vec<(NodeId, Address)>,
}

pub(crate) struct DescribeCluster;

impl Question for DescribeCluster {
    type Request = DescribeClusterRequest;
    type Answer = ClusterView;

    fn request(&self) -> DescribeClusterRequest {
        DescribeClusterRequest::default()
    }

    fn read(&self, answer: DescribeClusterResponse) -> Result<ClusterView, ReadFault> {
        ReadFault::of(answer.error_code)?;
        let brokers = answer.brokers.iter().map(|broker| (broker.broker_id, &*broker.host, broker.port));
        Ok(ClusterView { cluster_id: answer.cluster_id.to_string(), brokers: brokers_of(brokers)? })
    }
}

pub(super) fn brokers_of<'a>(
    told: impl Iterator<Item = (BrokerId, &'a str, i32)>,
) -> Result<Vec<(NodeId, Address)>, ProtocolError> {
    let mut brokers = Vec::new();
    for (node, host, port) in told {
        if brokers.len() >= MAX_BROKERS {
            return Err(ProtocolError::Value { what: format!("more than {MAX_BROKERS} brokers") });
        }
        let node = NodeId::new(node.0).map_err(|error| ProtocolError::Value { what: error.to_string() })?;
        let address =
            Address::new(host, port).map_err(|error| ProtocolError::Value { what: error.to_string() })?;
        brokers.push((node, address));
    }
    Ok(brokers)
}
