//! One history, from its seed: a few hours of a small cluster, then peace, then the reckoning.
//!
//! Each seed draws a menu: which kinds of faults its history has. So there are histories with one kind alone, whose counts
//! must then be zero for everything that only other kinds can cause, and histories with all of them.

mod dice;
mod ending;
mod menu;
mod old;
mod outcome;
mod people;
mod sidecars;
mod steps;
mod told;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use firnline_store::Env;
use firnline_store::sim::Simulation;
use tokio::time::Instant;

use crate::check::{Cover, Held, Place, Watch, describe, holder};
use crate::model::{Batch, Fate, Kafka};
use crate::seams::{START_MS, Sealing, World};
use crate::sidecar::GAP_WAIT;

use dice::Dice;
pub use menu::Menu;
pub use outcome::Outcome;
use people::People;
use sidecars::Sidecars;
pub use sidecars::{Beside, Launch, Launcher, Waits};
use told::Told;

/// Brokers, each with a sidecar.
const NODES: i32 = 3;
/// Steps of a history before it ends.
const STEPS: std::ops::Range<u64> = 200..260;

/// Faults of a history at least.
const FEWEST_FAULTS: u64 = 3;
/// Sidecars that work in a history at least.
const FEWEST_SIDECARS: u64 = 2;

/// How old a manifest may be in a reader: what the tier's settings say by default.
const MANIFEST_AGE: Duration = Duration::from_secs(60);

/// A history that went wrong.
#[derive(Debug)]
pub struct Failure {
    /// The seed that gives it again.
    pub seed: u64,
    /// What did not hold, first one first.
    pub wrong: Vec<String>,
    /// What was done, newest last.
    pub steps: Vec<String>,
    /// The requests that the store saw.
    pub trace: Vec<String>,
    /// What hosts and brokers were asked and said, where that was to be kept.
    pub events: Vec<String>,
}

/// A history while it is played.
struct History {
    world: Arc<World>,
    menu: Menu,
    dice: Dice,
    sidecars: Sidecars,
    people: People,
    outcome: Outcome,
    /// What was done, for whoever has to understand a failure.
    steps: Vec<String>,
    /// Batches whose last copy outside of the tier is gone.
    lost: BTreeSet<Place>,
    topics: u8,
    recreated: u32,
    /// Followers that do not follow for a while, with until when.
    lagging: BTreeMap<(usize, i32), Instant>,
    /// Until when the store is in trouble.
    store_until: Option<Instant>,
    /// Until when disks are.
    disk_until: Option<Instant>,
    /// Until when the network is.
    network_until: Option<Instant>,
}

/// Plays the history of `seed` with what `beside` puts beside each broker.
pub fn play(seed: u64, beside: &dyn Beside) -> Result<Outcome, Failure> {
    play_as(seed, beside, Manner::default())
}

/// How a history is played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// A failure holds every event.
    pub full: bool,
    /// Nothing happens that may take committed records away.
    pub lossless: bool,
}

impl Manner {
    fn menu(self, menu: Menu, beside: &dyn Beside) -> Menu {
        let menu = if self.lossless { menu.lossless() } else { menu };
        if beside.with_people() { menu } else { menu.without_people() }
    }
}

/// Which sidecars encrypt: where keys are in play all of them, or all but one that has lost its setting.
fn sealing(menu: &Menu, dice: &Dice) -> Sealing {
    match dice.below(4) {
        _ if !menu.keys => Sealing::Never,
        0 => Sealing::ButFor(1 + i32::try_from(dice.below(3)).unwrap_or(0)),
        _ => Sealing::Always,
    }
}

/// Plays the history of `seed` in some manner.
pub fn play_as(seed: u64, beside: &dyn Beside, manner: Manner) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O");
    runtime.block_on(async {
        let mut history = History::new(seed, beside, manner);
        history.world.watch.seen().events = manner.full.then(Vec::new);
        let _told = manner.full.then(|| tracing::subscriber::set_default(Told::new(&history.world)));
        history.run().await;
        history.end(seed)
    })
}

impl History {
    fn new(seed: u64, beside: &dyn Beside, manner: Manner) -> Self {
        let dice = Dice::new(seed ^ 0x9e37_79b9);
        let menu = manner.menu(Menu::draw(&dice), beside);
        let sealing = sealing(&menu, &dice);
        let store = Simulation::new(seed, &Env::seeded(seed, START_MS));
        let watch = Arc::new(Watch::new(2 * MANIFEST_AGE, GAP_WAIT));
        let kafka = Kafka::new(NODES, if dice.one_in(2) { 2 } else { 1 });
        let world = World::new(kafka, store.clone(), watch, seed.wrapping_mul(0x2545_f491), sealing);
        listen(&world, &store);
        if menu.unchecked {
            store.without_checksums();
        }
        let sidecars = Sidecars::new(Arc::clone(&world), seed, beside, menu);
        let people = People::new(Arc::clone(&world), seed);
        let mut history = Self {
            world,
            menu,
            dice,
            sidecars,
            people,
            outcome: Outcome::default(),
            steps: Vec::new(),
            lost: BTreeSet::new(),
            topics: 0,
            recreated: 0,
            lagging: BTreeMap::new(),
            store_until: None,
            disk_until: None,
            network_until: None,
        };
        let partitions = 1 + history.dice.below(2);
        for _ in 0..partitions {
            history.create_topic();
        }
        history
    }

    async fn run(&mut self) {
        for node in 1..=NODES {
            self.sidecars.start(node, &self.dice, &self.menu);
        }
        self.seat_readers();
        if self.menu.long {
            self.grow_old().await;
        }
        self.sleep(Duration::from_secs(5)).await;
        for _ in 0..self.dice.range(STEPS) {
            self.step();
            self.outcome.steps += 1;
            let pause = self.pause();
            self.sleep(pause).await;
            if self.has_failed() {
                return;
            }
        }
        // What has seen hardly any trouble yet sees some now.
        while self.outcome.fault_count() < FEWEST_FAULTS {
            self.crash();
            self.sleep(Duration::from_secs(30)).await;
        }
        self.finish().await;
    }

    /// Mostly seconds, now and then long enough for anything to expire.
    fn pause(&self) -> Duration {
        let seconds = match self.dice.below(120) {
            0 => 2400 + self.dice.below(3600),
            1..=8 => 60 + self.dice.below(900),
            9..=40 => 10 + self.dice.below(50),
            _ => self.dice.below(15),
        };
        Duration::from_millis(seconds * 1000 + self.dice.below(1000))
    }

    /// Time passes: sidecars work, late writes arrive, and files that went are looked at.
    async fn sleep(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
        self.world.store.settle_late();
        self.mourn();
        self.sidecars.bury();
        self.people.bury();
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        let at = (self.world.now_ms() - START_MS) / 1000;
        self.steps.push(format!("{at} s: {}", what()));
    }

    fn has_failed(&self) -> bool {
        !self.world.watch.seen().wrong.is_empty() || !self.world.store.fatal().is_empty()
    }

    /// Looks at the files that are gone from a node: what was in them and is nowhere else now is lost.
    fn mourn(&mut self) {
        let mut kafka = self.world.kafka();
        let gone = std::mem::take(&mut kafka.vanished);
        for (_, inode) in gone {
            for batch in &inode.batches {
                self.lost.extend(is_lost(&kafka, &self.world, inode.partition, batch));
            }
        }
    }

    fn end(mut self, seed: u64) -> Result<Outcome, Failure> {
        let fatal: Vec<String> = self.world.store.fatal().iter().map(ToString::to_string).collect();
        let mut seen = self.world.watch.seen();
        let mut wrong = std::mem::take(&mut seen.wrong);
        wrong.extend(fatal);
        self.outcome.tier.add(&seen.counts);
        self.outcome.thrown = seen.thrown.unwrap_or_default();
        let events = seen.events.take().unwrap_or_default();
        drop(seen);
        self.outcome.simulated += Duration::from_millis((self.world.now_ms() - START_MS).unsigned_abs());
        self.outcome.histories = 1;
        self.outcome.gather(&self.world, &self.sidecars, &self.people);
        if wrong.is_empty() {
            wrong.extend(self.outcome.too_little());
        }
        if wrong.is_empty() {
            return Ok(self.outcome);
        }
        let trace = self.world.store.trace().iter().map(ToString::to_string).collect();
        Err(Failure { seed, wrong, steps: self.steps, trace, events })
    }
}

/// Whether a committed batch of the history that counts is nowhere any more.
fn is_lost(kafka: &Kafka, world: &World, p: usize, batch: &Batch) -> Option<Place> {
    let committed = kafka.partitions[p].truth.fate(batch) == Fate::Live;
    let held = || holder(kafka, p, batch) != Held::Nowhere;
    let tiered = || world.watch.covered(kafka, &world.store, p, batch) != Cover::Not;
    (committed && !held() && !tiered()).then_some((p, batch.base, batch.epoch))
}

/// Has every change of an object looked at.
fn listen(world: &Arc<World>, store: &Simulation) {
    // The store must not hold itself: histories would never be freed.
    let weak = Arc::downgrade(world);
    store.on_change(move |change| {
        let Some(world) = weak.upgrade() else { return };
        let now_ms = world.now_ms();
        let kafka = world.kafka();
        world.watch.changed(&kafka, now_ms, change, &|key| world.store.peek(key));
        if change.key.ends_with("/manifest") {
            let p = kafka.partitions.iter().position(|p| change.key.starts_with(&p.tip.to_string()));
            let lines = |p| describe(&kafka, &world.store, p).join("\n     ");
            world.watch.note(|| format!("{now_ms} now {}", p.map(lines).unwrap_or_default()));
        }
    });
}
