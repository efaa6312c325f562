//! What all events come to.

use std::collections::HashMap;

use super::{RemoteLogEvent, RemoteLogFault, RemoteState};
use crate::ids::{OffsetRange, PartitionIndex, SegmentUuid, TopicId, TopicIdPartition};

/// Segments that are remembered at most: what the largest clusters have, several times over.
pub(super) const SEGMENTS_MAX: usize = 50_000_000;

/// What is said of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldSegment {
    /// Its offsets.
    pub range: OffsetRange,
    /// How far it has come.
    pub state: RemoteState,
    /// Since when, by the broker's clock, in milliseconds since 1970.
    pub since_ms: i64,
}

/// What all events come to, taken in order.
#[derive(Debug, Clone, Default)]
pub struct RemoteLogView {
    partitions: HashMap<(TopicId, PartitionIndex), HashMap<SegmentUuid, ToldSegment>>,
    /// Custom metadata that says more than where a segment lies.
    long: Vec<Vec<u8>>,
    segments: usize,
}

/// Custom metadata of ours that names no other object has as many bytes.
const PLAIN_CUSTOM: usize = 24;

impl RemoteLogView {
    /// Takes one event in.
    ///
    /// # Errors
    /// Where the topic does not have a segment's beginning, or too many segments.
    pub fn take(&mut self, event: RemoteLogEvent) -> Result<(), RemoteLogFault> {
        let RemoteLogEvent::Segment { partition, uuid, range, state, at_ms, custom } = event else {
            return Ok(());
        };
        self.long.extend(custom.filter(|custom| custom.len() > PLAIN_CUSTOM));
        let known = self.partitions.entry(partition).or_default();
        match (known.get_mut(&uuid), range) {
            (Some(segment), _) if state > segment.state => {
                segment.state = state;
                segment.since_ms = at_ms;
            }
            // Told twice.
            (Some(_), _) => {}
            (None, Some(range)) => {
                self.segments += 1;
                if self.segments > SEGMENTS_MAX {
                    return Err(RemoteLogFault::TooMany);
                }
                known.insert(uuid, ToldSegment { range, state, since_ms: at_ms });
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

    /// Custom metadata of all partitions that says more than where a segment lies.
    #[must_use]
    pub fn long_custom(&self) -> &[Vec<u8>] {
        &self.long
    }

    /// How many segments were told of.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.segments
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests::{ID, bytes, started, update};
    use super::*;
    use crate::ids::TopicName;

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
        assert_eq!((view_.segments(), view_.long_custom().len()), (1, 0));
        let other = TopicIdPartition { partition: PartitionIndex::new(8).unwrap(), ..tip() };
        assert_eq!(view_.of(&other).count(), 0);
        let attached = view(&[started(), update(1, &[9; 64])]).unwrap();
        assert_eq!(attached.long_custom(), [[9; 64]]);
    }

    #[test]
    fn a_segment_without_its_beginning_is_an_error() {
        let uuid = SegmentUuid::from_bytes(bytes(&ID[56..88]).try_into().unwrap());
        assert_eq!(view(&[update(1, &[])]).unwrap_err(), RemoteLogFault::Beginning { uuid });
    }
}
