//! What the looking and the watching share: log dirs, watches, and what was noticed meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use firnline_index::{TopicId, TopicIdPartition, TopicName};
use firnline_logdir::{
    IoProblem, PinDir, PinName, Reserve, SidecarLock, WatchId, WatchProblem, Watcher, WitnessJournal,
};

/// Which partitions are pinned.
pub type Wanted = Arc<dyn Fn(&TopicIdPartition) -> bool + Send + Sync>;

/// A partition's directory: which log dir, and its name there.
pub(super) type Place = (usize, Arc<str>);

/// How many pins may wait for the next look; beyond it the next look lists them itself.
const NOTICED_MAX: usize = 100_000;

/// One log dir.
#[derive(Debug)]
pub(super) struct Dir {
    pub(super) path: PathBuf,
    pub(super) pins: PinDir,
    pub(super) witness: Mutex<WitnessJournal>,
    pub(super) reserve: Mutex<Reserve>,
    pub(super) _lock: SidecarLock,
}

pub(super) struct Shared {
    pub(super) dirs: Vec<Dir>,
    /// Absent where the system gives none: everything is then found by looking.
    pub(super) watcher: Option<Watcher>,
    pub(super) targets: Mutex<Targets>,
    noticed: Mutex<Noticed>,
    wanted: RwLock<Wanted>,
}

/// What is watched.
#[derive(Debug, Default)]
pub(super) struct Targets {
    by_id: HashMap<WatchId, Target>,
    by_place: HashMap<Place, WatchId>,
    /// Directories that the system's limit left unwatched.
    unwatched: BTreeSet<Place>,
    /// Nobody waits for events any more.
    pub(super) blind: bool,
}

/// A watched directory.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// The root of a log dir.
    Root(usize),
    /// A partition's directory, by its inode, and what it was last known to be.
    Partition { place: Place, inode: u64, tip: Option<TopicIdPartition> },
}

/// What was noticed since the last look.
#[derive(Debug, Default)]
pub(super) struct Noticed {
    pub(super) changed: BTreeSet<Place>,
    pub(super) pinned: Vec<(usize, PinName)>,
    /// Look at everything, not only at what is in here.
    pub(super) scan: bool,
    /// Something may have been missed: names that did not change since are no evidence either.
    pub(super) lost: bool,
}

impl Shared {
    pub(super) fn new(dirs: Vec<Dir>, watcher: Option<Watcher>, wanted: Wanted) -> Self {
        Self {
            dirs,
            watcher,
            targets: Mutex::default(),
            noticed: Mutex::default(),
            wanted: RwLock::new(wanted),
        }
    }

    pub(super) fn wants(&self, tip: &TopicIdPartition) -> bool {
        let wanted = Arc::clone(&self.wanted.read().unwrap_or_else(PoisonError::into_inner));
        wanted(tip)
    }

    pub(super) fn set_wanted(&self, wanted: Wanted) {
        *self.wanted.write().unwrap_or_else(PoisonError::into_inner) = wanted;
        self.notice(|noticed| (noticed.scan, noticed.lost) = (true, true));
    }

    pub(super) fn notice(&self, note: impl FnOnce(&mut Noticed)) {
        note(&mut lock(&self.noticed));
    }

    pub(super) fn notice_pin(&self, dir: usize, pin: PinName) {
        self.notice(|noticed| {
            if noticed.pinned.len() < NOTICED_MAX {
                noticed.pinned.push((dir, pin));
            } else {
                noticed.scan = true;
            }
        });
    }

    pub(super) fn take_noticed(&self) -> Noticed {
        std::mem::take(&mut *lock(&self.noticed))
    }

    /// Keeps the names of topics before the first of their pins is made, which does not tell them.
    pub(super) fn name<'a>(
        &self,
        dir: usize,
        names: impl IntoIterator<Item = (TopicId, &'a TopicName)>,
    ) -> Result<(), IoProblem> {
        lock(&self.dirs[dir].witness).name(names)
    }

    /// Watches the root of each log dir.
    pub(super) fn watch_roots(&self) -> Result<(), WatchProblem> {
        let Some(watcher) = &self.watcher else { return Ok(()) };
        for (dir, at) in self.dirs.iter().enumerate() {
            let id = watcher.watch(&at.path)?;
            lock(&self.targets).by_id.insert(id, Target::Root(dir));
        }
        Ok(())
    }

    /// Watches a partition's directory that has this inode, if it is not watched yet.
    pub(super) fn watch(&self, place: &Place, inode: u64) -> Result<(), IoProblem> {
        let Some(watcher) = &self.watcher else { return Ok(()) };
        let mut targets = lock(&self.targets);
        let known = targets.by_place.get(place).and_then(|id| targets.by_id.get(id));
        if matches!(known, Some(Target::Partition { inode: watched, .. }) if *watched == inode) {
            return Ok(());
        }
        targets.remove(watcher, place);
        match watcher.watch(&self.dirs[place.0].path.join(&*place.1)) {
            Ok(id) => {
                targets.unwatched.remove(place);
                targets.by_place.insert(place.clone(), id);
                targets.by_id.insert(id, Target::Partition { place: place.clone(), inode, tip: None });
                Ok(())
            }
            Err(problem @ WatchProblem::Limit(_)) => {
                if targets.unwatched.is_empty() {
                    tracing::warn!(error = %problem, "partitions are not watched");
                }
                targets.unwatched.insert(place.clone());
                Ok(())
            }
            Err(WatchProblem::Gone(_)) => Ok(()),
            Err(WatchProblem::Io(problem)) => Err(problem),
        }
    }

    /// Ends the watch of a directory that is no partition any more.
    pub(super) fn unwatch(&self, place: &Place) {
        if let Some(watcher) = &self.watcher {
            lock(&self.targets).remove(watcher, place);
        }
    }

    /// Tells the watching which partition a directory is, for as long as it is wanted.
    pub(super) fn know(&self, place: &Place, tip: Option<TopicIdPartition>) {
        let mut targets = lock(&self.targets);
        let Some(id) = targets.by_place.get(place).copied() else { return };
        if let Some(Target::Partition { tip: known, .. }) = targets.by_id.get_mut(&id) {
            *known = tip;
        }
    }

    /// Whether all that happens is told.
    pub(super) fn is_watched(&self) -> bool {
        let targets = lock(&self.targets);
        self.watcher.is_some() && targets.unwatched.is_empty() && !targets.blind
    }
}

impl Targets {
    pub(super) fn get(&self, id: WatchId) -> Option<Target> {
        self.by_id.get(&id).cloned()
    }

    fn remove(&mut self, watcher: &Watcher, place: &Place) {
        self.unwatched.remove(place);
        if let Some(id) = self.by_place.remove(place) {
            self.by_id.remove(&id);
            watcher.unwatch(id);
        }
    }

    /// Takes note that the system has ended a watch; tells which.
    pub(super) fn ended(&mut self, id: WatchId) -> Option<Target> {
        let target = self.by_id.remove(&id)?;
        if let Target::Partition { place, .. } = &target
            && self.by_place.get(place) == Some(&id)
        {
            self.by_place.remove(place);
        }
        Some(target)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("dirs", &self.dirs)
            .field("watcher", &self.watcher)
            .finish_non_exhaustive()
    }
}

/// A lock whose holder panicked guards plain data that is whole after each statement.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
