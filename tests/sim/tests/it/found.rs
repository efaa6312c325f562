//! Seeds that once found something, and what that was.

use firnline_sim::history::{Manner, Outcome, play, play_as};
use firnline_sim::sidecar::Real;

fn plays(seed: u64) -> Outcome {
    match play(seed, &Real) {
        Ok(outcome) => outcome,
        Err(failure) => panic!("seed {seed}: {:#?}", failure.wrong),
    }
}

/// A pin of the log that went on was put away as a dead branch, because the tier, which was to be cut, had other bytes there.
#[test]
fn a_pin_that_the_tier_contradicts_stays_until_the_leader_says_which_is_right() {
    plays(54);
}

/// A topic was marked deleted by a sidecar that knew little, and another let go what it knew to be committed.
#[test]
fn a_deleted_topic_goes_up_as_far_as_any_sidecar_knows() {
    plays(29);
}

/// The tier ended where the pins began, below the leader's log: nobody held the record before, and an operator was asked.
#[test]
fn pins_that_begin_where_the_tier_ends_continue_it() {
    plays(81);
}

/// As above; since nothing below a leader's log is proven by its last record alone, what nobody vouches for goes up again and
/// was thrown away again a few times before an operator was asked.
#[test]
fn pins_that_nobody_vouches_for_do_not_go_up_again_and_again() {
    plays(16);
}

/// What a witness knew of records that are held no more was forgotten with the next one.
#[test]
fn a_witness_knows_what_lies_below_the_log_that_is_held_now() {
    plays(6);
}

/// As above, where the two do not join and both are needed.
#[test]
fn a_witness_knows_two_stretches_that_do_not_join() {
    plays(44);
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
