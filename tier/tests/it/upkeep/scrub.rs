use std::sync::Mutex;

use firnline_index::TopicIdPartition;
use firnline_tier::check::Finding;
use firnline_tier::scrub::{Scrub, ScrubSettings, ScrubStep};

use super::*;

/// Three partitions of four segments each.
async fn some(world: &World) -> (Tier, Vec<TopicIdPartition>) {
    let tier = world.tier().await;
    for partition in 0..3 {
        let mut log = Log::default();
        for _ in 0..4 {
            log = Log::starting_at(log.next);
            log.append(3, 2_000, None);
            put(&tier, &tip(partition), &log).await;
        }
    }
    (tier, (0..3).map(tip).collect())
}

/// Steps until a round is complete; the keys that findings name.
async fn round(scrub: &mut Scrub, tier: &Tier) -> Vec<String> {
    let found = Mutex::new(Vec::new());
    let tell = |finding: Finding| {
        let name = match finding {
            Finding::Anomaly(anomaly) => format!("{} {}", anomaly.kind.name(), anomaly.key),
            Finding::Locked { key, .. } => format!("locked {key}"),
            Finding::Unreadable { key, .. } => format!("unreadable {key}"),
            Finding::Unnamed { key, .. } => format!("unnamed {key}"),
        };
        found.lock().unwrap().push(name);
    };
    while scrub.step(tier, &tell).await != ScrubStep::Round {}
    found.into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_round_reads_everything_from_wherever_it_began() {
    let mut begun_in_the_middle = false;
    for seed in 0..8 {
        let world = World::new(seed);
        let (tier, tips) = some(&world).await;
        let mut scrub = Scrub::new(ScrubSettings::default());
        assert_eq!(scrub.step(&tier, &|finding| panic!("{finding:?}")).await, ScrubStep::Idle);
        scrub.set_partitions(tips);
        assert!(round(&mut scrub, &tier).await.is_empty());
        let first = scrub.progress().bytes;
        assert!(round(&mut scrub, &tier).await.is_empty());
        let all: u64 = objects(&world).iter().map(|key| world.sim.peek(key).unwrap().len() as u64).sum();
        assert_eq!((scrub.progress().bytes - first, scrub.progress().rounds), (all, 2), "seed {seed}");
        begun_in_the_middle |= first < all;
    }
    assert!(begun_in_the_middle, "no process began at a random partition");
}

#[tokio::test(start_paused = true)]
async fn a_single_partition_is_begun_at_a_random_segment() {
    let mut first = BTreeSet::new();
    for seed in 0..16 {
        let world = World::new(seed);
        let (tier, tips) = some(&world).await;
        let mut scrub = Scrub::new(ScrubSettings::default());
        scrub.set_partitions(tips[..1].to_vec());
        round(&mut scrub, &tier).await;
        first.insert(scrub.progress().bytes);
    }
    assert_eq!(first.len(), 4, "each of the four segments was the first of some round");
}

#[tokio::test(start_paused = true)]
async fn damage_is_found_by_name_and_the_round_goes_on() {
    let world = World::new(20);
    let (tier, tips) = some(&world).await;
    let keys: Vec<String> = objects(&world).into_iter().collect();
    let mut bad = world.sim.peek(&keys[1]).unwrap().to_vec();
    bad[100] ^= 1;
    world.sim.plant(&keys[1], bad);
    world.sim.lose(&keys[5]);
    world.sim.plant(&keys[6], "short");
    world.sim.plant(&ObjectKey::Manifest { tip: tip(2) }.to_string(), "nonsense");
    let mut scrub = Scrub::new(ScrubSettings::default());
    scrub.set_partitions(tips);
    round(&mut scrub, &tier).await;
    let found = round(&mut scrub, &tier).await;
    for expected in [
        format!("block {}", keys[1]),
        format!("object-crc {}", keys[1]),
        format!("object-missing {}", keys[5]),
        format!("object-length {}", keys[6]),
        format!("manifest {}", ObjectKey::Manifest { tip: tip(2) }),
    ] {
        assert!(found.contains(&expected), "{expected} is not among {found:?}");
    }
    assert!(scrub.progress().anomalies >= 5);
}

#[tokio::test(start_paused = true)]
async fn what_was_retired_meanwhile_is_no_damage() {
    let world = World::new(21);
    let tier = world.tier().await;
    daily(&tier, 4, 1).await;
    let mut scrub = Scrub::new(ScrubSettings::default());
    scrub.set_partitions(vec![tip(0)]);
    // The partition is begun: from now on it holds the manifest of now.
    let tell = |finding: Finding| panic!("{finding:?}");
    round(&mut scrub, &tier).await;
    assert_eq!(scrub.step(&tier, &tell).await, ScrubStep::Moved);
    retire_and_delete(&tier, by_age(1)).await;
    while scrub.step(&tier, &tell).await != ScrubStep::Round {}
    assert_eq!(scrub.progress().anomalies, 0);
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_its_rate() {
    let world = World::new(22);
    let (tier, tips) = some(&world).await;
    let settings = ScrubSettings { most_bytes_per_second: 1_000, ..ScrubSettings::default() };
    let mut scrub = Scrub::new(settings);
    scrub.set_partitions(tips);
    round(&mut scrub, &tier).await;
    let (begun, before) = (tokio::time::Instant::now(), scrub.progress().bytes);
    round(&mut scrub, &tier).await;
    // Ends of segments are read besides the blocks that are paced.
    let bytes = scrub.progress().bytes - before;
    let took = begun.elapsed().as_secs_f64();
    assert!(took > 0.7 * bytes as f64 / 1_000.0, "{bytes} bytes in {took} s");
}

#[tokio::test(start_paused = true)]
async fn partitions_come_and_go_without_beginning_anew() {
    let world = World::new(23);
    let (tier, tips) = some(&world).await;
    let mut scrub = Scrub::new(ScrubSettings::default());
    scrub.set_partitions(tips.clone());
    round(&mut scrub, &tier).await;
    let tell = |finding: Finding| panic!("{finding:?}");
    // Through the first, then the second is gone.
    for _ in 0..6 {
        scrub.step(&tier, &tell).await;
    }
    scrub.set_partitions(vec![tips[0].clone(), tips[2].clone()]);
    let mut segments = 0;
    loop {
        match scrub.step(&tier, &tell).await {
            ScrubStep::Segment(_) => segments += 1,
            ScrubStep::Round => break,
            ScrubStep::Moved => {}
            ScrubStep::Idle => panic!(),
        }
    }
    assert_eq!(segments, 4, "the third partition alone is left");
}
