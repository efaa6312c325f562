//! Log directories as a [`Host`].
//!
//! ```text
//!   kernel ──names──► watching (a thread) ──pins new files at once──► .firnline-pin.…
//!                          │ what was noticed
//!                          ▼
//!   look() ── inventory: what was noticed, and from time to time everything ──► chains of each partition
//! ```
//! An idle look costs one `statvfs` per log dir, and nothing per partition. Every [`DirectoryOptions::scan_interval`] the
//! roots are listed and each partition's directory is looked at once (`stat`), as the truth behind the events; where the
//! system tells no events, every [`DirectoryOptions::scan_interval_unwatched`].

mod held;
mod inventory;
mod pins;
mod shared;
mod visit;
mod watching;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firnline_index::{LeaderEpoch, Offset, TopicIdPartition};
use firnline_logdir::{
    GaveWay, LogDirs, PinDir, PinName, Reserve, SidecarLock, SourceOptions, WatchProblem, Watcher,
    WitnessEntry, WitnessJournal,
};
use tokio::time::Instant;

use super::{GivenWay, HeldPartition, Host, HostError, PinId, Space, Witness};
use inventory::Inventory;
pub use shared::Wanted;
use shared::{Dir, Shared, lock};
use watching::Watching;

/// How a host over log directories works.
#[derive(Clone)]
pub struct DirectoryOptions {
    /// Which partitions are pinned. `__cluster_metadata` never is.
    pub wanted: Wanted,
    /// How segments are read.
    pub source: SourceOptions,
    /// Bytes kept free on the disk of each log dir, by letting pins give way. 0 keeps none.
    pub reserve_bytes: u64,
    /// How often everything is looked at while events tell what changes.
    pub scan_interval: Duration,
    /// The same where they do not, or not for all partitions.
    pub scan_interval_unwatched: Duration,
    /// Whether to ask the kernel for events.
    pub watch: bool,
}

impl DirectoryOptions {
    /// Pins what is `wanted`; everything else as usual.
    pub fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            source: SourceOptions::default(),
            reserve_bytes: 0,
            scan_interval: Duration::from_secs(30),
            scan_interval_unwatched: Duration::from_secs(5),
            watch: true,
        }
    }
}

impl std::fmt::Debug for DirectoryOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectoryOptions").field("reserve_bytes", &self.reserve_bytes).finish_non_exhaustive()
    }
}

/// The log directories of one broker. One process at a time has them.
#[derive(Debug)]
pub struct DirectoryHost {
    shared: Arc<Shared>,
    options: DirectoryOptions,
    state: Mutex<State>,
    _watching: Option<Watching>,
}

#[derive(Debug)]
struct State {
    inventory: Inventory,
    scanned_at: Option<Instant>,
}

impl DirectoryHost {
    /// Takes the log dirs: one lock each, a probe whether files can be pinned, and what was remembered there. Nothing is
    /// pinned before the first look. Blocks.
    pub fn open(dirs: &LogDirs, options: DirectoryOptions) -> Result<Self, HostError> {
        let mut opened = Vec::new();
        let mut names = HashMap::new();
        for dir in dirs.dirs() {
            let dir = open_dir(&dir.path, &options)?;
            names.extend(lock(&dir.witness).names().iter().map(|(id, name)| (*id, name.clone())));
            opened.push(dir);
        }
        let watcher = match options.watch.then(Watcher::new).transpose() {
            Ok(watcher) => watcher,
            Err(problem @ WatchProblem::Limit(_)) => {
                tracing::warn!(error = %problem, "nothing is watched");
                None
            }
            Err(problem) => return Err(HostError::new("watch the log dirs", problem)),
        };
        let shared = Arc::new(Shared::new(opened, watcher, Arc::clone(&options.wanted)));
        shared.watch_roots().map_err(|problem| HostError::new("watch the log dirs", problem))?;
        let watching = shared.watcher.is_some().then(|| Watching::start(&shared)).transpose();
        let watching = watching.map_err(|error| HostError::new("start watching", error))?;
        let state = Mutex::new(State { inventory: Inventory::new(names), scanned_at: None });
        Ok(Self { shared, options, state, _watching: watching })
    }

    /// From now on these partitions are pinned. Pins of others stay until they are released.
    pub fn set_wanted(&self, wanted: Wanted) {
        self.shared.set_wanted(wanted);
    }

    /// What could not be read or pinned at the last look, by path, with the reason.
    pub fn problems(&self) -> Vec<(PathBuf, String)> {
        lock(&self.state).inventory.problems()
    }

    /// The same without directories that only wait for the broker to write their topic's id.
    pub fn lasting_problems(&self) -> Vec<(PathBuf, String)> {
        lock(&self.state).inventory.lasting_problems()
    }

    /// Whether events tell what changes, in all partitions.
    pub fn is_watched(&self) -> bool {
        self.shared.is_watched()
    }

    /// Lets pins give way where the disk is short. Tells whether any did.
    fn keep_reserve(&self) -> Result<bool, HostError> {
        let mut any = false;
        for dir in &self.shared.dirs {
            let what = || format!("keep the reserve of {:?}", dir.path);
            let kept = lock(&dir.reserve).keep().map_err(|error| HostError::new(what(), error))?;
            for pin in &kept.gave_way {
                tracing::warn!(
                    topic_id = %pin.topic_id, partition = %pin.partition, start = %pin.range.start(),
                    end = %pin.range.end(), bytes = pin.bytes, "a pin gave way to the reserve of free space"
                );
                any = true;
            }
        }
        Ok(any)
    }
}

fn open_dir(path: &std::path::Path, options: &DirectoryOptions) -> Result<Dir, HostError> {
    let lock = SidecarLock::take(path).map_err(|e| HostError::new(format!("take log dir {path:?}"), e))?;
    let pins = PinDir::open(path).map_err(|e| HostError::new(format!("open log dir {path:?}"), e))?;
    pins.probe().map_err(|e| HostError::new(format!("try to pin in log dir {path:?}"), e))?;
    let witness = WitnessJournal::open(path)
        .map_err(|e| HostError::new(format!("read what is remembered in {path:?}"), e))?;
    if witness.damaged > 0 {
        tracing::warn!(log_dir = ?path, lines = witness.damaged, "the witness journal has damaged lines, which are left out");
    }
    let reserve = Reserve::new(path, options.reserve_bytes)
        .map_err(|e| HostError::new(format!("open log dir {path:?}"), e))?;
    Ok(Dir {
        path: path.to_owned(),
        pins,
        witness: Mutex::new(witness),
        reserve: Mutex::new(reserve),
        _lock: lock,
    })
}

impl Host for DirectoryHost {
    fn look(&self) -> Result<Vec<Arc<HeldPartition>>, HostError> {
        let gave_way = self.keep_reserve()?;
        let mut state = lock(&self.state);
        let noticed = self.shared.take_noticed();
        let interval = if self.shared.is_watched() {
            self.options.scan_interval
        } else {
            self.options.scan_interval_unwatched
        };
        let now = Instant::now();
        let due = state.scanned_at.is_none_or(|at| now.duration_since(at) >= interval);
        let scan = due || noticed.scan || gave_way;
        // If this fails, what was noticed is lost with it: the next look starts from everything.
        state.scanned_at = state.scanned_at.filter(|_| !scan);
        let scanned_at = state.scanned_at;
        let outcome = state.inventory.look(&self.shared, &self.options.source, noticed, scan);
        if let Err(problem) = outcome {
            state.scanned_at = None;
            self.shared.notice(|noticed| (noticed.scan, noticed.lost) = (true, true));
            return Err(HostError::new("look at the log dirs", problem));
        }
        state.scanned_at = if scan { Some(now) } else { scanned_at };
        Ok(state.inventory.list())
    }

    fn look_at(&self, tip: &TopicIdPartition) -> Result<Option<Arc<HeldPartition>>, HostError> {
        let mut state = lock(&self.state);
        let key = (tip.topic_id, tip.partition);
        let looked = state.inventory.look_at(&self.shared, &self.options.source, &key);
        looked
            .map_err(|problem| HostError::new(format!("look at {}-{}", tip.topic, tip.partition), problem))?;
        Ok(state.inventory.get(&key))
    }

    fn doubt(&self, tip: &TopicIdPartition) {
        lock(&self.state).inventory.pins.doubt(&(tip.topic_id, tip.partition));
    }

    fn release(&self, pins: &[PinId]) -> Result<(), HostError> {
        let mut state = lock(&self.state);
        for (at, dir) in self.shared.dirs.iter().enumerate() {
            let here = pins.iter().filter(|pin| pin.dir == at);
            let names: Vec<PinName> = here.filter_map(|pin| PinName::parse(&pin.name)).collect();
            dir.pins.remove(&names).map_err(|e| HostError::new("remove pins", e))?;
            let keys = names.iter().map(|name| {
                state.inventory.released(at, name);
                (name.topic_id, name.partition)
            });
            let keys = keys.collect();
            state.inventory.rebuild(&self.shared, &self.options.source, keys);
        }
        Ok(())
    }

    fn space(&self) -> Result<Vec<Space>, HostError> {
        let state = lock(&self.state);
        let dirs = self.shared.dirs.iter().enumerate();
        dirs.map(|(at, dir)| {
            let space = lock(&dir.reserve).space();
            let space = space.map_err(|e| HostError::new("ask for free space", e))?;
            let sole_link = state.inventory.pins.sole_bytes(at);
            Ok(Space { free: space.free, total: space.total, sole_link })
        })
        .collect()
    }

    fn given_way(&self) -> Result<Vec<GivenWay>, HostError> {
        let mut all = Vec::new();
        for dir in &self.shared.dirs {
            let untold = lock(&dir.reserve).untold();
            let untold = untold
                .map_err(|e| HostError::new(format!("read which pins gave way in {:?}", dir.path), e))?;
            all.push(untold);
        }
        // Told only when all could be read: what one dir notes must not be lost because another cannot be read.
        for (dir, untold) in self.shared.dirs.iter().zip(&all) {
            lock(&dir.reserve).told(untold);
        }
        let given = |entry: GaveWay| GivenWay {
            topic_id: entry.topic_id,
            partition: entry.partition,
            range: entry.range,
        };
        Ok(all.into_iter().flat_map(|untold| untold.pins).map(given).collect())
    }

    fn remember(&self, witnesses: &[Witness]) -> Result<(), HostError> {
        let mut by_dir: Vec<Vec<&Witness>> = vec![Vec::new(); self.shared.dirs.len()];
        {
            let state = lock(&self.state);
            for witness in witnesses {
                let key = (witness.tip.topic_id, witness.tip.partition);
                by_dir[state.inventory.home(&key)].push(witness);
            }
        }
        for (dir, witnesses) in self.shared.dirs.iter().zip(by_dir) {
            let entries: Vec<WitnessEntry> = witnesses.iter().map(|witness| entry(witness)).collect();
            let names = witnesses.iter().map(|witness| (witness.tip.topic_id, &witness.tip.topic));
            let mut journal = lock(&dir.witness);
            journal
                .name(names)
                .and_then(|()| journal.remember(&entries))
                .map_err(|e| HostError::new(format!("remember in {:?}", dir.path), e))?;
        }
        Ok(())
    }

    fn forget(&self, tips: &[TopicIdPartition]) -> Result<(), HostError> {
        let keys: Vec<_> = tips.iter().map(|tip| (tip.topic_id, tip.partition)).collect();
        let state = lock(&self.state);
        for dir in &self.shared.dirs {
            lock(&dir.witness)
                .forget(&keys, |topic_id| state.inventory.has_topic(topic_id))
                .map_err(|e| HostError::new(format!("forget in {:?}", dir.path), e))?;
        }
        Ok(())
    }

    fn witnesses(&self) -> Result<Vec<Witness>, HostError> {
        let mut found: HashMap<pins::Key, WitnessEntry> = HashMap::new();
        let mut names = HashMap::new();
        for dir in &self.shared.dirs {
            let journal = lock(&dir.witness);
            names.extend(journal.names().iter().map(|(id, name)| (*id, name.clone())));
            for entry in journal.entries() {
                let known = found.entry((entry.topic_id, entry.partition)).or_insert_with(|| entry.clone());
                if told(known) < told(&entry) {
                    *known = entry;
                }
            }
        }
        let state = lock(&self.state);
        let witness = |entry: WitnessEntry| {
            let topic = names.get(&entry.topic_id).or_else(|| state.inventory.name(entry.topic_id))?.clone();
            let (topic_id, partition) = (entry.topic_id, entry.partition);
            let tip = TopicIdPartition { topic, topic_id, partition };
            Some(Witness { tip, newest: entry.newest, older: entry.older })
        };
        Ok(found.into_values().filter_map(witness).collect())
    }
}

fn entry(witness: &Witness) -> WitnessEntry {
    WitnessEntry {
        topic_id: witness.tip.topic_id,
        partition: witness.tip.partition,
        newest: witness.newest.clone(),
        older: witness.older.clone(),
    }
}

fn told(entry: &WitnessEntry) -> (LeaderEpoch, Offset) {
    (entry.newest.epoch, entry.newest.bound)
}
