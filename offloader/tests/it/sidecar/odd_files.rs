//! Files that are not as usual, and a mark that should not be there: each holds up itself and nothing else.

use std::sync::atomic::{AtomicU64, Ordering};

use firnline_tier::change::{MarkDeleted, UnmarkDeleted};
use futures::future::BoxFuture;

use super::*;
use crate::world::{Writer, range_of};

/// More uploads than any test here needs: the same goes up again and again.
const TOO_MANY: u64 = 100;

/// Counts uploads.
#[derive(Debug, Default)]
struct CountsUploads(AtomicU64);

impl SidecarFaults for CountsUploads {
    fn before(&self, step: SidecarStep) -> BoxFuture<'_, ()> {
        let before = self.0.fetch_add(u64::from(step == SidecarStep::Upload), Ordering::SeqCst);
        assert!(before < TOO_MANY, "the same goes up again and again");
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_pin_that_cannot_be_read_is_kept_and_the_others_go() {
    let bench = Bench::new(1).await;
    let sidecar = bench.sidecar(1, each_file()).await;
    (0..4).for_each(|_| bench.model.lock().unwrap().write(&[1], 2));
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 18);
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).damaged = vec![offset(0)];
        model.broker(1).retain(1);
    }
    bench.run(&[&sidecar], 120).await;
    let left: Vec<_> =
        bench.model.lock().unwrap().broker(1).sole.iter().map(|file| range_of(&file[0])).collect();
    assert_eq!(
        left.iter().map(|range| range.start()).collect::<Vec<_>>(),
        [offset(0)],
        "{:?}",
        sidecar.status()
    );
    (0..2).for_each(|_| bench.model.lock().unwrap().write(&[1], 2));
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 30, "the partition goes on: {:?}", sidecar.status());
}

#[tokio::test(start_paused = true)]
async fn pins_without_epochs_go_once_the_tier_has_them() {
    let bench = Bench::new(1).await;
    let sidecar = bench.sidecar(1, each_file()).await;
    {
        let mut model = bench.model.lock().unwrap();
        let mut next = 0;
        // The broker is upgraded in the middle of the second file.
        for epochs in [[-1, -1], [-1, 1], [1, 1]] {
            let mut file = Vec::new();
            for epoch in epochs {
                let mut writer = Writer { next, epoch };
                file.push(writer.data(3, 50, None));
                next = writer.next;
            }
            model.broker(1).files.push(file);
        }
        model.high_watermark = next;
    }
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 12, "{:?}", sidecar.status());
    bench.model.lock().unwrap().broker(1).retain(1);
    bench.run(&[&sidecar], 120).await;
    assert!(bench.model.lock().unwrap().brokers[&node(1)].sole.is_empty(), "{:?}", sidecar.status());
}

#[tokio::test(start_paused = true)]
async fn what_a_cleaner_has_left_empty_is_looked_at_once() {
    let bench = Bench::new(1).await;
    bench.model.lock().unwrap().compacted = true;
    let policy = || TopicPolicy { target_bytes: 0, compacted: true, ..TopicPolicy::default() };
    let settings = SidecarSettings { policy_of: Arc::new(move |_| policy()), ..each_file() };
    let faults = Arc::new(CountsUploads::default());
    let sidecar = bench.faulty(1, settings, Arc::clone(&faults) as _).await;
    {
        let mut model = bench.model.lock().unwrap();
        model.write(&[1], 2);
        // The cleaner has taken the end of the first file, up to offset 100.
        let mut writer = Writer { next: 100, epoch: 1 };
        let file = vec![writer.data(3, 50, None)];
        model.broker(1).files.push(file);
        model.high_watermark = 103;
    }
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 6, "{:?}", sidecar.status());
    let before = faults.0.load(Ordering::SeqCst);
    bench.run(&[&sidecar], 600).await;
    assert_eq!(faults.0.load(Ordering::SeqCst), before, "nothing is new: {:?}", sidecar.status());
    assert_eq!(sidecar.status().partitions[0].wait.name(), "idle");
    bench.model.lock().unwrap().write(&[1], 2);
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 103, "{:?}", sidecar.status());
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_there_and_marked_as_deleted_asks_for_an_operator_and_goes_on_after() {
    let bench = Bench::new(1).await;
    let faults = Arc::new(CountsUploads::default());
    let sidecar = bench.faulty(1, each_file(), Arc::clone(&faults) as _).await;
    (0..3).for_each(|_| bench.model.lock().unwrap().write(&[1], 2));
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 12);
    let mark = MarkDeleted { last_bound: Some(offset(12)) };
    bench.tier.edit(&tip(0), None, &mark).await.unwrap();
    (0..2).for_each(|_| bench.model.lock().unwrap().write(&[1], 2));
    let before = faults.0.load(Ordering::SeqCst);
    bench.run(&[&sidecar], 600).await;
    let status = sidecar.status();
    assert_eq!(status.partitions[0].wait.code(), "FIRN-O508", "{status:?}");
    assert_eq!(bench.tier_end().await, 12);
    let uploads = faults.0.load(Ordering::SeqCst) - before;
    assert!(uploads <= 1, "the first commit may find it out: {uploads}");
    bench.tier.edit(&tip(0), None, &UnmarkDeleted).await.unwrap();
    bench.run(&[&sidecar], 150).await;
    assert_eq!(bench.tier_end().await, 24, "{:?}", sidecar.status());
}
