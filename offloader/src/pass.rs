//! One pass over the log directories of a broker.
//!
//! Partitions are worked on a few at a time, in order of topic and partition; memory is bounded by the tier's upload
//! budget and by one read buffer for each partition under way, however many there are.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use firnline_index::{ClusterId, NodeId, TopicId, TopicName};
use firnline_logdir::{
    BrokerLock, IoProblem, LogDir, LogDirError, LogDirs, NotLog, NotLogReason, PartitionDir, SourceOptions,
};
use firnline_tier::{SegmentForm, Tier};
use futures::StreamExt;

use crate::holes::Holes;
use crate::log::{DirectoryLog, PartitionLog};
use crate::partition::PartitionJob;
use crate::plan::{CommitBound, PlanPolicy};
use crate::progress::Progress;
use crate::report::{PartitionReport, PassReport, Problem};

/// Which topics a pass takes: whether it takes the one named.
pub type TopicFilter = Arc<dyn Fn(&TopicName) -> bool + Send + Sync>;
/// How each topic's segments are stored.
pub type FormOf = Arc<dyn Fn(&TopicName) -> SegmentForm + Send + Sync>;

/// What a pass does; values, and a filter.
#[derive(Clone)]
pub struct PassPolicy {
    /// Which topics are taken.
    pub topics: TopicFilter,
    /// Whether topics whose names begin with `__` are taken. They are compacted, so their holes are allowed.
    pub internal_topics: bool,
    /// The shape of the segments.
    pub plan: PlanPolicy,
    /// How each topic's segments are stored.
    pub form_of: FormOf,
    /// Whether other topics' logs may leave out offsets.
    pub holes: Holes,
    /// How far the logs are committed.
    pub bound: CommitBound,
    /// Partitions worked on at once.
    pub parallel: usize,
}

impl Default for PassPolicy {
    fn default() -> Self {
        Self {
            topics: Arc::new(|_| true),
            internal_topics: false,
            plan: PlanPolicy::default(),
            form_of: Arc::new(|_| SegmentForm::default()),
            holes: Holes::Refuse,
            bound: CommitBound::AssumeLogEnd,
            parallel: 8,
        }
    }
}

impl fmt::Debug for PassPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassPolicy")
            .field("internal_topics", &self.internal_topics)
            .field("plan", &self.plan)
            .field("holes", &self.holes)
            .field("bound", &self.bound)
            .field("parallel", &self.parallel)
            .finish_non_exhaustive()
    }
}

/// What a pass works on.
#[derive(Debug, Clone)]
pub struct PassInputs {
    /// The log directories of one broker.
    pub log_dirs: LogDirs,
    /// The tier, opened for writing.
    pub tier: Tier,
    /// What to do.
    pub policy: PassPolicy,
    /// How files are read.
    pub source: SourceOptions,
    /// Who is told.
    pub progress: Arc<dyn Progress>,
}

/// A pass that was not begun.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// A broker runs on a log directory, and nobody was asked what is committed.
    #[error(
        "a broker{} holds {path:?}; what is committed cannot be assumed while it runs",
        .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    BrokerRunning {
        /// The log directory.
        path: PathBuf,
        /// The broker, where it can be told.
        pid: Option<i32>,
    },
    /// It cannot be told whether a broker runs.
    #[error("it cannot be told whether a broker holds {path:?}; what is committed cannot be assumed")]
    LockUnknown {
        /// The log directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: IoProblem,
    },
    /// The log directories are another cluster's than the tier.
    #[error("the log directories do not belong to the tier's cluster")]
    OtherCluster(#[source] LogDirError),
    /// The log directories cannot be listed.
    #[error("list the log directories")]
    Scan(#[source] LogDirError),
}

impl PassError {
    /// Whether it was refused for safety, and not for want of something.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::BrokerRunning { .. } | Self::LockUnknown { .. } | Self::OtherCluster(_))
    }
}

/// The cluster that the log directories belong to; a tier is opened with it. They were opened together, so one that tells
/// speaks for all.
#[must_use]
pub fn cluster_of(log_dirs: &LogDirs) -> Option<&ClusterId> {
    log_dirs.dirs().iter().find_map(|dir| dir.cluster_id.as_ref())
}

/// Brings every partition that the policy takes into the tier, up to its last sealed file. What is wrong with one
/// partition does not keep the others back; the report has it. Idempotent: what is in the tier is not uploaded again.
///
/// Cost: one GET per partition; see `docs/decisions` for what a segment costs. Cancel safe in that the tier stays
/// consistent: objects already uploaded and not yet committed stay as orphans.
pub async fn run_once(inputs: &PassInputs) -> Result<PassReport, PassError> {
    let PassInputs { log_dirs, tier, policy, progress, .. } = inputs;
    for dir in log_dirs.dirs() {
        dir.check_cluster(tier.cluster_id()).map_err(PassError::OtherCluster)?;
        must_be_free(dir, policy.bound)?;
    }
    let scanned = log_dirs.clone();
    let inventory = tier.workers().run(move || scanned.scan()).await.map_err(PassError::Scan)?;
    let mut report =
        PassReport { refused: inventory.refused, not_logs: inventory.not_logs, ..PassReport::default() };
    for partition in &inventory.partitions {
        let foreign = partition.foreign.iter().map(|name| partition.path.join(name));
        report.not_logs.extend(foreign.map(|path| NotLog { path, why: NotLogReason::Foreign }));
    }
    report.refused.retain(|refused| takes(policy, &refused.topic));
    let partitions = select(policy, inventory.partitions, &mut report);
    let bytes = partitions.iter().flat_map(|p| &p.segments).filter(|s| !s.active).map(|s| s.len).sum();
    progress.found(partitions.len(), bytes);

    let node = log_dirs.dirs().iter().find_map(|dir| dir.node_id);
    let mut counts: HashMap<TopicId, u32> = HashMap::new();
    for tip in partitions.iter().map(|dir| &dir.tip) {
        let count = u32::try_from(tip.partition.get()).unwrap_or(0).saturating_add(1);
        counts.entry(tip.topic_id).and_modify(|known| *known = count.max(*known)).or_insert(count);
    }
    let work = partitions.into_iter().map(|dir| {
        let count = counts.get(&dir.tip.topic_id).copied().unwrap_or(0);
        one(inputs, node, dir, count)
    });
    report.partitions = futures::stream::iter(work).buffer_unordered(policy.parallel.max(1)).collect().await;
    report.partitions.sort_by(|a, b| a.tip.cmp(&b.tip));
    Ok(report)
}

async fn one(
    inputs: &PassInputs,
    node: Option<NodeId>,
    dir: PartitionDir,
    topic_partitions: u32,
) -> PartitionReport {
    let PassInputs { log_dirs, tier, policy, source, progress } = inputs;
    let path = dir.path.clone();
    let holes = if is_internal(&dir.tip.topic) { Holes::Allow } else { policy.holes };
    let job = PartitionJob {
        tier: tier.clone(),
        node,
        bound: policy.bound,
        plan: policy.plan,
        form: (policy.form_of)(&dir.tip.topic),
        holes,
        topic_partitions,
        progress: Arc::clone(progress),
    };
    let home = log_dirs.dirs().iter().find(|home| path.starts_with(&home.path));
    let may_commit = || match home.map(|home| must_be_free(home, policy.bound)) {
        Some(Err(_)) => {
            Err(Problem::BrokerStarted { path: home.map(|h| h.path.clone()).unwrap_or_default() })
        }
        Some(Ok(())) | None => Ok(()),
    };
    let log: Arc<dyn PartitionLog> = Arc::new(DirectoryLog { dir, options: source.clone() });
    let mut report = job.run(&log, &may_commit).await;
    report.path = Some(path);
    report
}

/// Without a broker to ask, what is on disk counts as committed; a running broker may still truncate it.
fn must_be_free(dir: &LogDir, bound: CommitBound) -> Result<(), PassError> {
    if bound != CommitBound::AssumeLogEnd {
        return Ok(());
    }
    match dir.broker_lock() {
        BrokerLock::Free | BrokerLock::Absent => Ok(()),
        BrokerLock::Held { pid } => Err(PassError::BrokerRunning { path: dir.path.clone(), pid }),
        BrokerLock::Unknown(source) => Err(PassError::LockUnknown { path: dir.path.clone(), source }),
    }
}

fn takes(policy: &PassPolicy, topic: &TopicName) -> bool {
    (policy.topics)(topic) && (policy.internal_topics || !is_internal(topic))
}

/// Kafka's own topics, and those of tools that follow its habit.
fn is_internal(topic: &TopicName) -> bool {
    topic.as_str().starts_with("__")
}

fn select(policy: &PassPolicy, found: Vec<PartitionDir>, report: &mut PassReport) -> Vec<PartitionDir> {
    let mut taken = Vec::with_capacity(found.len());
    for partition in found {
        if !(policy.topics)(&partition.tip.topic) {
            report.filtered += 1;
        } else if is_internal(&partition.tip.topic) && !policy.internal_topics {
            report.internal += 1;
        } else {
            taken.push(partition);
        }
    }
    taken
}
