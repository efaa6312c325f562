//! Checkpoint files: hints that a broker keeps beside its log, never proof.
//!
//! ```text
//! 0                    version
//! 2                    number of entries
//! orders 0 1500        topic, partition, offset   (leader-epoch-checkpoint: epoch, start offset)
//! orders 1 90
//! ```

use firnline_index::{LeaderEpoch, Offset, PartitionIndex, TopicName};

/// A checkpoint that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not UTF-8.
    #[error("it is not text")]
    NotText,
    /// A version that this build does not know.
    #[error("its version is {version:?}; version 0 is known")]
    Version {
        /// What stands there, cut to 40 characters.
        version: String,
    },
    /// No number of entries.
    #[error("its second line is not a number of entries")]
    Count,
    /// A line that is not an entry.
    #[error("line {number} is not an entry")]
    Line {
        /// Counted from 1.
        number: usize,
    },
    /// More or fewer entries than announced.
    #[error("it announces {announced} entries and has {actual}")]
    Entries {
        /// What the second line says.
        announced: usize,
        /// What follows.
        actual: usize,
    },
    /// Epochs or their start offsets go back.
    #[error("line {number} goes back behind the line before it")]
    Backwards {
        /// Counted from 1.
        number: usize,
    },
}

/// One line of a leader epoch checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaderEpochEntry {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// The first offset written under it, as far as this replica knows: the first line is rewritten to the log start.
    pub start: Offset,
}

/// One line of an offset checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetEntry {
    /// The topic's name.
    pub topic: TopicName,
    /// The partition.
    pub partition: PartitionIndex,
    /// The offset.
    pub offset: Offset,
}

/// Reads a `leader-epoch-checkpoint`.
pub fn leader_epochs(text: &[u8]) -> Result<Vec<LeaderEpochEntry>, CheckpointError> {
    let mut last: Option<LeaderEpochEntry> = None;
    entries(text, |number, line| {
        let [epoch, start] = fields(line).ok_or(CheckpointError::Line { number })?;
        let epoch = epoch.parse().ok().and_then(LeaderEpoch::from_kafka);
        let start = start.parse().ok().and_then(Offset::from_kafka);
        let (Some(epoch), Some(start)) = (epoch, start) else {
            return Err(CheckpointError::Line { number });
        };
        if last.is_some_and(|last| epoch <= last.epoch || start < last.start) {
            return Err(CheckpointError::Backwards { number });
        }
        let entry = LeaderEpochEntry { epoch, start };
        last = Some(entry);
        Ok(entry)
    })
}

/// Reads a `log-start-offset-checkpoint`, `recovery-point-offset-checkpoint` or `replication-offset-checkpoint`.
pub fn offsets(text: &[u8]) -> Result<Vec<OffsetEntry>, CheckpointError> {
    entries(text, |number, line| {
        let [topic, partition, offset] = fields(line).ok_or(CheckpointError::Line { number })?;
        let topic = TopicName::new(topic).ok();
        let partition = partition.parse().ok().and_then(PartitionIndex::from_kafka);
        let offset = offset.parse().ok().and_then(Offset::from_kafka);
        match (topic, partition, offset) {
            (Some(topic), Some(partition), Some(offset)) => Ok(OffsetEntry { topic, partition, offset }),
            _ => Err(CheckpointError::Line { number }),
        }
    })
}

fn entries<T>(
    text: &[u8],
    mut entry: impl FnMut(usize, &str) -> Result<T, CheckpointError>,
) -> Result<Vec<T>, CheckpointError> {
    let text = std::str::from_utf8(text).map_err(|_| CheckpointError::NotText)?;
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default().trim();
    if version != "0" {
        return Err(CheckpointError::Version { version: version.chars().take(40).collect() });
    }
    let announced = lines.next().and_then(|line| line.trim().parse().ok()).ok_or(CheckpointError::Count)?;
    // Grown by what is there, never by what is announced.
    let mut found = Vec::new();
    for (index, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        found.push(entry(index + 3, line)?);
    }
    if found.len() != announced {
        return Err(CheckpointError::Entries { announced, actual: found.len() });
    }
    Ok(found)
}

/// Exactly `N` fields between blanks.
fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    let mut fields = line.split_whitespace();
    let mut out = [""; N];
    for field in &mut out {
        *field = fields.next()?;
    }
    fields.next().is_none().then_some(out)
}
