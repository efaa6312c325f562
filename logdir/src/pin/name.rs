//! The name of a pin.
//!
//! ```text
//! .firnline-pin.<topic id, 22 characters>.<partition>.<base, 20 digits>.<inode>
//! .firnline-pin.J8nB1x9RTGqN3oGQx5Lk2A.3.00000000000000001500.1310747
//! ```
//! It is a plain file in the root of the log dir that holds the partition. Kafka's loader looks at directories there and
//! at a few files by exact name, and leaves every other file alone (3.3 to 4.x). The topic's *id* stands in the name, as
//! a name of 249 characters would not fit beside the rest. The inode keeps two files of one base apart: after a
//! truncation a broker may write a new file under an old name.

use std::fmt;

use firnline_index::{Offset, PartitionIndex, TopicId};

/// Which file a pin keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PinName {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: PartitionIndex,
    /// The base offset by which the broker named the file.
    pub base: Offset,
    /// The file's inode when it was pinned.
    pub inode: u64,
}

impl PinName {
    /// What every pin's name begins with.
    pub const PREFIX: &str = ".firnline-pin.";

    /// Reads a name. Only what [`PinName`] itself would write is one: a name cut short or written otherwise belongs to
    /// somebody else.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(Self::PREFIX)?.split('.');
        let mut next = || parts.next();
        let (topic_id, partition, base, inode) = (next()?, next()?, next()?, next()?);
        let pin = Self {
            topic_id: topic_id.parse().ok()?,
            partition: partition.parse().ok().and_then(PartitionIndex::from_kafka)?,
            base: base.parse().ok().and_then(Offset::from_kafka)?,
            inode: inode.parse().ok()?,
        };
        (pin.to_string() == name).then_some(pin)
    }
}

impl fmt::Display for PinName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic_id, partition, base, inode } = self;
        write!(f, "{}{topic_id}.{partition}.{:020}.{inode}", Self::PREFIX, base.get())
    }
}
