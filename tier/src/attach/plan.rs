//! What is attached, and what is not.

use firnline_index::ids::{Offset, TopicIdPartition};
use firnline_index::manifest::Entry;

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
        of_restore(self.plan_restore(&request).await?)
    }
}

/// The segments of what would be restored, each up to where the next one begins or nothing is decided.
fn of_restore(whole: RestorePlan) -> Result<AttachPlan, AttachError> {
    let end = whole.range.end();
    let entries: Vec<Entry> = whole.entries.iter().filter(|e| e.range.start() < end).cloned().collect();
    entries.iter().try_for_each(|entry| fits(&whole.tip, entry))?;
    let log_bytes = entries.iter().map(|entry| entry.log_bytes.get()).sum();
    let nexts: Vec<Offset> = entries.iter().skip(1).map(|entry| entry.range.start()).chain([end]).collect();
    let segments = entries
        .into_iter()
        .zip(nexts)
        .map(|(entry, next)| AttachSegment { end: entry.range.end().max(next).min(end), entry });
    Ok(AttachPlan {
        tip: whole.tip.clone(),
        range: whole.range,
        segments: segments.collect(),
        log_bytes,
        whole,
    })
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
        ByteCount, Crc32c, OffsetRange, PartitionIndex, SegmentUuid, StoredPosition, TimestampMs, TopicId,
        TopicName,
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

    /// First offset and reach of each attached segment.
    fn reach(entries: &[(u64, u64)], end: u64) -> Vec<(i64, i64)> {
        let plan = of_restore(plan(entries, end)).unwrap();
        assert_eq!(plan.range.end(), at(end));
        let segments = plan.segments.iter();
        segments.map(|segment| (segment.entry.range.start().get(), segment.end.get())).collect()
    }

    #[test]
    fn segments_are_attached_up_to_where_all_is_decided() {
        assert_eq!(reach(&[(0, 10), (10, 20)], 20), [(0, 10), (10, 20)]);
        assert_eq!(reach(&[(0, 10), (10, 20)], 15), [(0, 10), (10, 15)]);
        assert_eq!(reach(&[(5, 10)], 8), [(5, 8)]);
        assert_eq!(reach(&[(0, 10), (8, 20)], 15), [(0, 10), (8, 15)]);
    }

    #[test]
    fn a_segment_before_a_gap_reaches_to_its_end() {
        assert_eq!(reach(&[(0, 10), (30, 40)], 40), [(0, 30), (30, 40)]);
    }

    #[test]
    fn what_no_broker_takes_is_refused() {
        let refused = |change: &dyn Fn(&mut Entry)| {
            let mut plan = plan(&[(0, 10)], 10);
            change(&mut plan.entries[0]);
            of_restore(plan).unwrap_err()
        };
        let long = refused(&|entry| entry.log_bytes = ByteCount::new(1 << 31));
        assert!(matches!(long, AttachError::TooLong { what: "bytes", found: 0x8000_0000, .. }), "{long}");
        let shared = refused(&|entry| entry.location.start = StoredPosition::new(1));
        assert!(matches!(shared, AttachError::NotAlone { .. }), "{shared}");
    }
}
