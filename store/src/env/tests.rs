use super::*;

#[test]
fn same_seed_gives_same_bytes() {
    let (a, b, other) = (SeededRandom::new(7), SeededRandom::new(7), SeededRandom::new(8));
    let draw = |r: &SeededRandom| (r.u64(), r.uuid(), r.hex_id());
    let first = draw(&a);
    assert_eq!(first, draw(&b));
    assert_ne!(first, draw(&other));
    assert_ne!(first, draw(&a), "the sequence goes on");
}

#[test]
fn uuid_carries_version_and_variant() {
    for random in [&SystemRandom as &dyn Random, &SeededRandom::new(1)] {
        let id = random.uuid();
        assert_eq!(id[6] >> 4, 4);
        assert_eq!(id[8] >> 6, 0b10);
    }
}

#[test]
fn jitter_stays_below_its_limit_and_spreads() {
    let random = SeededRandom::new(3);
    let limit = Duration::from_millis(100);
    let drawn: Vec<_> = (0..1000).map(|_| random.jitter(limit)).collect();
    assert!(drawn.iter().all(|d| *d < limit));
    assert!(drawn.iter().any(|d| *d < limit / 10));
    assert!(drawn.iter().any(|d| *d > limit * 9 / 10));
    assert_eq!(random.jitter(Duration::ZERO), Duration::ZERO);
}

#[test]
fn system_clock_is_after_2020() {
    assert!(SystemClock.now_ms() > 1_577_836_800_000);
}

#[test]
fn manual_clock_moves_only_when_told() {
    let clock = ManualClock::at(5);
    assert_eq!(clock.now_ms(), 5);
    clock.advance(Duration::from_secs(1));
    assert_eq!(clock.now_ms(), 1005);
    clock.set(-3);
    assert_eq!(clock.now_ms(), -3);
}

#[tokio::test(start_paused = true)]
async fn tokio_clock_follows_the_paused_runtime() {
    let clock = TokioClock::starting_at(1000);
    assert_eq!(clock.now_ms(), 1000);
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(clock.now_ms(), 3_601_000);
}
