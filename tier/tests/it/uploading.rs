use std::time::Duration;

use firnline_index::log_source::Finality;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::{Basis, Pace, Pacer, Tier, UploadError, UploadOutcome};
use tokio::time::Instant;

use crate::support::*;

fn new_partition() -> Basis {
    Basis::of(None, offset(0))
}

#[tokio::test(start_paused = true)]
async fn what_goes_up_comes_back_byte_for_byte() {
    let world = World::new(1);
    let tier = world.tier().await;
    let log = Log::plain(40, 200);
    let now = put(&tier, &tip(0), &log).await;
    let entry = &now.manifest.entries[0];
    assert_eq!(entry.range, range(0, log.next));
    assert!(entry.blocks > 3, "several blocks: {}", entry.blocks);
    assert_eq!(entry.batches, 40);
    assert_eq!(read_all(&tier, &now.manifest).await, log.bytes());
}

#[tokio::test(start_paused = true)]
async fn a_small_segment_is_one_put_and_two_reads() {
    let world = World::new(2);
    let tier = world.tier().await;
    put(&tier, &tip(0), &Log::plain(1, 10)).await;
    let before = tier.store().counters();
    put(&tier, &tip(0), &Log::starting_at(3).append(1, 10, None).clone()).await;
    let spent = tier.store().counters().since(&before);
    assert_eq!(spent.of(RequestKind::Put), 1);
    assert_eq!(spent.of(RequestKind::Update), 1);
    // One to plan by, one to build the commit from, one to read it back.
    assert_eq!(spent.of(RequestKind::Get), 3);
    assert_eq!(spent.total(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_large_segment_goes_in_parts() {
    let world = World::new(3);
    let tier = world.tier().await;
    let log = Log::plain(6, 700_000);
    let before = tier.store().counters();
    let now = put(&tier, &tip(0), &log).await;
    let spent = tier.store().counters().since(&before);
    let parts = now.manifest.entries[0].location.length.get().div_ceil(5 << 20);
    assert_eq!((spent.of(RequestKind::Begin), spent.of(RequestKind::Complete)), (1, 1));
    assert_eq!(spent.of(RequestKind::Part), parts);
    assert_eq!(read_all(&tier, &now.manifest).await, log.bytes());
}

#[derive(Debug)]
struct AtRate(Pacer);

#[async_trait::async_trait]
impl Pace for AtRate {
    async fn pass(&self, bytes: u64) {
        self.0.pass(bytes, || true).await;
    }
}

/// How long an upload of about 16 MiB takes.
async fn time_of_upload(tier: &Tier, partition: i32, pace: &dyn Pace) -> Duration {
    let log = Log::plain(16, 350_000);
    let plan = plan(&tip(partition), offset(0), &new_partition(), 16 << 20);
    let begun = Instant::now();
    tier.upload_paced(log.source(), plan, pace).await.unwrap();
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn an_upload_goes_at_the_rate_that_it_shares_and_leaves_no_request_waiting() {
    let world = World::new(15);
    let tier = world.tier().await;
    let free = time_of_upload(&tier, 0, &firnline_tier::Unpaced).await;
    assert!(free < Duration::from_secs(2), "{free:?}");
    let pace = AtRate(Pacer::new(1 << 20, Instant::now()));
    let before = tier.store().counters();
    let alone = time_of_upload(&tier, 1, &pace).await;
    assert!((14.5..17.0).contains(&alone.as_secs_f64()), "{alone:?}");
    let (one, other) = futures::join!(time_of_upload(&tier, 2, &pace), time_of_upload(&tier, 3, &pace));
    for shared in [one, other] {
        assert!((29.0..34.0).contains(&shared.as_secs_f64()), "{shared:?}");
    }
    let spent = tier.store().counters().since(&before);
    let parts = spent.of(RequestKind::Part);
    assert!(parts > 6 && spent.time(RequestKind::Part) < Duration::from_secs(parts), "{spent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_source_without_batches_writes_nothing() {
    let world = World::new(4);
    let tier = world.tier().await;
    let outcome = tier
        .upload_segment(Log::default().source(), plan(&tip(0), offset(0), &new_partition(), 0))
        .await
        .unwrap();
    assert!(matches!(outcome, UploadOutcome::Empty));
    assert_eq!(world.data_keys(), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_changed_meanwhile_leaves_nothing_behind() {
    let world = World::new(5);
    let tier = world.tier().await;
    for log in [Log::plain(3, 100), Log::plain(6, 700_000)] {
        let mut source = log.source();
        source.finality = Finality::Changed { what: "a.log: it is gone".into() };
        let error = tier
            .upload_segment(source, plan(&tip(0), offset(0), &new_partition(), 1 << 24))
            .await
            .unwrap_err();
        assert!(matches!(&error, UploadError::Changed { what } if what.contains("a.log")), "{error}");
        assert_eq!(world.data_keys(), [] as [String; 0]);
        assert_eq!(world.sim.open_uploads(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flipped_bit_in_the_log_is_not_stored() {
    let world = World::new(6);
    let tier = world.tier().await;
    let log = Log::plain(3, 100);
    for at in 21..log.batches[1].len() {
        let mut damaged = log.clone();
        let mut batch = damaged.batches[1].to_vec();
        batch[at] ^= 0x10;
        damaged.batches[1] = batch.into();
        let error = upload(&tier, &tip(0), &new_partition(), &damaged).await.unwrap_err();
        assert!(error.is_damage(), "byte {at}: {error}");
    }
    assert_eq!(world.data_keys(), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_log_in_an_older_epoch_than_the_tier_has_diverged() {
    let world = World::new(7);
    let tier = world.tier().await;
    let log = Log { epoch: 5, ..Log::default() }.append(3, 10, None).clone();
    let now = put(&tier, &tip(0), &log).await;
    let basis = Basis::of(Some(&now.manifest), offset(0));
    let older = Log { epoch: 4, ..Log::starting_at(3) }.append(1, 10, None).clone();
    let error = upload(&tier, &tip(0), &basis, &older).await.unwrap_err();
    assert!(matches!(error, UploadError::EpochBack { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_fails_gives_its_memory_back() {
    let world = World::new(8);
    let tier = world.tier().await;
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Part]));
    let log = Log::plain(6, 700_000);
    for _ in 0..64 {
        upload(&tier, &tip(0), &new_partition(), &log).await.unwrap_err();
    }
    world.sim.heal();
    upload(&tier, &tip(0), &new_partition(), &log).await.unwrap();
    tier.store().settle().await;
    assert_eq!(world.sim.open_uploads(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_store_does_not_vouch_for_is_read_back_and_what_differs_is_found() {
    let world = World::new(9);
    let tier = world.tier().await;
    let log = Log::plain(10, 700_000);
    // The answer that tells the checksum is lost; then a byte is read that was not sent.
    world.sim.rule(Rule::new(SimFault::LostAfter, When::Nth(0)).on(&[RequestKind::Complete]));
    world.sim.rule(Rule::new(SimFault::FlippedBit, When::Nth(1)).on(&[RequestKind::Get]));
    let error = upload(&tier, &tip(0), &new_partition(), &log).await.unwrap_err();
    assert!(matches!(error, UploadError::Differs { .. }), "{error}");
    upload(&tier, &tip(0), &new_partition(), &log).await.unwrap();
}
