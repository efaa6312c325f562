//! The offsets at which two sides differ.

use std::collections::HashMap;
use std::ops::Range;

use super::blocks::Side;
use super::report::{Difference, What};

/// How many offsets are looked at one by one at most.
pub const MAX_NAMED_SPAN: i64 = 1 << 21;

/// Records of a few ranges, offset by offset. What is equal on both sides takes no room once both were there.
#[derive(Debug)]
pub(super) struct Names {
    ranges: Vec<(i32, Range<i64>)>,
    left: HashMap<(i32, i64), Left>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Left {
    log: u32,
    table: u32,
    /// Sum of the log's checksums less that of the table's.
    sum: u128,
}

impl Names {
    /// For the first of these ranges, which ascend, as far as the limit goes. The second value says whether that was all.
    pub(super) fn of(differing: impl Iterator<Item = (i32, Range<i64>)>) -> (Self, bool) {
        let (mut ranges, mut span, mut all) = (Vec::<(i32, Range<i64>)>::new(), 0_i64, true);
        for (partition, range) in differing {
            let room = MAX_NAMED_SPAN - span;
            if room <= 0 {
                all = false;
                break;
            }
            let end = range.end.min(range.start.saturating_add(room));
            all &= end == range.end;
            span = span.saturating_add(end - range.start);
            match ranges.last_mut() {
                Some((of, last)) if *of == partition && last.end == range.start => last.end = end,
                _ => ranges.push((partition, range.start..end)),
            }
        }
        (Self { ranges, left: HashMap::new() }, all)
    }

    /// The ranges that are looked at.
    pub(super) fn ranges(&self) -> &[(i32, Range<i64>)] {
        &self.ranges
    }

    /// Adds a record.
    pub(super) fn add(&mut self, side: Side, partition: i32, offset: i64, checksum: u128) {
        let after = self.ranges.partition_point(|(of, range)| (*of, range.start) <= (partition, offset));
        let range = after.checked_sub(1).and_then(|at| self.ranges.get(at));
        if !range.is_some_and(|(of, range)| *of == partition && range.contains(&offset)) {
            return;
        }
        let left = self.left.entry((partition, offset)).or_default();
        match side {
            Side::Log => {
                left.log = left.log.saturating_add(1);
                left.sum = left.sum.wrapping_add(checksum);
            }
            Side::Table => {
                left.table = left.table.saturating_add(1);
                left.sum = left.sum.wrapping_sub(checksum);
            }
        }
    }

    /// The differences, by partition and offset; at most `most`, and how many there are.
    pub(super) fn differences(self, most: usize) -> (Vec<Difference>, u64) {
        let mut found: Vec<_> = self
            .left
            .into_iter()
            .filter(|(_, left)| left.log != left.table || left.sum != 0)
            .map(|((partition, offset), left)| Difference { partition, offset, what: left.what() })
            .collect();
        found.sort_unstable_by_key(|difference| (difference.partition, difference.offset));
        let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
        found.truncate(most);
        (found, count)
    }
}

impl Left {
    fn what(self) -> What {
        match (self.log, self.table) {
            (0, _) => What::Unknown,
            (_, 0) => What::Missing,
            (log, table) if table > log => What::Doubled { times: table },
            _ => What::Differs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_is_named_for_what_it_is() {
        let (mut names, all) = Names::of([(0, 0..100), (1, 50..60)].into_iter());
        assert!(all);
        for offset in [1, 2, 3, 5] {
            names.add(Side::Log, 0, offset, 7);
        }
        for (offset, sum) in [(1, 7), (2, 8), (3, 7), (3, 7), (4, 7), (200, 7)] {
            names.add(Side::Table, 0, offset, sum);
        }
        names.add(Side::Log, 1, 49, 1);
        let (found, count) = names.differences(3);
        let shown: Vec<_> = found.iter().map(|d| (d.offset, d.what)).collect();
        assert_eq!(shown, [(2, What::Differs), (3, What::Doubled { times: 2 }), (4, What::Unknown)]);
        assert_eq!(count, 4, "5 is missing");
    }

    #[test]
    fn more_than_the_limit_is_not_looked_at() {
        let (names, all) = Names::of([(0, 0..i64::MAX), (1, 0..1)].into_iter());
        assert!(!all);
        assert_eq!(names.ranges(), [(0, 0..MAX_NAMED_SPAN)]);
    }
}
