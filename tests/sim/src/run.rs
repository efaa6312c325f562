//! Many histories on several threads, and their sum.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::history::{Beside, Failure, Manner, Outcome, play_as};

/// Steps of a failed history that are shown, newest ones.
const SHOWN: usize = 40;

/// What is to be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The first seed.
    pub from: u64,
    /// How many; `None`: until the time is up.
    pub seeds: Option<u64>,
    /// For how long at most.
    pub time: Option<Duration>,
    /// Threads.
    pub threads: usize,
    /// How they are played.
    pub manner: Manner,
    /// After how many failures to stop: the first dozen tell enough, more only tell how many there are.
    pub failures: usize,
    /// Play some of them twice and compare.
    pub twice: u64,
    /// How often each named step must have been reached at least.
    pub minimum_hits: u64,
}

impl Asked {
    /// Reads the arguments.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut asked = Self {
            from: 0,
            seeds: None,
            time: None,
            threads: 2,
            manner: Manner::default(),
            failures: 12,
            twice: 100,
            minimum_hits: 0,
        };
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} wants a number"))?;
            let value: u64 = value.parse().map_err(|_| format!("{name} wants a number, not {value}"))?;
            match name.as_str() {
                "--seed" => (asked.from, asked.seeds, asked.manner.full) = (value, Some(1), true),
                "--lossless" => asked.manner.lossless = value > 0,
                "--seeds" => asked.seeds = Some(value),
                "--from" => asked.from = value,
                "--seconds" => asked.time = Some(Duration::from_secs(value)),
                "--threads" => asked.threads = usize::try_from(value.max(1)).unwrap_or(1),
                "--failures" => asked.failures = usize::try_from(value).unwrap_or(usize::MAX),
                "--minimum-hits" => asked.minimum_hits = value,
                "--twice" => asked.twice = value,
                other => return Err(format!("unknown argument {other}")),
            }
        }
        if asked.seeds.is_none() && asked.time.is_none() {
            return Err("say how many: --seeds N, --seconds N or --seed N".to_owned());
        }
        Ok(asked)
    }
}

/// Plays them and prints what they came to. Every failure is printed with its seed; the exit status tells whether any was.
pub fn run(asked: &Asked, beside: &dyn Beside) -> ExitCode {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let failures: Mutex<Vec<Failure>> = Mutex::default();
    #[expect(clippy::disallowed_methods, reason = "how long the run may take, not what happens in it")]
    let begun = Instant::now();
    let play_some = || {
        let mut total = Outcome::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let enough = asked.seeds.is_some_and(|seeds| number >= seeds)
                || asked.time.is_some_and(|time| begun.elapsed() >= time)
                || stop.load(Ordering::Relaxed);
            if enough {
                return total;
            }
            let seed = asked.from + number;
            match one(seed, asked, number, beside) {
                Ok(outcome) => total.add(&outcome),
                Err(failure) => {
                    let mut failures = failures.lock().expect("nothing panics while it holds this");
                    failures.push(*failure);
                    stop.store(failures.len() >= asked.failures, Ordering::Relaxed);
                }
            }
        }
    };
    let mut total = Outcome::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..asked.threads).map(|_| scope.spawn(play_some)).collect();
        for thread in threads {
            total.add(&thread.join().expect("failures are values"));
        }
    });
    let failures = failures.into_inner().expect("nothing panics while it holds this");
    failures.iter().for_each(|failure| tell(failure, asked.manner.full));
    say(&format!("{total}"));
    say(&format!("{} s", begun.elapsed().as_secs()));
    let rare = rare(&total, asked.minimum_hits, beside);
    rare.iter().for_each(|what| say(what));
    say(&format!("{} passed, {} failed", total.histories, failures.len() + rare.len()));
    if failures.is_empty() && rare.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64, asked: &Asked, number: u64, beside: &dyn Beside) -> Result<Outcome, Box<Failure>> {
    let caught = |seed| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| play_as(seed, beside, asked.manner)))
            .unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                let wrong = vec![format!("the simulation panicked: {}", text.unwrap_or_default())];
                Err(Failure { seed, wrong, steps: Vec::new(), trace: Vec::new(), events: Vec::new() })
            })
    };
    let first = caught(seed).map_err(Box::new)?;
    if asked.twice > 0 && number.is_multiple_of(asked.twice) {
        let second = caught(seed).map_err(Box::new)?;
        if first != second {
            let wrong = vec![format!(
                "played twice it was not the same: {:016x}, {:016x}",
                first.trace, second.trace
            )];
            return Err(Box::new(Failure {
                seed,
                wrong,
                steps: Vec::new(),
                trace: Vec::new(),
                events: Vec::new(),
            }));
        }
    }
    Ok(first)
}

/// Named steps that were not reached often enough.
fn rare(total: &Outcome, least: u64, beside: &dyn Beside) -> Vec<String> {
    let reached = |name: &str| total.points.by_name.get(name).map_or(0, |(reached, ..)| *reached);
    let rare = beside.steps().into_iter().filter(|name| reached(name) < least);
    rare.map(|name| format!("step {name} was reached {} times, at least {least} expected", reached(name)))
        .collect()
}

fn tell(failure: &Failure, full: bool) {
    say(&format!("FAILED --seed {}", failure.seed));
    failure.wrong.iter().take(5).for_each(|what| say(&format!("  {what}")));
    let shown = if full { failure.steps.len() } else { SHOWN.min(failure.steps.len()) };
    failure.steps[failure.steps.len() - shown..].iter().for_each(|step| say(&format!("    {step}")));
    if full {
        failure.events.iter().for_each(|event| say(&format!("      {event}")));
        failure.trace.iter().for_each(|event| say(&format!("      {event}")));
    }
}

#[expect(clippy::print_stdout, reason = "what the run prints is its result")]
fn say(what: &str) {
    println!("{what}");
}
