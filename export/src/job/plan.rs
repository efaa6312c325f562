//! Which partitions the next round reads, and how much of each. Pure: from what the table has and what the tier holds.
//!
//! All partitions with something to read get a share of the round, those that are furthest behind in time first, so that a
//! backfill of many partitions walks through the days together and its files stay whole days.

use std::time::Duration;

use firnline_index::{Offset, PartitionIndex};

use crate::position::Position;

/// The least that is read of a partition in one go: below it requests cost more than bytes.
const LEAST_SHARE: u64 = 16 << 20;

/// What is known of one partition before a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// The partition.
    pub partition: PartitionIndex,
    /// Where it goes on.
    pub position: Position,
    /// Whether the table has no position of it yet.
    pub fresh: bool,
    /// Whether all transactions of records below the position were decided below it.
    pub closed: bool,
    /// One past the last offset that may be read.
    pub end: Offset,
    /// About how many bytes lie between.
    pub bytes: u64,
    /// Up to when it was exported, by the records' own times; `None` where that is not known.
    pub exported_up_to_ms: Option<i64>,
}

impl Backlog {
    fn is_empty(&self) -> bool {
        self.position.next_offset >= self.end
    }
}

/// What one round reads of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// The partition.
    pub partition: PartitionIndex,
    /// From where.
    pub position: Position,
    /// Whether the table has no position of it yet.
    pub fresh: bool,
    /// Whether all transactions of records below the position were decided below it.
    pub closed: bool,
    /// Up to where at most.
    pub until: Offset,
    /// About how many bytes at most; it ends at the border of what was read together.
    pub bytes: u64,
}

/// Divides one round of `target` bytes among the partitions with something to read; none where there is nothing.
#[must_use]
pub fn divide(backlogs: &[Backlog], target: u64) -> Vec<Assignment> {
    let mut waiting: Vec<&Backlog> = backlogs.iter().filter(|backlog| !backlog.is_empty()).collect();
    waiting.sort_by_key(|backlog| (backlog.exported_up_to_ms, backlog.partition));
    let mut left = target.max(1);
    let mut shares = Vec::new();
    while !waiting.is_empty() && left > 0 {
        // What those with little to read leave over is for the others.
        let fair = left / u64::try_from(waiting.len()).unwrap_or(u64::MAX).max(1);
        let next = waiting.remove(0);
        let share = fair.max(LEAST_SHARE).min(left.max(1));
        left = left.saturating_sub(share.min(next.bytes));
        shares.push(Assignment {
            partition: next.partition,
            position: next.position,
            fresh: next.fresh,
            closed: next.closed,
            until: next.end,
            bytes: share,
        });
    }
    shares
}

/// Whether it is time for a round: enough to read, or something has waited long enough.
#[must_use]
pub fn is_due(backlogs: &[Backlog], waited: Duration, target: u64, max_lag: Duration) -> bool {
    let bytes = backlogs.iter().filter(|b| !b.is_empty()).fold(0u64, |sum, b| sum.saturating_add(b.bytes));
    let waiting = backlogs.iter().any(|backlog| !backlog.is_empty());
    waiting && (bytes >= target || waited >= max_lag)
}

/// Seconds that the table is behind the tier: since the last record that the partition furthest behind has in the table; 0
/// where nothing is waiting. `None` where something is, and nothing tells since when.
#[must_use]
pub fn seconds_behind(backlogs: &[Backlog], now_ms: i64) -> Option<u64> {
    let waiting = backlogs.iter().filter(|backlog| !backlog.is_empty());
    let mut most = Some(0);
    for backlog in waiting {
        let since =
            backlog.exported_up_to_ms.map(|at| u64::try_from(now_ms.saturating_sub(at)).unwrap_or(0) / 1000);
        most = most.zip(since).map(|(most, since): (u64, u64)| most.max(since));
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backlog(partition: i32, next: i64, end: i64, bytes: u64, up_to: Option<i64>) -> Backlog {
        Backlog {
            partition: PartitionIndex::new(partition).unwrap(),
            position: Position::at(Offset::new(next).unwrap()),
            fresh: false,
            closed: true,
            end: Offset::new(end).unwrap(),
            bytes,
            exported_up_to_ms: up_to,
        }
    }

    fn order(assignments: &[Assignment]) -> Vec<(i32, u64)> {
        assignments.iter().map(|a| (a.partition.get(), a.bytes >> 20)).collect()
    }

    #[test]
    fn those_furthest_behind_in_time_come_first() {
        let all = [
            backlog(0, 0, 10, 900 << 20, Some(500)),
            backlog(1, 0, 10, 900 << 20, Some(100)),
            backlog(2, 5, 5, 0, Some(1)),
            backlog(3, 0, 10, 900 << 20, None),
        ];
        assert_eq!(order(&divide(&all, 192 << 20)), [(3, 64), (1, 64), (0, 64)]);
    }

    #[test]
    fn what_small_ones_leave_over_is_for_the_others() {
        let all = [backlog(0, 0, 10, 1 << 20, Some(1)), backlog(1, 0, 10, 900 << 20, Some(2))];
        assert_eq!(order(&divide(&all, 101 << 20)), [(0, 50), (1, 100)]);
    }

    #[test]
    fn many_partitions_do_not_make_many_small_requests() {
        let all: Vec<_> = (0..100).map(|p| backlog(p, 0, 10, 900 << 20, Some(i64::from(p)))).collect();
        let shares = divide(&all, 64 << 20);
        assert_eq!(order(&shares), [(0, 16), (1, 16), (2, 16), (3, 16)], "the others in the rounds to come");
    }

    #[test]
    fn a_round_waits_for_bytes_or_for_time() {
        let lag = Duration::from_secs(60);
        let some = [backlog(0, 0, 10, 5, None)];
        assert!(!is_due(&some, Duration::from_secs(59), 100, lag));
        assert!(is_due(&some, lag, 100, lag));
        assert!(is_due(&[backlog(0, 0, 10, 100, None)], Duration::ZERO, 100, lag));
        assert!(!is_due(&[backlog(0, 10, 10, 0, None)], lag, 0, lag), "nothing to read");
    }

    #[test]
    fn a_table_that_has_everything_is_not_behind() {
        assert_eq!(seconds_behind(&[backlog(0, 10, 10, 0, Some(0))], 9_000), Some(0));
        assert_eq!(
            seconds_behind(&[backlog(0, 1, 10, 0, Some(2_000)), backlog(1, 1, 2, 0, Some(5_000))], 9_000),
            Some(7)
        );
        assert_eq!(seconds_behind(&[backlog(0, 1, 10, 0, None)], 9_000), None);
    }
}
