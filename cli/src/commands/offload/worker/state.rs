//! What a restore needs besides records, written to the bucket: topics' settings, groups' offsets, access rules.
//!
//! One sidecar does it for the cluster: the one with the smallest node id of those that have told of themselves lately. Two
//! that both think so write the same, each under its condition, so nothing comes of it but a request more.

use std::collections::BTreeMap;
use std::time::Duration;

use firnline_index::cluster_state::{
    AclBinding, Acls, CommittedOffset, GroupOffsets, TopicConfig, TopicConfigs,
};
use firnline_index::{NodeId, TopicId, TopicName};
use firnline_kafka::Client;
use firnline_offloader::chain_of;
use firnline_tier::Tier;
use firnline_tier::cluster::{KeptState, SummaryReader};
use tokio::time::{MissedTickBehavior, interval};

/// A sidecar that has not written its summary for so long does not count.
const LATELY: Duration = Duration::from_secs(15 * 60);

/// What it works with.
#[derive(Debug)]
pub(super) struct StateExport {
    pub(super) client: Client,
    pub(super) tier: Tier,
    pub(super) node: NodeId,
    pub(super) every: Duration,
}

/// What stood in the bucket last.
#[derive(Default)]
struct Kept {
    topics: KeptState<TopicConfigs>,
    groups: KeptState<GroupOffsets>,
    acls: KeptState<Acls>,
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl StateExport {
    /// Exports until dropped. What fails is said once, and tried again the next time.
    pub(super) async fn run(self) {
        let mut tick = interval(self.every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut summaries, mut kept) = (SummaryReader::new(), Kept::default());
        let mut failing = false;
        loop {
            tick.tick().await;
            match self.once(&mut summaries, &mut kept).await {
                Ok(()) => failing = false,
                Err(error) if failing => {
                    tracing::debug!(error = %chain_of(&*error), "the cluster's state is not written");
                }
                Err(error) => {
                    failing = true;
                    let error = chain_of(&*error);
                    tracing::warn!(%error, "the cluster's state (groups, settings, access rules) is not written");
                }
            }
        }
    }

    async fn once(&self, summaries: &mut SummaryReader, kept: &mut Kept) -> Result<(), AnyError> {
        // A summary that cannot be read now keeps what it said before.
        let _ = summaries.refresh(&self.tier, Some(self.node)).await?;
        let now = self.tier.now().get();
        let lately = |written: i64| {
            u64::try_from(now.saturating_sub(written)).is_ok_and(|age| u128::from(age) <= LATELY.as_millis())
        };
        let smaller =
            summaries.summaries().any(|summary| summary.node < self.node && lately(summary.written_at.get()));
        if smaller {
            return Ok(());
        }
        let setups = self.client.all_topic_setups().await?;
        let ids: BTreeMap<TopicName, TopicId> =
            setups.iter().map(|setup| (setup.name.clone(), setup.id)).collect();
        let topics = setups.into_iter().map(|setup| {
            let config = TopicConfig {
                topic_id: setup.id,
                partitions: u32::try_from(setup.partitions).unwrap_or(u32::MAX),
                replicas: u32::try_from(setup.replicas).unwrap_or(u32::MAX),
                configs: setup.configs.unwrap_or_default(),
            };
            (setup.name, config)
        });
        let topics = TopicConfigs { topics: topics.collect() };
        self.tier.write_state(self.node, topics, &mut kept.topics).await?;

        let groups = self.client.all_groups().await?;
        if !groups.missing.is_empty() {
            tracing::debug!(missing = groups.missing.join("; "), "not all groups' offsets were told");
        }
        let groups = groups.groups.into_iter().filter(|group| !group.committed.is_empty()).map(|group| {
            let committed = group.committed.into_iter().map(|committed| CommittedOffset {
                topic_id: ids.get(&committed.topic).copied(),
                topic: committed.topic,
                partition: committed.partition,
                offset: committed.offset,
                leader_epoch: committed.leader_epoch,
                metadata: committed.metadata,
            });
            (group.id, committed.collect())
        });
        let groups = GroupOffsets { groups: groups.collect() };
        self.tier.write_state(self.node, groups, &mut kept.groups).await?;

        // Without an authorizer there are none, and what was written when there was one stays.
        if let Some(acls) = self.client.acls().await? {
            let mut bindings: Vec<AclBinding> = acls
                .into_iter()
                .map(|acl| AclBinding {
                    resource_type: acl.resource_type.to_owned(),
                    resource_name: acl.resource_name,
                    pattern_type: acl.pattern_type.to_owned(),
                    principal: acl.principal,
                    host: acl.host,
                    operation: acl.operation.to_owned(),
                    permission: acl.permission.to_owned(),
                })
                .collect();
            bindings.sort();
            self.tier.write_state(self.node, Acls { bindings }, &mut kept.acls).await?;
        }
        Ok(())
    }
}
