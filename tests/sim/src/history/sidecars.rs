//! The processes beside the brokers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firnline_index::TopicIdPartition;
use firnline_store::env::SeededRandom;
use firnline_store::{Env, Store};
use futures::future::BoxFuture;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::dice::Dice;
use super::menu::Menu;
use crate::process::{Gate, Guarded, Plan, PlannedFaults, Points, Until};
use crate::seams::{NodeClock, SimHost, World};

/// What a process is given.
pub struct Launch {
    /// Everything that outlives it.
    pub world: Arc<World>,
    /// The broker beside which it runs.
    pub node: i32,
    /// Its connection to the store.
    pub store: Store,
    /// Its clock and randomness.
    pub env: Env,
    /// Its machine.
    pub host: Arc<SimHost>,
    /// What stands between its steps.
    pub faults: Arc<PlannedFaults>,
    /// Where it tells why partitions wait, by stable names.
    pub waits: Waits,
    /// From which its settings are drawn: the same for all of a history.
    pub flavour: u64,
    /// Which kinds of faults the history has.
    pub menu: Menu,
}

/// Why each partition waits, as a process says.
pub type Waits = Arc<Mutex<BTreeMap<TopicIdPartition, &'static str>>>;

/// Makes processes.
pub type Launcher = Arc<dyn Fn(Launch) -> BoxFuture<'static, ()> + Send + Sync>;

/// What is put beside each broker.
pub trait Beside: Sync {
    /// What makes the processes of one history.
    fn launcher(&self) -> Launcher;

    /// The named steps of its processes, to die and freeze at.
    fn steps(&self) -> Vec<&'static str>;

    /// Whether operators and readers come, too.
    fn with_people(&self) -> bool {
        false
    }
}

/// A process that runs.
struct Running {
    node: i32,
    gate: Arc<Gate>,
    faults: Arc<PlannedFaults>,
    waits: Waits,
    task: AbortHandle,
    /// Whether no other ever ran beside the same node meanwhile.
    alone: bool,
}

/// All of them.
pub(super) struct Sidecars {
    world: Arc<World>,
    seed: u64,
    menu: Menu,
    launcher: Launcher,
    steps: Vec<&'static str>,
    points: Arc<Mutex<Points>>,
    running: Vec<Running>,
    tasks: JoinSet<Until>,
    started: u64,
}

impl Sidecars {
    pub(super) fn new(world: Arc<World>, seed: u64, beside: &dyn Beside, menu: Menu) -> Self {
        Self {
            world,
            seed,
            menu,
            launcher: beside.launcher(),
            steps: beside.steps(),
            points: Arc::default(),
            running: Vec::new(),
            tasks: JoinSet::new(),
            started: 0,
        }
    }

    pub(super) fn started(&self) -> u64 {
        self.started
    }

    pub(super) fn points(&self) -> Points {
        self.points.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts one beside `node`, with what shall happen to it.
    pub(super) fn start(&mut self, node: i32, dice: &Dice, menu: &Menu) {
        let plan = self.plan(dice, menu);
        self.launch(node, plan, false);
    }

    /// Starts one to which nothing shall happen.
    pub(super) fn start_calm(&mut self, node: i32) {
        self.launch(node, Plan::Live, true);
    }

    /// What shall happen to a process.
    pub(super) fn plan(&self, dice: &Dice, menu: &Menu) -> Plan {
        let step = if dice.one_in(3) { None } else { dice.pick(&self.steps) };
        let after = if step.is_none() { dice.below(300) } else { dice.below(4) };
        if menu.crashes && dice.one_in(2) {
            return Plan::Die { step, after };
        }
        if menu.freezes && dice.one_in(3) {
            let seconds = if dice.one_in(3) { dice.range(600..4 * 3600) } else { dice.range(5..600) };
            return Plan::Freeze { step, after, time: Duration::from_secs(seconds) };
        }
        Plan::Live
    }

    fn launch(&mut self, node: i32, plan: Plan, calm: bool) {
        self.started += 1;
        let gate = Arc::new(Gate::default());
        let slow =
            (self.menu.slow && !calm).then(|| SeededRandom::new(self.seed ^ self.started.rotate_left(40)));
        let faults = PlannedFaults::new(Arc::clone(&gate), plan, Arc::clone(&self.points)).slow(slow);
        let faults = Arc::new(faults);
        let waits = Waits::default();
        let random = SeededRandom::new(self.seed.wrapping_mul(0x0100_0000_01b3) ^ self.started);
        let clock = NodeClock::new(Arc::clone(&self.world), node);
        let env = Env { clock: Arc::new(clock), random: Arc::new(random) };
        let process = (self.launcher)(Launch {
            world: Arc::clone(&self.world),
            node,
            store: self.world.store.connect(&env),
            env,
            host: Arc::new(SimHost::new(Arc::clone(&self.world), node)),
            faults: Arc::clone(&faults),
            waits: Arc::clone(&waits),
            flavour: self.seed % 24,
            menu: self.menu,
        });
        let task = self.tasks.spawn(Guarded::new(process, Arc::clone(&gate)));
        let mut alone = true;
        for other in self.running.iter_mut().filter(|process| process.node == node) {
            (other.alone, alone) = (false, false);
        }
        self.running.push(Running { node, gate, faults, waits, task, alone });
    }

    /// Notes which have ended. One that panicked has found something.
    pub(super) fn bury(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                let panic = error.into_panic();
                let what = panic.downcast_ref::<String>().cloned();
                let what = what.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                self.world.watch.wrong(format!("a sidecar panicked: {}", what.unwrap_or_default()));
            }
        }
        self.running.retain(|process| !process.task.is_finished());
    }

    /// The nodes beside which none runs.
    pub(super) fn missing(&self, nodes: i32) -> Vec<i32> {
        (1..=nodes).filter(|node| !self.running.iter().any(|process| process.node == *node)).collect()
    }

    /// Kills those of a node at once.
    pub(super) fn kill(&self, node: i32) {
        self.running.iter().filter(|process| process.node == node).for_each(|process| process.gate.kill());
    }

    /// Kills those of a node at an await to come.
    pub(super) fn kill_after(&self, node: i32, awaits: u64) {
        let of_node = self.running.iter().filter(|process| process.node == node);
        of_node.for_each(|process| process.gate.kill_after(awaits));
    }

    /// Freezes those of a node.
    pub(super) fn freeze(&self, node: i32, time: Duration) {
        let until = Instant::now() + time;
        self.running
            .iter()
            .filter(|process| process.node == node)
            .for_each(|process| process.gate.freeze(until));
    }

    /// Nothing happens to any of them any more.
    pub(super) fn calm(&self) {
        for process in &self.running {
            process.faults.calm();
            process.gate.thaw();
        }
    }

    /// Whether one runs beside the node that does not stand still, and will not before the next look. Where two ran, what the
    /// other was told is not known to the one that is left.
    pub(super) fn works(&self, node: i32) -> bool {
        let works = |process: &Running| {
            let stands = process.gate.is_frozen() || process.gate.is_killed() || !process.faults.is_calm();
            process.node == node && process.alone && !stands
        };
        self.running.iter().any(works)
    }

    /// Why a partition waits, as those beside `node` say.
    pub(super) fn waits(&self, node: i32, tip: &TopicIdPartition) -> Vec<&'static str> {
        let of_node = self.running.iter().filter(|process| process.node == node);
        let said = |process: &Running| {
            process.waits.lock().unwrap_or_else(PoisonError::into_inner).get(tip).copied()
        };
        of_node.filter_map(said).collect()
    }
}
