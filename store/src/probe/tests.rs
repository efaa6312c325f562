use super::*;
use crate::RequestKind;
use crate::env::Env;
use crate::sim::{Rule, SimFault, Simulation, When};
use futures::future::join_all;

const A_DAY_AND_A_BIT: Duration = Duration::from_secs(25 * 3600);

fn world(seed: u64) -> (Simulation, Env, Store) {
    let env = Env::seeded(seed, 1_700_000_000_000);
    let simulation = Simulation::new(seed, &env);
    let store = simulation.connect(&env);
    (simulation, env, store)
}

fn forbid_deletes(simulation: &Simulation) {
    simulation.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Delete]));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_ignores_conditions_is_refused() {
    for (operation, flaw) in [
        (RequestKind::Create, Flaw::CreateIgnoresCondition),
        (RequestKind::Update, Flaw::UpdateIgnoresCondition),
    ] {
        let (simulation, _env, store) = world(1);
        simulation.rule(Rule::new(SimFault::IgnoredCondition, When::Always).on(&[operation]));
        let error = store.probe().await.expect_err("flawed");
        assert!(matches!(error, ProbeError::Flawed { flaw: found, .. } if found == flaw), "{error}");
        assert_eq!(error.code().code, "FIRN-S040");
        assert_eq!(simulation.keys(), Vec::<String>::new(), "cleaned up");
    }
}

/// On a key that others use too, every flaw is still seen, though the first look may be blamed on them.
#[tokio::test(start_paused = true)]
async fn a_flawed_store_is_refused_by_a_writer_that_may_not_delete() {
    for (fault, operation, flaw) in [
        (SimFault::IgnoredCondition, RequestKind::Create, Flaw::CreateIgnoresCondition),
        (SimFault::IgnoredCondition, RequestKind::Update, Flaw::UpdateIgnoresCondition),
        (SimFault::ShiftedRange, RequestKind::Get, Flaw::RangeIsInexact),
        // Seen in the object or in its range, as the key had one or not.
        (SimFault::FlippedBit, RequestKind::Get, Flaw::RangeIsInexact),
        (SimFault::StaleListing(3), RequestKind::List, Flaw::ListIsStale),
    ] {
        let (simulation, _env, store) = world(1);
        forbid_deletes(&simulation);
        simulation.rule(Rule::new(fault, When::Always).on(&[operation]));
        let error = store.probe().await.expect_err("flawed");
        assert!(matches!(error, ProbeError::Flawed { flaw: found, .. } if found == flaw), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_ranges_and_stale_listings_are_refused() {
    for (fault, operation, flaw) in [
        (SimFault::FlippedBit, RequestKind::Get, Flaw::ReadIsStale),
        (SimFault::ShiftedRange, RequestKind::Get, Flaw::RangeIsInexact),
        (SimFault::StaleListing(3), RequestKind::List, Flaw::ListIsStale),
    ] {
        let (simulation, _env, store) = world(1);
        simulation.rule(Rule::new(fault, When::Always).on(&[operation]));
        let error = store.probe().await.expect_err("flawed");
        assert!(matches!(error, ProbeError::Flawed { flaw: found, .. } if found == flaw), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_costs_eleven_requests_and_leaves_nothing() {
    let (simulation, _env, store) = world(1);
    store.probe().await.expect("good store");
    assert_eq!(store.counters().total(), 11);
    assert_eq!(simulation.keys(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_delete_a_bounded_number_of_objects_is_left() {
    let (simulation, _env, store) = world(1);
    forbid_deletes(&simulation);
    for _ in 0..150 {
        let capabilities = store.probe().await.expect("good enough to write");
        assert!(!capabilities.can_delete && capabilities.can_list);
    }
    let left = simulation.keys();
    assert!(left.len() <= 32, "{left:?}");

    simulation.heal();
    assert!(store.probe().await.expect("good store").can_delete);
    assert_eq!(simulation.keys(), left, "somebody may still be at work on them");
    tokio::time::sleep(A_DAY_AND_A_BIT).await;
    for _ in 0..2 {
        store.probe().await.expect("good store");
    }
    assert_eq!(simulation.keys(), Vec::<String>::new());
}

/// A writer must never be kept from starting because others start too.
#[tokio::test(start_paused = true)]
async fn many_probes_at_once_find_nothing_wrong_with_a_good_store() {
    for (seed, may_delete) in (0..10).flat_map(|seed| [(seed, true), (seed, false)]) {
        let (simulation, env, _store) = world(seed);
        simulation.latency(Duration::from_millis(1)..Duration::from_millis(50));
        if !may_delete {
            forbid_deletes(&simulation);
        }
        let stores = (0..40).map(|_| simulation.connect(&env)).collect::<Vec<_>>();
        for outcome in join_all(stores.iter().map(Store::probe)).await {
            let capabilities = outcome.unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
            assert_eq!(capabilities.can_delete, may_delete);
        }
        assert_eq!(simulation.keys().is_empty(), may_delete);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_goes_on_over_a_bad_network() {
    for seed in 0..20 {
        let (simulation, _env, store) = world(seed);
        for fault in [SimFault::LostAfter, SimFault::LostBefore, SimFault::ServerError] {
            simulation.rule(Rule::new(fault, When::PerMille(150)));
        }
        store.probe().await.unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        simulation.heal();
        tokio::time::sleep(A_DAY_AND_A_BIT).await;
        store.probe().await.expect("clears what is left");
        assert_eq!(simulation.keys(), Vec::<String>::new());
    }
}
