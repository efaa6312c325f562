//! Whether the tier still has the log that a position was recorded under.
//!
//! A leader epoch and an offset together name a record for good. A log that was cut goes on under a higher epoch, always:
//! so a position fits as long as no epoch above its own begins below it, and the tier reaches up to it.

use firnline_index::batch::{BatchHeader, BatchLimits, Parsed};
use firnline_index::manifest::Manifest;
use firnline_index::{LeaderEpoch, Offset, TopicIdPartition};
use firnline_reader::{Isolation, ReadError, ReadOutcome, Reader};

use super::Position;

/// What a manifest says of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go on.
    Fits,
    /// From `at` on the log is another one.
    Cut { at: Offset },
    /// What comes next is gone.
    BelowStart { start: Offset },
    /// The manifest's head remembers no epochs so far back: the batch at `last` tells.
    Unknown { last: Offset },
}

/// Holds a position against a manifest's head.
pub(super) fn check(manifest: &Manifest, position: &Position) -> Verdict {
    let Position { next_offset: next, leader_epoch } = *position;
    let starts = manifest.lineage.starts();
    let parted = leader_epoch.and_then(|epoch| starts.iter().find(|start| start.epoch > epoch));
    let parted = parted.map(|start| start.start).filter(|start| *start < next);
    let first = manifest.lineage.first().map(|first| first.start);
    let last = next.get().checked_sub(1).and_then(Offset::from_kafka);
    // A leader that had missed an epoch may have written there, and have been cut off by the next: then no higher epoch begins
    // below, and still the epoch recorded is not the log's.
    let missed = leader_epoch.zip(last.and_then(|last| manifest.lineage.epoch_at(last)));
    let missed = missed.filter(|(recorded, log)| log < recorded).map(|(recorded, _)| {
        starts
            .iter()
            .find(|start| start.epoch > recorded)
            .map_or(manifest.tier_end, |start| start.start)
            .min(next)
    });
    match (parted.or(missed), first, last) {
        (Some(at), ..) => Verdict::Cut { at: at.min(manifest.tier_end) },
        (None, ..) if next > manifest.tier_end => Verdict::Cut { at: manifest.tier_end },
        (None, ..) if next < manifest.tier_start => Verdict::BelowStart { start: manifest.tier_start },
        (None, Some(first), Some(last))
            if leader_epoch.is_some() && last < first && last >= manifest.tier_start =>
        {
            Verdict::Unknown { last }
        }
        (None, ..) => Verdict::Fits,
    }
}

/// What the log has at or behind `offset`: the leader epoch of the first batch that reaches past it, and whether that covers
/// the offset itself. One GET or two.
pub(super) async fn of_log(
    reader: &Reader,
    tip: &TopicIdPartition,
    offset: Offset,
) -> Result<Option<(LeaderEpoch, bool)>, ReadError> {
    let found = reader.read(tip, offset, 1, Isolation::ReadUncommitted).await?;
    let ReadOutcome::Batches(found) = found else { return Ok(None) };
    let front = found.chain.parts().first();
    let header = front.and_then(|part| match BatchHeader::parse(part, offset, &BatchLimits::DEFAULT) {
        Ok(Parsed::Header(header)) => Some(header),
        _ => None,
    });
    Ok(header.and_then(|header| header.leader_epoch.map(|epoch| (epoch, header.base_offset <= offset))))
}

/// Whether what the log has fits a position whose last offset was looked up: the same epoch at the offset itself; not a
/// higher one where that lies in a hole, with what was exported before the hole.
pub(super) fn agrees(position: &Position, found: Option<(LeaderEpoch, bool)>) -> bool {
    match (position.leader_epoch, found) {
        (Some(recorded), Some((epoch, true))) => recorded == epoch,
        (Some(recorded), Some((epoch, false))) => recorded <= epoch,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firnline_index::lineage::{EpochStart, Lineage};
    use firnline_index::manifest::ManifestKind;
    use firnline_index::{ClusterId, CommitId, PartitionIndex, TopicId, TopicName};

    fn at(offset: i64) -> Offset {
        Offset::new(offset).expect("an offset")
    }

    fn manifest(starts: &[(i32, i64)], start: i64, end: i64) -> Manifest {
        let tip = TopicIdPartition {
            topic: TopicName::new("t").expect("a name"),
            topic_id: TopicId::from_bytes([1; 16]),
            partition: PartitionIndex::ZERO,
        };
        let cluster = ClusterId::new("c").expect("an id");
        let commit = CommitId::from_bytes([1; 16]);
        let mut manifest = Manifest::new(ManifestKind::Sidecar, cluster, tip, at(start), commit);
        let starts = starts
            .iter()
            .map(|(epoch, start)| EpochStart {
                epoch: LeaderEpoch::new(*epoch).expect("an epoch"),
                start: at(*start),
            })
            .collect();
        manifest.lineage = Lineage::new(starts).expect("a chain");
        manifest.tier_end = at(end);
        manifest
    }

    fn position(next: i64, epoch: i32) -> Position {
        Position { next_offset: at(next), leader_epoch: LeaderEpoch::from_kafka(epoch) }
    }

    #[test]
    fn a_log_that_only_grew_fits() {
        let grown = manifest(&[(1, 0), (3, 50), (4, 100)], 0, 200);
        for (next, epoch) in [(50, 1), (51, 3), (100, 3), (200, 4), (0, -1), (10, 1)] {
            assert_eq!(check(&grown, &position(next, epoch)), Verdict::Fits, "{next} {epoch}");
        }
    }

    #[test]
    fn a_log_that_was_cut_below_is_told_with_the_place() {
        let regrown = manifest(&[(1, 0), (3, 50), (6, 70)], 0, 200);
        assert_eq!(check(&regrown, &position(100, 3)), Verdict::Cut { at: at(70) });
        assert_eq!(check(&regrown, &position(100, 5)), Verdict::Cut { at: at(70) }, "an epoch that is gone");
        assert_eq!(check(&regrown, &position(70, 3)), Verdict::Fits, "up to the cut");
        let cut = manifest(&[(1, 0), (3, 50)], 0, 60);
        assert_eq!(check(&cut, &position(100, 3)), Verdict::Cut { at: at(60) });
        assert_eq!(check(&cut, &position(100, -1)), Verdict::Cut { at: at(60) }, "without epochs by the end");
        let emptied = manifest(&[], 0, 0);
        assert_eq!(check(&emptied, &position(100, 3)), Verdict::Cut { at: at(0) });
    }

    #[test]
    fn an_epoch_that_the_log_never_had_is_a_cut_though_no_higher_one_begins_below() {
        let regrown = manifest(&[(1, 0), (3, 70)], 0, 200);
        assert_eq!(check(&regrown, &position(60, 2)), Verdict::Cut { at: at(60) });
        assert_eq!(check(&regrown, &position(60, 1)), Verdict::Fits);
        assert_eq!(check(&manifest(&[(1, 0)], 0, 50), &position(40, 2)), Verdict::Cut { at: at(40) });
    }

    #[test]
    fn what_retention_took_is_told_apart_from_a_cut() {
        let kept = manifest(&[(3, 150)], 150, 200);
        assert_eq!(check(&kept, &position(100, 3)), Verdict::BelowStart { start: at(150) });
        assert_eq!(check(&kept, &position(150, 2)), Verdict::Fits, "right at the start");
        assert_eq!(check(&kept, &position(150, 3)), Verdict::Fits);
    }

    #[test]
    fn what_the_head_forgot_is_asked_of_the_log() {
        let long = manifest(&[(1000, 500), (1001, 600)], 0, 700);
        assert_eq!(check(&long, &position(100, 3)), Verdict::Unknown { last: at(99) });
        assert_eq!(check(&long, &position(500, 3)), Verdict::Unknown { last: at(499) });
        assert_eq!(check(&long, &position(501, 1000)), Verdict::Fits);
        assert_eq!(check(&long, &position(550, 3)), Verdict::Cut { at: at(500) });
    }

    #[test]
    fn a_looked_up_batch_agrees_by_its_epoch() {
        let epoch = |n| LeaderEpoch::new(n).expect("an epoch");
        let recorded = position(100, 3);
        assert!(agrees(&recorded, Some((epoch(3), true))));
        assert!(!agrees(&recorded, Some((epoch(4), true))));
        assert!(agrees(&recorded, Some((epoch(4), false))), "behind a hole");
        assert!(!agrees(&recorded, Some((epoch(2), false))));
    }
}
