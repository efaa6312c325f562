//! Where a table and its tier have parted. Pure: from rows' offsets and epochs, and the tier's lineage.
//!
//! A leader epoch and an offset together name a record for good, and logs that agree at an offset agree at all below it. So
//! the last row whose epoch the tier has at its offset is the last that is right: everything up to there is in the table
//! as it is in the log, and everything behind it goes, to be exported again. (How transactions ended that were open there is
//! looked up beside this.)
//!
//! ```text
//!   table   1 1 1 1 2 2 2 2 2          rows with their epochs
//!   tier    1 1 1 1 2 2 4 4 4 4 4 …    lineage (1,0) (2,4) (4,6)
//!                     │ └ taken back
//!                     └ the last row that both have: the position goes to the offset behind it
//! ```

use firnline_index::lineage::Lineage;
use firnline_index::{LeaderEpoch, Offset};

use crate::position::Position;

/// The log that the tier has of a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log<'a> {
    pub(super) lineage: &'a Lineage,
    pub(super) end: Offset,
}

impl Log<'_> {
    /// Whether the log has the record of a row. What lies below the lineage's first start is not known to differ.
    pub(super) fn has(&self, offset: Offset, epoch: Option<LeaderEpoch>) -> bool {
        let known = self.lineage.epoch_at(offset);
        offset < self.end && (known.is_none() || epoch.is_none() || known == epoch)
    }
}

/// Looks for the last row that is right, in whatever order rows come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seek {
    last: Option<(Offset, Option<LeaderEpoch>)>,
}

impl Seek {
    /// A row of the partition.
    pub(super) fn row(&mut self, log: &Log<'_>, offset: Offset, epoch: Option<LeaderEpoch>) {
        let further = self.last.is_none_or(|(last, _)| last < offset);
        if further && log.has(offset, epoch) {
            self.last = Some((offset, epoch));
        }
    }

    /// Whether rows up to `offset` could still change what was found.
    pub(super) fn could_lie_below(&self, offset: Offset) -> bool {
        self.last.is_none_or(|(last, _)| last < offset)
    }

    /// Where the partition is to be gone on with: behind the last row that is right, or at the log's start, which is `start`,
    /// where none is.
    pub(super) fn position(&self, start: Offset) -> Position {
        match self.last {
            Some((last, epoch)) => Position { next_offset: last.next().unwrap_or(last), leader_epoch: epoch },
            None => Position::at(start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firnline_index::lineage::EpochStart;

    fn at(offset: i64) -> Offset {
        Offset::new(offset).unwrap()
    }

    fn epoch(number: i32) -> Option<LeaderEpoch> {
        LeaderEpoch::from_kafka(number)
    }

    fn lineage(starts: &[(i32, i64)]) -> Lineage {
        let starts = starts.iter().map(|(number, start)| EpochStart {
            epoch: LeaderEpoch::new(*number).unwrap(),
            start: at(*start),
        });
        Lineage::new(starts.collect()).unwrap()
    }

    fn sought(lineage: &Lineage, end: i64, rows: &[(i64, i32)]) -> Position {
        let log = Log { lineage, end: at(end) };
        let mut seek = Seek::default();
        for (offset, number) in rows {
            seek.row(&log, at(*offset), epoch(*number));
        }
        seek.position(Offset::ZERO)
    }

    #[test]
    fn the_position_goes_behind_the_last_row_that_both_have() {
        let log = lineage(&[(1, 0), (2, 4), (4, 6)]);
        let rows = [(0, 1), (3, 1), (4, 2), (5, 2), (6, 2), (8, 2)];
        let found = sought(&log, 11, &rows);
        assert_eq!((found.next_offset, found.leader_epoch), (at(6), epoch(2)));
        let backwards: Vec<_> = rows.into_iter().rev().collect();
        assert_eq!(sought(&log, 11, &backwards), found);
    }

    #[test]
    fn a_stale_leaders_own_records_are_found_out() {
        // The tier's 50..70 were written under epoch 1 by a leader that knew nothing of epoch 2.
        let log = lineage(&[(1, 0), (3, 70)]);
        assert_eq!(sought(&log, 100, &[(49, 1), (50, 2), (60, 2), (99, 2)]).next_offset, at(50));
    }

    #[test]
    fn rows_beyond_the_tiers_end_are_not_right_whatever_their_epoch() {
        let log = lineage(&[(1, 0)]);
        assert_eq!(sought(&log, 60, &[(10, 1), (59, 1), (60, 1), (99, 1)]).next_offset, at(60));
    }

    #[test]
    fn where_no_row_is_right_it_begins_anew() {
        assert_eq!(sought(&lineage(&[(7, 0)]), 10, &[(0, 3), (1, 3)]), Position::at(Offset::ZERO));
        assert_eq!(sought(&Lineage::empty(), 0, &[(0, 3)]), Position::at(Offset::ZERO));
    }

    #[test]
    fn rows_without_an_epoch_are_right_up_to_the_end() {
        assert_eq!(sought(&Lineage::empty(), 5, &[(4, -1), (5, -1)]).next_offset, at(5));
    }
}
