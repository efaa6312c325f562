//! What a cluster would need to be set up again besides its records: groups' offsets, topics with their settings, access
//! rules. Plain values; nothing of it is secret (no SCRAM credentials, no delegation tokens, no sensitive settings).
//!
//! Not one moment: the parts are told one after another, and groups commit meanwhile.

use std::collections::BTreeMap;

use firnline_index::{ClusterId, TopicId, TopicName, ValueError};

use crate::client::Client;
use crate::error::RequestError;
use crate::requests::groups::CommittedOffset;
use crate::wire::Code;

/// A group and what it has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupState {
    /// Its id.
    pub id: String,
    /// `consumer`, or what else its members named.
    pub protocol: String,
    /// What it has committed.
    pub committed: Vec<CommittedOffset>,
}

/// All groups that could be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    /// The groups, by id.
    pub groups: Vec<GroupState>,
    /// What could not be seen, in words for an operator.
    pub missing: Vec<String>,
}

/// A topic as it would be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSetup {
    /// Its name.
    pub name: TopicName,
    /// Its id in this cluster.
    pub id: TopicId,
    /// How many partitions it has.
    pub partitions: usize,
    /// How many replicas its first partition has.
    pub replicas: usize,
    /// What is set on it; `None` where we may not see it.
    pub configs: Option<BTreeMap<String, String>>,
}

/// How many messages on what is missing are kept; the rest is counted in the last.
const MAX_MISSING: usize = 20;

impl Client {
    /// All groups with their offsets. One ListGroups to each broker, and one OffsetFetch for 32 of its groups.
    ///
    /// # Errors
    /// Where a broker cannot be asked: without its groups the list would look complete and not be.
    pub async fn all_groups(&self) -> Result<Groups, RequestError> {
        self.refresh().await?;
        let mut all = Groups::default();
        let mut unseen = 0_usize;
        let mut note = |missing: &mut Vec<String>, what: String| {
            if missing.len() < MAX_MISSING { missing.push(what) } else { unseen += 1 }
        };
        for (node, _) in self.brokers() {
            let mut lease = self.lease(node).await?;
            let groups = lease.groups().await?;
            let ids: Vec<String> = groups.iter().map(|group| group.id.clone()).collect();
            let offsets = lease.group_offsets(&ids).await?;
            for (group, offsets) in groups.into_iter().zip(offsets) {
                match offsets {
                    Ok(offsets) => {
                        if let Some((partitions, code)) = offsets.failed {
                            let what = format!("{partitions} partitions of group {}: {code}", group.id);
                            note(&mut all.missing, what);
                        }
                        let (id, protocol) = (group.id, group.protocol);
                        all.groups.push(GroupState { id, protocol, committed: offsets.committed });
                    }
                    Err(code) => note(&mut all.missing, format!("group {}: {code}", group.id)),
                }
            }
        }
        if unseen > 0 {
            all.missing.push(format!("{unseen} more"));
        }
        // A group that moved between two brokers' answers may be in both.
        all.groups.sort_by(|a, b| a.id.cmp(&b.id));
        all.groups.dedup_by(|a, b| a.id == b.id);
        Ok(all)
    }

    /// All topics that we may describe, internal ones left out. One Metadata, and one DescribeConfigs for 1,000 topics.
    ///
    /// # Errors
    /// Where no broker answers.
    pub async fn all_topic_setups(&self) -> Result<Vec<TopicSetup>, RequestError> {
        let topics = self.all_topics().await?;
        let topics: Vec<_> = topics.into_iter().flatten().filter(|topic| !topic.internal).collect();
        let names: Vec<TopicName> = topics.iter().map(|topic| topic.name.clone()).collect();
        let settings = self.topic_settings(&names).await?;
        let setups = topics.into_iter().zip(settings).filter_map(|(topic, settings)| {
            let configs = match settings {
                Ok(settings) => Some(settings.set),
                // Deleted since.
                Err(Code::UNKNOWN_TOPIC_OR_PARTITION) => return None,
                Err(_) => None,
            };
            Some(TopicSetup {
                replicas: topic.partitions.first().map_or(0, |partition| partition.replicas.len()),
                partitions: topic.partitions.len(),
                name: topic.name,
                id: topic.id,
                configs,
            })
        });
        Ok(setups.collect())
    }

    /// The cluster's id, asked where it is not known yet. At most one DescribeCluster.
    ///
    /// # Errors
    /// Where no broker answers; the inner error where the id is none that Firnline can keep.
    pub async fn ask_cluster_id(&self) -> Result<Result<ClusterId, ValueError>, RequestError> {
        if self.cluster_id().is_none() {
            self.refresh().await?;
        }
        Ok(ClusterId::new(&self.cluster_id().unwrap_or_default()))
    }
}
