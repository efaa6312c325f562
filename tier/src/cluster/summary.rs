//! Writing the own summary, and reading those of the others.

use std::collections::BTreeMap;
use std::time::Duration;

use firnline_index::keys::{KeyPrefix, ObjectKey};
use firnline_index::summary::{Newest, NodeSummary, PartitionSummary, merge};
use firnline_index::{Incarnation, NodeId, PartitionIndex, TimestampMs, TopicId};
use firnline_store::{Fetched, StoreError, Version};
use futures::StreamExt;
use tokio::time::Instant;

use super::{ClusterError, Replaced, replace};
use crate::{Step, Tier};

/// The most nodes that are followed.
const MAX_NODES: usize = 1_000;
/// Summaries read at once.
const PARALLEL: usize = 8;
/// How long a listing of the nodes is believed: a new node is seen by then.
const RELIST: Duration = Duration::from_secs(600);
/// Longest pause between two writes: so that a reader can tell a quiet node from a dead one.
const REWRITE: Duration = Duration::from_secs(600);

/// How a write of the own summary ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SummaryOutcome {
    /// Nothing had changed; no request was made.
    Unchanged,
    /// The summary is written.
    Written,
    /// Another run writes as this node. Nothing was written; ask the lease who it is, and stop.
    OtherWriter {
        /// The other run.
        incarnation: Incarnation,
        /// When it wrote last, by its own clock.
        written_at: TimestampMs,
    },
}

/// Writes one node's summary, each time under the condition that nobody else did since the last.
#[derive(Debug)]
pub struct SummaryWriter {
    node: NodeId,
    incarnation: Incarnation,
    sequence: u64,
    last: Option<Last>,
}

/// What was written last.
#[derive(Debug)]
struct Last {
    version: Option<Version>,
    /// `None` where it was not written by this run.
    partitions: Option<Vec<PartitionSummary>>,
    at: Instant,
}

impl SummaryWriter {
    /// The writer of a run that works as `node`, which has written nothing yet.
    #[must_use]
    pub fn new(node: NodeId, incarnation: Incarnation) -> Self {
        Self { node, incarnation, sequence: 0, last: None }
    }

    /// Writes what is told of `partitions`, which are put in order, if it differs from what was written last or that was
    /// ten minutes ago. The first write takes the place of whatever an earlier run has left.
    ///
    /// One PUT; one GET more the first time, and where an answer was lost. Not cancel safe beyond this: a dropped write may
    /// have landed, and the next one finds that out.
    pub async fn write(
        &mut self,
        tier: &Tier,
        mut partitions: Vec<PartitionSummary>,
    ) -> Result<SummaryOutcome, ClusterError> {
        partitions.sort_by_key(|p| (p.tip.topic_id, p.tip.partition));
        if let Some(last) = &self.last
            && last.partitions.as_ref() == Some(&partitions)
            && last.at.elapsed() < REWRITE
        {
            return Ok(SummaryOutcome::Unchanged);
        }
        let key = ObjectKey::NodeSummary { node: self.node };
        let mut known = match &self.last {
            Some(last) => last.version.clone(),
            None => {
                tier.before(Step::SummaryRead).await;
                fetch(tier, &key)
                    .await
                    .map_err(|source| ClusterError::store(&key, source))?
                    .map(|f| f.version)
            }
        };
        // Once more where the one that stands there is an earlier write of ours whose answer we never got, or is gone.
        for _ in 0..2 {
            self.sequence += 1;
            let summary = NodeSummary {
                cluster_id: tier.cluster_id().clone(),
                node: self.node,
                incarnation: self.incarnation,
                sequence: self.sequence,
                written_at: tier.now(),
                partitions,
            };
            let bytes = summary.encode().map_err(|error| ClusterError::encode(&key, error))?;
            partitions = summary.partitions;
            tier.before(Step::SummaryPut).await;
            match replace(tier, &key, bytes, known.as_ref()).await? {
                Replaced::Ours(version) => {
                    let version = Some(version);
                    self.last = Some(Last { version, partitions: Some(partitions), at: Instant::now() });
                    return Ok(SummaryOutcome::Written);
                }
                Replaced::Theirs(None) => known = None,
                Replaced::Theirs(Some(found)) => {
                    let theirs = decode(tier, self.node, &key, &found)?;
                    if theirs.incarnation != self.incarnation {
                        let NodeSummary { incarnation, written_at, .. } = theirs;
                        return Ok(SummaryOutcome::OtherWriter { incarnation, written_at });
                    }
                    known = Some(found.version);
                }
            }
        }
        self.last = Some(Last { version: known, partitions: None, at: Instant::now() });
        Err(ClusterError::Contended { key })
    }
}

/// Follows the summaries of all nodes.
#[derive(Debug, Default)]
pub struct SummaryReader {
    nodes: BTreeMap<NodeId, Option<Read>>,
    listed: Option<Instant>,
}

#[derive(Debug)]
struct Read {
    version: Version,
    summary: NodeSummary,
}

impl SummaryReader {
    /// A reader that knows of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what changed, but for the summary of `own`. What cannot be read keeps what it told last, and is given back
    /// with its reason; one that is gone is forgotten.
    ///
    /// One GET a node, without a body where nothing changed; one LIST every ten minutes. Cancel safe.
    pub async fn refresh(
        &mut self,
        tier: &Tier,
        own: Option<NodeId>,
    ) -> Result<Vec<(NodeId, ClusterError)>, ClusterError> {
        if self.listed.is_none_or(|at| at.elapsed() >= RELIST) {
            self.list(tier).await?;
        }
        let asked: Vec<(NodeId, Option<Version>)> = self
            .nodes
            .iter()
            .filter(|(node, _)| Some(**node) != own)
            .map(|(node, read)| (*node, read.as_ref().map(|read| read.version.clone())))
            .collect();
        let mut answers = futures::stream::iter(asked)
            .map(|(node, known)| async move { (node, read(tier, node, known.as_ref()).await) })
            .buffered(PARALLEL);
        let mut failed = Vec::new();
        while let Some((node, answer)) = answers.next().await {
            match answer {
                Ok(Answer::Same) => {}
                Ok(Answer::New(read)) => {
                    self.nodes.insert(node, Some(read));
                }
                Ok(Answer::Gone) => {
                    self.nodes.remove(&node);
                }
                Err(error) => failed.push((node, error)),
            }
        }
        Ok(failed)
    }

    /// What the nodes told last.
    pub fn summaries(&self) -> impl Iterator<Item = &NodeSummary> {
        self.nodes.values().flatten().map(|read| &read.summary)
    }

    /// The newest that any node tells of each partition's tier.
    #[must_use]
    pub fn newest(&self) -> BTreeMap<(TopicId, PartitionIndex), Newest> {
        merge(self.summaries())
    }

    async fn list(&mut self, tier: &Tier) -> Result<(), ClusterError> {
        let prefix = KeyPrefix::Nodes.to_string();
        let listing = tier.store().list(&prefix, None).collect_up_to(2 * MAX_NODES).await;
        let (objects, more) = listing.map_err(|source| ClusterError::store(&prefix, source))?;
        let nodes = objects.iter().filter_map(|object| match object.key.parse() {
            Ok(ObjectKey::NodeSummary { node }) => Some(node),
            _ => None,
        });
        for node in nodes {
            self.nodes.entry(node).or_insert(None);
        }
        if more || self.nodes.len() > MAX_NODES {
            return Err(ClusterError::TooMany { what: "nodes", limit: MAX_NODES });
        }
        self.listed = Some(Instant::now());
        Ok(())
    }
}

enum Answer {
    Same,
    New(Read),
    Gone,
}

async fn read(tier: &Tier, node: NodeId, known: Option<&Version>) -> Result<Answer, ClusterError> {
    let key = ObjectKey::NodeSummary { node };
    let failed = |source| ClusterError::store(&key, source);
    let fetched = match known {
        None => fetch(tier, &key).await.map_err(failed)?,
        Some(known) => match tier.store().get_if_changed(&key.to_string(), known).await {
            Ok(None) => return Ok(Answer::Same),
            Ok(changed) => changed,
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(failed(error)),
        },
    };
    let Some(fetched) = fetched else { return Ok(Answer::Gone) };
    let summary = decode(tier, node, &key, &fetched)?;
    Ok(Answer::New(Read { version: fetched.version, summary }))
}

async fn fetch(tier: &Tier, key: &ObjectKey) -> Result<Option<Fetched>, StoreError> {
    match tier.store().get(&key.to_string()).await {
        Ok(fetched) => Ok(Some(fetched)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn decode(tier: &Tier, node: NodeId, key: &ObjectKey, found: &Fetched) -> Result<NodeSummary, ClusterError> {
    let summary = NodeSummary::decode(&found.bytes).map_err(|error| ClusterError::unreadable(key, error))?;
    if summary.cluster_id != *tier.cluster_id() || summary.node != node {
        let found = format!("node {} of cluster {}", summary.node, summary.cluster_id);
        return Err(ClusterError::Foreign { key: key.clone(), found });
    }
    Ok(summary)
}
