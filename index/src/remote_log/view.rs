//! What all events come to.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Begun, RemoteLogEvent, RemoteLogFault, RemoteState};
use crate::custom_metadata::CustomMetadata;
use crate::ids::{OffsetRange, PartitionIndex, SegmentUuid, TopicId, TopicIdPartition, TopicName};

/// Segments that are remembered at most: what the largest clusters have, several times over.
pub(super) const SEGMENTS_MAX: usize = 50_000_000;

/// Which plugin has copied a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopiedBy {
    /// Its copy has not ended: nobody has said.
    Nobody,
    /// Ours.
    Us,
    /// Another one: what it keeps with the segment is not ours, or nothing.
    Another,
}

/// What is said of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldSegment {
    /// Its offsets.
    pub range: OffsetRange,
    /// The length of the broker's file.
    pub log_bytes: u32,
    /// How far it has come.
    pub state: RemoteState,
    /// Since when, by the broker's clock, in milliseconds since 1970.
    pub since_ms: i64,
    /// By which plugin it was copied.
    pub by: CopiedBy,
}

/// How many segments, and how long the broker's files were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What there is of a topic: segments whose copy has ended, and which are not deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Remaining {
    /// Those that our plugin has copied.
    pub ours: Amount,
    /// Those that another one has.
    pub anothers: Amount,
}

/// What all events come to, taken in order.
#[derive(Debug, Clone, Default)]
pub struct RemoteLogView {
    partitions: HashMap<(TopicId, PartitionIndex), HashMap<SegmentUuid, ToldSegment>>,
    names: HashMap<TopicId, TopicName>,
    origins: HashSet<SegmentUuid>,
    segments: usize,
}

impl RemoteLogView {
    /// Takes one event in.
    ///
    /// # Errors
    /// Where the topic does not have a segment's beginning, or too many segments.
    pub fn take(&mut self, event: RemoteLogEvent) -> Result<(), RemoteLogFault> {
        let RemoteLogEvent::Segment { tip, uuid, begun, state, at_ms, custom } = event else {
            return Ok(());
        };
        let ours = custom.as_deref().and_then(CustomMetadata::decode);
        self.origins.extend(ours.and_then(|ours| ours.origin).map(|origin| origin.uuid));
        let by = match (state, ours) {
            (RemoteState::CopyStarted, _) => CopiedBy::Nobody,
            (_, Some(_)) => CopiedBy::Us,
            (_, None) => CopiedBy::Another,
        };
        let known = self.partitions.entry((tip.topic_id, tip.partition)).or_default();
        match (known.get_mut(&uuid), begun) {
            (Some(segment), _) if state > segment.state => {
                // Later events do not repeat what is kept with it. A copy that never ended is nobody's.
                if state == RemoteState::CopyFinished {
                    segment.by = by;
                }
                segment.state = state;
                segment.since_ms = at_ms;
            }
            // Told twice.
            (Some(_), _) => {}
            (None, Some(Begun { range, log_bytes })) => {
                self.segments += 1;
                if self.segments > SEGMENTS_MAX {
                    return Err(RemoteLogFault::TooMany);
                }
                known.insert(uuid, ToldSegment { range, log_bytes, state, since_ms: at_ms, by });
                self.names.entry(tip.topic_id).or_insert(tip.topic);
            }
            (None, None) => return Err(RemoteLogFault::Beginning { uuid }),
        }
        Ok(())
    }

    /// The segments of a partition.
    pub fn of(&self, tip: &TopicIdPartition) -> impl Iterator<Item = (SegmentUuid, ToldSegment)> {
        let segments = self.partitions.get(&(tip.topic_id, tip.partition));
        segments.into_iter().flatten().map(|(uuid, segment)| (*uuid, *segment))
    }

    /// The objects of attached buckets: their own ids, which differ from the broker's.
    #[must_use]
    pub fn origins(&self) -> &HashSet<SegmentUuid> {
        &self.origins
    }

    /// How many segments were told of.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.segments
    }

    /// What there is of each topic, by which plugin; topics that have nothing left are not among them.
    #[must_use]
    pub fn remaining(&self) -> BTreeMap<(TopicName, TopicId), Remaining> {
        let mut topics: BTreeMap<_, Remaining> = BTreeMap::new();
        for ((topic_id, _), segments) in &self.partitions {
            let Some(name) = self.names.get(topic_id) else { continue };
            let there = |segment: &&ToldSegment| {
                matches!(segment.state, RemoteState::CopyFinished | RemoteState::DeleteStarted)
            };
            let known = |segment: &&ToldSegment| segment.by != CopiedBy::Nobody;
            for segment in segments.values().filter(there).filter(known) {
                let topic = topics.entry((name.clone(), *topic_id)).or_default();
                let ours = segment.by == CopiedBy::Us;
                let amount = if ours { &mut topic.ours } else { &mut topic.anothers };
                amount.segments += 1;
                amount.bytes += u64::from(segment.log_bytes);
            }
        }
        topics
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests::{ID, bytes, started, update};
    use super::*;
    use crate::custom_metadata::Origin;
    use crate::{ByteCount, Crc32c, StoredPosition};

    fn tip() -> TopicIdPartition {
        TopicIdPartition {
            topic: TopicName::new("orders").unwrap(),
            topic_id: TopicId::from_bytes(std::array::from_fn(|at| u8::try_from(at).unwrap() + 1)),
            partition: PartitionIndex::new(7).unwrap(),
        }
    }

    fn view(values: &[Vec<u8>]) -> Result<RemoteLogView, RemoteLogFault> {
        let mut view = RemoteLogView::default();
        for value in values {
            view.take(RemoteLogEvent::parse(value)?)?;
        }
        Ok(view)
    }

    #[test]
    fn a_segments_life_is_followed() {
        let view_ = view(&[started()]).unwrap();
        let (uuid, segment) = view_.of(&tip()).next().unwrap();
        assert_eq!(uuid.as_bytes()[..2], [0xa1, 0xa2]);
        assert_eq!((segment.range.start().get(), segment.range.end().get()), (5000, 6000));
        assert_eq!((segment.state, segment.since_ms), (RemoteState::CopyStarted, 1_700_000_001_234));
        let all = [started(), update(1, &[7; 24]), started(), update(2, &[]), update(3, &[]), update(1, &[])];
        let view_ = view(&all).unwrap();
        assert_eq!(view_.of(&tip()).next().unwrap().1.state, RemoteState::DeleteFinished);
        assert_eq!((view_.segments(), view_.origins().len()), (1, 0));
        let other = TopicIdPartition { partition: PartitionIndex::new(8).unwrap(), ..tip() };
        assert_eq!(view_.of(&other).count(), 0);
    }

    fn ours(origin: Option<Origin>) -> Vec<u8> {
        let (length, tail_position) = (ByteCount::new(9), StoredPosition::new(5));
        CustomMetadata { length, tail_position, object_crc: Crc32c::new(1), sealed: false, origin }.encode()
    }

    #[test]
    fn the_objects_of_an_attached_bucket_are_known_by_their_own_ids() {
        let uuid = SegmentUuid::from_bytes([9; 16]);
        let TopicIdPartition { topic_id, partition, .. } = tip();
        let origin = ours(Some(Origin { topic_id, partition, uuid, leader_epoch: None }));
        let attached = view(&[started(), update(1, &origin)]).unwrap();
        assert_eq!(attached.origins(), &HashSet::from([uuid]));
        // As long, and another plugin's.
        assert!(view(&[started(), update(1, &[9; 64])]).unwrap().origins().is_empty());
    }

    #[test]
    fn what_remains_of_another_plugin_is_told_apart_from_ours() {
        let remaining = |more: &[Vec<u8>]| {
            let all = [&[started()][..], more].concat();
            view(&all).unwrap().remaining().into_values().next()
        };
        let one = Amount { segments: 1, bytes: 1 << 20 };
        let of_us = Some(Remaining { ours: one, ..Remaining::default() });
        let of_another = Some(Remaining { anothers: one, ..Remaining::default() });
        assert_eq!(remaining(&[update(1, &ours(None))]), of_us);
        assert_eq!(remaining(&[update(1, &[7; 24])]), of_another);
        // A plugin may keep nothing with its segments.
        let nothing = {
            let told = update(1, &[]);
            let (head, tail) = told.split_at(told.len() - 3);
            [head, &[0], &tail[1..]].concat()
        };
        assert_eq!(remaining(std::slice::from_ref(&nothing)), of_another);
        // While it is being deleted it is there, and whose it is was told before.
        assert_eq!(remaining(&[update(1, &ours(None)), update(2, &[])]), of_us);
        assert_eq!(remaining(&[nothing.clone(), update(2, &[])]), of_another);
        assert_eq!(remaining(&[nothing, update(2, &[]), update(3, &[])]), None);
        // A copy that never ended is nobody's.
        assert_eq!(remaining(&[]), None);
        assert_eq!(remaining(&[update(2, &[])]), None);
    }

    #[test]
    fn a_segment_without_its_beginning_is_an_error() {
        let uuid = SegmentUuid::from_bytes(bytes(&ID[56..88]).try_into().unwrap());
        assert_eq!(view(&[update(1, &[])]).unwrap_err(), RemoteLogFault::Beginning { uuid });
    }
}
