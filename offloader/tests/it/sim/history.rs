//! One history, from its seed.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use firnline_index::ids::Offset;
use firnline_offloader::PartitionReport;
use firnline_store::env::{RandomExt, SeededRandom};
use firnline_store::sim::Simulation;
use firnline_store::{Env, RequestKind};
use firnline_tier::check::CheckDepth;

use super::faults::{DieAtStep, trouble};
use super::model::Truth;
use crate::world::{
    MemoryLog, START_MS, Trouble, Writer, job, no_faults, open_tier, run, tip, try_open_tier,
};

/// Bytes of a record where segments are to go in several parts.
const LARGE: usize = 1_200_000;

/// What one history, or several, came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) faults: u64,
    pub(crate) crashes: u64,
    pub(crate) lost_races: u64,
    pub(crate) problems: u64,
    pub(crate) segments: u64,
    pub(crate) orphans: u64,
    pub(crate) multipart: u64,
    pub(crate) trace_hash: u64,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.faults += other.faults;
        self.crashes += other.crashes;
        self.lost_races += other.lost_races;
        self.problems += other.problems;
        self.segments += other.segments;
        self.orphans += other.orphans;
        self.multipart += other.multipart;
        self.trace_hash ^= other.trace_hash;
    }

    fn note(&mut self, report: &PartitionReport) {
        self.problems += u64::from(report.problem.is_some());
        // Objects known to be orphans while no commit failed were uploaded in vain: somebody else was faster.
        self.lost_races += u64::from(!report.orphans.is_empty());
    }
}

/// One partition while it is written.
struct Partition {
    truth: Truth,
    writer: Writer,
    open: VecDeque<i64>,
    next_producer: i64,
    /// The tier's end seen last.
    end: Option<Offset>,
    /// Keys of all segments that some offloader was told are committed.
    committed: HashSet<String>,
}

impl Partition {
    fn new(number: i32, random: &SeededRandom) -> Self {
        let next = if random.below(4) == 0 { i64::try_from(random.below(1000)).unwrap() } else { 0 };
        Self {
            truth: Truth { tip: tip(number), batches: Vec::new() },
            writer: Writer { next, epoch: i32::try_from(random.below(3)).unwrap() },
            open: VecDeque::new(),
            next_producer: 1,
            end: None,
            committed: HashSet::new(),
        }
    }

    /// Holds the objects against the truth, and against what offloaders were told.
    fn look(&mut self, sim: &Simulation) {
        let (end, named) = self.truth.holds(sim, self.end);
        let forgotten = self.committed.difference(&named).next();
        assert_eq!(forgotten, None, "a commit that was reported is gone");
        self.end = end;
    }

    /// Appends some batches: data, transactions that begin, go on and end, epochs that rise.
    fn grow(&mut self, random: &SeededRandom, value: usize) {
        for _ in 0..1 + random.below(9) {
            let records = 1 + usize::try_from(random.below(3)).unwrap();
            let batch: Bytes = match random.below(8) {
                0 => {
                    self.writer.epoch += 1;
                    self.writer.data(records, value, None)
                }
                1 | 2 => {
                    self.open.push_back(self.next_producer);
                    self.next_producer += 1;
                    self.writer.data(records, value, self.open.back().copied())
                }
                3 | 4 if !self.open.is_empty() => {
                    let producer = self.open.pop_front().unwrap();
                    self.writer.marker(producer, random.below(2) == 0)
                }
                5 if !self.open.is_empty() => self.writer.data(records, value, self.open.front().copied()),
                _ => self.writer.data(records, value, None),
            };
            self.truth.batches.push(batch);
        }
    }

    /// A replica's view: the same batches in files of its own, perhaps a little behind, perhaps with troubles.
    fn replica(&self, random: &SeededRandom) -> MemoryLog {
        let mut files: Vec<Vec<Bytes>> = vec![Vec::new()];
        let shown = self.truth.batches.len()
            - usize::try_from(random.below(3)).unwrap().min(self.truth.batches.len() - 1);
        for batch in &self.truth.batches[..shown] {
            if random.below(4) == 0 && files.last().is_some_and(|file| !file.is_empty()) {
                files.push(Vec::new());
            }
            files.last_mut().unwrap().push(batch.clone());
        }
        let log = MemoryLog { tip: self.truth.tip.clone(), files, trouble: Arc::default() };
        for _ in 0..4 {
            let trouble = match random.below(12) {
                0 => Trouble::Changed,
                1 => Trouble::Unavailable,
                _ => Trouble::None,
            };
            log.trouble.lock().unwrap().push_back(trouble);
        }
        log
    }
}

/// Plays the history of `seed` and checks it. Panics where something does not hold.
pub(crate) async fn play(seed: u64) -> Outcome {
    let random = SeededRandom::new(seed ^ 0x5eed);
    let world = Env::seeded(seed, START_MS);
    let sim = Simulation::new(seed, &world);
    let mut partitions: Vec<Partition> = (0..1 + i32::try_from(random.below(2)).unwrap())
        .map(|number| Partition::new(number, &random))
        .collect();
    for partition in &partitions {
        // Segment keys begin with a digit, the manifest's does not: no segment is ever overwritten or deleted.
        for digit in 0..10 {
            sim.protect(&format!("{}/{digit}", partition.truth.tip));
        }
    }
    sim.protect("firnline.json");
    // Mostly tiny records; now and then some so large that segments go in parts.
    let large = random.below(150) == 0;
    let value = if large { LARGE } else { usize::try_from(random.below(300)).unwrap() };
    let mut outcome = Outcome::default();
    for round in 0..if large { 1 } else { 1 + random.below(4) } {
        for partition in &mut partitions {
            partition.grow(&random, value);
        }
        trouble(&sim, &random);
        let processes = 1 + random.below(2);
        let reports = futures::future::join_all(
            (0..processes)
                .map(|process| one_process(seed, round * 2 + process, &sim, &partitions, large, &random)),
        );
        for finished in reports.await {
            match finished {
                Some(reports) => {
                    for (report, partition) in reports.iter().zip(&mut partitions) {
                        outcome.note(report);
                        partition
                            .committed
                            .extend(report.committed.iter().map(|segment| segment.key.clone()));
                    }
                }
                None => outcome.crashes += 1,
            }
        }
        sim.heal();
        partitions.iter_mut().for_each(|partition| partition.look(&sim));
        assert_eq!(sim.fatal(), [], "something was overwritten or deleted");
    }
    finish(seed, &sim, &partitions, &mut outcome).await;
    outcome
}

/// One offloader at work on all partitions, until it is through or dies; `None` where it died.
async fn one_process(
    seed: u64,
    number: u64,
    sim: &Simulation,
    partitions: &[Partition],
    large: bool,
    random: &SeededRandom,
) -> Option<Vec<PartitionReport>> {
    let env = Env::seeded(seed.wrapping_mul(31).wrapping_add(number), START_MS);
    let faults = Arc::new(DieAtStep::new((random.below(3) == 0).then(|| random.below(60))));
    let logs: Vec<MemoryLog> = partitions.iter().map(|partition| partition.replica(random)).collect();
    let targets = if large { [1, 1 << 24, 1 << 24, 1 << 24] } else { [1, 200, 2_000, 1 << 24] };
    let target = targets[usize::try_from(random.below(4)).unwrap()];
    let store = sim.connect(&env);
    let work = async {
        let Ok(tier) = try_open_tier(store, &env, faults.clone()).await else { return Vec::new() };
        let job = job(&tier, target);
        futures::future::join_all(logs.iter().map(|log| run(&job, log))).await
    };
    tokio::select! {
        biased;
        reports = work => Some(reports),
        () = faults.died() => None,
        () = sim.died() => None,
    }
}

/// A last run without faults: everything sealed is there, and every byte of it is right.
async fn finish(seed: u64, sim: &Simulation, partitions: &[Partition], outcome: &mut Outcome) {
    let env = Env::seeded(!seed, START_MS);
    let calm = open_tier(sim.connect(&env), &env, no_faults()).await;
    let job = job(&calm, 500);
    let mut named = 0;
    for partition in partitions {
        // Each batch a file: all but the last are sealed.
        let files: Vec<Vec<Bytes>> =
            partition.truth.batches.iter().map(|batch| vec![batch.clone()]).collect();
        let log = MemoryLog { tip: partition.truth.tip.clone(), files, trouble: Arc::default() };
        let report = run(&job, &log).await;
        assert!(report.problem.is_none(), "{:?}", report.problem);
        let (end, keys) = partition.truth.holds(sim, partition.end);
        if log.files.len() > 1 {
            assert!(end >= Some(log.sealed_end()), "sealed files are not in the tier");
        }
        named += keys.len();
    }
    let tips = partitions.iter().map(|partition| partition.truth.tip.clone()).collect();
    let report = calm.check(tips, CheckDepth::Content, 1, &|finding| {
        assert!(matches!(finding, firnline_tier::check::Finding::Unnamed { .. }), "{finding:?}");
    });
    let report = report.await;
    assert!(report.is_clean());
    assert_eq!(sim.fatal(), []);
    let trace = sim.trace();
    outcome.segments = named as u64;
    outcome.orphans = report.unnamed;
    outcome.requests = trace.len() as u64;
    outcome.faults = trace.iter().filter(|event| event.fault.is_some()).count() as u64;
    outcome.multipart = trace.iter().filter(|event| event.operation == RequestKind::Complete).count() as u64;
    outcome.trace_hash = sim.trace_hash();
}
