//! What a restore needs of a cluster besides its records: committed group offsets, topic configurations, ACLs.
//!
//! One JSON object of each kind below `cluster/state/`, checksummed and dated, replaced where it changed. No secrets: SCRAM
//! credentials and sensitive configuration values are not among them. Values only; who asks the cluster and who applies them is elsewhere.

mod acls;
mod configs;
mod groups;

pub use acls::{AclBinding, Acls};
pub use configs::{TopicConfig, TopicConfigs};
pub use groups::{CommittedOffset, GroupOffsets};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::checked_json::{self, JsonObjectError};
use crate::ids::{ClusterId, NodeId, TimestampMs};
use crate::keys::{ObjectKey, RelativeKey};

/// The longest object of cluster state.
pub const MAX_STATE_BYTES: usize = 32 << 20;

/// A kind of cluster state. Sealed: the kinds are those of this module.
pub trait ClusterState: Clone + PartialEq + std::fmt::Debug + wire::Wire + Send + Sync {
    /// Its name in keys.
    const NAME: &'static str;

    /// Its key.
    fn object_key() -> ObjectKey {
        let name = RelativeKey::new(Self::NAME).expect("the names are legal keys");
        ObjectKey::ClusterState { name }
    }
}

/// Cluster state as it was at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated<S> {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The node whose sidecar asked the cluster.
    pub node: NodeId,
    /// When that was, by its clock.
    pub taken_at: TimestampMs,
    /// What it was told.
    pub state: S,
}

#[derive(Serialize, Deserialize)]
struct Members<S> {
    v: u64,
    kind: String,
    cluster_id: String,
    node: i32,
    taken_at_ms: i64,
    state: S,
}

impl<S: ClusterState> Dated<S> {
    /// The state as an object.
    ///
    /// # Errors
    /// Where it is longer than [`MAX_STATE_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, JsonObjectError> {
        let members = Members {
            v: checked_json::LAYOUT,
            kind: S::NAME.to_owned(),
            cluster_id: self.cluster_id.to_string(),
            node: self.node.get(),
            taken_at_ms: self.taken_at.get(),
            state: self.state.to_wire(),
        };
        checked_json::write_within(&members, MAX_STATE_BYTES)
    }

    /// Reads such an object.
    ///
    /// # Errors
    /// For text that is damaged, cut short, foreign or of another kind, and for a newer layout.
    pub fn decode(bytes: &[u8]) -> Result<Self, JsonObjectError> {
        let members: Members<<S as wire::Wire>::Members> = checked_json::read_within(bytes, MAX_STATE_BYTES)?;
        checked_json::refuse_newer("layout of cluster state", members.v, checked_json::LAYOUT)?;
        if members.kind != S::NAME {
            return Err(JsonObjectError::Missing { member: S::NAME });
        }
        Ok(Self {
            cluster_id: checked_json::value("cluster_id", ClusterId::new(&members.cluster_id))?,
            node: checked_json::value("node", NodeId::new(members.node))?,
            taken_at: checked_json::value("taken_at_ms", TimestampMs::new(members.taken_at_ms))?,
            state: S::from_wire(members.state)?,
        })
    }
}

mod wire {
    use super::{DeserializeOwned, JsonObjectError, Serialize};

    /// From a state to its members, and back.
    pub trait Wire: Sized {
        /// The members in JSON.
        type Members: Serialize + DeserializeOwned;

        /// The members of the state.
        fn to_wire(&self) -> Self::Members;

        /// The state of the members.
        fn from_wire(members: Self::Members) -> Result<Self, JsonObjectError>;
    }
}
