//! The machine beside the broker: the logs it holds, the pins that keep them, the space that is left, and the little that
//! a sidecar must not forget. The simulation is one host, log directories are another.
//!
//! All calls block; they run on the tier's workers.

mod directory;

use std::fmt;
use std::sync::Arc;

use firnline_index::{Offset, OffsetRange, TimestampMs, TopicId, TopicIdPartition};

pub use directory::{DirectoryHost, DirectoryOptions, Wanted};
pub use firnline_logdir::Stretch;

use crate::log::PartitionLog;

/// Everything this machine holds of one partition.
#[derive(Debug, Clone)]
pub struct HeldPartition {
    /// The partition.
    pub tip: TopicIdPartition,
    /// Whether the broker keeps it, drops it, or has dropped it.
    pub presence: Presence,
    /// Stretches of log without hole inside, each from one history, as far as names and epochs tell. The broker's own log
    /// with the pins that join it below comes first, where there is one; others are left of earlier histories.
    pub chains: Vec<HeldChain>,
    /// What could not be read or settled of its pins at this look, the first of it: bytes may be here that no chain shows.
    /// They are kept, and are not known lost.
    pub unread: Option<Arc<str>>,
}

/// What the broker does with a partition's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It is there.
    Live,
    /// It is being deleted (`-delete`).
    Deleting,
    /// There is no directory any more; pins are all that is left.
    Gone,
}

/// A stretch of log.
#[derive(Debug, Clone)]
pub struct HeldChain {
    /// Its batches. Only the last extent of the broker's own log is not sealed.
    pub log: Arc<dyn PartitionLog>,
    /// Whether the broker's own log is its upper part.
    pub is_log: bool,
    /// First offset, by name of its first file.
    pub start: Offset,
    /// Where its sealed part ends: the name of the file still written, or the end of the last pin.
    pub sealed_end: Offset,
    /// The files it is made of, oldest first, one for each extent of `log`.
    pub files: Vec<HeldFile>,
}

/// One file of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFile {
    /// First offset, by name.
    pub base: Offset,
    /// One past its last offset: the next file's name, else what its last batch says; `None` while it is written.
    pub end: Option<Offset>,
    /// Length in bytes.
    pub bytes: u64,
    /// When it was last written: for a sealed file about when it was sealed.
    pub written_at: TimestampMs,
    /// The pin that keeps it, if any.
    pub pin: Option<PinId>,
    /// Whether the pin is all that keeps it: these bytes are what counts against the disk.
    pub sole_link: bool,
}

/// Names a pin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PinId {
    /// Which log dir, by its place in the configuration.
    pub dir: usize,
    /// The file's name there.
    pub name: String,
}

/// What must be known of a partition after a restart, or its pins could not be proven: the stretches of its log that were told
/// committed while they were held here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The partition.
    pub tip: TopicIdPartition,
    /// What was told last.
    pub newest: Stretch,
    /// What was told before, does not join it, and is still needed; at most [`firnline_logdir::MAX_OLDER_STRETCHES`].
    pub older: Vec<Stretch>,
}

impl Witness {
    /// Up to where anything was told committed that nothing told later contradicts. A new leader may tell less than the one
    /// before it, for a while.
    #[must_use]
    pub fn committed_to(&self) -> Offset {
        let agreed = |stretch: &Stretch| {
            let later = self.stretches().take_while(|other| *other != stretch);
            let parted =
                later.filter_map(|later| later.parts_from(stretch)).map(|parted| parted.offset).min();
            parted.map_or(stretch.bound, |parted| parted.min(stretch.bound))
        };
        self.stretches().map(agreed).max().unwrap_or(self.newest.bound)
    }

    /// What was told last, then the others.
    pub fn stretches(&self) -> impl Iterator<Item = &Stretch> {
        std::iter::once(&self.newest).chain(&self.older)
    }
}

/// The disk of a log dir.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes free for the broker.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
    /// Bytes kept by pins alone.
    pub sole_link: u64,
}

/// A pin that gave way to the reserve of free space before its bytes were in the tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenWay {
    /// The partition.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: firnline_index::PartitionIndex,
    /// What it held, as far as known.
    pub range: OffsetRange,
}

/// A host that could not be looked at, or could not remember.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct HostError {
    /// What failed, naming the place.
    pub what: String,
    /// Why.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

impl HostError {
    /// Says what failed, and why.
    pub fn new(what: impl Into<String>, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what: what.into(), cause: cause.into() }
    }
}

/// The machine beside the broker.
pub trait Host: fmt::Debug + Send + Sync {
    /// Looks at all log dirs, pins what is new, and tells what is held. A log dir that cannot be read is an error for the
    /// whole: what is not seen must not look as if it were gone.
    ///
    /// A partition in which nothing changed since the last look is the same `Arc` again, so that an idle look over many
    /// partitions copies nothing and a caller can tell the few that changed. The length of a file still written is as of
    /// the last change that was seen; [`Host::look_at`] tells it anew.
    fn look(&self) -> Result<Vec<Arc<HeldPartition>>, HostError>;

    /// The same for one partition, right before its bytes are planned with.
    fn look_at(&self, tip: &TopicIdPartition) -> Result<Option<Arc<HeldPartition>>, HostError>;

    /// Lets go of what is remembered of a partition's files without their bytes: what was read did not bear it out. The next
    /// look reads them. A host that remembers nothing has nothing to do.
    fn doubt(&self, tip: &TopicIdPartition) {
        let _ = tip;
    }

    /// Removes pins. One that is gone already counts as removed.
    fn release(&self, pins: &[PinId]) -> Result<(), HostError>;

    /// The disks, by log dir in the order of the configuration.
    fn space(&self) -> Result<Vec<Space>, HostError>;

    /// Pins that gave way since this was last asked; the first time all that are noted, so that a restart forgets none.
    fn given_way(&self) -> Result<Vec<GivenWay>, HostError>;

    /// Keeps these durably (fsync) in the place of what was known of their partitions. In one write for all.
    fn remember(&self, witnesses: &[Witness]) -> Result<(), HostError>;

    /// Forgets partitions of which nothing is held any more.
    fn forget(&self, tips: &[TopicIdPartition]) -> Result<(), HostError>;

    /// Everything that is remembered.
    fn witnesses(&self) -> Result<Vec<Witness>, HostError>;
}

#[cfg(test)]
mod tests {
    use firnline_index::lineage::{EpochStart, Lineage};
    use firnline_index::{LeaderEpoch, PartitionIndex, TopicIdPartition};

    use super::*;

    fn stretch(bound: i64, by: i32, starts: &[(i32, i64)]) -> Stretch {
        let epoch = |n| LeaderEpoch::new(n).unwrap();
        let start =
            |(of, at): &(i32, i64)| EpochStart { epoch: epoch(*of), start: Offset::new(*at).unwrap() };
        Stretch {
            bound: Offset::new(bound).unwrap(),
            epoch: epoch(by),
            lineage: Lineage::new(starts.iter().map(start).collect()).unwrap(),
        }
    }

    #[test]
    fn what_was_told_committed_stays_so_until_something_told_later_contradicts_it() {
        let tip = TopicIdPartition {
            topic: "orders".parse().unwrap(),
            topic_id: TopicId::from_bytes([7; 16]),
            partition: PartitionIndex::new(0).unwrap(),
        };
        let told = |newest, older| Witness { tip: tip.clone(), newest, older }.committed_to().get();
        let before = stretch(120, 3, &[(1, 0), (3, 80)]);
        assert_eq!(told(stretch(100, 4, &[(1, 0), (3, 80)]), vec![before.clone()]), 120, "a new leader lags");
        assert_eq!(
            told(stretch(100, 4, &[(1, 0), (4, 70)]), vec![before.clone()]),
            100,
            "an election cut it"
        );
        assert_eq!(told(stretch(60, 4, &[(1, 0), (4, 50)]), vec![before]), 60, "and there it parts");
    }
}
