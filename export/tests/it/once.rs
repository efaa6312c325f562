//! Exactly once, whatever happens: many drawn histories, each with its own seed. A history that fails is run again alone with
//! `FIRNLINE_SEED=<seed> cargo test -p firnline-export --test it one_history -- --ignored --nocapture`.

use crate::schedule::run;

/// Seeds of each of the four tests below; together more than a thousand histories.
const EACH: u64 = 300;

fn histories(quarter: u64) {
    for seed in quarter * EACH..(quarter + 1) * EACH {
        run(seed);
    }
}

#[test]
fn every_record_is_there_once_whatever_happens_first_quarter() {
    histories(0);
}

#[test]
fn every_record_is_there_once_whatever_happens_second_quarter() {
    histories(1);
}

#[test]
fn every_record_is_there_once_whatever_happens_third_quarter() {
    histories(2);
}

#[test]
fn every_record_is_there_once_whatever_happens_last_quarter() {
    histories(3);
}

#[test]
#[ignore = "for one seed, or a range `from..to`, of the environment"]
fn one_history() {
    let text = std::env::var("FIRNLINE_SEED").expect("FIRNLINE_SEED");
    let (from, to) = match text.split_once("..") {
        Some((from, to)) => (from.parse().expect("a seed"), to.parse().expect("a seed")),
        None => text.parse().map(|seed: u64| (seed, seed + 1)).expect("a seed"),
    };
    for seed in from..to {
        run(seed);
    }
}
