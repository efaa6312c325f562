//! The lease of a node: which run of the sidecar works as it.
//!
//! No clock and no renewal: safety rests on the manifests' own conditions. The lease is there so that a second sidecar
//! which was given the same node id by mistake is told so at start, instead of two that upload and claim against each other.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::checked_json::{self, JsonObjectError};
use crate::ids::{ClusterId, Incarnation, NodeId, TimestampMs};

/// The most places that a lease names: a broker has a few log directories.
pub const MAX_PLACES: usize = 64;

/// Who works as a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The broker's node id.
    pub node: NodeId,
    /// The run.
    pub incarnation: Incarnation,
    /// The machine, for people.
    pub machine: String,
    /// What the run holds alone, as long as it lives: the ids of the log directories that it has locked. A later run
    /// that holds one of them proves by that alone that this one is gone.
    pub places: BTreeSet<String>,
    /// When the run began, by its own clock; for people.
    pub since: TimestampMs,
    /// When the run ended and gave the lease back; `None` while it works, or where it died.
    pub released_at: Option<TimestampMs>,
}

#[derive(Serialize, Deserialize)]
struct Members {
    v: u64,
    cluster_id: String,
    node: i32,
    incarnation: String,
    machine: String,
    places: BTreeSet<String>,
    since_ms: i64,
    released_at_ms: Option<i64>,
}

impl Lease {
    /// The lease as an object.
    ///
    /// # Errors
    /// Where [`Lease::decode`] would refuse it.
    pub fn encode(&self) -> Result<Vec<u8>, JsonObjectError> {
        let text = checked_json::write(&Members {
            v: checked_json::LAYOUT,
            cluster_id: self.cluster_id.to_string(),
            node: self.node.get(),
            incarnation: self.incarnation.to_string(),
            machine: self.machine.clone(),
            places: self.places.clone(),
            since_ms: self.since.get(),
            released_at_ms: self.released_at.map(TimestampMs::get),
        })?;
        Self::decode(&text)?;
        Ok(text)
    }

    /// Reads a lease.
    ///
    /// # Errors
    /// For text that is damaged, cut short or foreign, and for a newer layout.
    pub fn decode(bytes: &[u8]) -> Result<Self, JsonObjectError> {
        let members: Members = checked_json::read(bytes)?;
        checked_json::refuse_newer("layout of the lease", members.v, checked_json::LAYOUT)?;
        let found = members.places.len();
        if found > MAX_PLACES {
            let limits = "at most 64";
            return Err(JsonObjectError::OutOfRange { member: "places", found: found as u64, limits });
        }
        let time = |member, ms| checked_json::value(member, TimestampMs::new(ms));
        Ok(Self {
            cluster_id: checked_json::value("cluster_id", ClusterId::new(&members.cluster_id))?,
            node: checked_json::value("node", NodeId::new(members.node))?,
            incarnation: checked_json::value("incarnation", members.incarnation.parse())?,
            machine: members.machine,
            places: members.places,
            since: time("since_ms", members.since_ms)?,
            released_at: members.released_at_ms.map(|ms| time("released_at_ms", ms)).transpose()?,
        })
    }
}
