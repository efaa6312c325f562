//! The log directories of stopped brokers: what lies in them, laid over what the tier holds, and looked at again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::{ClusterId, CommitId, PartitionIndex, TopicId, TopicIdPartition, TopicName};
use firnline_logdir::{BrokerLock, LogDir, LogDirError, LogDirs, SourceOptions};
use firnline_store::env::{Random, RandomExt as _};
use futures::{StreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::job::Job;
use super::scan::{Candidate, scan};
use super::{DisksError, Over, Rest};
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
    locks: Mutex<Locks>,
    /// When it was laid anew last. Held while laying, which takes as long as reading the disks does.
    laying: tokio::sync::Mutex<Option<Instant>>,
    topics: Mutex<Vec<DiskTopic>>,
    found: Mutex<Found>,
}

/// In which directories brokers have come to life.
#[derive(Debug, Default)]
struct Locks {
    held: HashSet<PathBuf>,
    /// How often one has.
    started: HashMap<PathBuf, u64>,
    /// Whether one has come or gone since it was laid last.
    changed: bool,
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
            locks: Mutex::default(),
            laying: tokio::sync::Mutex::default(),
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
    /// twice. What is not joined is said in the log; a partition of which the tier cannot be read is not served until it is.
    ///
    /// # Errors
    /// Where the directories cannot be listed.
    pub async fn lay(&self, reader: &Reader) -> Result<(), LogDirError> {
        let _laying = self.laying.lock().await;
        self.lay_some(reader, None).await
    }

    /// Looks each `every` whether a broker has come to life, and ends what lies in its directory. Costs one `fcntl` a directory,
    /// on a thread that may block: one that hangs holds up neither the caller nor the others. Never returns.
    pub async fn watch(&self, reader: &Reader, every: Duration) {
        let dirs = self.brokers.iter().flat_map(LogDirs::dirs);
        let each = stream::iter(dirs).for_each_concurrent(None, |dir| async move {
            loop {
                sleep(every).await;
                self.look_at_lock(reader, dir).await;
            }
        });
        each.await;
    }

    async fn look_at_lock(&self, reader: &Reader, dir: &LogDir) {
        let asked = dir.clone();
        let free = reader.inner.fetcher.workers.run(move || asked.broker_lock().is_surely_free()).await;
        let mut locks = self.locks();
        if free {
            locks.changed |= locks.held.remove(&dir.path);
        } else {
            if locks.held.insert(dir.path.clone()) {
                *locks.started.entry(dir.path.clone()).or_default() += 1;
                locks.changed = true;
                tracing::warn!(path = ?dir.path,
                    "a broker has come to life here; what only its files have is not read any more, and clients that ask for it \
                     are told to ask again");
            }
            for (_, rest) in reader.rests().all().iter().filter(|(_, rest)| rest.home() == dir.path) {
                rest.close();
            }
        }
        self.found.lock().unwrap_or_else(PoisonError::into_inner).held = locks.held.len() as u64;
    }

    /// Lays anew what is not as it was. Says whether the topics may be others by now.
    pub async fn look(&self, reader: &Reader) -> bool {
        let mut laid = self.laying.lock().await;
        if laid.is_some_and(|laid| laid.elapsed() < AGAIN) {
            return false;
        }
        let mut renew = reader.rests().to_renew();
        let rests: HashMap<_, _> = reader.rests().all().into_iter().collect();
        renew.extend(rests.iter().filter(|(_, rest)| rest.is_over()).map(|(tip, _)| tip.clone()));
        let changed = {
            let mut locks = self.locks();
            if !locks.changed {
                // While a broker is at work there is nothing new to be found.
                renew.retain(|tip| rests.get(tip).is_none_or(|rest| !locks.held.contains(rest.home())));
            }
            std::mem::take(&mut locks.changed)
        };
        if renew.is_empty() && !changed {
            return false;
        }
        *laid = Some(Instant::now());
        if let Err(error) = self.lay_some(reader, Some(&renew)).await {
            self.locks().changed |= changed;
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the log directories could not be looked at again"
            );
        }
        true
    }

    /// Lays these partitions, or all, and those that have nothing laid.
    async fn lay_some(
        &self,
        reader: &Reader,
        which: Option<&HashSet<TopicIdPartition>>,
    ) -> Result<(), LogDirError> {
        let (held, started) = {
            let locks = self.locks();
            (locks.held.clone(), locks.started.clone())
        };
        let brokers = Arc::clone(&self.brokers);
        let scanned = reader.inner.fetcher.workers.run(move || scan(&brokers, &held)).await?;
        let known = reader.rests().all();
        let tips = scanned.keys().chain(known.iter().map(|(tip, _)| tip));
        *self.topics.lock().unwrap_or_else(PoisonError::into_inner) = topics(tips);
        let has_one: HashSet<_> = known.iter().map(|(tip, _)| tip).collect();
        let is_wanted = |tip: &_| which.is_none_or(|which| which.contains(tip) || !has_one.contains(tip));
        let wanted: Vec<_> = scanned.into_iter().filter(|(tip, _)| is_wanted(tip)).collect();
        let made = wanted.into_iter().map(|(tip, candidates)| self.rest_of(reader, tip, candidates));
        let made: Vec<_> = stream::iter(made).buffer_unordered(AT_ONCE).collect().await;
        let rests: Vec<_> = made.into_iter().flatten().collect();
        {
            // A broker that came meanwhile has changed what was read.
            let locks = self.locks();
            let is_same = |home: &Path| locks.started.get(home) == started.get(home);
            for (_, rest) in rests.iter().filter(|(_, rest)| !is_same(rest.home())) {
                rest.close();
            }
        }
        reader.rests().lay(rests);
        let mut found = Found { held: self.locks().held.len() as u64, ..Found::default() };
        for (_, rest) in reader.rests().all().iter().filter(|(_, rest)| !rest.segments().is_empty()) {
            found.partitions += 1;
            found.bytes += rest.log_bytes();
            found.unproven += rest.unproven;
        }
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    /// What is to be laid of a partition, as its replicas hold it behind the tier's end; `None` where nothing is, or what is laid
    /// stays.
    async fn rest_of(
        &self,
        reader: &Reader,
        tip: TopicIdPartition,
        candidates: Vec<Candidate>,
    ) -> Option<(TopicIdPartition, Arc<Rest>)> {
        let told = match reader.inner.manifests.told(&tip).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(%tip, error = &error as &dyn std::error::Error,
                    "what a stopped broker has of a partition is not served: what the tier has of it cannot be read");
                reader.rests().is_unknown(&tip);
                return None;
            }
        };
        let job = Job {
            told: told.clone(),
            tip: tip.clone(),
            cluster_id: self.cluster_id.clone(),
            commit: CommitId::from_bytes(self.random.uuid()),
            beyond: self.beyond_checkpoint,
            options: self.options.clone(),
            random: Arc::clone(&self.random),
        };
        let known = reader.rests().of(&tip);
        let same = known.as_ref().is_some_and(|known| candidates.iter().any(|c| known.is_of(&c.partition)));
        let made = reader.inner.fetcher.workers.run(move || job.rest(&candidates)).await;
        let fits = |rest: &Rest| matches!(rest.over(told.as_deref()), Ok(Over::Told | Over::Laid(_)));
        let made = made.filter(|made| {
            let fits = fits(made);
            if !fits {
                tracing::warn!(%tip, path = ?made.log().partition().path,
                    "what a stopped broker has of a partition does not go on from what the tier has; it is not served");
            }
            fits
        });
        let Some(known) = known else {
            let made = made.filter(|made| !made.segments.is_empty() || made.basis.new.is_some());
            if made.is_none() {
                reader.rests().is_settled(&tip);
            }
            return made.map(|made| (tip, Arc::new(made)));
        };
        let stands = if known.is_over() {
            // A broker is at work in it: only who has as much takes its place.
            self.locks().held.contains(known.home())
                && made.as_ref().is_none_or(|made| made.end() < known.end())
        } else {
            // The same bytes with damage in them: that block alone cannot be read, and the end does not move back to it.
            let less = |made: &Rest| made.end() < known.end() && made.epoch() <= known.epoch();
            same && fits(&known) && made.as_ref().is_none_or(less)
        };
        if stands || made.is_none() {
            if !known.is_over() && fits(&known) {
                known.is_looked_at();
                reader.rests().is_settled(&tip);
            }
            return None;
        }
        made.map(|made| (tip, Arc::new(made)))
    }

    fn locks(&self) -> MutexGuard<'_, Locks> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
