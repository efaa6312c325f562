//! What must be known of a partition after a restart, or its pins could not be proven: `.firnline-witness`.
//!
//! Per partition the highest bound told while its bytes were held here, under which epoch, and the epochs of the log
//! below it; the same of older stretches that do not join the newest, while something of them is still held; per topic its
//! name, as the name of a pin has no room for it. One sync per call. Only ever forward: a lower epoch, or a lower bound of
//! the same epoch, never replaces a higher. A line that is damaged takes nothing else with it; what is missing then is proof,
//! so that pins are kept longer, never less long.

mod line;
mod stretch;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use firnline_index::{PartitionIndex, TopicId, TopicName};

use crate::IoProblem;
use crate::journal::{Journal, JournalError};
use line::{Key, Line, Told, checksum};
pub use stretch::Stretch;

const FILE: &str = ".firnline-witness";
const KIND: &str = "firnline-witness 1";

/// By how much a journal grows, beyond doubling, before it is written anew.
const COMPACT_FROM: u64 = 1 << 20;

/// Older stretches kept of one partition at most.
pub const MAX_OLDER: usize = 7;

/// What is remembered of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessEntry {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: PartitionIndex,
    /// What was told last.
    pub newest: Stretch,
    /// What was told before and does not join it; [`MAX_OLDER`] at most, the first of more.
    pub older: Vec<Stretch>,
}

impl WitnessEntry {
    fn told(&self) -> Told {
        Told { epoch: self.newest.epoch, bound: self.newest.bound }
    }
}

/// The journal of one log dir.
#[derive(Debug)]
pub struct WitnessJournal {
    journal: Journal,
    memory: Memory,
    /// The journal's length when it was last written anew; 0 where this process has not yet done so.
    compacted: u64,
    /// How many lines of the journal were damaged when it was opened.
    pub damaged: usize,
}

/// What the lines come to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Memory {
    names: BTreeMap<TopicId, TopicName>,
    told: HashMap<Key, Remembered>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Remembered {
    newest: Stretch,
    older: Vec<Stretch>,
}

impl Remembered {
    fn told(&self) -> Told {
        Told { epoch: self.newest.epoch, bound: self.newest.bound }
    }
}

impl WitnessJournal {
    /// Opens the journal in `log_dir`, or makes one.
    pub fn open(log_dir: &Path) -> Result<Self, JournalError> {
        let mut memory = Memory::default();
        let mut unknown = 0;
        let (journal, damaged) = Journal::open(&log_dir.join(FILE), KIND, |text| match Line::parse(text) {
            Some(line) => memory.take(line),
            None => unknown += 1,
        })?;
        Ok(Self { journal, memory, compacted: 0, damaged: damaged + unknown })
    }

    /// The topics whose names are known.
    pub fn names(&self) -> &BTreeMap<TopicId, TopicName> {
        &self.memory.names
    }

    /// Everything that is remembered, in no particular order.
    pub fn entries(&self) -> impl Iterator<Item = WitnessEntry> + '_ {
        self.memory.told.iter().map(|(&(topic_id, partition), known)| WitnessEntry {
            topic_id,
            partition,
            newest: known.newest.clone(),
            older: known.older.clone(),
        })
    }

    /// Keeps names durably. Those known already cost nothing.
    pub fn name<'a>(
        &mut self,
        names: impl IntoIterator<Item = (TopicId, &'a TopicName)>,
    ) -> Result<(), IoProblem> {
        let new = names.into_iter().filter(|(id, name)| self.memory.names.get(id) != Some(name));
        let lines = new.map(|(id, name)| Line::Name(id, name.clone())).collect();
        self.write(lines)
    }

    /// Keeps these durably in the place of what was known of their partitions, where they lie further on. One write and
    /// one sync for all; none where nothing is new.
    pub fn remember<'a>(
        &mut self,
        entries: impl IntoIterator<Item = &'a WitnessEntry>,
    ) -> Result<(), IoProblem> {
        // One line a partition: a line is written against what the journal says before it, not against its neighbours.
        let mut furthest: BTreeMap<Key, &WitnessEntry> = BTreeMap::new();
        for entry in entries {
            let key = (entry.topic_id, entry.partition);
            furthest
                .entry(key)
                .and_modify(|known| {
                    if known.told() <= entry.told() {
                        *known = entry;
                    }
                })
                .or_insert(entry);
        }
        let lines = furthest.into_values().filter_map(|entry| self.memory.line(entry)).collect();
        self.write(lines)
    }

    /// Forgets partitions, and the names of topics of which `keep` wants nothing and no partition is left.
    pub fn forget(
        &mut self,
        keys: &[(TopicId, PartitionIndex)],
        keep: impl Fn(TopicId) -> bool,
    ) -> Result<(), IoProblem> {
        let known = keys.iter().filter(|key| self.memory.told.contains_key(key));
        let lines: Vec<Line> = known.map(|&key| Line::Forget(key)).collect();
        self.write(lines)?;
        let told: std::collections::HashSet<TopicId> =
            self.memory.told.keys().map(|(topic_id, _)| *topic_id).collect();
        // In memory only: the names go from the journal when it is next written anew.
        self.memory.names.retain(|id, _| keep(*id) || told.contains(id));
        Ok(())
    }

    fn write(&mut self, lines: Vec<Line>) -> Result<(), IoProblem> {
        if lines.is_empty() {
            return Ok(());
        }
        self.journal.append(lines.iter().map(Line::text))?;
        lines.into_iter().for_each(|line| self.memory.take(line));
        if self.journal.len() > COMPACT_FROM + 2 * self.compacted {
            let lines = self.memory.lines();
            self.journal.replace(lines.iter().map(Line::text))?;
            self.compacted = self.journal.len();
        }
        Ok(())
    }
}

impl Memory {
    /// The shortest line that says this; `None` where it says nothing new.
    fn line(&self, entry: &WitnessEntry) -> Option<Line> {
        let key = (entry.topic_id, entry.partition);
        let told = entry.told();
        let older = &entry.older[..entry.older.len().min(MAX_OLDER)];
        match self.told.get(&key) {
            Some(known) if known.told() > told => None,
            Some(known) if known.newest.lineage == entry.newest.lineage && known.older == older => {
                (known.told() < told).then(|| Line::Bound(key, told, checksum(&known.newest.lineage)))
            }
            _ => Some(Line::Log(key, entry.newest.clone(), older.to_vec())),
        }
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Name(topic_id, name) => {
                self.names.insert(topic_id, name);
            }
            Line::Log(key, newest, older) => {
                let entry = Remembered { newest, older };
                if self.told.get(&key).is_none_or(|known| known.told() <= entry.told()) {
                    self.told.insert(key, entry);
                }
            }
            Line::Bound(key, told, crc) => {
                if let Some(known) = self.told.get_mut(&key)
                    && known.told() < told
                    && checksum(&known.newest.lineage) == crc
                {
                    (known.newest.epoch, known.newest.bound) = (told.epoch, told.bound);
                }
            }
            Line::Forget(key) => {
                self.told.remove(&key);
            }
        }
    }

    fn lines(&self) -> Vec<Line> {
        let names = self.names.iter().map(|(id, name)| Line::Name(*id, name.clone()));
        let told =
            self.told.iter().map(|(key, known)| Line::Log(*key, known.newest.clone(), known.older.clone()));
        names.chain(told).collect()
    }
}
