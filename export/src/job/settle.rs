//! What becomes of a written set whose commit was not plainly accepted. Decided from what the table says now, and from
//! nothing else: a catalog's answer may be lost, late, or about an attempt that a proxy on the way has repeated.
//!
//! ```text
//!            commit ──► accepted ───────────────────────────────► Landed
//!              │
//!   conflict / unknown / refused: load the table again
//!              │
//!              ├─ our id in the ancestry, or in the property ──► Landed
//!              ├─ another owner ───────────────────────────────► Fenced
//!              ├─ our partitions do not stand where we began ──► Abandon (somebody else exported)
//!              ├─ other ground (spec, or our schema change's) ─► Abandon (written for another table)
//!              └─ else ────────────────────────────────────────► Again, on the new head
//! ```
//!
//! The ancestry alone is not enough: a foreign rewrite with an expiry behind it takes our snapshot, and its summary, away.
//! The property alone is not either: a later commit of another exporter overwrites it, but then the positions have moved,
//! and what was written is abandoned, not deleted, for it may be part of the table.

use crate::position::Advance;

use super::state::Exported;

/// A written set and who wants to add it.
#[derive(Debug, Clone, Copy)]
pub struct Ours<'a> {
    /// The exporter.
    pub owner: &'a str,
    /// The written set's id.
    pub commit: &'a str,
    /// From where to where it leads.
    pub ranges: &'a [Advance],
}

/// What the table says now.
#[derive(Debug, Clone, Copy)]
pub struct Now<'a> {
    /// Its properties.
    pub exported: &'a Exported,
    /// Whether a snapshot among the ancestors of its head names the written set.
    pub in_ancestry: bool,
    /// Whether what was written still fits: same partitioning, and no other schema where ours would change it.
    pub same_ground: bool,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It is part of the table.
    Landed,
    /// It is not, and may be added to what the table is now.
    Again,
    /// It is not, and must not be added any more. Its files stay: only where no attempt's outcome was ever unknown may they
    /// be deleted.
    Abandon(Why),
}

/// Why a written set must not be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Another exporter has the table.
    Fenced,
    /// The table has come further, or was set back.
    Moved,
    /// The table's partitioning or schema is another one.
    Changed,
}

/// Decides.
#[must_use]
pub fn settle(ours: Ours<'_>, now: Now<'_>) -> Settled {
    if now.in_ancestry || now.exported.commit.as_deref() == Some(ours.commit) {
        return Settled::Landed;
    }
    if now.exported.owner.as_deref() != Some(ours.owner) {
        return Settled::Abandon(Why::Fenced);
    }
    if !now.exported.positions.stand_before(ours.ranges) {
        return Settled::Abandon(Why::Moved);
    }
    if !now.same_ground {
        return Settled::Abandon(Why::Changed);
    }
    Settled::Again
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Position;
    use firnline_index::{LeaderEpoch, Offset, PartitionIndex};

    fn range() -> Advance {
        let at = |offset| Offset::new(offset).unwrap();
        Advance {
            partition: PartitionIndex::new(0).unwrap(),
            from: at(10),
            from_epoch: LeaderEpoch::from_kafka(1),
            fresh: false,
            to: Position { next_offset: at(20), leader_epoch: LeaderEpoch::from_kafka(1) },
            decided_by: None,
        }
    }

    fn exported(owner: &str, commit: &str, next: i64) -> Exported {
        let mut exported = Exported {
            owner: Some(owner.to_owned()),
            commit: Some(commit.to_owned()),
            ..Exported::default()
        };
        let position =
            Position { next_offset: Offset::new(next).unwrap(), leader_epoch: LeaderEpoch::from_kafka(1) };
        exported.positions.set(range().partition, position);
        exported
    }

    fn settled(exported: &Exported, in_ancestry: bool, same_ground: bool) -> Settled {
        let ours = Ours { owner: "me", commit: "mine", ranges: &[range()] };
        settle(ours, Now { exported, in_ancestry, same_ground })
    }

    #[test]
    fn what_the_ancestry_names_has_landed_whatever_came_after() {
        assert_eq!(settled(&exported("another", "theirs", 99), true, false), Settled::Landed);
    }

    #[test]
    fn what_only_the_property_names_has_landed() {
        assert_eq!(settled(&exported("me", "mine", 20), false, true), Settled::Landed);
    }

    #[test]
    fn an_exporter_that_was_replaced_adds_nothing() {
        assert_eq!(settled(&exported("another", "old", 10), false, true), Settled::Abandon(Why::Fenced));
    }

    #[test]
    fn what_another_has_exported_is_not_added_again() {
        assert_eq!(settled(&exported("me", "old", 20), false, true), Settled::Abandon(Why::Moved));
        assert_eq!(settled(&exported("me", "old", 5), false, true), Settled::Abandon(Why::Moved));
    }

    #[test]
    fn files_of_another_partitioning_are_not_added() {
        assert_eq!(settled(&exported("me", "old", 10), false, false), Settled::Abandon(Why::Changed));
    }

    #[test]
    fn behind_a_foreign_commit_it_is_tried_again() {
        assert_eq!(settled(&exported("me", "old", 10), false, true), Settled::Again);
    }
}
