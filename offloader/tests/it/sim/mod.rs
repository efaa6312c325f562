//! A seeded simulation: offloaders that crash, race and meet a failing store, checked against the log itself.
//!
//! Each seed is one history: a few partitions whose logs grow, a store with random latency and faults, and rounds in which
//! one or two offloaders work at once, each of which may die before any named step or with any request half done. After
//! each round, and after a last one without faults, the objects themselves are looked at: every offset up to the tier's
//! end exactly once, bytes equal, nothing named that is missing, nothing overwritten or deleted; at the end everything
//! sealed is there, and a check of every byte finds nothing.
//!
//! All of it runs on one thread with paused time, so that a seed gives the same history again. A seed that fails is
//! printed; `FIRNLINE_SIM_SEED=n` runs that one alone, `FIRNLINE_SIM_SEEDS=n` so many.

mod faults;
mod history;
mod model;

use std::sync::atomic::{AtomicU64, Ordering};

use history::{Outcome, play};

/// Histories played in a usual run of the tests.
const SEEDS: u64 = 2_000;
/// Threads that play them; each history runs on one.
const THREADS: usize = 2;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

fn run(seed: u64) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(play(seed))
}

#[test]
fn histories_of_crashes_races_and_faults_end_with_every_offset_once() {
    if let Some(seed) = number("FIRNLINE_SIM_SEED") {
        println!("{:?}", run(seed));
        return;
    }
    let seeds = number("FIRNLINE_SIM_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let totals: Vec<Outcome> = std::thread::scope(|scope| {
        let play_some = || {
            let mut total = Outcome::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds {
                    return total;
                }
                let outcome = std::panic::catch_unwind(|| run(seed));
                total
                    .add(&outcome.unwrap_or_else(|_| panic!("seed {seed} failed: FIRNLINE_SIM_SEED={seed}")));
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(play_some)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut total = Outcome::default();
    totals.iter().for_each(|outcome| total.add(outcome));
    println!("{seeds} histories: {total:?}");
    // A simulation in which nothing goes wrong shows nothing.
    if seeds >= 1_000 {
        assert!(total.crashes > seeds / 4, "{total:?}");
        assert!(total.lost_races > seeds / 100, "{total:?}");
        assert!(total.faults > seeds, "{total:?}");
        assert!(total.problems > seeds / 20, "{total:?}");
        assert!(total.orphans > seeds / 20, "{total:?}");
        assert!(total.multipart > 2, "{total:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in (0..2_000).step_by(50) {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.trace_hash, second.trace_hash, "seed {seed}");
        assert_eq!(first, second, "seed {seed}");
    }
}
