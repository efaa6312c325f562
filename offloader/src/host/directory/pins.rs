//! The pins that are known, by partition.

use std::collections::{HashMap, HashSet};

use firnline_index::batch::BatchLimits;
use firnline_index::{Offset, PartitionIndex, TopicId};
use firnline_logdir::{IoProblem, PinContent, PinName, PinStat, ReadError};

use super::shared::Shared;

/// A partition by topic id.
pub(super) type Key = (TopicId, PartitionIndex);

/// One pin.
#[derive(Debug, Clone)]
pub(super) struct Pin {
    pub(super) dir: usize,
    pub(super) name: PinName,
    /// The file as it was last looked at, where it is no part of the broker's log; otherwise the broker's own name of it
    /// tells all.
    pub(super) stat: Option<PinStat>,
    /// What it was when a later file of the same log was seen.
    pub(super) sealed: Option<Sealed>,
    /// Whether the file was seen to have the inode that the name tells.
    verified: bool,
    /// What its batches say.
    content: Option<(PinStat, PinContent)>,
}

/// A file of a log that is followed by another: nothing of it needs to be read to know where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) len: u64,
    pub(super) mtime_ns: i128,
    /// The base of the next file.
    pub(super) end: Offset,
    /// The next file.
    pub(super) next_inode: u64,
}

/// All pins of a host.
#[derive(Debug, Default)]
pub(super) struct Pins {
    by_partition: HashMap<Key, Vec<Pin>>,
}

impl Pin {
    fn new(dir: usize, name: PinName) -> Self {
        Self { dir, name, stat: None, sealed: None, verified: false, content: None }
    }

    /// Where the file ended while it was part of a log, if it has not changed since.
    pub(super) fn still_sealed(&self) -> Option<Sealed> {
        let stat = self.stat?;
        self.sealed.filter(|sealed| sealed.len == stat.len && sealed.mtime_ns == stat.mtime_ns)
    }

    /// What its batches say; read once for as long as the file does not change.
    pub(super) fn content(&mut self, shared: &Shared, limits: &BatchLimits) -> Result<PinContent, ReadError> {
        let stat = self.stat.unwrap_or(PinStat { inode: 0, len: 0, disk_bytes: 0, mtime_ns: 0, links: 0 });
        let same = |known: &PinStat| known.len == stat.len && known.mtime_ns == stat.mtime_ns;
        if let Some((_, content)) = self.content.filter(|(known, _)| same(known)) {
            return Ok(content);
        }
        let path = shared.dirs[self.dir].pins.path_of(&self.name);
        let content = PinContent::read(&path, self.name.base, &stat, limits)?;
        self.content = Some((stat, content));
        Ok(content)
    }

    /// Bytes that nothing but this pin keeps.
    pub(super) fn sole_bytes(&self) -> u64 {
        self.stat.filter(PinStat::is_sole_link).map_or(0, |stat| stat.len)
    }
}

impl Pins {
    /// Tells whether it was not known.
    pub(super) fn add(&mut self, dir: usize, name: PinName) -> bool {
        let pins = self.by_partition.entry((name.topic_id, name.partition)).or_default();
        let new = !pins.iter().any(|pin| pin.dir == dir && pin.name == name);
        if new {
            pins.push(Pin::new(dir, name));
        }
        new
    }

    pub(super) fn remove(&mut self, dir: usize, name: &PinName) {
        let key = (name.topic_id, name.partition);
        if let Some(pins) = self.by_partition.get_mut(&key) {
            pins.retain(|pin| pin.dir != dir || pin.name != *name);
            if pins.is_empty() {
                self.by_partition.remove(&key);
            }
        }
    }

    /// Makes the pins of a log dir those that stand there. Gives the partitions in which that changed something, and
    /// those with pins that the broker may have let go of without a word.
    pub(super) fn reconcile(&mut self, dir: usize, standing: Vec<PinName>) -> Vec<Key> {
        let mut standing: HashSet<PinName> = standing.into_iter().collect();
        let mut changed = Vec::new();
        self.by_partition.retain(|key, pins| {
            let before = pins.len();
            pins.retain(|pin| pin.dir != dir || standing.remove(&pin.name));
            let shared = pins.iter().any(|pin| pin.dir == dir && pin.stat.is_some_and(|s| !s.is_sole_link()));
            if before != pins.len() || shared {
                changed.push(*key);
            }
            !pins.is_empty()
        });
        for name in standing {
            changed.push((name.topic_id, name.partition));
            self.add(dir, name);
        }
        changed
    }

    pub(super) fn of(&self, key: &Key) -> &[Pin] {
        self.by_partition.get(key).map_or(&[], Vec::as_slice)
    }

    /// Takes the pins of a partition out, to be put back by [`Pins::put`].
    pub(super) fn take(&mut self, key: &Key) -> Vec<Pin> {
        self.by_partition.remove(key).unwrap_or_default()
    }

    pub(super) fn put(&mut self, key: Key, pins: Vec<Pin>) {
        if !pins.is_empty() {
            self.by_partition.insert(key, pins);
        }
    }

    /// Forgets where the partition's files were thought to end.
    pub(super) fn doubt(&mut self, key: &Key) {
        for pin in self.by_partition.get_mut(key).into_iter().flatten() {
            (pin.sealed, pin.content) = (None, None);
        }
    }

    pub(super) fn has_topic(&self, topic_id: TopicId) -> bool {
        self.by_partition.keys().any(|(id, _)| *id == topic_id)
    }

    /// Bytes kept by pins of a log dir alone.
    pub(super) fn sole_bytes(&self, dir: usize) -> u64 {
        let pins = self.by_partition.values().flatten();
        pins.filter(|pin| pin.dir == dir).map(Pin::sole_bytes).sum()
    }
}

/// What is left of a partition's pins after each was looked at, beside a log that has these files; and the first thing
/// that kept a pin from being settled, which stays then as it was.
///
/// Dropped are pins that are gone; those that keep nothing, an empty file that nobody can write to any more; and second
/// names of one file. A pin whose name tells another inode than it has, as after a copy of the log dir, is renamed.
pub(super) fn settle(
    shared: &Shared,
    pins: Vec<Pin>,
    in_log: impl Fn(usize, u64) -> Option<Offset>,
) -> (Vec<Pin>, Option<IoProblem>) {
    // As large as it gets: ten thousand partitions of one pin each hold no room for three more.
    let (mut kept, mut unsettled): (Vec<Pin>, Option<IoProblem>) = (Vec::with_capacity(pins.len()), None);
    for mut pin in pins {
        if let Err(problem) = settle_one(shared, &mut pin, &mut kept, &in_log) {
            unsettled.get_or_insert(problem);
            kept.push(pin);
        }
    }
    (kept, unsettled)
}

/// Takes one more pin to those that are kept, or removes it.
fn settle_one(
    shared: &Shared,
    pin: &mut Pin,
    kept: &mut Vec<Pin>,
    in_log: &impl Fn(usize, u64) -> Option<Offset>,
) -> Result<(), IoProblem> {
    let dir = &shared.dirs[pin.dir].pins;
    if pin.verified && in_log(pin.dir, pin.name.inode).is_some() {
        pin.stat = None;
    } else {
        let Some(stat) = dir.stat(&pin.name)? else { return Ok(()) };
        if stat.is_sole_link() && stat.len == 0 {
            dir.remove(&[pin.name])?;
            return Ok(());
        }
        if stat.inode != pin.name.inode {
            let name = PinName { inode: stat.inode, ..pin.name };
            if dir.rename(&pin.name, &name)? {
                pin.name = name;
            }
        }
        pin.verified = stat.inode == pin.name.inode;
        pin.stat = in_log(pin.dir, stat.inode).is_none().then_some(stat);
    }
    let twin = |other: &Pin| other.dir == pin.dir && other.name.inode == pin.name.inode;
    let Some(other) = kept.iter_mut().find(|other| twin(other)) else {
        kept.push(pin.clone());
        return Ok(());
    };
    if let Some(stat) = &mut other.stat {
        // Looked at while it had one more name.
        stat.links = stat.links.saturating_sub(1).max(1);
    }
    if other.name == pin.name {
        return Ok(());
    }
    // The broker's own name of the file tells which is right; without one, the one named first stays.
    let right = in_log(pin.dir, pin.name.inode);
    if right == Some(pin.name.base) || (right != Some(other.name.base) && pin.name < other.name) {
        std::mem::swap(&mut other.name, &mut pin.name);
    }
    dir.remove(&[pin.name])?;
    Ok(())
}
