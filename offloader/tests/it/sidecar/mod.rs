//! Sidecars beside the brokers of a small cluster: what each does, one scenario a test.

mod crashing;
mod elections;
mod gaps;
mod model;
mod odd_files;
mod policies;
mod rates;
mod seams;
mod tails;

use std::sync::Arc;
use std::time::Duration;

use firnline_index::manifest::Manifest;
use firnline_offloader::Silent;
use firnline_offloader::sidecar::{
    NoSidecarFaults, Sidecar, SidecarFaults, SidecarParts, SidecarSettings, SidecarStep, Stopped, TopicPolicy,
};
use firnline_store::Env;
use firnline_store::sim::{Rule, SimFault, Simulation, When};
use firnline_tier::Tier;

use crate::world::{START_MS, no_faults, offset, open_tier, read_all, tip};
use model::{Model, ModelCluster, ModelHost, Shared, node};

struct Bench {
    model: Shared,
    store: Simulation,
    tier: Tier,
}

impl Bench {
    async fn new(brokers: i32) -> Self {
        let env = Env::seeded(7, START_MS);
        let store = Simulation::new(7, &env);
        let tier = open_tier(store.connect(&env), &env, no_faults()).await;
        Self { model: Model::of(brokers), store, tier }
    }

    async fn sidecar(&self, n: i32, settings: SidecarSettings) -> Sidecar {
        self.faulty(n, settings, Arc::new(NoSidecarFaults)).await
    }

    async fn faulty(&self, n: i32, settings: SidecarSettings, faults: Arc<dyn SidecarFaults>) -> Sidecar {
        let parts = SidecarParts {
            tier: self.tier.clone(),
            cluster: Arc::new(ModelCluster(Arc::clone(&self.model))),
            host: Arc::new(ModelHost(Arc::clone(&self.model), node(n))),
            node: node(n),
            faults,
            progress: Arc::new(Silent),
        };
        Sidecar::open(parts, settings).await.unwrap()
    }

    /// Lets sidecars work for so long.
    async fn run(&self, sidecars: &[&Sidecar], seconds: u64) {
        let stop = || tokio::time::sleep(Duration::from_secs(seconds));
        futures::future::join_all(sidecars.iter().map(|sidecar| sidecar.run(stop()))).await;
        self.model.lock().unwrap().now_ms += i64::try_from(seconds * 1000).unwrap();
    }

    /// Broker 2 joins anew, with a log that begins where broker 1's retention has got to.
    fn broker_2_joins_anew_and_leads(&self) {
        let mut model = self.model.lock().unwrap();
        (0..3).for_each(|_| model.write(&[1, 2], 2));
        model.broker(1).retain(1);
        model.broker(2).retain(1);
        model.broker(2).sole.clear();
        model.elect(2, 2);
        (0..2).for_each(|_| model.write(&[1, 2], 2));
    }

    /// The store answers nothing until it is healed.
    fn store_is_down(&self) {
        self.store.rule(Rule::new(SimFault::Unreachable, When::Always));
    }

    async fn manifest(&self) -> Option<Manifest> {
        self.tier.manifest(&tip(0)).await.unwrap().map(|loaded| loaded.manifest)
    }

    /// What each segment says of itself is what the manifest says of it.
    async fn footers_agree(&self, manifest: &Manifest) {
        for entry in &manifest.entries {
            let tail = self.tier.segment_tail(&tip(0), entry).await.unwrap();
            let footer = tail.footer();
            assert_eq!((footer.kind, &footer.replaces), (entry.kind, &entry.replaces), "{}", entry.range);
        }
    }

    async fn tier_end(&self) -> i64 {
        self.manifest().await.map_or(-1, |manifest| manifest.tier_end.get())
    }
}

fn each_file() -> SidecarSettings {
    SidecarSettings {
        policy_of: Arc::new(|_| TopicPolicy { target_bytes: 0, ..TopicPolicy::default() }),
        takeover_wait: Duration::from_secs(60),
        gap_wait: Duration::from_secs(120),
        ..SidecarSettings::default()
    }
}

#[tokio::test(start_paused = true)]
async fn the_leader_uploads_what_is_sealed_and_committed_and_lets_its_pins_go() {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..4).for_each(|_| model.write(&[1], 2));
        model.broker(1).retain(3);
    }
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 30).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.tier_end, offset(18), "{:?}", sidecar.status());
    let expected: Vec<u8> = {
        let model = bench.model.lock().unwrap();
        assert!(model.brokers[&node(1)].sole.is_empty(), "its only copy is in the tier now");
        model.brokers[&node(1)].files[..2].concat().concat()
    };
    let all = read_all(&bench.tier, &manifest).await;
    assert!(all.ends_with(&expected));
    assert_eq!(sidecar.status().totals.counts.thrown, Default::default());
}

#[tokio::test(start_paused = true)]
async fn nothing_above_the_high_watermark_goes_up() {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..4).for_each(|_| model.write(&[1], 2));
        model.high_watermark = 11;
    }
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 30).await;
    assert_eq!(bench.tier_end().await, 6);
    assert_eq!(sidecar.status().partitions[0].wait.name(), "bound-above");
    bench.model.lock().unwrap().high_watermark = 24;
    bench.run(&[&sidecar], 30).await;
    assert_eq!(bench.tier_end().await, 18);
}

#[tokio::test(start_paused = true)]
async fn a_follower_takes_over_what_stands_still_and_lets_go_what_the_tier_has() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..4).for_each(|_| model.write(&[1, 2], 2));
        model.broker(2).retain(2);
    }
    let follower = bench.sidecar(2, each_file()).await;
    bench.run(&[&follower], 40).await;
    assert_eq!(bench.tier_end().await, -1, "the leader's sidecar has its time first");
    bench.run(&[&follower], 400).await;
    assert_eq!(bench.tier_end().await, 18, "{:?}", follower.status());
    assert!(bench.model.lock().unwrap().brokers[&node(2)].sole.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_leader_asks_for_what_it_lacks_and_the_old_leaders_pins_bring_it() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..2).for_each(|_| model.write(&[1, 2], 2));
    }
    let (old, new) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
    bench.run(&[&old, &new], 30).await;
    assert_eq!(bench.tier_end().await, 6);
    // Sidecar 1 was away.
    bench.broker_2_joins_anew_and_leads();
    bench.run(&[&new], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.tier_end, offset(6));
    assert_eq!(manifest.claim.as_ref().map(|claim| claim.wanted.len()), Some(1));
    assert_eq!(new.status().partitions[0].wait.name(), "pending");
    bench.run(&[&old, &new], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.tier_end, offset(36), "{:?}", (old.status(), new.status()));
    assert!(manifest.gaps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn pins_that_gave_way_before_anything_went_up_are_a_gap_and_not_silence() {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..4).for_each(|_| model.write(&[1], 2));
        model.broker(1).retain(2);
        model.broker(1).sole.clear();
        model.broker(1).given_way = vec![firnline_offloader::GivenWay {
            topic_id: tip(0).topic_id,
            partition: tip(0).partition,
            range: firnline_index::OffsetRange::new(offset(0), offset(12)).unwrap(),
        }];
    }
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 300).await;
    let manifest = bench.manifest().await.unwrap();
    let gaps: Vec<_> =
        manifest.gaps.iter().map(|gap| (gap.range.start(), gap.range.end(), gap.reason)).collect();
    let reserve = firnline_index::manifest::GapReason::Reserve;
    assert_eq!(gaps, [(offset(0), offset(12), reserve)], "{:?}", sidecar.status());
    assert_eq!(manifest.tier_end, offset(18));
}

#[tokio::test(start_paused = true)]
async fn what_gave_way_is_remembered_until_its_partition_is_held_again() {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).start = 12;
        model.broker(1).given_way = vec![firnline_offloader::GivenWay {
            topic_id: tip(0).topic_id,
            partition: tip(0).partition,
            range: firnline_index::OffsetRange::new(offset(0), offset(12)).unwrap(),
        }];
    }
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 10).await;
    {
        let mut model = bench.model.lock().unwrap();
        assert!(model.broker(1).given_way.is_empty(), "the host has told it, and tells it once");
        (0..2).for_each(|_| model.write(&[1], 2));
    }
    bench.run(&[&sidecar], 300).await;
    let manifest = bench.manifest().await.unwrap();
    let gaps: Vec<_> =
        manifest.gaps.iter().map(|gap| (gap.range.start(), gap.range.end(), gap.reason)).collect();
    let reserve = firnline_index::manifest::GapReason::Reserve;
    assert_eq!(gaps, [(offset(0), offset(12), reserve)], "{:?}", sidecar.status());
}

#[tokio::test(start_paused = true)]
async fn an_unclean_election_cuts_the_tier_and_the_pins_keep_what_was_cut() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..20).for_each(|_| model.write(&[1, 2], 2));
        (0..2).for_each(|_| model.write(&[1], 2));
    }
    let (old, new) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
    bench.run(&[&old], 30).await;
    assert_eq!(bench.tier_end().await, 126);
    {
        let mut model = bench.model.lock().unwrap();
        model.elect(2, 2);
        model.high_watermark = 120;
        (0..3).for_each(|_| model.write(&[2], 2));
    }
    bench.run(&[&new], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.tier_end, offset(132), "{:?}", new.status());
    assert_eq!(manifest.dead_branches.len(), 1);
    assert_eq!(manifest.dead_branches[0].cut_at, offset(120));
    assert_eq!(manifest.lineage.last().map(|last| last.epoch.get()), Some(2));
}

#[tokio::test(start_paused = true)]
async fn an_empty_replica_that_wins_erases_nothing() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..6).for_each(|_| model.write(&[1], 2));
    }
    let (old, new) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
    bench.run(&[&old], 30).await;
    assert_eq!(bench.tier_end().await, 30);
    {
        let mut model = bench.model.lock().unwrap();
        model.elect(2, 2);
        (0..3).for_each(|_| model.write(&[2], 2));
    }
    bench.run(&[&new], 600).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.tier_end, offset(30));
    assert!(manifest.dead_branches.is_empty());
    assert_eq!(new.status().partitions[0].wait.name(), "operator-cut-below-log-start");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_the_leader_no_longer_knows_are_brought_by_the_witness_and_by_nothing_else() {
    for witnessed in [true, false] {
        let bench = Bench::new(2).await;
        let old = bench.sidecar(1, each_file()).await;
        {
            let mut model = bench.model.lock().unwrap();
            (0..2).for_each(|_| model.write(&[1, 2], 2));
        }
        bench.run(&[&old], 60).await;
        assert_eq!(bench.tier_end().await, 6);
        {
            let mut model = bench.model.lock().unwrap();
            (0..3).for_each(|_| model.write(&[1, 2], 2));
            // The witness of sidecar 1 is taken while the bytes are there, but nothing goes up.
            let end = model.high_watermark;
            if witnessed {
                let epochs =
                    firnline_index::lineage::Lineage::new(vec![firnline_index::lineage::EpochStart {
                        epoch: model::epoch(1),
                        start: offset(0),
                    }]);
                model.broker(1).witnesses = vec![firnline_offloader::Witness {
                    tip: tip(0),
                    newest: firnline_offloader::Stretch {
                        bound: offset(end),
                        epoch: model::epoch(1),
                        lineage: epochs.unwrap(),
                    },
                    older: Vec::new(),
                }];
            } else {
                model.broker(1).witnesses.clear();
            }
            // Broker 1 has nothing but its pins any more, and the leader keeps nothing of epoch 1.
            model.broker(1).retain(0);
            model.elect(2, 2);
            (0..3).for_each(|_| model.write(&[2], 2));
            model.broker(2).retain(2);
            model.broker(2).sole.clear();
        }
        let (old, new) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
        bench.run(&[&old, &new], 100).await;
        let manifest = bench.manifest().await.unwrap();
        if witnessed {
            assert_eq!(manifest.tier_end, offset(30), "{:?}", (old.status(), new.status()));
            assert!(bench.model.lock().unwrap().brokers[&node(1)].sole.is_empty());
        } else {
            assert_eq!(manifest.tier_end, offset(6), "{:?}", (old.status(), new.status()));
            assert_eq!(old.status().partitions[0].wait.name(), "operator-unproven");
            assert!(!bench.model.lock().unwrap().brokers[&node(1)].sole.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_first_leader_of_a_tier_had_lost_already_is_kept_by_name() {
    for witnessed in [true, false] {
        let bench = Bench::new(2).await;
        {
            let mut model = bench.model.lock().unwrap();
            (0..3).for_each(|_| model.write(&[1, 2], 2));
            let witness = firnline_offloader::Witness {
                tip: tip(0),
                newest: firnline_offloader::Stretch {
                    bound: offset(model.high_watermark),
                    epoch: model::epoch(1),
                    lineage: firnline_index::lineage::Lineage::new(vec![
                        firnline_index::lineage::EpochStart { epoch: model::epoch(1), start: offset(0) },
                    ])
                    .unwrap(),
                },
                older: Vec::new(),
            };
            if witnessed {
                model.broker(1).witnesses = vec![witness];
            }
            // Nothing went up yet. Broker 1 has its pins only, and the new leader not even those.
            model.broker(1).retain(0);
            model.elect(2, 2);
            (0..3).for_each(|_| model.write(&[2], 2));
            model.broker(2).retain(3);
            model.broker(2).sole.clear();
        }
        // The new leader begins the tier before the old one's sidecar is back.
        let new = bench.sidecar(2, each_file()).await;
        bench.run(&[&new], 60).await;
        let begun = bench.manifest().await.unwrap();
        assert_eq!(begun.tier_start, offset(18));
        let old = bench.sidecar(1, each_file()).await;
        bench.run(&[&old, &new], 900).await;
        let manifest = bench.manifest().await.unwrap();
        let dead: Vec<_> = manifest.dead_branches.iter().flat_map(|branch| &branch.entries).collect();
        let kept: i64 = dead.iter().map(|entry| entry.range.end().get() - entry.range.start().get()).sum();
        assert_eq!(kept, if witnessed { 18 } else { 0 }, "{:?}", old.status());
        assert!(bench.model.lock().unwrap().brokers[&node(1)].sole.is_empty(), "{:?}", old.status());
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_unclean_election_cut_before_it_went_up_is_kept_by_name() {
    let bench = Bench::new(2).await;
    let (old, new) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
    {
        let mut model = bench.model.lock().unwrap();
        (0..20).for_each(|_| model.write(&[1, 2], 2));
    }
    bench.run(&[&old, &new], 60).await;
    assert_eq!(bench.tier_end().await, 114);
    {
        // Acknowledged by broker 1 alone, and not sealed; its witness saw it.
        bench.model.lock().unwrap().write(&[1], 2);
    }
    bench.run(&[&old], 30).await;
    {
        let mut model = bench.model.lock().unwrap();
        let lost = model.broker(1).files.pop().unwrap();
        model.broker(1).sole.push(lost);
        model.elect(2, 2);
        model.high_watermark = 120;
        (0..3).for_each(|_| model.write(&[1, 2], 2));
    }
    bench.run(&[&old, &new], 900).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.tier_end, offset(132), "{:?}", (old.status(), new.status()));
    assert_eq!(manifest.dead_branches.len(), 1, "{:?}", old.status());
    let dead = &manifest.dead_branches[0];
    assert_eq!((dead.cut_at, dead.entries[0].range.end()), (offset(120), offset(126)));
    assert!(bench.model.lock().unwrap().brokers[&node(1)].sole.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_second_sidecar_of_the_same_node_ends_the_first_or_itself() {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..3).for_each(|_| model.write(&[1], 2));
    }
    let env = Env::seeded(8, START_MS);
    let other = open_tier(bench.tier.store().clone(), &env, no_faults()).await;
    let first = bench.sidecar(1, each_file()).await;
    let second = Bench { model: Arc::clone(&bench.model), store: bench.store.clone(), tier: other }
        .sidecar(1, each_file())
        .await;
    let stop = || tokio::time::sleep(Duration::from_secs(1500));
    let ended = futures::future::join(first.run(stop()), second.run(stop())).await;
    let others = [ended.0, ended.1].iter().filter(|ended| matches!(ended, Stopped::OtherRun { .. })).count();
    assert_eq!(others, 1, "{ended:?}");
    assert_eq!(bench.tier_end().await, 12);
}

#[tokio::test(start_paused = true)]
async fn a_follower_looks_at_a_manifest_only_when_a_summary_says_that_it_pays() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..4).for_each(|_| model.write(&[1, 2], 2));
    }
    let bench = Bench { model: bench.model, ..Bench::new(0).await };
    let (leader, follower) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
    bench.run(&[&leader, &follower], 300).await;
    assert_eq!(bench.tier_end().await, 18);
    let known = follower.status().partitions[0].tier_end;
    assert_eq!(known, Some(offset(18)), "told by the leader's summary");
    bench.model.lock().unwrap().broker(2).retain(1);
    bench.run(&[&follower], 60).await;
    assert!(bench.model.lock().unwrap().brokers[&node(2)].sole.is_empty(), "{:?}", follower.status());
}
