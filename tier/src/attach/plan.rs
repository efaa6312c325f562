//! What is attached, and what is not.

use firnline_index::ids::{Offset, OffsetRange, TopicIdPartition};
use firnline_index::manifest::Entry;
use firnline_index::transactions::OpenTransaction;

use super::{AttachError, AttachPlan, AttachSegment};
use crate::Tier;
use crate::restore::{Gaps, RestorePlan, RestoreRequest};

/// A broker's file has no more bytes, and no more offsets.
const MAX: u64 = i32::MAX as u64;

impl Tier {
    /// Plans to attach a partition. Requests as for [`Tier::plan_restore`].
    ///
    /// # Errors
    /// As for a restore; and where a segment is not as a broker takes it.
    pub async fn plan_attach(&self, tip: &TopicIdPartition, gaps: Gaps) -> Result<AttachPlan, AttachError> {
        let request = RestoreRequest { tip: tip.clone(), from: None, until: None, gaps };
        let whole = self.plan_restore(&request).await?;
        let mut plan = divide(whole)?;
        if let (Some(last), Some(_)) = (plan.segments.last(), &plan.local) {
            plan.open = self.open_at_the_end(tip, &last.entry).await?;
        }
        Ok(plan)
    }

    /// What is open at a segment's end. One GET where anything is.
    async fn open_at_the_end(
        &self,
        tip: &TopicIdPartition,
        entry: &Entry,
    ) -> Result<Vec<OpenTransaction>, AttachError> {
        if entry.stable_end >= entry.range.end() {
            return Ok(Vec::new());
        }
        let tail = self.segment_tail(tip, entry).await;
        let tail =
            tail.map_err(|source| AttachError::Tail { tip: tip.clone(), segment: entry.range, source })?;
        Ok(tail.transactions().open.clone())
    }
}

/// Divides what would be restored.
fn divide(whole: RestorePlan) -> Result<AttachPlan, AttachError> {
    let tip = whole.tip.clone();
    // Behind the last whole segment the broker's log begins. There may be none: then all of it is local.
    let ends = whole.entries.iter().map(|entry| entry.range.end());
    let end = ends.filter(|end| *end <= whole.range.end()).max().unwrap_or(whole.range.start());
    let range = OffsetRange::new(whole.range.start(), end).unwrap_or(whole.range);
    // One that reaches over it overlaps with the one that ends there, which has the offsets up to there.
    let attached: Vec<Entry> = whole.entries.iter().filter(|e| e.range.end() <= end).cloned().collect();
    attached.iter().try_for_each(|entry| fits(&tip, entry))?;
    let log_bytes = attached.iter().map(|entry| entry.log_bytes.get()).sum();
    let nexts: Vec<Offset> = attached.iter().skip(1).map(|entry| entry.range.start()).chain([end]).collect();
    let segments = attached
        .into_iter()
        .zip(nexts)
        .map(|(entry, next)| AttachSegment { end: entry.range.end().max(next), entry })
        .collect();
    let local = OffsetRange::new(end, whole.range.end()).ok().filter(|rest| !rest.is_empty()).map(|rest| {
        let entries: Vec<Entry> =
            whole.entries.iter().filter(|entry| entry.range.overlaps(rest)).cloned().collect();
        let log_bytes = entries.iter().map(|entry| entry.log_bytes.get()).sum();
        let gaps = whole.gaps.iter().filter(|gap| gap.overlaps(rest)).copied().collect();
        RestorePlan { range: rest, entries, log_bytes, gaps, ..whole.clone() }
    });
    Ok(AttachPlan { tip, range, segments, log_bytes, open: Vec::new(), local, whole })
}

/// Whether a broker takes a segment like this, and the plugin finds it by its ids.
fn fits(tip: &TopicIdPartition, entry: &Entry) -> Result<(), AttachError> {
    let too_long = |what, found| AttachError::TooLong { tip: tip.clone(), segment: entry.range, what, found };
    if entry.log_bytes.get() > MAX {
        return Err(too_long("bytes", entry.log_bytes.get()));
    }
    if entry.range.span() > MAX {
        return Err(too_long("offsets", entry.range.span()));
    }
    if entry.location.key.is_some() || entry.location.start.get() != 0 {
        return Err(AttachError::NotAlone { tip: tip.clone(), segment: entry.range });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use firnline_index::ids::{
        ByteCount, Crc32c, PartitionIndex, SegmentUuid, StoredPosition, TimestampMs, TopicId, TopicName,
    };
    use firnline_index::manifest::{EntryKind, Location};

    use super::*;

    fn at(offset: u64) -> Offset {
        Offset::new(i64::try_from(offset).unwrap()).unwrap()
    }

    fn range(from: u64, to: u64) -> OffsetRange {
        OffsetRange::new(at(from), at(to)).unwrap()
    }

    fn entry(from: u64, to: u64) -> Entry {
        Entry {
            range: range(from, to),
            uuid: SegmentUuid::from_bytes([7; 16]),
            leader_epoch: None,
            epochs: Vec::new(),
            location: Location { key: None, start: StoredPosition::ZERO, length: ByteCount::new(100) },
            tail_position: StoredPosition::ZERO,
            log_bytes: ByteCount::new(to - from),
            records: None,
            batches: 1,
            blocks: 1,
            min_timestamp: None,
            max_timestamp: None,
            stable_end: at(to),
            first_aborts: Vec::new(),
            aborts_truncated: false,
            object_crc: Crc32c::new(0),
            committed_at: TimestampMs::ZERO,
            storage_class: None,
            kind: EntryKind::Segment,
            replaces: Vec::new(),
            key_id: None,
            kip405: None,
        }
    }

    fn plan(entries: &[(u64, u64)], end: u64) -> RestorePlan {
        let tip = TopicIdPartition {
            topic: TopicName::new("orders").unwrap(),
            topic_id: TopicId::from_bytes([1; 16]),
            partition: PartitionIndex::new(0).unwrap(),
        };
        let entries: Vec<Entry> = entries.iter().map(|(from, to)| entry(*from, *to)).collect();
        let range = range(entries[0].range.start().get().cast_unsigned(), end);
        RestorePlan { tip, range, entries, log_bytes: 0, cut: None, gaps: Vec::new() }
    }

    /// First offset and reach of each attached segment, and what is local.
    fn divided(entries: &[(u64, u64)], end: u64) -> (Vec<(i64, i64)>, Option<OffsetRange>) {
        let plan = divide(plan(entries, end)).unwrap();
        let segments = plan.segments.iter();
        let reach = segments.map(|segment| (segment.entry.range.start().get(), segment.end.get())).collect();
        assert_eq!(plan.range.end(), plan.local.as_ref().map_or(at(end), |local| local.range.start()));
        (reach, plan.local.map(|local| local.range))
    }

    #[test]
    fn whole_segments_are_attached_and_the_rest_is_local() {
        assert_eq!(divided(&[(0, 10), (10, 20)], 20), (vec![(0, 10), (10, 20)], None));
        assert_eq!(divided(&[(0, 10), (10, 20)], 15), (vec![(0, 10)], Some(range(10, 15))));
        assert_eq!(divided(&[(5, 10)], 8), (vec![], Some(range(5, 8))));
    }

    #[test]
    fn a_segment_before_a_gap_reaches_to_its_end() {
        assert_eq!(divided(&[(0, 10), (30, 40)], 40), (vec![(0, 30), (30, 40)], None));
        assert_eq!(divided(&[(0, 10), (30, 40)], 35), (vec![(0, 10)], Some(range(10, 35))));
    }

    #[test]
    fn one_that_overlaps_the_last_is_left_out_where_it_is_not_whole() {
        assert_eq!(divided(&[(0, 10), (8, 20)], 20), (vec![(0, 10), (8, 20)], None));
        assert_eq!(divided(&[(0, 10), (8, 20)], 15), (vec![(0, 10)], Some(range(10, 15))));
    }

    #[test]
    fn what_no_broker_takes_is_refused() {
        let refused = |change: &dyn Fn(&mut Entry)| {
            let mut plan = plan(&[(0, 10)], 10);
            change(&mut plan.entries[0]);
            divide(plan).unwrap_err()
        };
        let long = refused(&|entry| entry.log_bytes = ByteCount::new(1 << 31));
        assert!(matches!(long, AttachError::TooLong { what: "bytes", found: 0x8000_0000, .. }), "{long}");
        let shared = refused(&|entry| entry.location.start = StoredPosition::new(1));
        assert!(matches!(shared, AttachError::NotAlone { .. }), "{shared}");
    }
}
