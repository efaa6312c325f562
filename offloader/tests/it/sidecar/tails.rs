//! The tail that is still written: how often its pieces go up, and what takes their place.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_tail_goes_up_as_often_as_it_is_to() {
    let bench = Bench::new(1).await;
    let each_other_second = SidecarSettings {
        policy_of: Arc::new(|_| TopicPolicy {
            target_bytes: 0,
            tail_interval: Some(Duration::from_secs(2)),
            ..TopicPolicy::default()
        }),
        ..each_file()
    };
    let sidecar = bench.sidecar(1, each_other_second).await;
    bench.model.lock().unwrap().write(&[1], 2);
    let mut longest = Duration::ZERO;
    let writes = async {
        for _ in 0..60 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            bench.model.lock().unwrap().write_on(1, 1);
            longest = longest.max(sidecar.status().totals.exposed_max);
        }
    };
    let all = [&sidecar];
    tokio::join!(bench.run(&all, 60), writes);
    let pieces = bench.manifest().await.unwrap().entries.len();
    // What the bucket lacks is as old as the interval, and the look around before and after it.
    assert!(pieces >= 15, "{pieces} pieces in a minute");
    assert!(longest <= Duration::from_secs(5), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn the_unsealed_tail_goes_up_in_pieces_that_one_segment_replaces() {
    let bench = Bench::new(1).await;
    let tail = SidecarSettings {
        policy_of: Arc::new(|_| TopicPolicy {
            target_bytes: 0,
            tail_interval: Some(Duration::from_secs(20)),
            ..TopicPolicy::default()
        }),
        ..each_file()
    };
    let sidecar = bench.sidecar(1, tail).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..2).for_each(|_| model.write(&[1], 2));
    }
    bench.run(&[&sidecar], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.tier_end, offset(12), "{:?}", sidecar.status());
    assert_eq!(manifest.entries.len(), 2);
    bench.model.lock().unwrap().write_on(1, 3);
    bench.run(&[&sidecar], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!((manifest.tier_end, manifest.entries.len()), (offset(21), 3), "{:?}", sidecar.status());
    bench.footers_agree(&manifest).await;
    bench.model.lock().unwrap().write(&[1], 2);
    bench.run(&[&sidecar], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.entries[1].range.end(), offset(21), "{:?}", (&manifest.entries, sidecar.status()));
    assert_eq!(manifest.entries[1].replaces.len(), 2);
    bench.footers_agree(&manifest).await;
    assert_eq!(manifest.tier_end, offset(27));
    let expected = bench.model.lock().unwrap().brokers[&node(1)].files.concat().concat();
    assert_eq!(read_all(&bench.tier, &manifest).await, expected);
}
