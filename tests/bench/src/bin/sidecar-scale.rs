//! One sidecar over the log dir that `make-log` has written: what it holds in memory, how long a restart takes, and what
//! an idle minute costs. `sidecar-scale LOG-DIR TIER-DIR IDLE-SECONDS`; one line of JSON on standard output for each part.
//! `sidecar-scale LOG-DIR TIER-DIR restart` after that is a restart alone, in a process of its own, and
//! `sidecar-scale LOG-DIR TIER-DIR still SECONDS` one that has nothing to do for so long, for those who watch it from without.
//!
//! The log directories and the tier are real, the broker is not: a cluster of one that leads everything and answers at
//! once. So the control requests are not in these figures.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use firnline_index::TopicIdPartition;
use firnline_index::lineage::EpochEnd;
use firnline_index::{ClusterId, LeaderEpoch, NodeId, Offset, PartitionIndex, TopicId, TopicName};
use firnline_logdir::LogDirs;
use firnline_offloader::sidecar::{
    NoSidecarFaults, OffReason, Sidecar, SidecarParts, SidecarSettings, Status, TopicPolicy, WaitReason,
};
use firnline_offloader::{
    AskError, Bound, BoundAsk, Cluster, ClusterError, DirectoryHost, DirectoryOptions, Leader, OpenProducer,
    PartitionView, Silent, TopicConfigs, TopicState, TopicView,
};
use firnline_store::{Env, Store};
use firnline_tier::{NoFaults, Tier, TierParts, TierSettings, Workers};

type Failure = Box<dyn Error>;

const USAGE: &str = "usage: sidecar-scale LOG-DIR TIER-DIR IDLE-SECONDS|restart|still SECONDS";

/// A broker that leads every partition of one topic, and never gets a record more.
#[derive(Debug)]
struct Still {
    ends: HashMap<PartitionIndex, Offset>,
    leader: Leader,
}

impl Still {
    /// The logs end where the files still written begin: `make-log` leaves them empty.
    fn of(log_dir: &Path) -> Result<Self, Failure> {
        let mut ends = HashMap::new();
        for entry in fs::read_dir(log_dir)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(partition) = name.strip_prefix("bulk-") else { continue };
            let bases = fs::read_dir(&path)?.filter_map(|file| {
                file.ok()?.file_name().to_str()?.strip_suffix(".log")?.parse::<i64>().ok()
            });
            let end = bases.max().ok_or("a partition without a file")?;
            ends.insert(PartitionIndex::new(partition.parse()?)?, Offset::new(end)?);
        }
        Ok(Self { ends, leader: Leader { node: NodeId::new(1)?, epoch: LeaderEpoch::new(0)? } })
    }

    fn bound(&self, ask: &BoundAsk) -> Result<Bound, AskError> {
        let high_watermark = *self.ends.get(&ask.tip.partition).ok_or(AskError::Unknown)?;
        let epoch_end = ask.epoch_end_of.map(|epoch| EpochEnd { epoch, end: high_watermark });
        Ok(Bound { leader: self.leader, high_watermark, log_start: Offset::ZERO, epoch_end })
    }

    fn state(&self) -> TopicState {
        let view = |partition: &PartitionIndex| PartitionView {
            partition: *partition,
            leader: Some(self.leader),
            replicas: vec![self.leader.node],
        };
        match TopicName::new("bulk") {
            Ok(name) => {
                TopicState::Known(TopicView { name, partitions: self.ends.keys().map(view).collect() })
            }
            Err(_) => TopicState::Unclear,
        }
    }
}

#[async_trait]
impl Cluster for Still {
    async fn topics(&self, ids: &[TopicId]) -> Result<Vec<TopicState>, ClusterError> {
        Ok(ids.iter().map(|_| self.state()).collect())
    }

    async fn topics_by_several(
        &self,
        ids: &[TopicId],
        brokers: usize,
    ) -> Result<Vec<Vec<TopicState>>, ClusterError> {
        Ok((0..brokers).map(|_| ids.iter().map(|_| self.state()).collect()).collect())
    }

    async fn bounds(&self, asks: &[BoundAsk]) -> Vec<Result<Bound, AskError>> {
        asks.iter().map(|ask| self.bound(ask)).collect()
    }

    async fn stable_offsets(&self, asks: &[BoundAsk]) -> Vec<Result<Offset, AskError>> {
        asks.iter().map(|ask| self.bound(ask).map(|bound| bound.high_watermark)).collect()
    }

    async fn open_producers(&self, _: &TopicIdPartition, _: Leader) -> Result<Vec<OpenProducer>, AskError> {
        Ok(Vec::new())
    }

    async fn configs(&self, topics: &[TopicName]) -> Vec<Result<TopicConfigs, AskError>> {
        topics.iter().map(|_| Ok(TopicConfigs::default())).collect()
    }
}

/// A look that was under way when the sidecar before was stopped holds the dirs for a moment more.
async fn opened(dirs: &LogDirs) -> Result<DirectoryHost, Failure> {
    let mut tries = 100;
    loop {
        match DirectoryHost::open(dirs, DirectoryOptions::new(Arc::new(|_| true))) {
            Err(_) if tries > 0 => tries -= 1,
            outcome => return Ok(outcome?),
        }
        tokio::time::sleep(ASK_OFTEN).await;
    }
}

async fn sidecar(
    log_dir: &Path,
    tier: &Path,
    cluster: &Arc<Still>,
    settings: SidecarSettings,
) -> Result<Sidecar, Failure> {
    let env = Env::system();
    let store = Store::directory(tier, env.clone());
    let tier_settings = TierSettings::for_store(store.settings());
    let parts = TierParts { store, env, workers: Workers::Threads, faults: Arc::new(NoFaults) };
    let id = ClusterId::new("benchBENCHbenchBENCHbe")?;
    let tier = Tier::open_for_writing(parts, tier_settings, &id).await?;
    let host = opened(&LogDirs::open(&[log_dir.to_owned()])?).await?;
    let parts = SidecarParts {
        tier,
        cluster: Arc::clone(cluster) as _,
        host: Arc::new(host),
        node: cluster.leader.node,
        faults: Arc::new(NoSidecarFaults),
        progress: Arc::new(Silent),
    };
    Ok(Sidecar::open(parts, settings).await?)
}

/// How often it is asked whether something has come about.
const ASK: Duration = Duration::from_millis(500);
/// The same where the time until then is measured.
const ASK_OFTEN: Duration = Duration::from_millis(50);
/// So often in a row nothing waits for its turn before a sidecar is said to be idle.
const IDLE_FOR: u32 = 40;

/// Runs until `enough`, asked `each` so often, and then for `more`.
async fn run_until(sidecar: &Sidecar, enough: impl Fn(&Status) -> bool, each: Duration, more: Duration) {
    let stop = async {
        while !enough(&sidecar.status()) {
            tokio::time::sleep(each).await;
        }
        tokio::time::sleep(more).await;
    };
    sidecar.run(stop).await;
}

/// The dirs, and what leads there.
struct Bench {
    log_dir: PathBuf,
    tier: PathBuf,
    cluster: Arc<Still>,
}

impl Bench {
    async fn sidecar(&self, settings: SidecarSettings) -> Result<Sidecar, Failure> {
        sidecar(&self.log_dir, &self.tier, &self.cluster, settings).await
    }

    /// Whether it has been decided of every partition what is to be done.
    fn known(&self, status: &Status) -> bool {
        let unknown = |wait: &WaitReason| matches!(wait, WaitReason::Off(OffReason::Unknown));
        status.partitions.len() == self.cluster.ends.len()
            && status
                .partitions
                .iter()
                .all(|p| p.tier_end.is_some() && p.leader.is_some() && !unknown(&p.wait))
    }

    fn through(&self, status: &Status) -> bool {
        self.known(status) && status.totals.lag_segments == 0
    }

    /// Ends when nothing has waited for its turn for a while. How long the turns after a restart take depends on the machine
    /// and on who watches it; an idle minute begins after them.
    async fn until_idle(&self, sidecar: &Sidecar) {
        let mut idle = 0;
        while idle < IDLE_FOR {
            tokio::time::sleep(ASK).await;
            let status = sidecar.status();
            let turns = status.partitions.iter().filter(|p| matches!(p.wait, WaitReason::Turn)).count();
            idle = if turns == 0 && self.through(&status) { idle + 1 } else { 0 };
        }
    }

    #[expect(clippy::disallowed_methods, reason = "it measures real time")]
    async fn upload(&self) -> Result<(), Failure> {
        let began = Instant::now();
        // Everything sealed goes up at once; summaries often, so that a restart finds a whole one.
        let at_once = SidecarSettings {
            policy_of: Arc::new(|_| TopicPolicy { target_bytes: 0, ..TopicPolicy::default() }),
            summary_interval: Duration::from_secs(5),
            ..SidecarSettings::default()
        };
        let first = self.sidecar(at_once).await?;
        run_until(&first, |status| self.through(status), ASK, Duration::from_secs(15)).await;
        let (partitions, seconds) = (self.cluster.ends.len(), began.elapsed().as_secs_f64());
        tell(&format!("\"part\":\"upload\",\"partitions\":{partitions},\"seconds\":{seconds:.1}"))
    }

    #[expect(clippy::disallowed_methods, reason = "it measures real time")]
    async fn restart(&self) -> Result<(), Failure> {
        let began = Instant::now();
        let again = self.sidecar(SidecarSettings::default()).await?;
        let took = std::cell::Cell::new(Duration::ZERO);
        let known = |status: &Status| {
            let known = self.known(status);
            took.set(began.elapsed());
            known
        };
        run_until(&again, known, ASK_OFTEN, Duration::ZERO).await;
        tell(&format!("\"part\":\"restart\",\"seconds\":{:.2}", took.get().as_secs_f64()))
    }

    /// A sidecar that has decided everything is told to be idle, and is for `seconds`.
    async fn still(&self, seconds: u64) -> Result<(), Failure> {
        let sidecar = self.sidecar(SidecarSettings::default()).await?;
        let idling = async {
            self.until_idle(&sidecar).await;
            tell(&format!("\"part\":\"still idle\",\"pid\":{}", std::process::id())).ok();
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        };
        sidecar.run(idling).await;
        Ok(())
    }

    /// One stretch of `idle` seconds whose processor time is told, and one in which somebody may count system calls.
    async fn idle(&self, idle: u64) -> Result<(), Failure> {
        let last = self.sidecar(SidecarSettings::default()).await?;
        let ticks = std::cell::Cell::new(0);
        let idling = async {
            self.until_idle(&last).await;
            ticks.set(cpu_ticks().unwrap_or(0));
            tokio::time::sleep(Duration::from_secs(idle)).await;
            ticks.set(cpu_ticks().unwrap_or(0) - ticks.get());
            tell(&format!("\"part\":\"still idle\",\"pid\":{}", std::process::id())).ok();
            tokio::time::sleep(Duration::from_secs(idle + 5)).await;
        };
        last.run(idling).await;
        tell(&format!(
            "\"part\":\"idle\",\"seconds\":{idle},\"cpu_seconds\":{:.2},\"resident_kib\":{},\"peak_kib\":{}",
            f64::from(u32::try_from(ticks.get())?) / 100.0,
            of_status("VmRSS:")?,
            of_status("VmHWM:")?
        ))
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [log_dir, tier, what @ ..] = words.as_slice() else { return Err(USAGE.into()) };
    let (log_dir, tier) = (PathBuf::from(log_dir), PathBuf::from(tier));
    let cluster = Arc::new(Still::of(&log_dir)?);
    let bench = Bench { log_dir, tier, cluster };
    match what {
        [one] if one == "restart" => bench.restart().await,
        [one, seconds] if one == "still" => bench.still(seconds.parse()?).await,
        [idle] => {
            bench.upload().await?;
            bench.restart().await?;
            bench.idle(idle.parse()?).await
        }
        _ => Err(USAGE.into()),
    }
}

fn tell(fields: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "{{{fields}}}")?;
    Ok(out.flush()?)
}

fn of_status(name: &str) -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name)).ok_or("no such line")?;
    Ok(line.split_whitespace().nth(1).ok_or("an empty line")?.parse()?)
}

/// User and system time of this process, in hundredths of a second.
fn cpu_ticks() -> Result<u64, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(')').ok_or("an odd stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
}
