//! Elections when local retention has taken what the new leader would be compared by.

use std::sync::Arc;

use firnline_offloader::sidecar::{SidecarSettings, TopicPolicy};

use super::model::node;
use super::{Bench, each_file};

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
        witness_interval: std::time::Duration::from_secs(3600),
        ..each_file()
    };
    let waiting = bench.sidecar(1, patient).await;
    let election = async {
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
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
