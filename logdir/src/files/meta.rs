//! `meta.properties`: whose directory this is.

use firnline_index::{ClusterId, NodeId, ValueError};

use super::properties;

/// What `meta.properties` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaProperties {
    /// 0 as brokers under ZooKeeper wrote it, 1 under KRaft.
    pub version: u32,
    /// The cluster; absent in a directory of version 0 whose broker never joined one.
    pub cluster_id: Option<ClusterId>,
    /// The broker: `node.id`, in version 0 `broker.id`.
    pub node_id: Option<NodeId>,
    /// The directory's own id as text, from Kafka 3.7 on.
    pub directory_id: Option<String>,
}

/// A `meta.properties` that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetaError {
    /// No `version`.
    #[error("it has no version")]
    NoVersion,
    /// A version that this build does not know.
    #[error("its version is {version:?}; versions 0 and 1 are known")]
    Version {
        /// What stands there, cut to 40 characters.
        version: String,
    },
    /// Version 1 must name the cluster and the node.
    #[error("it has no {key}, which version 1 must have")]
    Missing {
        /// The key that is not there.
        key: &'static str,
    },
    /// A broker id that is no number.
    #[error("its {key} is {text:?}, not a node id")]
    NodeId {
        /// The key.
        key: &'static str,
        /// What stands there, cut to 40 characters.
        text: String,
    },
    /// A cluster id that cannot be one.
    #[error("its cluster.id cannot be one")]
    ClusterId(#[source] ValueError),
}

impl MetaProperties {
    /// Reads the file's bytes. Unknown keys are left alone: brokers add some from time to time.
    pub fn parse(text: &[u8]) -> Result<Self, MetaError> {
        let pairs = properties::parse(text);
        let get = |name: &str| {
            pairs
                .iter()
                .rev()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.trim())
                .filter(|v| !v.is_empty())
        };
        let version = match get("version").ok_or(MetaError::NoVersion)? {
            "0" => 0,
            "1" => 1,
            other => return Err(MetaError::Version { version: cut(other) }),
        };
        let node_key = if version == 0 { "broker.id" } else { "node.id" };
        let node_id = get(node_key).map(|text| node_id(node_key, text)).transpose()?.flatten();
        let cluster_id = get("cluster.id").map(ClusterId::new).transpose().map_err(MetaError::ClusterId)?;
        if version == 1 && cluster_id.is_none() {
            return Err(MetaError::Missing { key: "cluster.id" });
        }
        if version == 1 && node_id.is_none() {
            return Err(MetaError::Missing { key: "node.id" });
        }
        Ok(Self { version, cluster_id, node_id, directory_id: get("directory.id").map(str::to_owned) })
    }
}

/// −1 is what version 0 says before an id was given out.
fn node_id(key: &'static str, text: &str) -> Result<Option<NodeId>, MetaError> {
    match text.parse::<i32>() {
        Ok(-1) => Ok(None),
        Ok(number) => NodeId::new(number).map(Some).map_err(|_| MetaError::NodeId { key, text: cut(text) }),
        Err(_) => Err(MetaError::NodeId { key, text: cut(text) }),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}
