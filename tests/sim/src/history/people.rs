//! Operators and readers in a history, and when they come.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firnline_store::Env;
use firnline_store::env::SeededRandom;
use firnline_tier::retention::{Limits, Share};
use firnline_tier::{KnownTopic, NoFaults};
use tokio::task::JoinSet;

use super::dice::Dice;
use super::menu::Menu;
use super::{History, NODES};
use crate::people::{Act, Desk, perform, read_back, read_on};
use crate::process::{Gate, Guarded, Plan, PlannedFaults, Points, Until};
use crate::seams::{NodeClock, World};

/// The processes of all who are no sidecar.
pub(super) struct People {
    world: Arc<World>,
    seed: u64,
    points: Arc<Mutex<Points>>,
    running: Vec<(Arc<Gate>, Arc<PlannedFaults>)>,
    tasks: JoinSet<Until>,
    started: u64,
}

impl People {
    pub(super) fn new(world: Arc<World>, seed: u64) -> Self {
        let (points, running, tasks) = (Arc::default(), Vec::new(), JoinSet::new());
        Self { world, seed, points, running, tasks, started: 0 }
    }

    pub(super) fn points(&self) -> Points {
        self.points.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A desk at the machine of `node`, by its clock; 0 is one whose clock is right.
    fn sit_down(&mut self, node: i32, faults: Arc<dyn firnline_tier::FaultPoint>) -> Desk {
        self.started += 1;
        let random = SeededRandom::new(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.started);
        let clock = NodeClock::new(Arc::clone(&self.world), node);
        let env = Env { clock: Arc::new(clock), random: Arc::new(random) };
        Desk { world: Arc::clone(&self.world), store: self.world.store.connect(&env), env, faults }
    }

    fn come(&mut self, plan: Plan) -> (Arc<Gate>, Arc<PlannedFaults>) {
        let gate = Arc::new(Gate::default());
        let faults = Arc::new(PlannedFaults::new(Arc::clone(&gate), plan, Arc::clone(&self.points)));
        self.running.push((Arc::clone(&gate), Arc::clone(&faults)));
        (gate, faults)
    }

    pub(super) fn act(&mut self, act: Act, node: i32, plan: Plan) {
        let (gate, faults) = self.come(plan);
        let desk = self.sit_down(node, faults);
        self.tasks.spawn(Guarded::new(Box::pin(perform(desk, act)), gate));
    }

    fn read(&mut self) {
        let (gate, faults) = self.come(Plan::Live);
        let desk = self.sit_down(0, faults);
        self.tasks.spawn(Guarded::new(Box::pin(read_on(desk)), gate));
    }

    /// Nothing happens to any of them any more.
    pub(super) fn calm(&self) {
        for (gate, faults) in &self.running {
            faults.calm();
            gate.thaw();
        }
    }

    /// Looks who has ended. One that panicked has found something.
    pub(super) fn bury(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                let panic = error.into_panic();
                let what = panic.downcast_ref::<String>().cloned();
                let what = what.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                self.world
                    .watch
                    .wrong(format!("an operator or a reader panicked: {}", what.unwrap_or_default()));
            }
        }
    }
}

impl History {
    /// Readers that are there from the beginning.
    pub(super) fn seat_readers(&mut self) {
        if self.menu.readers {
            self.people.read();
        }
    }

    /// An operator gives a word.
    pub(super) fn operator(&mut self) {
        let Some(p) = self.some_partition() else { return };
        let Some(act) = self.some_act(p) else { return };
        let plan = self.sidecars.plan(&self.dice, &self.menu);
        let node = i32::try_from(self.dice.below(NODES.unsigned_abs() as u64 + 1)).unwrap_or(0);
        self.note(|| format!("an operator at {node}: {act:?}, {plan:?}"));
        self.outcome.act(act.name());
        self.people.act(act, node, plan);
    }

    fn some_act(&self, p: usize) -> Option<Act> {
        let (dice, menu) = (&self.dice, &self.menu);
        let tip = self.world.kafka().partitions[p].tip.clone();
        let topic = KnownTopic { topic: tip.topic.clone(), topic_id: tip.topic_id };
        let weight = |on: bool, weight: u64| if on { weight } else { 0 };
        let kind = dice.weighed(&[
            (weight(menu.policies, 3), 0),
            (weight(menu.collections, 4), 1),
            (weight(menu.floors, 3), 2),
            (weight(menu.pauses, 2), 3),
            (weight(menu.keys, 2), 4),
            (u64::from(!menu.operators()), 5),
        ]);
        Some(match kind {
            0 => Act::Keep { topic, limits: some_limits(dice), share: some_share(dice) },
            1 => Act::Collect { tip, grace: Duration::from_secs(60 + dice.below(600)) },
            2 => Act::DeleteRecords { tip, permille: dice.below(1_001) },
            3 => Act::Pause { topic, paused: !dice.one_in(3) },
            4 => Act::Rewrap { new_key: dice.one_in(2).then_some(tip) },
            _ => return None,
        })
    }

    /// The ring turns, or is out of reach for a while.
    pub(super) fn turn_ring(&mut self) {
        if self.world.ring.is_lost() || self.dice.one_in(2) {
            self.world.ring.lose(false);
            self.world.ring.rotate();
            self.note(|| "the ring's active key is another one".to_owned());
            return;
        }
        self.world.ring.lose(true);
        self.outcome.fault("ring-lost");
        self.note(|| "the ring is out of reach".to_owned());
    }

    /// In peace nothing stands still because somebody forgot it.
    pub(super) fn resume_all(&mut self) {
        let tips: Vec<_> = self.world.kafka().partitions.iter().map(|p| p.tip.clone()).collect();
        for tip in tips {
            let key = format!("topics/{}.{}.json", tip.topic, tip.topic_id);
            let object = self.world.store.peek(&key);
            let object = object.and_then(|object| firnline_index::topic::TopicObject::decode(&object).ok());
            if object.is_some_and(|object| object.paused.is_some()) {
                let topic = KnownTopic { topic: tip.topic, topic_id: tip.topic_id };
                self.people.act(Act::Pause { topic, paused: false }, 0, Plan::Live);
            }
        }
    }

    /// Reads everything that the tier has, as a consumer does.
    pub(super) async fn read_all(&mut self, excused: &std::collections::BTreeSet<usize>) {
        let count = self.world.kafka().partitions.len();
        let desk = self.people.sit_down(0, Arc::new(NoFaults));
        for p in 0..count {
            if let Some(wrong) = read_back(&desk, p, excused.contains(&p)).await {
                self.world.watch.wrong(wrong);
            }
        }
    }
}

fn some_limits(dice: &Dice) -> Limits {
    let ms = (!dice.one_in(3)).then(|| 60_000 * (1 + dice.below(180)));
    let bytes = dice.one_in(2).then(|| 200 + dice.below(8_000));
    Limits { ms, bytes }
}

fn some_share(dice: &Dice) -> Share {
    if dice.one_in(3) { Share::TENTH } else { Share::ALL }
}

impl Menu {
    /// Whether operators come at all.
    pub(super) fn operators(&self) -> bool {
        self.policies || self.collections || self.floors || self.pauses || self.keys
    }
}
