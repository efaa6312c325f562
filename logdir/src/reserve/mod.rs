//! The reserve: free space that pins never use.
//!
//! A broker whose disk is full dies, and pins keep files on it that the broker has deleted. So below the reserve those
//! pins give way that are all that keeps their files, the ones written longest ago first, each noted durably before it
//! goes. The sidecar does this at each look, and a guard process beside it does the same when the sidecar is dead; both
//! may at once, as one lock (`flock` on the directory itself) lets one after the other decide.

mod given_way;
mod leaving;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;

use firnline_index::batch::BatchLimits;
use firnline_index::{Offset, OffsetRange, PartitionIndex, TopicId};
use rustix::fs::FlockOperation;

use crate::IoProblem;
use crate::journal::JournalError;
use crate::pin::{PinContent, PinDir, PinName, PinStat};
use crate::root::RootListing;
pub use given_way::GaveWay;
use given_way::GivenWayJournal;

/// The free space of one log dir, kept.
#[derive(Debug)]
pub struct Reserve {
    dir: PinDir,
    bytes: u64,
    /// Numbers below it were told.
    told: u64,
}

/// The disk of a log dir.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes free for a process that is not root.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// What keeping the reserve came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The disk before anything was done.
    pub before: DiskSpace,
    /// The pins that gave way now.
    pub gave_way: Vec<GaveWay>,
    /// Whether the reserve is not there although no pin is left that could give way: what fills the disk is not ours.
    pub short: bool,
}

/// Pins that gave way of which nobody was told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// In the order in which they went.
    pub pins: Vec<GaveWay>,
    /// The number that the next one gets.
    next: u64,
}

/// A pin that is all that keeps its file.
struct Sole {
    name: PinName,
    stat: PinStat,
}

impl Reserve {
    /// Keeps `bytes` free on the disk of `log_dir`; 0 keeps nothing free.
    pub fn new(log_dir: &Path, bytes: u64) -> Result<Self, IoProblem> {
        Ok(Self { dir: PinDir::open(log_dir)?, bytes, told: 0 })
    }

    /// The disk now. One `statvfs`.
    pub fn space(&self) -> Result<DiskSpace, IoProblem> {
        let found = rustix::fs::fstatvfs(self.dir.root());
        let stat = found.map_err(IoProblem::at("ask for the free space of", self.dir.path()))?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok(DiskSpace { free: bytes(stat.f_bavail), total: bytes(stat.f_blocks) })
    }

    /// Lets pins give way until the reserve is free again, or will be once this process has read what it has open. One `statvfs` where it is; below it one listing of the log
    /// dir and one `stat` per pin, and a wait for another process that does the same.
    pub fn keep(&self) -> Result<Kept, JournalError> {
        let before = self.space()?;
        if before.free >= self.bytes {
            return Ok(Kept { before, gave_way: Vec::new(), short: false });
        }
        let _lock = self.lock()?;
        let missing = self.bytes.saturating_sub(self.space()?.free);
        // What went before and is still read takes its blocks until then: others must not go for the same bytes. But if
        // the disk fills on meanwhile, the broker cannot wait for more than half of the reserve.
        let missing = missing.saturating_sub(leaving::bytes(self.dir.root()).min(self.bytes / 2));
        if missing == 0 {
            return Ok(Kept { before, gave_way: Vec::new(), short: false });
        }
        let pins = RootListing::read(self.dir.path())?.pins;
        let (victims, freed) = self.choose(&pins, missing)?;
        let gave_way = self.give_way(&victims, &pins)?;
        Ok(Kept { before, gave_way, short: freed < missing })
    }

    /// The pins that gave way and were not told of by this value: at first all that the journal still has. The same again
    /// until [`Reserve::told`] is called.
    pub fn untold(&self) -> Result<Untold, JournalError> {
        if !self.dir.path().join(given_way::FILE).exists() {
            return Ok(Untold { pins: Vec::new(), next: 0 });
        }
        let _lock = self.lock()?;
        let journal = GivenWayJournal::open(self.dir.path())?;
        let pins = journal.entries().iter().filter(|entry| entry.number >= self.told).copied().collect();
        Ok(Untold { pins, next: journal.next_number() })
    }

    /// Notes that these were told: they are untold no more.
    pub fn told(&mut self, untold: &Untold) {
        self.told = untold.next;
    }

    /// The oldest sole links that together free `missing` bytes, or all there are; and how much they free.
    fn choose(&self, pins: &[PinName], missing: u64) -> Result<(Vec<Sole>, u64), IoProblem> {
        let mut sole = Vec::new();
        for &name in pins {
            let stat = self.dir.stat(&name)?.filter(PinStat::is_sole_link);
            sole.extend(stat.map(|stat| Sole { name, stat }));
        }
        sole.sort_by_key(|pin| (pin.stat.mtime_ns, pin.name));
        let mut freed: u64 = 0;
        // By the blocks that each takes, not by the free space afterwards: whoever still has a file open keeps its
        // blocks for a while.
        let enough = sole.iter().position(|pin| {
            freed = freed.saturating_add(pin.stat.disk_bytes);
            freed >= missing
        });
        sole.truncate(enough.map_or(sole.len(), |last| last + 1));
        Ok((sole, freed))
    }

    /// Notes the pins, syncs, then removes them.
    fn give_way(&self, victims: &[Sole], pins: &[PinName]) -> Result<Vec<GaveWay>, JournalError> {
        if victims.is_empty() {
            return Ok(Vec::new());
        }
        let ends = next_bases(pins);
        let mut removed = 0;
        let mut journal = match GivenWayJournal::open(self.dir.path()) {
            Ok(journal) => journal,
            Err(JournalError::Io(problem)) if problem.is_full() => {
                // No room even for the note: the broker comes first.
                removed = self.remove(&victims[..1])?;
                GivenWayJournal::open(self.dir.path())?
            }
            Err(error) => return Err(error),
        };
        let mut number = journal.next_number();
        let mut notes = Vec::new();
        for pin in victims {
            notes.push(self.note(pin, &ends, number));
            number = number.saturating_add(1);
        }
        match journal.append(&notes) {
            Err(problem) if problem.is_full() && removed == 0 => {
                removed = self.remove(&victims[..1])?;
                journal.append(&notes)?;
            }
            outcome => outcome?,
        }
        self.remove(&victims[removed..])?;
        Ok(notes)
    }

    fn remove(&self, victims: &[Sole]) -> Result<usize, IoProblem> {
        let names: Vec<PinName> = victims.iter().map(|pin| pin.name).collect();
        self.dir.remove(&names)?;
        Ok(names.len())
    }

    fn note(&self, pin: &Sole, ends: &HashMap<PinName, Offset>, number: u64) -> GaveWay {
        let PinName { topic_id, partition, base, .. } = pin.name;
        let by_batches = || {
            let path = self.dir.path_of(&pin.name);
            let content = PinContent::read(&path, base, &pin.stat, &BatchLimits::default());
            content.map_or(base, |content| content.end)
        };
        let end = ends.get(&pin.name).copied().unwrap_or_else(by_batches);
        let range = OffsetRange::new(base, end.max(base)).expect("the end is not below the start");
        GaveWay { number, topic_id, partition, range, bytes: pin.stat.len }
    }

    /// Held until the value returned is dropped.
    fn lock(&self) -> Result<rustix::fd::OwnedFd, IoProblem> {
        let path = self.dir.path();
        // Opened anew: a lock belongs to the opening, and two of this process must not count as one.
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, rustix::fs::Mode::empty())
            .map_err(IoProblem::at("open directory", path))?;
        rustix::io::retry_on_intr(|| rustix::fs::flock(&fd, FlockOperation::LockExclusive))
            .map_err(IoProblem::at("lock", path))?;
        Ok(fd)
    }
}

/// For each pin the next higher base among the pins of its partition: where the file most likely ended.
fn next_bases(pins: &[PinName]) -> HashMap<PinName, Offset> {
    let mut by_partition: HashMap<(TopicId, PartitionIndex), Vec<PinName>> = HashMap::new();
    for pin in pins {
        by_partition.entry((pin.topic_id, pin.partition)).or_default().push(*pin);
    }
    let mut next = HashMap::new();
    for pins in by_partition.values_mut() {
        pins.sort_by_key(|pin| pin.base);
        for (at, pin) in pins.iter().enumerate() {
            let higher = pins[at..].iter().find(|other| other.base > pin.base);
            next.extend(higher.map(|other| (*pin, other.base)));
        }
    }
    next
}
