//! One value of the topic, read.

use super::view::SEGMENTS_MAX;
use super::{FRAME, PARTITION_KEY, SEGMENT_KEY, UPDATE_KEY};
use crate::ids::{Offset, OffsetRange, PartitionIndex, SegmentUuid, TopicId, TopicIdPartition, TopicName};
use crate::varint;

/// Versions of the messages that are known; what later ones add is tagged.
const VERSIONS: std::ops::RangeInclusive<u64> = 0..=1;
/// No name is longer.
const TEXT_MAX: u64 = 32_767;

/// How far a segment's life has come. Later states are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RemoteState {
    /// Its copy has begun.
    CopyStarted,
    /// It is there.
    CopyFinished,
    /// It is being deleted.
    DeleteStarted,
    /// It is gone.
    DeleteFinished,
}

impl RemoteState {
    /// Its number in an event.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::CopyStarted => 0,
            Self::CopyFinished => 1,
            Self::DeleteStarted => 2,
            Self::DeleteFinished => 3,
        }
    }

    fn of(number: u8) -> Result<Self, RemoteLogFault> {
        Ok(match number {
            0 => Self::CopyStarted,
            1 => Self::CopyFinished,
            2 => Self::DeleteStarted,
            3 => Self::DeleteFinished,
            state => return Err(RemoteLogFault::State { state }),
        })
    }
}

/// An event that cannot be understood: nothing may be concluded from the topic then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteLogFault {
    /// It ends too early, or a number in it has no form.
    #[error("an event ends in the middle, or has a number that is none")]
    Short,
    /// It goes on behind its end.
    #[error("{bytes} bytes are left over behind an event")]
    LeftOver {
        /// How many.
        bytes: usize,
    },
    /// A kind or version of which nothing is known here.
    #[error("an event is of kind {key} in version {version}, which this build does not know")]
    Unknown {
        /// Its kind.
        key: u64,
        /// Its version.
        version: u64,
    },
    /// A state of which nothing is known here.
    #[error("an event tells the state {state}, which this build does not know")]
    State {
        /// The state.
        state: u8,
    },
    /// A value that its kind cannot have.
    #[error("an event tells {what} that cannot be")]
    Value {
        /// What.
        what: &'static str,
    },
    /// The beginning of a segment's life is missing: the topic does not reach back to it.
    #[error("an event is about segment {uuid}, whose beginning the topic does not have any more")]
    Beginning {
        /// The segment.
        uuid: SegmentUuid,
    },
    /// More than is remembered.
    #[error("the topic tells of more than {SEGMENTS_MAX} segments")]
    TooMany,
}

/// What is told of a segment once, when its copy begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// Its offsets as the broker counts them.
    pub range: OffsetRange,
    /// The length of the broker's file.
    pub log_bytes: u32,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteLogEvent {
    /// A segment.
    Segment {
        /// Of which partition.
        tip: TopicIdPartition,
        /// Its id.
        uuid: SegmentUuid,
        /// `None` where the event tells another state only.
        begun: Option<Begun>,
        /// Its state.
        state: RemoteState,
        /// When, by the broker's clock, in milliseconds since 1970.
        at_ms: i64,
        /// What its plugin keeps with it.
        custom: Option<Vec<u8>>,
    },
    /// A partition that is deleted.
    Partition,
}

impl RemoteLogEvent {
    /// Reads one value of the topic.
    ///
    /// # Errors
    /// Whatever is not exactly an event of a known kind and version.
    pub fn parse(value: &[u8]) -> Result<Self, RemoteLogFault> {
        let mut rest = Rest(value);
        let (frame, key, version) = (rest.varint()?, rest.varint()?, rest.varint()?);
        if frame != FRAME {
            return Err(RemoteLogFault::Value { what: "a frame" });
        }
        let event = match key {
            _ if !VERSIONS.contains(&version) => return Err(RemoteLogFault::Unknown { key, version }),
            SEGMENT_KEY => rest.segment()?,
            UPDATE_KEY => rest.update()?,
            PARTITION_KEY => rest.deleted_partition()?,
            _ => return Err(RemoteLogFault::Unknown { key, version }),
        };
        match rest.0.len() {
            0 => Ok(event),
            bytes => Err(RemoteLogFault::LeftOver { bytes }),
        }
    }
}

/// What is left of a value.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn segment(&mut self) -> Result<RemoteLogEvent, RemoteLogFault> {
        let (tip, uuid) = self.segment_id()?;
        let (start, last) = (self.i64()?, self.i64()?);
        let _broker_and_timestamp: [u8; 12] = self.array()?;
        let at_ms = self.i64()?;
        // A compact array counts one more; absent is 0.
        for _ in 1..self.varint()? {
            let _epoch_and_offset: [u8; 12] = self.array()?;
            self.tags()?;
        }
        let size = i32::from_be_bytes(self.array()?);
        let custom = self.custom()?;
        let [state] = self.array()?;
        self.tags()?;
        let end = last.checked_add(1).and_then(|end| Offset::new(end).ok());
        let range =
            Offset::new(start).ok().zip(end).and_then(|(start, end)| OffsetRange::new(start, end).ok());
        let range = range.ok_or(RemoteLogFault::Value { what: "offsets" })?;
        let log_bytes = u32::try_from(size).map_err(|_| RemoteLogFault::Value { what: "a length" })?;
        let begun = Some(Begun { range, log_bytes });
        Ok(RemoteLogEvent::Segment { tip, uuid, begun, state: RemoteState::of(state)?, at_ms, custom })
    }

    fn update(&mut self) -> Result<RemoteLogEvent, RemoteLogFault> {
        let (tip, uuid) = self.segment_id()?;
        let _broker: [u8; 4] = self.array()?;
        let at_ms = self.i64()?;
        let custom = self.custom()?;
        let [state] = self.array()?;
        self.tags()?;
        let state = RemoteState::of(state)?;
        Ok(RemoteLogEvent::Segment { tip, uuid, begun: None, state, at_ms, custom })
    }

    fn deleted_partition(&mut self) -> Result<RemoteLogEvent, RemoteLogFault> {
        self.partition()?;
        let _broker_time_and_state: [u8; 13] = self.array()?;
        self.tags()?;
        Ok(RemoteLogEvent::Partition)
    }

    fn segment_id(&mut self) -> Result<(TopicIdPartition, SegmentUuid), RemoteLogFault> {
        let tip = self.partition()?;
        let uuid = SegmentUuid::from_bytes(self.array()?);
        self.tags()?;
        Ok((tip, uuid))
    }

    fn partition(&mut self) -> Result<TopicIdPartition, RemoteLogFault> {
        let length = self.varint()?.saturating_sub(1);
        if length > TEXT_MAX {
            return Err(RemoteLogFault::Value { what: "a name" });
        }
        let name = std::str::from_utf8(self.take(length)?).ok().and_then(|name| TopicName::new(name).ok());
        let topic = name.ok_or(RemoteLogFault::Value { what: "a name" })?;
        let topic_id = TopicId::from_bytes(self.array()?);
        let partition = PartitionIndex::new(i32::from_be_bytes(self.array()?));
        let partition = partition.map_err(|_| RemoteLogFault::Value { what: "a partition" })?;
        self.tags()?;
        Ok(TopicIdPartition { topic, topic_id, partition })
    }

    fn custom(&mut self) -> Result<Option<Vec<u8>>, RemoteLogFault> {
        match self.varint()?.checked_sub(1) {
            None => Ok(None),
            Some(length) => Ok(Some(self.take(length)?.to_vec())),
        }
    }

    /// Tagged fields: what later versions have added.
    fn tags(&mut self) -> Result<(), RemoteLogFault> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()?;
            self.take(length)?;
        }
        Ok(())
    }

    fn i64(&mut self) -> Result<i64, RemoteLogFault> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    fn varint(&mut self) -> Result<u64, RemoteLogFault> {
        varint::take(&mut self.0).map_err(|_| RemoteLogFault::Short)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RemoteLogFault> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(RemoteLogFault::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], RemoteLogFault> {
        let length = usize::try_from(length).map_err(|_| RemoteLogFault::Short)?;
        let (head, rest) = self.0.split_at_checked(length).ok_or(RemoteLogFault::Short)?;
        self.0 = rest;
        Ok(head)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in crate::remote_log) fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    pub(in crate::remote_log) const ID: &str =
        "076f72646572730102030405060708090a0b0c0d0e0f100000000700a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b800";

    /// As `RemoteLogMetadataSerde` of Kafka 4.3 writes it, with one leader epoch and a tag.
    pub(in crate::remote_log) fn started() -> Vec<u8> {
        let rest = "0000000000001388000000000000176f000000020000018bcfe5687b0000018bcfe56cd202\
                    0000000000000000000013880000100000000001000101";
        bytes(&format!("010000{ID}{rest}"))
    }

    pub(in crate::remote_log) fn update(state: u8, custom: &[u8]) -> Vec<u8> {
        let head = bytes(&format!("010100{ID}000000020000018bcfe57129"));
        let length = u8::try_from(custom.len() + 1).unwrap();
        [&head[..], &[length], custom, &[state, 0]].concat()
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        assert_eq!(RemoteLogEvent::parse(&update(4, &[])).unwrap_err(), RemoteLogFault::State { state: 4 });
        for (at, key, version) in [(1, 3, 0), (2, 0, 2)] {
            let mut value = started();
            value[at] = u8::try_from(key + version).unwrap();
            assert_eq!(RemoteLogEvent::parse(&value).unwrap_err(), RemoteLogFault::Unknown { key, version });
        }
        let mut other = started();
        other[0] = 2;
        assert_eq!(RemoteLogEvent::parse(&other).unwrap_err(), RemoteLogFault::Value { what: "a frame" });
        let value = [started(), vec![0]].concat();
        assert_eq!(RemoteLogEvent::parse(&value).unwrap_err(), RemoteLogFault::LeftOver { bytes: 1 });
        for length in 0..started().len() {
            assert!(RemoteLogEvent::parse(&started()[..length]).is_err(), "{length}");
        }
        // A count of epochs that the bytes cannot hold ends with them.
        let mut value = started();
        let at = value.len() - 24;
        value[at] = 0x7f;
        assert_eq!(RemoteLogEvent::parse(&value).unwrap_err(), RemoteLogFault::Short);
    }

    #[test]
    fn a_partition_that_is_deleted_is_passed_over() {
        let name = &ID[..56];
        let value = bytes(&format!("010200{name}000000020000018bcfe571290000"));
        assert_eq!(RemoteLogEvent::parse(&value), Ok(RemoteLogEvent::Partition));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_event_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = RemoteLogEvent::parse(&bytes);
        }
    }
}
