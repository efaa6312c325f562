//! What the sidecars of all nodes tell each minute.

use std::collections::BTreeMap;
use std::time::Duration;

use firnline_index::keys::{KeyPrefix, ObjectKey};
use firnline_index::summary::{NodeSummary, merge};
use firnline_index::{ByteCount, ClusterId, NodeId, PartitionIndex, TopicId};
use firnline_store::{Store, StoreError, Version};
use futures::{StreamExt, stream};
use tokio::time::Instant;

use super::Marks;

/// The most nodes that are followed.
const NODES: usize = 1000;
/// Summaries read at once.
const READS: usize = 8;
/// How long a listing of the nodes is believed: a new node is seen by then.
const LISTED_AGE: Duration = Duration::from_secs(600);

/// The summaries that were read last. One GET a node for each refresh, without a body where nothing changed; one LIST every
/// ten minutes.
#[derive(Debug)]
pub(crate) struct Summaries {
    store: Store,
    cluster_id: ClusterId,
    nodes: BTreeMap<NodeId, Option<(Version, NodeSummary)>>,
    listed: Option<Instant>,
}

impl Summaries {
    pub(crate) const fn new(store: Store, cluster_id: ClusterId) -> Self {
        Self { store, cluster_id, nodes: BTreeMap::new(), listed: None }
    }

    /// Reads what has changed. What cannot be read tells what it told last.
    pub(crate) async fn refresh(&mut self) {
        if self.listed.is_none_or(|at| at.elapsed() >= LISTED_AGE) {
            match self.list().await {
                Ok(()) => self.listed = Some(Instant::now()),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the nodes that tell of the tier could not be listed");
                }
            }
        }
        let known = self.nodes.iter().map(|(node, read)| (*node, read.as_ref().map(|read| read.0.clone())));
        let (store, cluster_id) = (&self.store, &self.cluster_id);
        let reads =
            known.map(|(node, version)| async move { (node, read(store, cluster_id, node, version).await) });
        let read: Vec<_> = stream::iter(reads.collect::<Vec<_>>()).buffer_unordered(READS).collect().await;
        for (node, told) in read {
            match told {
                Ok(Some(told)) => drop(self.nodes.insert(node, Some(told))),
                Ok(None) => {}
                Err(error) if error.is_not_found() => drop(self.nodes.remove(&node)),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(%node, error, "what the node tells of the tier could not be read");
                }
            }
        }
    }

    /// The newest that any node tells of each partition's tier. That a node tells of none may mean that it has not looked yet.
    pub(crate) fn marks(&self) -> impl Iterator<Item = (TopicId, PartitionIndex, Marks)> {
        let summaries = self.nodes.values().flatten().map(|(_, summary)| summary);
        let newest = merge(summaries).into_iter();
        newest.map(|((topic, partition), newest)| (topic, partition, Marks::of_summary(newest.marks)))
    }

    /// Partitions of which a node alone holds what its broker has lost: it is on its way.
    pub(crate) fn held(&self) -> impl Iterator<Item = (TopicId, PartitionIndex)> {
        let all = self.nodes.values().flatten().flat_map(|(_, summary)| &summary.partitions);
        let held = all.filter(|partition| partition.sole_link_bytes > ByteCount::ZERO);
        held.map(|partition| (partition.tip.topic_id, partition.tip.partition))
    }

    async fn list(&mut self) -> Result<(), StoreError> {
        let listing = self.store.list(&KeyPrefix::Nodes.to_string(), None).collect_up_to(2 * NODES).await;
        for object in listing?.0 {
            if let Ok(ObjectKey::NodeSummary { node }) = object.key.parse()
                && self.nodes.len() < NODES
            {
                self.nodes.entry(node).or_insert(None);
            }
        }
        Ok(())
    }
}

/// `None` where it has not changed, or is none of this cluster's.
async fn read(
    store: &Store,
    cluster_id: &ClusterId,
    node: NodeId,
    known: Option<Version>,
) -> Result<Option<(Version, NodeSummary)>, StoreError> {
    let key = ObjectKey::NodeSummary { node }.to_string();
    let fetched = match known {
        Some(known) => store.get_if_changed(&key, &known).await?,
        None => Some(store.get(&key).await?),
    };
    let Some(fetched) = fetched else { return Ok(None) };
    match NodeSummary::decode(&fetched.bytes) {
        Ok(summary) if summary.cluster_id == *cluster_id => Ok(Some((fetched.version, summary))),
        Ok(summary) => {
            tracing::warn!(key, cluster = %summary.cluster_id, "what is told is of another cluster");
            Ok(None)
        }
        Err(error) => {
            tracing::warn!(key, error = &error as &dyn std::error::Error, "what is told cannot be read");
            Ok(None)
        }
    }
}
