//! Which pins gave way: `.firnline-given-way`, so that a gap can be told by its cause after any crash.
//!
//! ```text
//! pin <number> <topic id> <partition> <base> <end> <bytes>
//! ```
//! Numbers rise by one. Written by a sidecar and by its guard, one at a time: whoever writes holds the lock that
//! [`super::Reserve`] takes. The newest [`KEPT`] lines are kept.

use std::path::Path;

use firnline_index::{Offset, OffsetRange, PartitionIndex, TopicId};

use crate::IoProblem;
use crate::journal::{Journal, JournalError};

pub(super) const FILE: &str = ".firnline-given-way";
const KIND: &str = "firnline-given-way 1";

/// How many lines are kept: half of what makes it be written anew.
const KEPT: usize = 10_000;

/// A pin that gave way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GaveWay {
    /// Its number; later ones have higher numbers.
    pub number: u64,
    /// The topic.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: PartitionIndex,
    /// What it held, by the names of the files around it or by its batches. Empty where neither tells the end.
    pub range: OffsetRange,
    /// How long it was.
    pub bytes: u64,
}

/// The journal of one log dir.
#[derive(Debug)]
pub(super) struct GivenWayJournal {
    journal: Journal,
    entries: Vec<GaveWay>,
}

impl GivenWayJournal {
    pub(super) fn open(log_dir: &Path) -> Result<Self, JournalError> {
        let mut entries: Vec<GaveWay> = Vec::new();
        let (journal, _) =
            Journal::open(&log_dir.join(FILE), KIND, |text| entries.extend(GaveWay::parse(text)))?;
        Ok(Self { journal, entries })
    }

    pub(super) fn entries(&self) -> &[GaveWay] {
        &self.entries
    }

    pub(super) fn next_number(&self) -> u64 {
        self.entries.iter().map(|entry| entry.number).max().map_or(0, |last| last.saturating_add(1))
    }

    pub(super) fn append(&mut self, entries: &[GaveWay]) -> Result<(), IoProblem> {
        self.journal.append(entries.iter().map(GaveWay::text))?;
        self.entries.extend_from_slice(entries);
        if self.entries.len() > 2 * KEPT {
            self.entries.drain(..self.entries.len() - KEPT);
            self.journal.replace(self.entries.iter().map(GaveWay::text))?;
        }
        Ok(())
    }
}

impl GaveWay {
    /// Reads a line; `None` where it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix("pin ")?.split(' ');
        let mut next = || words.next();
        let entry = Self {
            number: next()?.parse().ok()?,
            topic_id: next()?.parse().ok()?,
            partition: PartitionIndex::from_kafka(next()?.parse().ok()?)?,
            range: OffsetRange::new(
                Offset::from_kafka(next()?.parse().ok()?)?,
                Offset::from_kafka(next()?.parse().ok()?)?,
            )
            .ok()?,
            bytes: next()?.parse().ok()?,
        };
        next().is_none().then_some(entry)
    }

    fn text(&self) -> String {
        let Self { number, topic_id, partition, range, bytes } = self;
        format!("pin {number} {topic_id} {partition} {} {} {bytes}", range.start(), range.end())
    }
}
