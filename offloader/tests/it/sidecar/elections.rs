//! Elections when local retention has taken what the new leader would be compared by.

use firnline_index::lineage::Lineage;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_only_replica_goes_on_behind_an_election_when_retention_has_taken_all_of_the_older_epoch() {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..2).for_each(|_| model.write(&[1], 2));
    }
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 30).await;
    assert_eq!(bench.tier_end().await, 6);
    bench.model.lock().unwrap().broker(1).retain(1);
    bench.run(&[&sidecar], 30).await;
    assert!(
        bench.model.lock().unwrap().brokers[&node(1)].sole.is_empty(),
        "the tier's last record is held no more"
    );
    {
        let mut model = bench.model.lock().unwrap();
        (0..2).for_each(|_| model.write(&[1], 2));
    }
    // It hears what is committed, and uploads nothing yet.
    let patient = SidecarSettings { policy_of: Arc::new(|_| TopicPolicy::default()), ..each_file() };
    let waiting = bench.sidecar(1, patient).await;
    bench.run(&[&waiting], 30).await;
    assert_eq!(bench.tier_end().await, 6);
    {
        // The broker starts anew, and its log begins in the new epoch.
        let mut model = bench.model.lock().unwrap();
        model.elect(1, 2);
        (0..2).for_each(|_| model.write(&[1], 2));
        model.broker(1).retain(2);
    }
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 30, "{:?}", sidecar.status());
}

#[tokio::test(start_paused = true)]
async fn what_an_epoch_wrote_is_vouched_for_as_soon_as_it_is_over() {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..2).for_each(|_| model.write(&[1], 2));
    }
    // It asks of its own accord at the start and when somebody else leads, and uploads nothing yet.
    let patient = SidecarSettings {
        policy_of: Arc::new(|_| TopicPolicy::default()),
        witness_interval: Duration::from_secs(3600),
        ..each_file()
    };
    let waiting = bench.sidecar(1, patient).await;
    let election = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let mut model = bench.model.lock().unwrap();
        (0..3).for_each(|_| model.write(&[1], 2));
        model.elect(1, 2);
        (0..2).for_each(|_| model.write(&[1], 2));
    };
    let both = [&waiting];
    futures::join!(bench.run(&both, 30), election);
    assert_eq!(bench.tier_end().await, -1);
    {
        let mut model = bench.model.lock().unwrap();
        (0..2).for_each(|_| model.write(&[1], 2));
        model.broker(1).retain(2);
    }
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!((manifest.tier_start.get(), manifest.tier_end.get()), (0, 48), "{:?}", sidecar.status());
}

impl Bench {
    /// The tier ends at 126 with what the leader of epoch 1 wrote; another history has gone on from 120 under epoch 2, and from 126 under
    /// epoch 3. Its leader's log begins further up, and broker 3 keeps by pins what lies between.
    async fn two_histories(&self) {
        {
            let mut model = self.model.lock().unwrap();
            (0..20).for_each(|_| model.write(&[1, 2], 2));
            (0..2).for_each(|_| model.write(&[1], 2));
        }
        let old = self.sidecar(1, each_file()).await;
        self.run(&[&old], 30).await;
        assert_eq!(self.tier_end().await, 126);
        let mut model = self.model.lock().unwrap();
        model.elect(2, 2);
        model.write(&[2], 2);
        model.elect(2, 3);
        (0..5).for_each(|_| model.write(&[2], 2));
        let files = model.broker(2).files.split_off(21);
        model.broker(2).files = files.clone();
        model.broker(3).files = files;
        for n in [2, 3] {
            model.broker(n).retain(2);
        }
        model.broker(2).sole.clear();
    }

    async fn nothing_joins_them(&self) {
        let settings = || SidecarSettings { gap_wait: Duration::from_secs(7200), ..each_file() };
        let (leader, follower) = (self.sidecar(2, settings()).await, self.sidecar(3, settings()).await);
        self.run(&[&leader, &follower], 1200).await;
        let manifest = self.manifest().await.unwrap();
        assert!(manifest.claim.is_some_and(|claim| !claim.wanted.is_empty()), "{:?}", leader.status());
        assert_eq!(manifest.tier_end, offset(126), "{:?}", follower.status());
        let wait = follower.status().partitions.remove(0).wait;
        assert_eq!(wait.name(), "operator-other-history", "{wait}");
    }
}

fn the_history_that_went_on() -> Lineage {
    let start = |(epoch, start)| firnline_index::lineage::EpochStart {
        epoch: model::epoch(epoch),
        start: offset(start),
    };
    Lineage::new([(1, 0), (2, 120), (3, 126)].map(start).to_vec()).unwrap()
}

/// A leader whose log begins above the tier's end cannot tell whether what it asks for goes on from the tier.
#[tokio::test(start_paused = true)]
async fn a_follower_that_remembers_another_history_does_not_bring_what_its_leader_asks_for() {
    let bench = Bench::new(3).await;
    bench.two_histories().await;
    bench.model.lock().unwrap().broker(3).witnesses = vec![firnline_offloader::Witness {
        tip: tip(0),
        newest: firnline_offloader::Stretch {
            bound: offset(150),
            epoch: model::epoch(3),
            lineage: the_history_that_went_on(),
        },
        older: Vec::new(),
    }];
    bench.nothing_joins_them().await;
}

#[tokio::test(start_paused = true)]
async fn a_follower_whose_broker_notes_another_history_does_not_bring_what_its_leader_asks_for() {
    let bench = Bench::new(3).await;
    bench.two_histories().await;
    bench.model.lock().unwrap().broker(3).noted = Some(the_history_that_went_on());
    bench.nothing_joins_them().await;
}

/// A chain is put together by names and epochs: a pin of what an election cut may end where the log that was begun anew begins.
#[tokio::test(start_paused = true)]
async fn one_record_that_the_leader_vouches_for_does_not_prove_a_pin_of_another_history_below_it() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..5).for_each(|_| model.write(&[1, 2], 2));
        model.elect(1, 2);
        model.write(&[1], 2);
    }
    let old = bench.sidecar(1, each_file()).await;
    bench.run(&[&old], 30).await;
    assert_eq!(bench.tier_end().await, 30);
    {
        let mut model = bench.model.lock().unwrap();
        model.elect(2, 3);
        (0..4).for_each(|_| model.write(&[2], 2));
        let anew = model.broker(2).files[6..].to_vec();
        let cut = std::mem::replace(&mut model.broker(1).files, anew).pop().unwrap();
        model.broker(1).sole = vec![cut];
        model.broker(1).witnesses.clear();
    }
    let follower = bench.sidecar(1, each_file()).await;
    bench.run(&[&follower], 1200).await;
    assert_eq!(bench.tier_end().await, 30, "{:?}", follower.status());
    // Nor is it remembered as committed: what lies below the leader's record is left out, and the record is not.
    let witnesses = bench.model.lock().unwrap().broker(1).witnesses.clone();
    let remembered: Vec<_> = witnesses.iter().flat_map(|of| of.newest.lineage.starts()).collect();
    assert!(
        !remembered.is_empty() && remembered.iter().all(|of| of.epoch != model::epoch(2)),
        "{witnesses:?}"
    );
    let leader = bench.sidecar(2, each_file()).await;
    bench.run(&[&leader, &follower], 600).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.tier_end, offset(48), "{:?}", leader.status());
    let epochs: Vec<_> =
        manifest.entries.iter().flat_map(|entry| entry.epochs.iter().map(|of| of.epoch)).collect();
    assert!(!epochs.contains(&model::epoch(2)), "{epochs:?}");
}
