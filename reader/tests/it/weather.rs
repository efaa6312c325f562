//! A store in bad weather.

use std::time::Duration;

use firnline_reader::{ErrorKind, ReadError, ReaderSettings, Workers};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};

use crate::log::{Log, at, joined};
use crate::reads::{ALL, batches};
use crate::tier::{TestTier, tip};

fn tier() -> (Log, TestTier) {
    let mut log = Log::from(0);
    for _ in 0..100 {
        log.data(5, 10 << 10);
    }
    let mut tier = TestTier::starting_at(at(0));
    tier.block_size = 32 << 10;
    tier.upload(&log, at(250));
    tier.upload(&log, log.end());
    tier.commit();
    (log, tier)
}

#[tokio::test(start_paused = true)]
async fn errors_time_outs_and_short_bodies_are_weathered() {
    let (log, tier) = tier();
    for fault in [
        SimFault::ServerError,
        SimFault::Overloaded,
        SimFault::Throttled(Duration::from_secs(1)),
        SimFault::LostBefore,
        SimFault::TruncatedBody,
        SimFault::FlippedBit,
        SimFault::Unreachable,
        SimFault::Slow(Duration::from_secs(3)),
    ] {
        tier.sim.rule(Rule::new(fault, When::PerMille(60)).on(&[RequestKind::Get]).key_contains(".seg"));
    }
    tier.sim.latency(Duration::from_millis(5)..Duration::from_millis(200));
    let (reader, _) = tier.reader();
    let (mut offset, mut all) = (at(0), Vec::new());
    while offset < log.end() {
        let read = match reader.read(&tip(), offset, 30 << 10, ALL).await {
            Ok(outcome) => batches(outcome),
            // Two flipped bits in a row look like damage at rest; never like data.
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Damage | ErrorKind::Retry), "{error:?}");
                continue;
            }
        };
        all.extend_from_slice(&read.chain.to_bytes());
        offset = read.range.end();
    }
    assert_eq!(all, joined(&log.batches));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_never_looks_empty() {
    let (_, tier) = tier();
    let (reader, _) = tier.reader();
    batches(reader.read(&tip(), at(0), 1, ALL).await.expect("reads"));
    tier.sim.rule(Rule::new(SimFault::Unreachable, When::Always));
    batches(reader.read(&tip(), at(0), 1, ALL).await.expect("what is held is served"));
    let error = reader.read(&tip(), at(400), 1, ALL).await.expect_err("cannot be read");
    assert!(matches!(error, ReadError::Store { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Retry);
    tokio::time::advance(Duration::from_secs(3600)).await;
    let error = reader.read(&tip(), at(0), 1, ALL).await.expect_err("the manifest is too old to go by");
    assert_eq!(error.kind(), ErrorKind::Retry, "{error:?}");
    tier.sim.heal();
    batches(reader.read(&tip(), at(0), 1, ALL).await.expect("reads again"));
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_is_for_an_operator() {
    let (_, tier) = tier();
    tier.sim.rule(Rule::new(SimFault::Denied, When::Always).key_contains(".seg"));
    let (reader, _) = tier.reader();
    let error = reader.read(&tip(), at(0), 1, ALL).await.expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_small_budget_slows_down_but_never_stops() {
    let (log, tier) = tier();
    tier.sim.latency(Duration::from_millis(5)..Duration::from_millis(20));
    let settings = ReaderSettings {
        budget_bytes: 128 << 10,
        block_cache_bytes: 64 << 10,
        tail_cache_bytes: 1,
        manifest_cache_bytes: 1,
        workers: Workers::Inline,
        ..ReaderSettings::default()
    };
    let (reader, _) = tier.reader_with(settings);
    let tip = tip();
    let all = futures::future::join_all((0..64).map(|n| {
        let (reader, tip) = (&reader, &tip);
        let offset = at(n * 7 % 500);
        async move { (offset, reader.read(tip, offset, 100 << 10, ALL).await) }
    }));
    let all = tokio::time::timeout(Duration::from_secs(60), all).await.expect("no deadlock");
    for (offset, outcome) in all {
        let read = batches(outcome.expect("reads"));
        assert_eq!(read.chain.to_bytes(), joined(log.between(offset, read.range.end())));
    }
}

#[tokio::test(start_paused = true)]
async fn shutting_down_ends_what_goes_on_behind_callers() {
    let (_, tier) = tier();
    tier.sim.rule(Rule::new(SimFault::Hang, When::Always).key_contains(".seg"));
    let (reader, _) = tier.reader();
    let tip = tip();
    let waiting = reader.read(&tip, at(0), 1, ALL);
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.is_err());
    reader.shutdown().await;
    assert!(matches!(waiting.await, Err(ReadError::Closed)));
}
