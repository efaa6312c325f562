//! Cluster state: written where it changed, read for a restore.

use std::time::Duration;

use firnline_index::NodeId;
use firnline_index::cluster_state::{ClusterState, Dated};
use firnline_store::{Fetched, Version};
use tokio::time::Instant;

use super::{ClusterError, Replaced, replace};
use crate::{Step, Tier};

/// Longest pause between two writes of state that does not change: its date says how old it may be at most.
const REWRITE: Duration = Duration::from_secs(3600);

/// What one process remembers of a state object between two writes.
#[derive(Debug)]
pub struct KeptState<S> {
    known: Option<Known<S>>,
}

#[derive(Debug)]
struct Known<S> {
    version: Version,
    state: S,
    at: Instant,
}

impl<S> Default for KeptState<S> {
    fn default() -> Self {
        Self { known: None }
    }
}

/// How a write of cluster state ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateOutcome {
    /// Nothing had changed; no request was made but to look, the first time.
    Unchanged,
    /// It is written.
    Written,
    /// Another node was faster; its state is as good as ours.
    OtherWriter,
}

impl Tier {
    /// Writes `state` where it differs from what stands there, or was last written an hour ago. One PUT; one GET more the
    /// first time, and where an answer was lost.
    pub async fn write_state<S: ClusterState>(
        &self,
        node: NodeId,
        state: S,
        kept: &mut KeptState<S>,
    ) -> Result<StateOutcome, ClusterError> {
        let key = S::object_key();
        if kept.known.is_none() {
            self.before(Step::StateRead).await;
            kept.known = match self.state_object::<S>().await? {
                // What is damaged is written anew; a newer build's is left alone.
                Some(found) => match Dated::<S>::decode(&found.bytes) {
                    Ok(dated) => {
                        Some(Known { version: found.version, state: dated.state, at: Instant::now() })
                    }
                    Err(error) if error.is_newer() => return Err(ClusterError::unreadable(&key, error)),
                    Err(_) => return self.put_state(node, state, Some(found.version), kept).await,
                },
                None => None,
            };
        }
        match &kept.known {
            Some(known) if known.state == state && known.at.elapsed() < REWRITE => {
                Ok(StateOutcome::Unchanged)
            }
            Some(known) => {
                let version = known.version.clone();
                self.put_state(node, state, Some(version), kept).await
            }
            None => self.put_state(node, state, None, kept).await,
        }
    }

    async fn put_state<S: ClusterState>(
        &self,
        node: NodeId,
        state: S,
        version: Option<Version>,
        kept: &mut KeptState<S>,
    ) -> Result<StateOutcome, ClusterError> {
        let key = S::object_key();
        let dated = Dated { cluster_id: self.cluster_id().clone(), node, taken_at: self.now(), state };
        let bytes = dated.encode().map_err(|error| ClusterError::encode(&key, error))?;
        self.before(Step::StatePut).await;
        // Whatever comes of it, what we knew is no longer what stands there.
        kept.known = None;
        match replace(self, &key, bytes, version.as_ref()).await? {
            Replaced::Ours(version) => {
                kept.known = Some(Known { version, state: dated.state, at: Instant::now() });
                Ok(StateOutcome::Written)
            }
            Replaced::Theirs(_) => Ok(StateOutcome::OtherWriter),
        }
    }

    /// The state of a kind as it was written last; `None` where there is none. One GET.
    pub async fn read_state<S: ClusterState>(&self) -> Result<Option<Dated<S>>, ClusterError> {
        let key = S::object_key();
        let Some(found) = self.state_object::<S>().await? else { return Ok(None) };
        let dated =
            Dated::<S>::decode(&found.bytes).map_err(|error| ClusterError::unreadable(&key, error))?;
        if dated.cluster_id != *self.cluster_id() {
            return Err(ClusterError::Foreign { key, found: format!("cluster {}", dated.cluster_id) });
        }
        Ok(Some(dated))
    }

    async fn state_object<S: ClusterState>(&self) -> Result<Option<Fetched>, ClusterError> {
        let key = S::object_key();
        match self.store().get(&key.to_string()).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(ClusterError::store(&key, error)),
        }
    }
}
