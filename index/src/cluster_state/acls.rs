//! Who may do what.

use serde::{Deserialize, Serialize};

use super::{ClusterState, wire};
use crate::checked_json::JsonObjectError;

/// All ACLs of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acls {
    /// In order, each once.
    pub bindings: Vec<AclBinding>,
}

/// One ACL, in the words of Kafka's own tools (`TOPIC`, `LITERAL`, `READ`, `ALLOW`), which are what applies it again:
/// a kind that this build does not know is kept as well as any other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AclBinding {
    /// The kind of resource.
    pub resource_type: String,
    /// Its name, or the beginning of it.
    pub resource_name: String,
    /// How the name is meant.
    pub pattern_type: String,
    /// For whom, with its kind: `User:alice`.
    pub principal: String,
    /// From which host; `*` for any.
    pub host: String,
    /// What is done.
    pub operation: String,
    /// Whether it is allowed or denied.
    pub permission: String,
}

impl ClusterState for Acls {
    const NAME: &'static str = "acls";
}

impl wire::Wire for Acls {
    type Members = Vec<AclBinding>;

    fn to_wire(&self) -> Self::Members {
        self.bindings.clone()
    }

    fn from_wire(bindings: Self::Members) -> Result<Self, JsonObjectError> {
        Ok(Self { bindings })
    }
}
