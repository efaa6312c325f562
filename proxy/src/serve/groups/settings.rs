//! What a server is told about groups.

use std::ops::RangeInclusive;
use std::time::Duration;

/// How groups are coordinated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupSettings {
    /// Whether a group without positions of its own takes those that sidecars had saved of it, once.
    pub from_saved: bool,
    /// How much of anything.
    pub limits: GroupLimits,
}

/// Limits of groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLimits {
    /// Groups held in memory. One without members gives its place to another.
    pub groups: usize,
    /// Members of one group.
    pub members: usize,
    /// Bytes that one member says of itself, over all its ways to divide the work.
    pub member_bytes: usize,
    /// Bytes of one member's part of the work.
    pub assignment_bytes: usize,
    /// Memory for members and positions of all groups, in bytes.
    pub bytes: usize,
    /// Bytes that a client may put beside a position.
    pub metadata_bytes: usize,
    /// The sessions that members may ask for.
    pub session: RangeInclusive<Duration>,
    /// The longest change to another generation; who asks for longer gets this.
    pub rebalance: Duration,
    /// How long an empty group waits for more members before its first generation.
    pub initial_delay: Duration,
    /// The pause between two writes of one group.
    pub write_interval: Duration,
    /// How long a client waits for the write of its positions.
    pub write_patience: Duration,
    /// How old the store's last word about a group may be where positions are told, and where it is another server's.
    pub look_age: Duration,
}

impl Default for GroupLimits {
    fn default() -> Self {
        Self {
            groups: 1000,
            members: 1000,
            member_bytes: 64 << 10,
            assignment_bytes: 1 << 20,
            bytes: 64 << 20,
            metadata_bytes: 4096,
            session: Duration::from_secs(6)..=Duration::from_secs(1800),
            rebalance: Duration::from_secs(1800),
            initial_delay: Duration::from_secs(1),
            write_interval: Duration::from_secs(1),
            write_patience: Duration::from_secs(20),
            look_age: Duration::from_secs(5),
        }
    }
}
