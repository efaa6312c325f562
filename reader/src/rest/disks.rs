//! The log directories of stopped brokers: what lies in them, laid over what the tier holds, and looked at again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firnline_index::lineage::Lineage;
use firnline_index::manifest::{Manifest, ManifestKind};
use firnline_index::{ClusterId, CommitId, Offset, PartitionIndex, TopicId, TopicIdPartition, TopicName};
use firnline_logdir::files::CheckpointError;
use firnline_logdir::{
    BrokerLock, LocalLog, LogDir, LogDirError, LogDirs, OffsetCheckpoint, Offsets, PartitionDir,
    SourceOptions,
};
use firnline_store::env::{Random, RandomExt as _};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;

use super::choose::{Choice, Replica, choose};
use super::join::joins;
use super::survey::survey;
use super::write::write;
use super::{Basis, DisksError, Rest};
use crate::error::ReadError;
use crate::reader::Reader;

/// Partitions that are read at once.
const AT_ONCE: usize = 4;
/// How long until what could not be laid is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// Which directories, and how they are taken.
#[derive(Debug, Clone)]
pub struct DisksSettings {
    /// What brokers' `log.dirs` list; those of several brokers may stand beside each other.
    pub paths: Vec<PathBuf>,
    /// The cluster that they must belong to; `None` takes the one that they name.
    pub cluster_id: Option<ClusterId>,
    /// Whether to go on behind the high watermark that brokers wrote down, where nobody has proven anything.
    pub beyond_checkpoint: bool,
}

/// The log directories of stopped brokers.
#[derive(Debug)]
pub struct Disks {
    brokers: Arc<Vec<LogDirs>>,
    cluster_id: ClusterId,
    beyond_checkpoint: bool,
    random: Arc<dyn Random>,
    options: SourceOptions,
    state: tokio::sync::Mutex<State>,
    topics: Mutex<Vec<DiskTopic>>,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct State {
    /// Directories in which a broker has come to life.
    held: HashSet<PathBuf>,
    laid: HashSet<TopicIdPartition>,
    tried: Option<Instant>,
}

/// A topic with partitions on the disks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskTopic {
    /// Its name.
    pub name: TopicName,
    /// Its id.
    pub id: TopicId,
    /// One more than its highest partition there.
    pub partitions: u32,
}

/// What is served from the disks alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Partitions of which there is something.
    pub partitions: u64,
    /// Bytes of their batches.
    pub bytes: u64,
    /// Offsets among them of which nobody has proven that they were committed.
    pub unproven: u64,
    /// Directories that a broker holds by now.
    pub held: u64,
}

/// A replica of a partition.
#[derive(Debug, Clone)]
struct Candidate {
    partition: PartitionDir,
    checkpoint: Option<Offset>,
    log_start: Option<Offset>,
    cleaned_to: Option<Offset>,
}

type Candidates = HashMap<TopicIdPartition, Vec<Candidate>>;

impl Disks {
    /// Opens the directories. Blocks; a few small reads each.
    ///
    /// # Errors
    /// Where one is no log directory, belongs to another cluster, or a broker holds it.
    pub fn open(settings: DisksSettings, random: Arc<dyn Random>) -> Result<Self, DisksError> {
        let DisksSettings { paths, cluster_id, beyond_checkpoint } = settings;
        let mut by_node: BTreeMap<_, Vec<PathBuf>> = BTreeMap::new();
        let mut named = cluster_id;
        for path in paths {
            let dir = LogDir::open(&path)?;
            if let Some(cluster_id) = &named {
                dir.check_cluster(cluster_id)?;
            }
            named = named.or_else(|| dir.cluster_id.clone());
            must_be_free(&dir)?;
            by_node.entry(dir.node_id).or_default().push(path);
        }
        let brokers = by_node.into_values().map(LogDirs::open).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            brokers: Arc::new(brokers),
            cluster_id: named.ok_or(DisksError::NoCluster)?,
            beyond_checkpoint,
            random,
            // Nobody else reads these files.
            options: SourceOptions { spare_page_cache: false, ..SourceOptions::default() },
            state: tokio::sync::Mutex::default(),
            topics: Mutex::default(),
            found: Mutex::default(),
        })
    }

    /// Whose directories they are.
    #[must_use]
    pub const fn cluster_id(&self) -> &ClusterId {
        &self.cluster_id
    }

    /// The topics in them, as they were found last.
    #[must_use]
    pub fn topics(&self) -> Vec<DiskTopic> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is served from them alone.
    #[must_use]
    pub fn found(&self) -> Found {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lays what they hold over what the reader's tier holds. One GET for each partition; reads all that is not in the tier
    /// twice. What is not joined is said in the log.
    ///
    /// # Errors
    /// Where the directories cannot be listed, or the store does not answer.
    pub async fn lay(&self, reader: &Reader) -> Result<(), LayError> {
        let mut state = self.state.lock().await;
        self.lay_some(reader, &mut state, None).await
    }

    /// Looks whether a broker has come to life, and lays anew what is not as it was. Costs one `fcntl` a directory where
    /// nothing has changed. Says whether the topics may be others by now.
    pub async fn look(&self, reader: &Reader) -> bool {
        let mut state = self.state.lock().await;
        let freed = self.look_at_locks(reader, &mut state);
        if state.tried.is_some_and(|tried| tried.elapsed() < AGAIN) {
            return false;
        }
        let mut renew = reader.rests().to_renew();
        let closed = |tip: &&TopicIdPartition| reader.rests().of(tip).is_some_and(|rest| rest.is_over());
        renew.extend(state.laid.iter().filter(closed).cloned());
        // While a broker is at work there is nothing to be looked at.
        renew.retain(|tip| {
            reader
                .rests()
                .of(tip)
                .is_none_or(|rest| home(&rest).is_none_or(|home| !state.held.contains(home)))
        });
        if renew.is_empty() && !freed {
            return false;
        }
        state.tried = Some(Instant::now());
        if let Err(error) = self.lay_some(reader, &mut state, Some(&renew)).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the log directories could not be looked at again"
            );
        }
        true
    }

    /// Ends the rests in directories that a broker holds by now. Says whether one was given free.
    fn look_at_locks(&self, reader: &Reader, state: &mut State) -> bool {
        let mut freed = false;
        for dir in self.brokers.iter().flat_map(LogDirs::dirs) {
            if dir.broker_lock().is_surely_free() {
                freed |= state.held.remove(&dir.path);
                continue;
            }
            for tip in &state.laid {
                if let Some(rest) = reader.rests().of(tip).filter(|rest| home(rest) == Some(&*dir.path)) {
                    rest.close();
                }
            }
            if state.held.insert(dir.path.clone()) {
                tracing::warn!(path = ?dir.path,
                    "a broker has come to life here; what only its files have is not read any more, and clients that ask for it \
                     are told to ask again");
            }
        }
        self.found.lock().unwrap_or_else(PoisonError::into_inner).held = state.held.len() as u64;
        freed
    }

    /// Lays these partitions, or all. A partition whose files cannot be joined keeps the rest that it had, if it had one: that is
    /// over or does not fit then, so that nobody is told that an offset of it is out of range.
    async fn lay_some(
        &self,
        reader: &Reader,
        state: &mut State,
        which: Option<&HashSet<TopicIdPartition>>,
    ) -> Result<(), LayError> {
        let (brokers, held) = (Arc::clone(&self.brokers), state.held.clone());
        let scanned = reader.inner.fetcher.workers.run(move || scan(&brokers, &held)).await?;
        *self.topics.lock().unwrap_or_else(PoisonError::into_inner) = topics(scanned.keys());
        let is_wanted = |tip: &_| which.is_none_or(|which| which.contains(tip) || !state.laid.contains(tip));
        let wanted: Vec<_> = scanned.into_iter().filter(|(tip, _)| is_wanted(tip)).collect();
        let made = wanted.into_iter().map(|(tip, candidates)| self.rest_of(reader, tip, candidates));
        let made: Vec<_> = stream::iter(made).buffer_unordered(AT_ONCE).try_collect().await?;
        let rests: Vec<_> = made.into_iter().flatten().collect();
        state.laid.extend(rests.iter().map(|(tip, _)| tip.clone()));
        reader.rests().lay(rests);
        let mut found = Found { held: state.held.len() as u64, ..Found::default() };
        for rest in state.laid.iter().filter_map(|tip| reader.rests().of(tip)) {
            found.partitions += 1;
            found.bytes += rest.log_bytes();
            found.unproven += rest.unproven;
        }
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    /// What the replicas of a partition hold behind the tier's end; `None` where that is nothing.
    async fn rest_of(
        &self,
        reader: &Reader,
        tip: TopicIdPartition,
        candidates: Vec<Candidate>,
    ) -> Result<Option<(TopicIdPartition, Arc<Rest>)>, LayError> {
        let told = reader.inner.manifests.told(&tip).await.map_err(Box::new)?;
        let known = reader.rests().of(&tip).is_some();
        let job = Job {
            told,
            tip: tip.clone(),
            cluster_id: self.cluster_id.clone(),
            commit: CommitId::from_bytes(self.random.uuid()),
            beyond: self.beyond_checkpoint,
            options: self.options.clone(),
            random: Arc::clone(&self.random),
        };
        let rest = reader.inner.fetcher.workers.run(move || job.rest(&candidates)).await;
        // One that had a rest and has none now keeps an empty one, which fits what the tier tells.
        Ok(rest
            .filter(|rest| known || !rest.segments.is_empty() || rest.basis.new.is_some())
            .map(|rest| (tip, Arc::new(rest))))
    }
}

/// The replicas of each partition, in directories that no broker holds.
fn scan(brokers: &[LogDirs], held: &HashSet<PathBuf>) -> Result<Candidates, LogDirError> {
    let mut all = Candidates::new();
    for broker in brokers {
        let inventory = broker.scan()?;
        for refused in &inventory.refused {
            tracing::warn!(path = ?refused.path, why = &refused.why as &dyn std::error::Error,
                "a partition on the disk is not served");
        }
        let mut told = HashMap::new();
        for dir in broker.dirs() {
            told.insert(dir.path.as_path(), Checkpoints::of(dir));
        }
        for partition in inventory.partitions {
            let home = partition.path.parent().unwrap_or(Path::new(""));
            if held.contains(home) || partition.segments.is_empty() {
                continue;
            }
            let name = (partition.tip.topic.clone(), partition.tip.partition);
            let told = told.get(home);
            let of =
                |which: fn(&Checkpoints) -> &Offsets| told.and_then(|told| which(told).get(&name).copied());
            let candidate = Candidate {
                checkpoint: of(|told| &told.watermarks),
                log_start: of(|told| &told.starts),
                cleaned_to: of(|told| &told.cleaned),
                partition,
            };
            all.entry(candidate.partition.tip.clone()).or_default().push(candidate);
        }
    }
    Ok(all)
}

/// Directories whose contents were not laid.
#[derive(Debug, thiserror::Error)]
pub enum LayError {
    /// They cannot be listed.
    #[error(transparent)]
    LogDir(#[from] LogDirError),
    /// What the tier holds of a partition cannot be read.
    #[error("read what the tier holds of a partition on the disks")]
    Tier(#[from] Box<ReadError>),
}

/// What a broker wrote down of a directory's partitions.
#[derive(Debug, Default)]
struct Checkpoints {
    watermarks: Offsets,
    starts: Offsets,
    cleaned: Offsets,
}

impl Checkpoints {
    fn of(dir: &LogDir) -> Self {
        let read = |which: OffsetCheckpoint| match dir.offsets(which) {
            Ok(None) => Offsets::new(),
            Ok(Some(Ok(offsets))) => offsets,
            // A cleaner that has never had anything to do leaves an empty file.
            Ok(Some(Err(CheckpointError::Version { version }))) if version.is_empty() => Offsets::new(),
            Ok(Some(Err(error))) => {
                tracing::warn!(path = ?dir.path, file = which.file_name(),
                    error = &error as &dyn std::error::Error, "a checkpoint cannot be understood and is left out");
                Offsets::new()
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a checkpoint is left out");
                Offsets::new()
            }
        };
        Self {
            watermarks: read(OffsetCheckpoint::HighWatermark),
            starts: read(OffsetCheckpoint::LogStart),
            cleaned: read(OffsetCheckpoint::Cleaned),
        }
    }
}

/// One partition's rest, made on a thread that may block.
struct Job {
    told: Option<Arc<Manifest>>,
    tip: TopicIdPartition,
    cluster_id: ClusterId,
    commit: CommitId,
    beyond: bool,
    options: SourceOptions,
    random: Arc<dyn Random>,
}

impl Job {
    fn rest(&self, candidates: &[Candidate]) -> Option<Rest> {
        let replicas: Vec<Replica> =
            candidates.iter().map(|candidate| self.replica(candidate, candidates.len() > 1)).collect();
        let Choice { at, proven } = choose(&replicas)?;
        let (candidate, replica) = (&candidates[at], &replicas[at]);
        let end = if self.beyond { replica.end } else { proven };
        let (tip, path) = (&self.tip, &candidate.partition.path);
        let above = offsets(proven, replica.end);
        if above > 0 && self.beyond {
            tracing::warn!(%tip, ?path, offsets = above, from = proven.get(),
                "of these offsets nobody has proven that they were committed; they are served as --beyond-checkpoint says");
        } else if above > 0 {
            tracing::warn!(%tip, ?path, offsets = above, from = proven.get(),
                "the log goes on above the high watermark that was written down; nobody has proven that this was committed, and it \
                 is not served");
        }
        let (manifest, new) = match &self.told {
            Some(told) => (Manifest::clone(told), None),
            None => {
                let new = self.new_manifest(replica.from);
                (new.clone(), Some(Box::new(new)))
            }
        };
        let segments = match write(&candidate.partition, &manifest, end, &self.options, &*self.random) {
            Ok(segments) => segments,
            Err(error) => {
                tracing::warn!(%tip, ?path, error = &error as &dyn std::error::Error,
                    "what a stopped broker has of a partition is not served");
                return None;
            }
        };
        let last = segments.last().map_or(manifest.tier_end, |last| last.entry.range.end());
        if let Some(first) = segments.first() {
            tracing::info!(%tip, ?path, from = first.entry.range.start().get(), end = last.get(),
                "the log goes on from a stopped broker's disk");
        }
        Some(Rest {
            basis: Basis { new, ..Basis::of(&manifest) },
            log: LocalLog::new(candidate.partition.clone(), self.options.clone()),
            start: candidate.log_start.filter(|_| self.told.is_none()).unwrap_or(Offset::ZERO),
            unproven: offsets(proven, last),
            segments,
            over: false.into(),
            stale: false.into(),
        })
    }

    /// What a replica is worth, if only as a witness for others. Blocks.
    fn replica(&self, candidate: &Candidate, others: bool) -> Replica {
        let Candidate { partition, checkpoint, log_start, cleaned_to } = candidate;
        let (tip, path) = (&self.tip, &partition.path);
        let first = partition.segments.first().map_or(Offset::ZERO, |segment| segment.base);
        let from = match &self.told {
            Some(told) => told.tier_end.max(first),
            // The file that holds the first record that may be read.
            None => {
                let start = log_start.unwrap_or(first);
                let files = partition.segments.iter().map(|segment| segment.base);
                files.take_while(|base| *base <= start).last().unwrap_or(first)
            }
        };
        let log = LocalLog::new(partition.clone(), self.options.clone());
        let joined = match &self.told {
            Some(told) => joins(&log, told, &self.options),
            None => Ok(true),
        };
        let joins = joined.unwrap_or_else(|why| {
            tracing::warn!(%tip, ?path, why = &why as &dyn std::error::Error,
                "a stopped broker's log does not go on where the tier ends; it is not served");
            false
        });
        if !joins && !others {
            return Replica { joins, from, end: from, lineage: Lineage::empty(), checkpoint: *checkpoint };
        }
        let found = survey(partition, from, *cleaned_to, &self.options);
        if let Some(stopped) = found.stopped.filter(|_| joins) {
            tracing::warn!(%tip, ?path, end = found.end.get(), why = &stopped as &dyn std::error::Error,
                "a stopped broker's log is served up to here alone");
        }
        Replica { joins, from, end: found.end, lineage: found.lineage, checkpoint: *checkpoint }
    }

    fn new_manifest(&self, start: Offset) -> Manifest {
        Manifest::new(ManifestKind::Sidecar, self.cluster_id.clone(), self.tip.clone(), start, self.commit)
    }
}

fn offsets(from: Offset, end: Offset) -> u64 {
    end.checked_sub(from).unwrap_or(0)
}

/// The log directory that a rest lies in.
fn home(rest: &Rest) -> Option<&Path> {
    rest.log().partition().path.parent()
}

fn topics<'a>(tips: impl Iterator<Item = &'a TopicIdPartition>) -> Vec<DiskTopic> {
    let mut all: BTreeMap<(TopicName, TopicId), u32> = BTreeMap::new();
    for tip in tips {
        let count = all.entry((tip.topic.clone(), tip.topic_id)).or_default();
        *count = (*count).max(number(tip.partition) + 1);
    }
    all.into_iter().map(|((name, id), partitions)| DiskTopic { name, id, partitions }).collect()
}

fn number(partition: PartitionIndex) -> u32 {
    partition.get().unsigned_abs()
}

fn must_be_free(dir: &LogDir) -> Result<(), DisksError> {
    let path = dir.path.clone();
    match dir.broker_lock() {
        BrokerLock::Free | BrokerLock::Absent => Ok(()),
        BrokerLock::Held { pid } => Err(DisksError::Broker { path, pid }),
        BrokerLock::Unknown(source) => Err(DisksError::Untold { path, source }),
    }
}
