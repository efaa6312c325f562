//! Histories drawn from a seed: a log that grows and is cut, exporters that die, meet each other and other engines, catalogs and
//! stores that lose answers. However it went, in the end the table is the log.

use std::time::Duration;

use firnline_export::job::{Job, JobError, Next};
use firnline_export::source::SourceError;
use firnline_store::RequestKind;
use firnline_store::env::{Random, RandomExt as _, SeededRandom};
use firnline_store::sim::{Rule, SimFault, When};

use crate::ledger::{compare, positions, repair};
use crate::log::at;
use crate::meddled::Chances;
use crate::world::{World, paused};

/// What happened, for a message of a schedule that failed.
pub(crate) type Story = Vec<String>;

/// One history.
pub(crate) fn run(seed: u64) {
    paused(async move {
        let mut schedule = Schedule::new(seed);
        for _ in 0..schedule.random.below(10) + 6 {
            schedule.step().await;
        }
        schedule.end().await;
    });
}

struct Schedule {
    world: World,
    random: SeededRandom,
    exporter: Option<Job>,
    story: Story,
    /// Producers are numbered anew for each transaction.
    producers: i64,
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let random = SeededRandom::new(seed);
        let partitions = usize::try_from(random.below(3) + 1).expect("small");
        let world = World::new(seed, partitions);
        Self { world, random, exporter: None, story: vec![format!("seed {seed}")], producers: 0 }
    }

    fn below(&self, bound: u64) -> i64 {
        i64::try_from(self.random.below(bound)).expect("small")
    }

    fn partition(&self) -> usize {
        usize::try_from(self.random.below(self.world.tier.partitions.len() as u64)).expect("small")
    }

    async fn step(&mut self) {
        match self.random.below(20) {
            0..8 => self.grow(),
            8 => self.cut(),
            9..12 => self.export(false).await,
            12..16 => self.export(true).await,
            16 => self.two_at_once().await,
            17 => {
                self.story.push("the exporter is replaced".to_owned());
                self.exporter = None;
            }
            18 => self.foreign().await,
            _ => {
                let seconds = self.random.below(100);
                self.story.push(format!("{seconds} s pass"));
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
        }
    }

    /// Records, some in transactions, some bad; most of them offloaded at once.
    fn grow(&mut self) {
        let index = self.partition();
        for _ in 0..self.below(4) + 1 {
            let records = self.below(12) + 1;
            let bad = self.below(40);
            let is_bad = |number: i64| number % 40 == bad;
            let producer = (self.random.below(3) == 0).then(|| {
                self.producers += 1;
                self.producers
            });
            self.world.tier.log(index).data(records, producer, is_bad);
            let open = self.world.tier.log(index).open();
            if let Some(id) = open.first().filter(|_| self.random.below(2) == 0) {
                let commits = self.random.below(2) == 0;
                self.world.tier.log(index).end_transaction(*id, commits);
            }
        }
        if self.random.below(4) != 0 {
            self.world.tier.offload(index);
        }
        self.story.push(format!(
            "partition {index}: log to {}, tier to {}",
            self.world.tier.log(index).end(),
            self.world.tier.end(index)
        ));
    }

    fn cut(&mut self) {
        let index = self.partition();
        let end = self.world.tier.log(index).end().get();
        let offset = at(end - self.below(60).min(end));
        self.world.tier.cut(index, offset);
        // The new leader goes on at once, and so does its sidecar.
        let records = self.below(20) + 1;
        self.world.tier.log(index).data(records, None, |number| number % 31 == 0);
        if self.random.below(4) != 0 {
            self.world.tier.offload(index);
        }
        self.story.push(format!(
            "partition {index}: cut at {offset}, log to {}, tier to {}",
            self.world.tier.log(index).end(),
            self.world.tier.end(index)
        ));
    }

    fn chances(&self) -> Chances {
        let often = |random: &SeededRandom| if random.below(2) == 0 { 0 } else { 300 };
        Chances {
            before: often(&self.random),
            behind: often(&self.random),
            unknown_applied: often(&self.random),
            unknown_not_applied: often(&self.random),
            sent_twice: often(&self.random),
            unavailable: often(&self.random),
        }
    }

    /// What stores do to requests.
    fn weather(&self) -> String {
        let writes = [RequestKind::Put, RequestKind::Get];
        let mut told = String::new();
        if self.random.below(3) == 0 {
            self.world.sim.latency(Duration::ZERO..Duration::from_millis(50));
        }
        for _ in 0..self.random.below(3) {
            let fault = match self.random.below(8) {
                0 => SimFault::ServerError,
                1 => SimFault::LostAfter,
                2 => SimFault::LostBefore,
                3 => SimFault::Unreachable,
                4 => SimFault::Busy,
                5 => SimFault::Hang,
                6 => SimFault::Late(Duration::from_secs(self.random.below(200))),
                _ => SimFault::Overloaded,
            };
            let kind = writes[usize::try_from(self.random.below(2)).expect("small")];
            let key = ["metadata", "/data/", ".avro", "shop.orders."]
                [usize::try_from(self.random.below(4)).expect("small")];
            told.push_str(&format!(" {fault:?} on {kind:?} {key}"));
            let when =
                if self.random.below(2) == 0 { When::PerMille(150) } else { When::Nth(self.random.below(6)) };
            self.world.sim.rule(Rule::new(fault, when).on(&[kind]).key_contains(key));
        }
        told
    }

    /// One exporter works for a while, and may die at any request.
    async fn export(&mut self, dies: bool) {
        let chances = self.chances();
        let told = self.weather();
        let mut job = match self.exporter.take() {
            Some(job) => job,
            None => self.world.exporter(chances),
        };
        let mut death = String::new();
        if dies {
            let nth = self.random.below(60);
            let fault = if self.random.below(2) == 0 { SimFault::DieAfter } else { SimFault::DieBefore };
            death = format!(", dies at request {nth} ({fault:?})");
            self.world.sim.rule(Rule::new(fault, When::Nth(nth)));
        }
        let rounds = self.below(3) + 1;
        let outcome = tokio::time::timeout(Duration::from_secs(600), work(&mut job, rounds)).await;
        self.world.sim.heal();
        self.world.sim.latency(Duration::ZERO..Duration::ZERO);
        self.story.push(format!(
            "export of {rounds} rounds with{told}, {chances:?}{death}: {}",
            Self::told(&outcome)
        ));
        match outcome {
            // Whoever died does not come back.
            _ if dies => drop(job),
            Ok(Err(error)) if error.next() == Next::Stop => self.stopped(error).await,
            Ok(_) => self.exporter = Some(job),
            Err(_) => drop(job),
        }
    }

    async fn two_at_once(&mut self) {
        self.world.sim.latency(Duration::ZERO..Duration::from_millis(200));
        let (one_chances, other_chances) = (self.chances(), self.chances());
        let mut one = match self.exporter.take() {
            Some(job) => job,
            None => self.world.exporter(one_chances),
        };
        let mut other = self.world.exporter(other_chances);
        let both = async { tokio::join!(work(&mut one, 3), work(&mut other, 3)) };
        let outcome = tokio::time::timeout(Duration::from_secs(600), both).await;
        self.world.sim.latency(Duration::ZERO..Duration::ZERO);
        self.story.push(format!("two exporters at once: {outcome:?}"));
        if let Ok((first, second)) = outcome {
            for outcome in [first, second] {
                match outcome {
                    Err(error) if error.next() == Next::Stop => self.stopped(error).await,
                    _ => {}
                }
            }
        }
        self.exporter = Some(other);
    }

    async fn foreign(&mut self) {
        let foreign = self.world.foreign();
        let random = SeededRandom::new(self.random.u64());
        let table = crate::world::table();
        foreign.act(&table, &random as &dyn Random).await;
        self.story.push("another engine commits".to_owned());
    }

    /// What only somebody can decide about, and what they decide.
    async fn stopped(&mut self, error: JobError) {
        match error {
            JobError::Fenced { .. } => {}
            JobError::Source(SourceError::Cut { .. }) => {
                let before = positions(&mut self.world).await;
                let repaired = repair(&mut self.world).await;
                let after = positions(&mut self.world).await;
                self.story.push(format!("repair: {before:?} became {after:?} by {repaired:?}"));
            }
            other => self.fail(&format!("stopped by {other:?}")),
        }
    }

    fn told(outcome: &Result<Result<(), JobError>, tokio::time::error::Elapsed>) -> String {
        match outcome {
            Ok(Ok(())) => "done".to_owned(),
            Ok(Err(error)) => format!("{} {error}", error.code().code),
            Err(_) => "still at it when its time was up".to_owned(),
        }
    }

    fn fail(&self, why: &str) -> ! {
        panic!("{why}\n  {}", self.story.join("\n  "));
    }

    /// All is decided and offloaded, nothing fails any more, what was late has come: what does the table have?
    async fn end(mut self) {
        self.world.sim.heal();
        for index in 0..self.world.tier.partitions.len() {
            for id in self.world.tier.log(index).open() {
                let commits = self.random.below(2) == 0;
                self.world.tier.log(index).end_transaction(id, commits);
            }
            self.world.tier.offload(index);
        }
        tokio::time::sleep(Duration::from_secs(300)).await;
        self.world.sim.settle_late();
        let mut tries = 0;
        loop {
            tries += 1;
            let mut job = self.world.exporter(Chances::default());
            match job.catch_up().await {
                Ok(_) => break,
                Err(error) if error.next() == Next::Stop && tries < 5 => self.stopped(error).await,
                Err(error) => self.fail(&format!("does not come to an end: {error:?}")),
            }
        }
        if let Err(difference) = compare(&mut self.world).await {
            self.fail(&difference);
        }
    }
}

/// Some rounds, going on after what may pass.
async fn work(job: &mut Job, rounds: i64) -> Result<(), JobError> {
    let mut failures = 0;
    let mut done = 0;
    while done < rounds {
        match job.round().await {
            Ok(_) => done += 1,
            Err(error) if error.next() == Next::Stop => return Err(error),
            Err(error) => {
                failures += 1;
                if failures > 5 {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
    Ok(())
}
