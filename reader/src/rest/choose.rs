//! Which replica's file is taken, and up to where. Pure.

use std::cmp::Reverse;

use firnline_index::lineage::Lineage;
use firnline_index::{LeaderEpoch, Offset};

/// What is known of a replica's file behind the tier's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replica {
    /// Whether it goes on where the tier ends.
    pub(super) joins: bool,
    /// The first offset that was looked at.
    pub(super) from: Offset,
    /// One past the last offset up to which it is whole.
    pub(super) end: Offset,
    /// The epochs of its batches from there on.
    pub(super) lineage: Lineage,
    /// The high watermark that the broker wrote down last.
    pub(super) checkpoint: Option<Offset>,
}

impl Replica {
    fn epoch(&self) -> Option<LeaderEpoch> {
        self.lineage.last().map(|last| last.epoch)
    }
}

/// What is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// Which of the replicas.
    pub(super) at: usize,
    /// Up to where all was committed, as far as any replica was told.
    pub(super) proven: Offset,
}

/// Of those that join the one with the highest last epoch, of equals the longest, of equals the one that begins lowest; and in its
/// place one that begins lower, if it is of the same history and has all that was committed.
pub(super) fn choose(replicas: &[Replica]) -> Option<Choice> {
    let rank = |replica: &Replica| (replica.epoch(), replica.end, Reverse(replica.from));
    let joining = || replicas.iter().enumerate().filter(|(_, replica)| replica.joins);
    // Of full equals the first: `max_by_key` would take the last.
    let (longest, taken) = joining().rev().max_by_key(|(_, replica)| rank(replica))?;
    let proven = proven(replicas, longest);
    let has_all = |replica: &Replica| {
        replica.epoch() == taken.epoch() && agrees(taken, replica, proven) == Some(proven)
    };
    let lower = joining().filter(|(_, replica)| replica.from < taken.from && has_all(replica));
    Some(match lower.min_by_key(|(_, replica)| (replica.from, Reverse(replica.end))) {
        Some((at, _)) => Choice { at, proven: self::proven(replicas, at) },
        None => Choice { at: longest, proven },
    })
}

/// Up to where all that a replica holds was committed, as far as any was told.
fn proven(replicas: &[Replica], at: usize) -> Offset {
    let taken = &replicas[at];
    let told = replicas.iter().enumerate().filter_map(|(other, replica)| {
        let told = replica.checkpoint?.min(taken.end);
        if other == at { Some(told) } else { agrees(taken, replica, told) }
    });
    told.max().unwrap_or(taken.from).max(taken.from)
}

/// Up to where, `told` at most, a watermark that `other` was told holds for `taken`, too: where both have the record before it,
/// of one epoch, all that comes before is the same.
fn agrees(taken: &Replica, other: &Replica, told: Offset) -> Option<Offset> {
    let told = told.min(other.end);
    let last = told.get().checked_sub(1).and_then(Offset::from_kafka)?;
    let both = last >= taken.from && last >= other.from;
    let epoch = taken.lineage.epoch_at(last).filter(|_| both)?;
    (other.lineage.epoch_at(last) == Some(epoch)).then_some(told)
}

#[cfg(test)]
mod tests {
    use firnline_index::lineage::EpochStart;

    use super::*;

    fn at(offset: i64) -> Offset {
        Offset::new(offset).unwrap()
    }

    fn replica(from: i64, end: i64, epochs: &[(i32, i64)], checkpoint: Option<i64>) -> Replica {
        let start = |&(epoch, start): &(i32, i64)| EpochStart {
            epoch: LeaderEpoch::new(epoch).unwrap(),
            start: at(start),
        };
        Replica {
            joins: true,
            from: at(from),
            end: at(end),
            lineage: Lineage::new(epochs.iter().map(start).collect()).unwrap(),
            checkpoint: checkpoint.map(at),
        }
    }

    fn chosen(replicas: &[Replica]) -> Option<(usize, i64)> {
        choose(replicas).map(|choice| (choice.at, choice.proven.get()))
    }

    #[test]
    fn one_replica_proves_what_its_own_checkpoint_says_and_no_more() {
        assert_eq!(chosen(&[replica(10, 50, &[(1, 10)], Some(40))]), Some((0, 40)));
        assert_eq!(chosen(&[replica(10, 50, &[(1, 10)], Some(90))]), Some((0, 50)), "it has no more");
        assert_eq!(chosen(&[replica(10, 50, &[(1, 10)], Some(5))]), Some((0, 10)));
        assert_eq!(chosen(&[replica(10, 50, &[(1, 10)], None)]), Some((0, 10)), "nothing was told");
        assert_eq!(chosen(&[Replica { joins: false, ..replica(10, 50, &[(1, 10)], Some(40)) }]), None);
    }

    #[test]
    fn the_highest_epoch_wins_then_the_longest() {
        let old = replica(0, 90, &[(1, 0)], Some(10));
        let new = replica(0, 60, &[(1, 0), (2, 50)], Some(55));
        assert_eq!(chosen(&[old.clone(), new.clone()]), Some((1, 55)));
        let longer = replica(0, 70, &[(1, 0), (2, 50)], Some(20));
        assert_eq!(chosen(&[new, old, longer]), Some((2, 55)), "a watermark told to one holds for its equal");
    }

    #[test]
    fn one_that_begins_lower_is_taken_if_it_has_all_that_was_committed() {
        let whole = replica(0, 1000, &[(1, 0)], Some(990));
        let moved = replica(500, 1001, &[(1, 500)], Some(1000));
        assert_eq!(chosen(&[moved.clone(), whole.clone()]), Some((1, 1000)));
        let behind = replica(0, 999, &[(1, 0)], Some(990));
        assert_eq!(
            chosen(&[moved.clone(), behind]),
            Some((0, 1000)),
            "it lacks an offset that was committed"
        );
        let parted = replica(0, 1000, &[(0, 0), (1, 600)], Some(990));
        assert_eq!(
            chosen(&[moved.clone(), parted]),
            Some((1, 1000)),
            "epoch and offset name the last record"
        );
        let older = replica(0, 1000, &[(0, 0)], Some(990));
        assert_eq!(chosen(&[moved, older]), Some((0, 1000)));
    }

    #[test]
    fn a_watermark_of_another_history_proves_nothing() {
        let taken = replica(0, 60, &[(1, 0), (3, 40)], Some(30));
        let parted = replica(0, 60, &[(1, 0), (2, 35)], Some(50));
        assert_eq!(chosen(&[taken.clone(), parted]), Some((0, 30)));
        let common = replica(0, 36, &[(1, 0)], Some(36));
        assert_eq!(chosen(&[taken.clone(), common]), Some((0, 36)), "both have offset 35 of epoch 1");
        let elsewhere = Replica { joins: false, ..replica(45, 60, &[(3, 45)], Some(52)) };
        assert_eq!(
            chosen(&[taken.clone(), elsewhere]),
            Some((0, 52)),
            "one that does not join may bear witness"
        );
        let unknown = replica(0, 60, &[], Some(52));
        assert_eq!(chosen(&[taken, unknown]), Some((0, 30)), "without epochs nothing is compared");
    }
}
