//! Plain files, again and again: whatever stops a run, the next one makes it whole, and no record is there twice.

use firnline_export::plain::PlainSettings;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};

use crate::log::{Log, at};
use crate::plain::{Place, all, between, exporter, run, settings};
use crate::tier::TestTier;

/// A log of this many batches of 20 records, over four days.
fn log(batches: i64) -> Log {
    let mut log = Log::from(0);
    for number in 0..batches {
        log.set_time((number % 4) * 86_400_000 + number);
        log.data(20, 40_000);
    }
    log
}

/// Stretches of a few batches.
fn small() -> PlainSettings {
    settings(200_000)
}

fn every(log: &Log) -> Vec<i64> {
    (0..log.end().get()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_that_dies_at_any_write_is_made_whole_by_the_next() {
    let log = log(120);
    let tier = TestTier::of(&log, &[at(600), at(1400)]);
    let whole = Place::new();
    let report = run(&tier, &whole, &all(), small()).await.expect("exported");
    assert!(report.files > 10, "{report:?}");
    assert_eq!(whole.offsets(), every(&log));
    for fault in [SimFault::DieBefore, SimFault::DieAfter] {
        for nth in 0..report.files {
            let place = Place::new();
            place.sim.rule(Rule::new(fault.clone(), When::Nth(nth)).on(&[RequestKind::Create]));
            let (dying, wanted) = (exporter(&tier, place.store(), small()), all());
            let died =
                tokio::time::timeout(std::time::Duration::from_secs(600), dying.run(&wanted, &mut |_| ()))
                    .await;
            assert!(!matches!(died, Ok(Ok(_))), "it was to die");
            place.sim.heal();
            run(&tier, &place, &all(), small()).await.expect("made whole");
            assert_eq!(place.sim.keys(), whole.sim.keys(), "{fault:?} at {nth}");
            assert_eq!(place.offsets(), every(&log));
            let again = run(&tier, &place, &all(), small()).await.expect("nothing to do");
            assert_eq!((again.files, again.stats.rows), (0, 0));
        }
    }
}

#[tokio::test]
async fn a_tier_that_grows_adds_and_doubles_nothing() {
    let log = log(60);
    let mut tier = TestTier::starting_at(at(0));
    let place = Place::new();
    for end in [140, 200, 480, 1200] {
        tier.upload(&log, at(end));
        tier.commit();
        run(&tier, &place, &all(), small()).await.expect("exported");
        assert_eq!(place.offsets(), (0..end).collect::<Vec<_>>());
    }
    // The same log in one piece: as after small segments were joined.
    let joined = TestTier::of(&log, &[]);
    let report = run(&joined, &place, &all(), small()).await.expect("nothing to do");
    assert_eq!((report.files, report.stats.rows), (0, 0));
}

#[tokio::test]
async fn borders_do_not_depend_on_how_the_tier_is_cut() {
    let log = log(90);
    let one = TestTier::of(&log, &[]);
    let many = TestTier::of(&log, &(1..30).map(|cut| at(cut * 60)).collect::<Vec<_>>());
    let (first, second) = (Place::new(), Place::new());
    run(&one, &first, &all(), small()).await.expect("exported");
    run(&many, &second, &all(), small()).await.expect("exported");
    assert_eq!(first.sim.keys(), second.sim.keys());
    assert!(first.sim.keys().len() > 4);
}

#[tokio::test]
async fn files_that_are_missing_are_written_again_and_damaged_ones_told() {
    let log = log(60);
    let tier = TestTier::of(&log, &[]);
    let place = Place::new();
    run(&tier, &place, &all(), small()).await.expect("exported");
    let keys = place.sim.keys();
    place.sim.lose(&keys[1]);
    let report = run(&tier, &place, &all(), small()).await.expect("made whole");
    assert_eq!(report.files, 1);
    assert!(report.files_there > 0);
    assert_eq!(place.sim.keys(), keys);
    // One file of a stretch is lost, and in the place of another one stands one with fewer rows.
    let stretch = |key: &str| key.rsplit('/').next().map(|name| name[..45].to_owned());
    let of_one: Vec<&String> = keys.iter().filter(|key| stretch(key) == stretch(&keys[0])).collect();
    let shortest = keys.iter().max_by_key(|key| stretch(key)).expect("some");
    assert_ne!(stretch(shortest), stretch(&keys[0]));
    place.sim.lose(of_one[0]);
    place.sim.plant(of_one[1], place.sim.peek(shortest).expect("there"));
    let error = run(&tier, &place, &all(), small()).await.expect_err("other rows than its name says");
    assert_eq!(error.code().code, "FIRN-E032", "{error:?}");
}

#[tokio::test]
async fn two_runs_with_different_ends_are_told_by_the_next() {
    let log = log(30);
    let tier = TestTier::of(&log, &[]);
    let place = Place::new();
    run(&tier, &place, &between(0, 100), PlainSettings::default()).await.expect("exported");
    let apart = Place::new();
    run(&tier, &apart, &between(0, 200), PlainSettings::default()).await.expect("exported");
    for key in apart.sim.keys() {
        place.sim.plant(&key, apart.sim.peek(&key).expect("there"));
    }
    let error =
        run(&tier, &place, &all(), PlainSettings::default()).await.expect_err("the same records twice");
    assert_eq!(error.code().code, "FIRN-E031", "{error:?}");
}

#[tokio::test]
async fn a_store_that_answers_badly_changes_nothing() {
    let log = log(40);
    let tier = TestTier::of(&log, &[]);
    let place = Place::new();
    for fault in [SimFault::LostAfter, SimFault::LostBefore, SimFault::ServerError] {
        place.sim.rule(Rule::new(fault, When::PerMille(200)));
    }
    for _ in 0..20 {
        if run(&tier, &place, &all(), small()).await.is_ok() {
            break;
        }
    }
    place.sim.heal();
    run(&tier, &place, &all(), small()).await.expect("exported");
    assert_eq!(place.offsets(), every(&log));
}
