//! The two values by which brokers are told of a segment that is there: its copy has begun, and has ended.

use super::{FRAME, RemoteState, SEGMENT_KEY, UPDATE_KEY};
use crate::ids::{Offset, RemoteLogSegmentId, TimestampMs, TopicIdPartition};
use crate::varint;

const VERSION: u64 = 0;
/// The tag of `TxnIndexEmpty`, which brokers before 4.0 pass over.
const TXN_INDEX_EMPTY: u8 = 0;

/// A segment as a broker is told of it. Its leader epoch is 0 from its first offset on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteLogSegment {
    /// The partition, by the ids of the cluster that is told.
    pub tip: TopicIdPartition,
    /// The segment's id.
    pub id: RemoteLogSegmentId,
    /// Its first offset.
    pub start: Offset,
    /// Its last offset, inclusive.
    pub last: Offset,
    /// The largest timestamp in it, where there is one.
    pub max_timestamp: Option<TimestampMs>,
    /// The length of the broker's file.
    pub size: i32,
    /// Whether no transaction was aborted in it.
    pub txn_index_empty: bool,
    /// What the plugin is given with each call.
    pub custom_metadata: Vec<u8>,
}

/// Whom a broker takes for the teller: no broker.
const BROKER_ID: i32 = -1;

impl RemoteLogSegment {
    /// The first event: COPY_SEGMENT_STARTED.
    #[must_use]
    pub fn started(&self, at: TimestampMs) -> Vec<u8> {
        let mut out = self.begin(SEGMENT_KEY);
        out.extend(self.start.get().to_be_bytes());
        out.extend(self.last.get().to_be_bytes());
        out.extend(BROKER_ID.to_be_bytes());
        out.extend(self.max_timestamp.map_or(-1, TimestampMs::get).to_be_bytes());
        out.extend(at.get().to_be_bytes());
        // One epoch; a compact array counts one more.
        varint::put(&mut out, 2);
        out.extend(0_i32.to_be_bytes());
        out.extend(self.start.get().to_be_bytes());
        out.push(0);
        out.extend(self.size.to_be_bytes());
        // No custom metadata yet.
        out.push(0);
        out.push(RemoteState::CopyStarted.number());
        if self.txn_index_empty {
            out.extend([1, TXN_INDEX_EMPTY, 1, 1]);
        } else {
            out.push(0);
        }
        out
    }

    /// The second one: COPY_SEGMENT_FINISHED.
    #[must_use]
    pub fn finished(&self, at: TimestampMs) -> Vec<u8> {
        let mut out = self.begin(UPDATE_KEY);
        out.extend(BROKER_ID.to_be_bytes());
        out.extend(at.get().to_be_bytes());
        varint::put(&mut out, self.custom_metadata.len() as u64 + 1);
        out.extend(&self.custom_metadata);
        out.push(RemoteState::CopyFinished.number());
        out.push(0);
        out
    }

    /// Frame, key, version and the segment's whole id.
    fn begin(&self, key: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        varint::put(&mut out, FRAME);
        varint::put(&mut out, key);
        varint::put(&mut out, VERSION);
        let name = self.tip.topic.as_str().as_bytes();
        varint::put(&mut out, name.len() as u64 + 1);
        out.extend(name);
        out.extend(self.tip.topic_id.as_bytes());
        out.extend(self.tip.partition.get().to_be_bytes());
        out.push(0);
        out.extend(self.id.as_bytes());
        out.push(0);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{PartitionIndex, TopicId, TopicName};

    fn segment(txn_index_empty: bool) -> RemoteLogSegment {
        let topic_id = TopicId::from_bytes(std::array::from_fn(|i| u8::try_from(i).unwrap() + 1));
        let id =
            [0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8];
        RemoteLogSegment {
            tip: TopicIdPartition {
                topic: TopicName::new("orders").unwrap(),
                topic_id,
                partition: PartitionIndex::new(7).unwrap(),
            },
            id: RemoteLogSegmentId::from_bytes(id),
            start: Offset::new(5000).unwrap(),
            last: Offset::new(5999).unwrap(),
            max_timestamp: Some(TimestampMs::new(1_700_000_000_123).unwrap()),
            size: 1_048_576,
            txn_index_empty,
            custom_metadata: (0..64).collect(),
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Written by `RemoteLogMetadataSerde` of Kafka 3.9.1 and 4.3.1, which agree but for the tag; broker id -1.
    #[test]
    fn golden_bytes() {
        let id = "076f72646572730102030405060708090a0b0c0d0e0f100000000700a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b800";
        let rest = "0000000000001388000000000000176fffffffff0000018bcfe5687b0000018bcfe56cd202000000000000000000\
                    0013880000100000";
        let at = TimestampMs::new(1_700_000_001_234).unwrap();
        assert_eq!(hex(&segment(false).started(at)), format!("010000{id}{rest}000000"));
        assert_eq!(hex(&segment(true).started(at)), format!("010000{id}{rest}000001000101"));
        let at = TimestampMs::new(1_700_000_002_345).unwrap();
        let custom: String = (0..64).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex(&segment(false).finished(at)),
            format!("010100{id}ffffffff0000018bcfe5712941{custom}0100")
        );
    }

    #[test]
    fn what_is_written_is_read() {
        use crate::ids::{OffsetRange, SegmentUuid};
        use crate::remote_log::{Begun, RemoteLogEvent};
        for txn_index_empty in [false, true] {
            let told = segment(txn_index_empty);
            let event = |begun, state, custom| RemoteLogEvent::Segment {
                tip: told.tip.clone(),
                uuid: SegmentUuid::from_bytes(*told.id.as_bytes()),
                begun,
                state,
                at_ms: 5,
                custom,
            };
            let at = TimestampMs::new(5).unwrap();
            let end = Offset::new(told.last.get() + 1).unwrap();
            let range = OffsetRange::new(told.start, end).unwrap();
            let begun = Begun { range, log_bytes: told.size.cast_unsigned() };
            let started = event(Some(begun), RemoteState::CopyStarted, None);
            assert_eq!(RemoteLogEvent::parse(&told.started(at)), Ok(started));
            let finished = event(None, RemoteState::CopyFinished, Some(told.custom_metadata.clone()));
            assert_eq!(RemoteLogEvent::parse(&told.finished(at)), Ok(finished));
        }
    }

    #[test]
    fn long_names_and_metadata_have_longer_lengths() {
        let mut long = segment(false);
        long.tip.topic = TopicName::new(&"x".repeat(249)).unwrap();
        long.custom_metadata = vec![7; 200];
        let bytes = long.finished(TimestampMs::ZERO);
        assert_eq!(bytes[3..5], [0xfa, 0x01]);
        let custom = bytes.len() - 2 - 200;
        assert_eq!(bytes[custom - 2..custom], [0xc9, 0x01]);
    }
}
