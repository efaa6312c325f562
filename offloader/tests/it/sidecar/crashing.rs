//! A sidecar may die before any of its steps; the next one beside the same broker ends where it would have.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;

use super::*;

/// Stops for good before the n-th time a step is taken.
#[derive(Debug)]
struct DiesAt {
    step: SidecarStep,
    left: AtomicU64,
    died: AtomicU64,
}

impl SidecarFaults for DiesAt {
    fn before(&self, step: SidecarStep) -> BoxFuture<'_, ()> {
        if step == self.step && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.died.fetch_add(1, Ordering::SeqCst);
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(()))
    }
}

/// What happens, and where it ends: a leader uploads, is cut, lacks something, records it as lost, and lets go.
async fn history(step: SidecarStep, nth: u64) -> u64 {
    let bench = Bench::new(2).await;
    let faults = Arc::new(DiesAt { step, left: AtomicU64::new(nth), died: AtomicU64::new(0) });
    let both = || async {
        let dies: Arc<dyn SidecarFaults> = Arc::clone(&faults) as _;
        [bench.faulty(1, each_file(), Arc::clone(&dies)).await, bench.faulty(2, each_file(), dies).await]
    };
    {
        let mut model = bench.model.lock().unwrap();
        (0..20).for_each(|_| model.write(&[1, 2], 2));
        (0..2).for_each(|_| model.write(&[1], 2));
        model.broker(1).retain(18);
    }
    for _ in 0..2 {
        let [first, second] = both().await;
        bench.run(&[&first, &second], 60).await;
    }
    assert_eq!(bench.tier_end().await, 126);
    {
        let mut model = bench.model.lock().unwrap();
        let lost: Vec<_> = model.broker(1).files.drain(16..).collect();
        model.broker(1).sole.extend(lost);
        model.elect(2, 2);
        model.high_watermark = 120;
        (0..3).for_each(|_| model.write(&[1, 2], 2));
    }
    for _ in 0..2 {
        let [first, second] = both().await;
        bench.run(&[&first, &second], 400).await;
    }
    {
        let mut model = bench.model.lock().unwrap();
        (0..4).for_each(|_| model.write(&[1, 2], 2));
        for n in [1, 2] {
            model.broker(n).retain(2);
            model.broker(n).sole.clear();
        }
    }
    // It may die in any of these but the last.
    for _ in 0..3 {
        let [first, second] = both().await;
        bench.run(&[&first, &second], 400).await;
    }
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.gaps.len(), 1, "{step} {nth}: {manifest:?}");
    assert_eq!(manifest.tier_end, offset(156), "{step} {nth}");
    let dead: Vec<_> =
        manifest.dead_branches.iter().flat_map(|branch| &branch.entries).map(|entry| entry.range).collect();
    let range = |start, end| firnline_index::OffsetRange::new(offset(start), offset(end)).unwrap();
    assert_eq!(dead, [range(120, 126), range(126, 132)], "{step} {nth}: each once");
    assert!(bench.model.lock().unwrap().brokers[&node(1)].sole.is_empty(), "{step} {nth}");
    faults.died.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn whatever_step_it_dies_at_the_next_one_ends_the_same() {
    let mut died = 0;
    for step in SidecarStep::ALL {
        for nth in [1, 3] {
            died += history(step, nth).await;
        }
    }
    assert!(died >= 20, "{died}");
}
