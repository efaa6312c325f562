//! What the server says of itself: it is the one broker of its cluster.

use std::sync::Arc;

use firnline_index::{ClusterId, NodeId};

/// The only node that clients are told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its node id.
    pub id: NodeId,
    /// The host that clients are to connect to.
    pub host: Arc<str>,
    /// And the port.
    pub port: u16,
    /// The cluster whose tier is served.
    pub cluster_id: ClusterId,
}
