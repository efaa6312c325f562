//! What is known of all log dirs between two looks.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use firnline_index::{Offset, PartitionIndex, TopicId, TopicIdPartition, TopicName};
use firnline_logdir::files::partition_metadata;
use firnline_logdir::{DirIdentity, IoProblem, RootListing, SourceOptions};

use super::held::{Live, Segment, held};
use super::pins::{Key, Pins, Sealed, settle};
use super::shared::{Noticed, Place, Shared};
use super::visit::{Visit, VisitProblem};
use crate::host::{HeldPartition, Presence};

/// How many directories are open at once while many are looked at.
const OPEN: usize = 128;

/// Everything known.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    parts: HashMap<Place, Part>,
    /// Where partitions stand. More than one place is an error, or a moment of a move between log dirs.
    live: HashMap<Key, Vec<Place>>,
    deleting: HashMap<Place, Option<Key>>,
    pub(super) pins: Pins,
    names: HashMap<TopicId, TopicName>,
    held: BTreeMap<Key, Arc<HeldPartition>>,
    /// Pins of the broker's log that were removed on purpose, by inode, with the length and time of writing they had
    /// then: they are not made again until the broker writes to the file again.
    released: HashMap<Key, Vec<(usize, u64, u64, i128)>>,
    problems: BTreeMap<PathBuf, String>,
    /// Those of them that pass once the broker has written a file.
    waiting: BTreeSet<PathBuf>,
    /// Partitions whose pins could not all be read: each scan tries again.
    again: BTreeSet<Key>,
}

/// A partition's directory as it was last listed.
#[derive(Debug)]
struct Part {
    partition: PartitionIndex,
    /// `None` until it could be read.
    identity: Option<DirIdentity>,
    /// Whether it was listed once more after its names were last seen to change: a change within the same tick of the
    /// file system's clock shows only then.
    settled: bool,
    topic_id: Option<TopicId>,
    segments: Vec<Segment>,
}

/// Something that keeps the whole from being known.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookProblem {
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoProblem),
}

impl Inventory {
    pub(super) fn new(names: HashMap<TopicId, TopicName>) -> Self {
        Self { names, ..Self::default() }
    }

    /// What is held.
    pub(super) fn list(&self) -> Vec<Arc<HeldPartition>> {
        self.held.values().cloned().collect()
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<HeldPartition>> {
        self.held.get(key).cloned()
    }

    pub(super) fn name(&self, topic_id: TopicId) -> Option<&TopicName> {
        self.names.get(&topic_id)
    }

    /// The log dir in which most is known of a partition: where its log stands, else where pins of it do.
    pub(super) fn home(&self, key: &Key) -> usize {
        let live = self.live.get(key).and_then(|places| places.first()).map(|place| place.0);
        live.or_else(|| self.pins.of(key).first().map(|pin| pin.dir)).unwrap_or(0)
    }

    /// Whether anything of the topic is here.
    pub(super) fn has_topic(&self, topic_id: TopicId) -> bool {
        self.pins.has_topic(topic_id) || self.live.keys().any(|(id, _)| *id == topic_id)
    }

    /// What cannot be read or pinned, by path.
    pub(super) fn problems(&self) -> Vec<(PathBuf, String)> {
        self.problems.iter().map(|(path, text)| (path.clone(), text.clone())).collect()
    }

    /// The same without what only waits for the broker.
    pub(super) fn lasting_problems(&self) -> Vec<(PathBuf, String)> {
        let lasting = self.problems.iter().filter(|(path, _)| !self.waiting.contains(*path));
        lasting.map(|(path, text)| (path.clone(), text.clone())).collect()
    }

    /// Takes in what was noticed, and everything where `scan` says so.
    pub(super) fn look(
        &mut self,
        shared: &Shared,
        source: &SourceOptions,
        noticed: Noticed,
        scan: bool,
    ) -> Result<(), LookProblem> {
        let mut changed = noticed.changed;
        let mut keys = self.take_pins(noticed.pinned);
        if scan {
            self.scan(shared, noticed.lost, &mut changed, &mut keys)?;
        }
        let changed: Vec<Place> = changed.into_iter().collect();
        for batch in changed.chunks(OPEN) {
            self.visit(shared, batch, &mut keys)?;
        }
        self.rebuild(shared, source, keys);
        Ok(())
    }

    /// The same for one partition.
    pub(super) fn look_at(
        &mut self,
        shared: &Shared,
        source: &SourceOptions,
        key: &Key,
    ) -> Result<(), LookProblem> {
        let mut keys = BTreeSet::from([*key]);
        if let Some(places) = self.live.get(key).cloned() {
            self.visit(shared, &places, &mut keys)?;
        }
        self.rebuild(shared, source, keys);
        Ok(())
    }

    pub(super) fn take_pins(&mut self, pinned: Vec<(usize, firnline_logdir::PinName)>) -> BTreeSet<Key> {
        let mut keys = BTreeSet::new();
        for (dir, pin) in pinned {
            if self.pins.add(dir, pin) {
                keys.insert((pin.topic_id, pin.partition));
            }
        }
        keys
    }

    /// Pins that were removed on purpose.
    pub(super) fn released(&mut self, dir: usize, pin: &firnline_logdir::PinName) {
        let key = (pin.topic_id, pin.partition);
        self.pins.remove(dir, pin);
        let places = self.live.get(&key).into_iter().flatten().filter(|place| place.0 == dir);
        let segments = places.filter_map(|place| self.parts.get(place)).flat_map(|part| &part.segments);
        let of_log = segments.filter(|segment| segment.inode == pin.inode);
        let released: Vec<_> = of_log.map(|s| (dir, s.inode, s.len, s.mtime_ns)).collect();
        if !released.is_empty() {
            self.released.entry(key).or_default().extend(released);
        }
    }

    /// Lists the roots, and looks which directories' names have changed: one `stat` for each.
    fn scan(
        &mut self,
        shared: &Shared,
        lost: bool,
        changed: &mut BTreeSet<Place>,
        keys: &mut BTreeSet<Key>,
    ) -> Result<(), LookProblem> {
        let mut standing: HashSet<Place> = HashSet::new();
        let mut deleting = HashMap::new();
        for (dir, at) in shared.dirs.iter().enumerate() {
            let listing = RootListing::read(&at.path)?;
            for (name, _, partition) in listing.partitions {
                let place: Place = (dir, name.into());
                if self.has_changed(shared, &place, lost) {
                    changed.insert(place.clone());
                }
                self.parts.entry(place.clone()).or_insert_with(|| Part::new(partition));
                standing.insert(place);
            }
            for (name, partition) in listing.deleting {
                let place: Place = (dir, name.into());
                let known = self.deleting.get(&place).copied().flatten();
                let key = known.or_else(|| Some((topic_id(&at.path.join(&*place.1))?, partition)));
                deleting.insert(place, key);
            }
            keys.extend(self.pins.reconcile(dir, listing.pins));
            for name in listing.strangers {
                let text = "it has the name of a pin or a partition and is none; it is left alone";
                self.problems.insert(at.path.join(name), text.to_owned());
            }
        }
        keys.extend(&self.again);
        keys.extend(self.deleting.values().chain(deleting.values()).flatten());
        self.deleting = deleting;
        let gone: Vec<Place> =
            self.parts.keys().filter(|place| !standing.contains(*place)).cloned().collect();
        gone.iter().for_each(|place| self.drop_part(shared, place, keys));
        Ok(())
    }

    fn has_changed(&mut self, shared: &Shared, place: &Place, lost: bool) -> bool {
        let Some(part) = self.parts.get_mut(place) else { return true };
        // Where it cannot be told, the visit meets the same trouble, and names it as this partition's alone.
        let Ok(now) = shared.dirs[place.0].pins.identity(&place.1) else { return true };
        if lost || part.identity.is_none() || part.identity != now {
            return true;
        }
        !std::mem::replace(&mut part.settled, true)
    }

    fn drop_part(&mut self, shared: &Shared, place: &Place, keys: &mut BTreeSet<Key>) {
        shared.unwatch(place);
        self.problems.remove(&shared.dirs[place.0].path.join(&*place.1));
        if let Some(key) = self.parts.remove(place).and_then(|part| part.key()) {
            self.no_longer_at(key, place);
            keys.insert(key);
        }
    }

    fn no_longer_at(&mut self, key: Key, place: &Place) {
        if let Some(places) = self.live.get_mut(&key) {
            places.retain(|other| other != place);
            if places.is_empty() {
                self.live.remove(&key);
                self.released.remove(&key);
            }
        }
    }

    /// Lists directories, keeps the names of topics that are new, and pins what has no pin.
    fn visit(
        &mut self,
        shared: &Shared,
        places: &[Place],
        keys: &mut BTreeSet<Key>,
    ) -> Result<(), LookProblem> {
        let mut visits: Vec<Visit<'_>> = Vec::new();
        for place in places {
            let named = firnline_logdir::files::DirName::parse(&place.1);
            let firnline_logdir::files::DirName::Partition(topic, partition) = named else { continue };
            let path = shared.dirs[place.0].path.join(&*place.1);
            match shared.visit(place, &topic, partition) {
                Ok(Some(visit)) => {
                    self.problems.remove(&path);
                    visits.push(visit);
                }
                Ok(None) => self.drop_part(shared, place, keys),
                Err(VisitProblem::Changed) => {
                    shared.notice(|noticed| {
                        noticed.changed.insert(place.clone());
                    });
                }
                // What was known stays known: what is not seen must not look as if it were gone.
                Err(problem) => {
                    self.parts.entry(place.clone()).or_insert_with(|| Part::new(partition));
                    match problem {
                        VisitProblem::Waiting(_) => self.waiting.insert(path.clone()),
                        _ => self.waiting.remove(&path),
                    };
                    self.problems.insert(path, crate::chain_of(&problem));
                }
            }
        }
        for dir in 0..shared.dirs.len() {
            let here = visits.iter().filter(|visit| visit.place.0 == dir);
            shared.name(dir, here.filter_map(Visit::name))?;
        }
        for visit in visits {
            self.take_visit(shared, &visit, keys);
        }
        Ok(())
    }

    fn take_visit(&mut self, shared: &Shared, visit: &Visit<'_>, keys: &mut BTreeSet<Key>) {
        let (tip, place) = (&visit.found.tip, &visit.place);
        let key = (tip.topic_id, tip.partition);
        keys.insert(key);
        self.names.insert(tip.topic_id, tip.topic.clone());

        let segments: Vec<Segment> = visit
            .found
            .segments
            .iter()
            .map(|s| Segment { base: s.base, inode: s.inode, len: s.len, mtime_ns: s.mtime_ns })
            .collect();
        if let Some(released) = self.released.get_mut(&key) {
            released.retain(|&(dir, inode, len, mtime_ns)| {
                dir != place.0
                    || segments.iter().any(|s| (s.inode, s.len, s.mtime_ns) == (inode, len, mtime_ns))
            });
        }
        let released = self.released.get(&key).map_or(&[][..], Vec::as_slice);
        let pinned: HashSet<u64> = {
            let pins = self.pins.of(&key).iter().filter(|pin| pin.dir == place.0);
            let released = released.iter().filter(|released| released.0 == place.0);
            pins.map(|pin| pin.name.inode).chain(released.map(|released| released.1)).collect()
        };
        let (made, problem) = visit.pin(|segment| !pinned.contains(&segment.inode));
        for pin in made {
            self.pins.add(place.0, pin);
        }
        let path = shared.dirs[place.0].path.join(&*place.1);
        if let Some(problem) = problem {
            let text = crate::chain_of(&problem);
            if self.problems.insert(path, text.clone()).as_ref() != Some(&text) {
                tracing::error!(partition = &*place.1, error = text, "a file could not be pinned");
            }
        }

        let part = self.parts.entry(place.clone()).or_insert_with(|| Part::new(tip.partition));
        let before = part.key();
        let same = part.identity == Some(visit.identity());
        part.settled = same && part.settled;
        part.identity = Some(visit.identity());
        part.topic_id = Some(tip.topic_id);
        part.segments = segments;
        part.segments.shrink_to_fit();
        if let Some(before) = before.filter(|before| *before != key) {
            self.no_longer_at(before, place);
            keys.insert(before);
        }
        let places = self.live.entry(key).or_default();
        if !places.contains(place) {
            places.push(place.clone());
        }
    }

    /// Makes what is held of these partitions anew.
    pub(super) fn rebuild(&mut self, shared: &Shared, source: &SourceOptions, keys: BTreeSet<Key>) {
        for key in keys {
            self.rebuild_one(shared, source, key);
        }
    }

    fn rebuild_one(&mut self, shared: &Shared, source: &SourceOptions, key: Key) {
        self.again.remove(&key);
        let places = self.live.get(&key).map_or(&[][..], Vec::as_slice);
        if let [one, other, ..] = places {
            let text = format!("the same partition stands in {:?} too", shared.dirs[other.0].path);
            self.problems.insert(shared.dirs[one.0].path.join(&*one.1), text);
            let places = places.to_vec();
            // Most likely one of the two is on its way: look again.
            shared.notice(|noticed| noticed.changed.extend(places));
            return;
        }
        let place = places.first().cloned();
        let part = place.as_ref().and_then(|place| self.parts.get(place));
        let segments = part.map_or(&[][..], |part| part.segments.as_slice());
        let dir = place.as_ref().map(|place| place.0);
        let in_log = |of: usize, inode: u64| -> Option<Offset> {
            let segment = segments.iter().find(|segment| Some(of) == dir && segment.inode == inode)?;
            Some(segment.base)
        };
        let (mut pins, unsettled) = settle(shared, self.pins.take(&key), in_log);
        for pair in segments.windows(2) {
            let of_it = pins.iter_mut().filter(|pin| Some(pin.dir) == dir && pin.name.inode == pair[0].inode);
            let Segment { len, mtime_ns, .. } = pair[0];
            of_it.for_each(|pin| {
                pin.sealed = Some(Sealed { len, mtime_ns, end: pair[1].base, next_inode: pair[1].inode });
            });
        }
        let presence = match (&place, self.deleting.values().flatten().any(|deleting| *deleting == key)) {
            (Some(_), _) => Presence::Live,
            (None, true) => Presence::Deleting,
            (None, false) => Presence::Gone,
        };
        let live = place.as_ref().map(|place| Live { dir: place.0, name: &place.1, segments });
        let outcome = match self.names.get(&key.0) {
            _ if pins.is_empty() && live.is_none() => None,
            Some(topic) => {
                let tip = TopicIdPartition { topic: topic.clone(), topic_id: key.0, partition: key.1 };
                Some(held(shared, source, &tip, (presence, live), (&mut pins, unsettled)))
            }
            None => {
                let path = shared.dirs[pins.first().map_or(0, |pin| pin.dir)].path.clone();
                let text =
                    "there are pins of a topic whose name is not known: they are kept and not uploaded";
                self.problems.insert(path.join(format!("{}.{}", key.0, key.1)), text.to_owned());
                None
            }
        };
        self.pins.put(key, pins);
        match outcome {
            Some(Ok(held)) => {
                if let Some(error) = &held.unread {
                    let known = self.held.get(&key).and_then(|known| known.unread.as_ref());
                    if known != Some(error) {
                        tracing::error!(tip = %held.tip, %error, "a pin cannot be read; it is kept");
                    }
                    self.again.insert(key);
                }
                self.held.insert(key, Arc::new(held));
            }
            // It changed under our eyes: what was known stays, and the next look tries again.
            Some(Err(error)) => {
                tracing::debug!(error = %crate::chain_of(&error), "a pin could not be read");
                self.again.insert(key);
                shared.notice(|noticed| noticed.scan = true);
            }
            None => {
                self.held.remove(&key);
            }
        }
    }
}

impl Part {
    fn new(partition: PartitionIndex) -> Self {
        Self { partition, identity: None, settled: false, topic_id: None, segments: Vec::new() }
    }

    fn key(&self) -> Option<Key> {
        Some((self.topic_id?, self.partition))
    }
}

/// The topic of a directory that waits for its end; `None` where it cannot be told any more.
fn topic_id(path: &std::path::Path) -> Option<TopicId> {
    let text = std::fs::read(path.join("partition.metadata")).ok()?;
    partition_metadata(&text).ok()
}
