//! A check that never failed is not trusted: a sidecar without claims, cuts and pins must be found out.

use firnline_sim::careless::Careless;
use firnline_sim::history::{Failure, Outcome, play};

fn histories(careless: Careless, seeds: std::ops::Range<u64>) -> (Vec<Outcome>, Vec<Failure>) {
    let played = seeds.map(|seed| play(seed, &careless));
    let (fine, failed): (Vec<_>, Vec<_>) = played.partition(Result::is_ok);
    (fine.into_iter().filter_map(Result::ok).collect(), failed.into_iter().filter_map(Result::err).collect())
}

/// Whether one of the failures says so.
fn says(failures: &[Failure], what: &str) -> bool {
    failures.iter().any(|failure| failure.wrong.iter().any(|wrong| wrong.contains(what)))
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..6 {
        let (first, second) = (play(seed, &Careless::default()), play(seed, &Careless::default()));
        match (first, second) {
            (Ok(first), Ok(second)) => assert_eq!(first, second, "seed {seed}"),
            (Err(first), Err(second)) => assert_eq!(first.trace, second.trace, "seed {seed}"),
            _ => panic!("seed {seed} ends in two ways"),
        }
    }
}

#[test]
fn who_brings_nothing_from_pins_is_found_out_and_who_had_no_trouble_is_not_blamed() {
    let (fine, failed) = histories(Careless::default(), 0..16);
    assert!(says(&failed, "is Not in the tier"), "{failed:?}");
    assert!(fine.iter().all(|outcome| outcome.steps >= 200));
    assert!(fine.iter().any(|outcome| outcome.ended.live > 0));
}

#[test]
fn who_asks_for_no_bound_is_found_out() {
    let (_, failed) = histories(Careless { without_bound: true }, 0..12);
    assert!(says(&failed, "was never committed"), "{failed:?}");
}
