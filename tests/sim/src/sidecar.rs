//! The real sidecar, with waits short enough for a history of hours.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use firnline_index::cluster_state::{CommittedOffset, GroupOffsets};
use firnline_index::{PartitionIndex, TopicName};
use firnline_offloader::Silent;
use firnline_offloader::sidecar::{
    Sidecar, SidecarFaults, SidecarParts, SidecarSettings, SidecarStep, Thrown, TopicPolicy,
};
use firnline_store::env::RandomExt;
use firnline_tier::cluster::{KeptState, LeaseOutcome, LeaseRequest};
use firnline_tier::gc::GcSettings;
use firnline_tier::keys::Encryption;
use firnline_tier::policy::{Wish, Wishes};
use firnline_tier::retention::{RetentionSettings, Share};
use firnline_tier::{SegmentForm, Step, Tier};
use futures::future::BoxFuture;

use crate::check::between;
use crate::history::{Beside, Launch, Launcher, Menu, Waits};
use crate::people::{Desk, open};
use crate::process::PlannedFaults;
use crate::seams::{Sealing, SimCluster, UNTRUE, World, node_id};

/// How long a claim wants a range before it is lost.
pub const GAP_WAIT: Duration = Duration::from_secs(1800);

/// Puts the sidecar of `offloader` beside each broker.
#[derive(Debug, Clone, Copy, Default)]
pub struct Real;

impl Beside for Real {
    fn launcher(&self) -> Launcher {
        Arc::new(|launch| Box::pin(run(launch)))
    }

    fn with_people(&self) -> bool {
        true
    }

    fn steps(&self) -> Vec<&'static str> {
        let tier = Step::OFFLOAD.iter().chain(&Step::UPKEEP).chain(&Step::KEYS).map(|step| step.name());
        tier.chain(SidecarStep::ALL.iter().map(|step| step.name())).collect()
    }
}

impl SidecarFaults for PlannedFaults {
    fn before(&self, step: SidecarStep) -> BoxFuture<'_, ()> {
        self.reach(step.name())
    }
}

/// The settings of a history, drawn from its seed: beside each broker the same, but for what one of them has lost.
pub fn settings(flavour: u64, menu: &Menu, sealing: Sealing, node: i32) -> SidecarSettings {
    let encryption = match sealing {
        Sealing::Never => Encryption::Unsaid,
        Sealing::ButFor(other) if other == node => Encryption::Unsaid,
        Sealing::Always | Sealing::ButFor(_) => Encryption::On,
    };
    // What the configuration of one node wishes must not shorten what the bucket says.
    let hasty = menu.policies && i32::try_from(flavour % 3).is_ok_and(|of| of + 1 == node);
    let wish = |limit| if hasty { Wish::Limit(limit) } else { Wish::Silent };
    let policy = TopicPolicy {
        // A long history is one of many segments.
        target_bytes: if menu.long { 0 } else { [0, 400, 2_000][usize::try_from(flavour % 3).unwrap_or(0)] },
        max_lag: Duration::from_secs(300),
        tail_interval: (flavour / 3).is_multiple_of(4).then_some(Duration::from_secs(120)),
        retention: Wishes { ms: wish(60_000), bytes: wish(100) },
        form: SegmentForm { encryption, ..SegmentForm::default() },
        ..TopicPolicy::default()
    };
    let (gc_interval, gc) = if menu.collections {
        let min_age = Duration::from_secs(300);
        (Duration::from_secs(1_200), GcSettings { min_age, share: Share::ALL, ..GcSettings::default() })
    } else {
        (Duration::from_secs(24 * 3600), GcSettings::default())
    };
    let retention = RetentionSettings { share: Share::per_mille(500), ..RetentionSettings::default() };
    SidecarSettings {
        policy_of: Arc::new(move |_| policy.clone()),
        tick: Duration::from_secs(10),
        look_interval: Duration::from_secs(20),
        leader_interval: Duration::from_secs(15),
        witness_interval: Duration::from_secs(20),
        summary_interval: Duration::from_secs(120),
        manifest_interval: Duration::from_secs(240),
        duty_interval: Duration::from_secs(900),
        retention,
        gc_interval,
        gc,
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
    let Launch { world, node, store, env, host, faults, waits, flavour, menu } = launch;
    let random = Arc::clone(&env.random);
    let desk = Desk { world: Arc::clone(&world), store, env, faults: Arc::clone(&faults) as _ };
    // Whoever restarts it waits a little before, so that a store that is down is not asked all the time.
    let pause = || tokio::time::sleep(Duration::from_secs(20 + random.below(20)));
    let Some(tier) = open(&desk).await else { return pause().await };
    // The log directory is the node's, whatever disk it lies on: a lease of a run before is taken over.
    let request = LeaseRequest {
        node: node_id(node),
        incarnation: tier.incarnation(),
        machine: format!("machine-{node}"),
        places: std::iter::once(format!("directory-{node}")).collect(),
        take_over: false,
    };
    let Ok(LeaseOutcome::Held(lease)) = tier.take_lease(&request).await else { return pause().await };
    let parts = SidecarParts {
        tier: tier.clone(),
        cluster: Arc::new(SimCluster::new(Arc::clone(&world), node)),
        host,
        node: node_id(node),
        faults,
        progress: Arc::new(Silent),
    };
    let settings = settings(flavour, &menu, world.sealing, node);
    let Ok(sidecar) = Sidecar::open(parts, settings).await else { return pause().await };
    let beside = futures::future::join(watch(&sidecar, &waits, &world, node), tell_state(&tier, node));
    // Where it finds another run beside the same broker, one of the two ends, and whoever watches over it starts it anew.
    tokio::select! {
        biased;
        _ended = sidecar.run(pending()) => {}
        _never = beside => {}
    }
    let _said = lease.release(&tier).await;
}

/// Keeps the state of the cluster in the bucket, as `firnline offload` does.
async fn tell_state(tier: &Tier, node: i32) {
    let mut kept = KeptState::default();
    for round in 0_u64.. {
        tokio::time::sleep(Duration::from_secs(1_800)).await;
        let told = CommittedOffset {
            topic: TopicName::new("topic-1").expect("a topic's name"),
            topic_id: None,
            partition: PartitionIndex::ZERO,
            offset: crate::seams::offset(i64::try_from(round).unwrap_or(0)),
            leader_epoch: None,
            metadata: String::new(),
        };
        let groups = GroupOffsets { groups: BTreeMap::from([("group".to_owned(), vec![told])]) };
        // What cannot be written now is written later.
        let _said = tier.write_state(node_id(node), groups, &mut kept).await;
    }
}

/// Tells now and then why partitions wait.
async fn watch(sidecar: &Sidecar, waits: &Waits, world: &World, node: i32) {
    let mut known = Thrown::default();
    let mut sound = true;
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let status = sidecar.status();
        // What is in the store is what was written: only an answer that is not can look damaged.
        if status.totals.counts.scrub_findings > 0 && !world.net.has_met(UNTRUE) && std::mem::take(&mut sound)
        {
            world.watch.wrong(format!("the scrub of {node} found damage where there is none"));
        }
        let thrown = status.totals.counts.thrown;
        let more = between(&known, &thrown);
        known = thrown;
        if more != Thrown::default() {
            world.watch.threw(world, node, &more);
        }
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
