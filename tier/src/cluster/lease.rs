//! Which run of the sidecar works as a node.
//!
//! ```text
//!             none there, or released, or given up by an operator's word,
//!  read ──┬── or it held a place that we hold now ──► put ──► held ──► released
//!         └── anything else ──► refused: who holds it, since when, on which machine
//! ```
//!
//! Nothing expires: no clock decides. That the holder is gone is shown by what it held alone: a lock on a log directory
//! that this process has now cannot be held by another one, on whatever machine it ran. Where that says nothing (a
//! broker was rebuilt on an empty disk and its old sidecar died without giving back its lease) an operator says so. A lease
//! that was given to two by mistake costs uploads, never records: every change to a manifest is conditional.

use std::collections::BTreeSet;

use firnline_index::keys::ObjectKey;
use firnline_index::lease::Lease;
use firnline_index::{Incarnation, NodeId};
use firnline_store::{Fetched, Version};

use super::{ClusterError, Replaced, replace};
use crate::{Step, Tier};

/// How often a race is run again.
const ATTEMPTS: usize = 4;

/// Who asks for a node's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The broker's node id.
    pub node: NodeId,
    /// This run.
    pub incarnation: Incarnation,
    /// The machine, for people.
    pub machine: String,
    /// The ids of the log directories that this process has locked. Taken before the lease is asked for.
    pub places: BTreeSet<String>,
    /// Whether an operator says that the holder is gone.
    pub take_over: bool,
}

/// How a request for a lease ended.
#[derive(Debug)]
pub enum LeaseOutcome {
    /// It is ours.
    Held(HeldLease),
    /// Somebody else works as this node, for all that is known.
    Refused(Lease),
}

/// What became of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseState {
    /// It is still ours.
    Ours,
    /// Another run has it.
    Taken(Lease),
    /// The object is gone.
    Gone,
}

/// A lease that this run holds.
#[derive(Debug)]
pub struct HeldLease {
    lease: Lease,
    version: Version,
}

/// Whether the lease may be taken from who has it.
fn may_take(found: Option<&Lease>, ours: &Lease, take_over: bool) -> bool {
    found.is_none_or(|found| {
        take_over
            || found.released_at.is_some()
            || found.incarnation == ours.incarnation
            || !found.places.is_disjoint(&ours.places)
    })
}

impl Tier {
    /// Asks for a node's lease. One GET and one PUT; a GET more where an answer was lost.
    pub async fn take_lease(&self, request: &LeaseRequest) -> Result<LeaseOutcome, ClusterError> {
        let key = ObjectKey::NodeLease { node: request.node };
        let ours = Lease {
            cluster_id: self.cluster_id().clone(),
            node: request.node,
            incarnation: request.incarnation,
            machine: request.machine.clone(),
            places: request.places.clone(),
            since: self.now(),
            released_at: None,
        };
        let bytes = ours.encode().map_err(|error| ClusterError::encode(&key, error))?;
        self.before(Step::LeaseRead).await;
        let mut found = self.lease_object(&key).await?;
        for _ in 0..ATTEMPTS {
            let theirs = found.as_ref().map(|found| self.decode_lease(&key, found)).transpose()?;
            if let Some(theirs) = theirs
                && !may_take(Some(&theirs), &ours, request.take_over)
            {
                return Ok(LeaseOutcome::Refused(theirs));
            }
            self.before(Step::LeasePut).await;
            match replace(self, &key, bytes.clone(), found.as_ref().map(|found| &found.version)).await? {
                Replaced::Ours(version) => return Ok(LeaseOutcome::Held(HeldLease { lease: ours, version })),
                Replaced::Theirs(other) => found = other,
            }
        }
        Err(ClusterError::Contended { key })
    }

    async fn lease_object(&self, key: &ObjectKey) -> Result<Option<Fetched>, ClusterError> {
        match self.store().get(&key.to_string()).await {
            Ok(fetched) => Ok(Some(fetched)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(ClusterError::store(key, error)),
        }
    }

    fn decode_lease(&self, key: &ObjectKey, found: &Fetched) -> Result<Lease, ClusterError> {
        let lease = Lease::decode(&found.bytes).map_err(|error| ClusterError::unreadable(key, error))?;
        let of_node = ObjectKey::NodeLease { node: lease.node };
        if lease.cluster_id != *self.cluster_id() || of_node != *key {
            let found = format!("node {} of cluster {}", lease.node, lease.cluster_id);
            return Err(ClusterError::Foreign { key: key.clone(), found });
        }
        Ok(lease)
    }
}

impl HeldLease {
    /// What it says.
    #[must_use]
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether it is still ours. One GET, without a body where nothing changed.
    pub async fn check(&mut self, tier: &Tier) -> Result<LeaseState, ClusterError> {
        let key = ObjectKey::NodeLease { node: self.lease.node };
        let found = match tier.store().get_if_changed(&key.to_string(), &self.version).await {
            Ok(None) => return Ok(LeaseState::Ours),
            Ok(Some(found)) => found,
            Err(error) if error.is_not_found() => return Ok(LeaseState::Gone),
            Err(error) => return Err(ClusterError::store(&key, error)),
        };
        let lease = tier.decode_lease(&key, &found)?;
        if lease.incarnation == self.lease.incarnation {
            self.version = found.version;
            return Ok(LeaseState::Ours);
        }
        Ok(LeaseState::Taken(lease))
    }

    /// Gives it back, so that the next run need not prove anything. One PUT. A lease that somebody else has by now is left
    /// alone.
    pub async fn release(self, tier: &Tier) -> Result<(), ClusterError> {
        let key = ObjectKey::NodeLease { node: self.lease.node };
        let lease = Lease { released_at: Some(tier.now()), ..self.lease };
        let bytes = lease.encode().map_err(|error| ClusterError::encode(&key, error))?;
        tier.before(Step::LeasePut).await;
        replace(tier, &key, bytes, Some(&self.version)).await.map(|_| ())
    }
}
