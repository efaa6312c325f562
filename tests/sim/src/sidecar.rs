//! The real sidecar, with waits short enough for a history of hours.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use firnline_index::ClusterId;
use firnline_offloader::Silent;
use firnline_offloader::sidecar::{
    Sidecar, SidecarFaults, SidecarParts, SidecarSettings, SidecarStep, TopicPolicy,
};
use firnline_store::env::RandomExt;
use firnline_tier::{Step, Tier, TierParts, TierSettings, Workers};
use futures::future::BoxFuture;

use crate::history::{Beside, Launch, Launcher, Waits};
use crate::process::PlannedFaults;
use crate::seams::{SimCluster, World, node_id};

/// How long a claim wants a range before it is lost.
pub const GAP_WAIT: Duration = Duration::from_secs(1800);

/// Puts the sidecar of `offloader` beside each broker.
#[derive(Debug, Clone, Copy, Default)]
pub struct Real;

impl Beside for Real {
    fn launcher(&self) -> Launcher {
        Arc::new(|launch| Box::pin(run(launch)))
    }

    fn steps(&self) -> Vec<&'static str> {
        let tier = Step::OFFLOAD.iter().chain(&Step::UPKEEP).map(|step| step.name());
        tier.chain(SidecarStep::ALL.iter().map(|step| step.name())).collect()
    }
}

impl SidecarFaults for PlannedFaults {
    fn before(&self, step: SidecarStep) -> BoxFuture<'_, ()> {
        self.reach(step.name())
    }
}

/// The settings of a history: the same beside all brokers, drawn from its seed.
pub fn settings(flavour: u64) -> SidecarSettings {
    let policy = TopicPolicy {
        target_bytes: [0, 400, 2_000][usize::try_from(flavour % 3).unwrap_or(0)],
        max_lag: Duration::from_secs(300),
        tail_interval: (flavour / 3).is_multiple_of(4).then_some(Duration::from_secs(120)),
        ..TopicPolicy::default()
    };
    SidecarSettings {
        policy_of: Arc::new(move |_| policy.clone()),
        tick: Duration::from_secs(10),
        look_interval: Duration::from_secs(20),
        leader_interval: Duration::from_secs(15),
        witness_interval: Duration::from_secs(20),
        summary_interval: Duration::from_secs(120),
        manifest_interval: Duration::from_secs(240),
        duty_interval: Duration::from_secs(900),
        parallel_partitions: 2,
        takeover_wait: Duration::from_secs(180),
        gap_wait: GAP_WAIT,
        cut_share_permille: [100, 1000][usize::try_from(flavour / 12 % 2).unwrap_or(0)],
        deleted_wait: Duration::from_secs(300),
        deleted_share_permille: 1000,
        retry_pause_max: Duration::from_secs(120),
        ..SidecarSettings::default()
    }
}

async fn run(launch: Launch) {
    let Launch { world, node, store, env, host, faults, waits, flavour } = launch;
    let tier_settings = TierSettings { block_bytes: 1024, ..TierSettings::for_store(store.settings()) };
    let random = Arc::clone(&env.random);
    let parts = TierParts { store, env, workers: Workers::Inline, faults: Arc::clone(&faults) as _ };
    let cluster_id = ClusterId::new("cluster-a").expect("a cluster's id");
    // Whoever restarts it waits a little before, so that a store that is down is not asked all the time.
    let Ok(tier) = Tier::open_for_writing(parts, tier_settings, &cluster_id).await else {
        return tokio::time::sleep(Duration::from_secs(20 + random.below(20))).await;
    };
    let parts = SidecarParts {
        tier,
        cluster: Arc::new(SimCluster::new(Arc::clone(&world), node)),
        host,
        node: node_id(node),
        faults,
        progress: Arc::new(Silent),
    };
    let Ok(sidecar) = Sidecar::open(parts, settings(flavour)).await else {
        return tokio::time::sleep(Duration::from_secs(20)).await;
    };
    // Where it finds another run beside the same broker, one of the two ends, and whoever watches over it starts it anew.
    tokio::select! {
        _ = sidecar.run(std::future::pending()) => {}
        () = watch(&sidecar, &waits, &world, node) => {}
    }
}

/// Tells now and then why partitions wait.
async fn watch(sidecar: &Sidecar, waits: &Waits, world: &World, node: i32) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let status = sidecar.status();
        for partition in &status.partitions {
            world.watch.note(|| {
                let (at, tip, wait) = (world.now_ms(), &partition.tip, &partition.wait);
                format!("{at} node {node}: {tip} waits: {wait}; {:?}", partition.last_error)
            });
        }
        let mut waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.clear();
        waits.extend(status.partitions.into_iter().map(|partition| (partition.tip, partition.wait.name())));
    }
}
