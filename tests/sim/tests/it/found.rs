//! Seeds that once found something, and what that was. A change of the code may make another history of a seed.

use firnline_sim::history::{Manner, Outcome, play, play_as};
use firnline_sim::sidecar::Real;

fn plays(seed: u64) -> Outcome {
    match play(seed, &Real) {
        Ok(outcome) => outcome,
        Err(failure) => panic!("seed {seed}: {:#?}", failure.wrong),
    }
}

/// A follower's log began at the tier's end, and the leader had not cut the tier yet.
#[test]
fn a_log_that_begins_at_the_tiers_end_need_not_continue_it() {
    plays(106_057);
}

/// Two chains of pins began at the same offset, and what was found of one was taken for the other.
#[test]
fn what_is_found_of_a_chain_is_of_that_chain() {
    plays(107_891);
}

/// A gap ended inside a batch, because pins that nobody could prove began there.
#[test]
fn a_gap_that_ends_inside_a_batch_ends_behind_it() {
    plays(301_740);
}

/// A leader's log ended where the tier did, of another history; a collection had stamped the manifest with its epoch.
#[test]
fn a_stamp_is_no_comparison() {
    plays(48_925);
}

/// A pin that lay in a gap, and went on where the tier had other records, was neither kept by name nor let go.
#[test]
fn a_pin_across_a_gaps_end_is_kept_by_name() {
    plays(137_689);
}

/// A tier with nothing in it was begun above all that could be proven.
#[test]
fn a_tier_begins_with_what_is_remembered() {
    plays(105_589);
}

#[test]
fn the_same_seed_gives_the_same_history_with_the_real_sidecar() {
    for seed in 0..4 {
        let lossless = Manner { lossless: true, ..Manner::default() };
        let played = || play_as(seed, &Real, lossless).map_err(|failure| failure.wrong);
        let (first, second) = (played(), played());
        assert_eq!(first, second, "seed {seed}");
        let outcome = first.unwrap_or_else(|wrong| panic!("seed {seed}: {wrong:#?}"));
        assert!(outcome.steps >= 200 && outcome.ended.live > 0);
        assert_eq!(outcome.tier.cuts, 0, "nothing of this history cuts anything");
    }
}
