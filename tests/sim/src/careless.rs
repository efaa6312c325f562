//! A sidecar that does without most of what the real one does: it asks who leads and how far the log is committed, and
//! offloads. It makes no claim, cuts nothing, and lets no pin go. With leaders that never move it is right; with others it
//! is not, and the checks have to say so.

use std::sync::Arc;
use std::time::Duration;

use firnline_index::NodeId;
use firnline_offloader::{
    BoundAsk, Cluster, CommitBound, Holes, Host, PartitionJob, PlanPolicy, Silent, TopicState,
};
use firnline_tier::{Step, Tier, TierParts, TierSettings, Workers};

use crate::history::{Beside, Launch, Launcher};
use crate::seams::SimCluster;

/// Puts a careless sidecar beside each broker.
#[derive(Debug, Clone, Copy, Default)]
pub struct Careless {
    /// Whether it takes what is sealed for committed.
    pub without_bound: bool,
}

impl Beside for Careless {
    fn launcher(&self) -> Launcher {
        let careless = *self;
        Arc::new(move |launch| Box::pin(run(careless, launch)))
    }

    fn steps(&self) -> Vec<&'static str> {
        Step::OFFLOAD.iter().map(|step| step.name()).collect()
    }
}

async fn run(careless: Careless, launch: Launch) {
    let Launch { world, node, store, env, host, faults, .. } = launch;
    let settings = TierSettings { block_bytes: 1024, ..TierSettings::for_store(store.settings()) };
    let parts = TierParts { store, env, workers: Workers::Inline, faults };
    let cluster_id = firnline_index::ClusterId::new("cluster-a").expect("a cluster's id");
    let Ok(tier) = Tier::open_for_writing(parts, settings, &cluster_id).await else {
        tokio::time::sleep(Duration::from_secs(5)).await;
        return;
    };
    let cluster = SimCluster::new(world, node);
    loop {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let Ok(held) = host.look() else { continue };
        for partition in held {
            let tip = partition.tip.clone();
            let Ok(states) = cluster.topics(&[tip.topic_id]).await else { continue };
            let Some(TopicState::Known(topic)) = states.into_iter().next() else { continue };
            let Some(leader) = topic.partitions.iter().find_map(|p| p.leader) else { continue };
            if leader.node.get() != node {
                continue;
            }
            let asks = [BoundAsk { tip, leader, epoch_end_of: None }];
            let Some(Ok(bound)) = cluster.bounds(&asks).await.into_iter().next() else { continue };
            let told = CommitBound::At { offset: bound.high_watermark, epoch: leader.epoch };
            let job = PartitionJob {
                form: firnline_tier::SegmentForm::default(),
                tier: tier.clone(),
                node: NodeId::new(node).ok(),
                bound: if careless.without_bound { CommitBound::AssumeLogEnd } else { told },
                plan: PlanPolicy { target_bytes: 500 },
                holes: Holes::Refuse,
                topic_partitions: 1,
                progress: Arc::new(Silent),
            };
            let Some(chain) = partition.chains.iter().find(|chain| chain.is_log) else { continue };
            job.run(&chain.log, &|| Ok(())).await;
        }
    }
}
