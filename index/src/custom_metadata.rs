//! The custom metadata of a segment: what a broker keeps for us and passes with every later call.
//!
//! ```text
//! 0        1       2               10              18         22                                    62
//! ┌────────┬───────┬───────────────┬───────────────┬──────────┬─────────────────────────────────────┬───────┐
//! │version │ flags │ stored length │ tail position │ crc32c   │ origin: topic id, partition, id,    │ check │
//! │   1    │       │               │               │          │ leader epoch (flag 2)               │       │
//! └────────┴───────┴───────────────┴───────────────┴──────────┴─────────────────────────────────────┴───────┘
//! ```
//! Big-endian; 24 bytes, or 64 with an origin. The check is the lower half of the CRC32C of what stands before it: bytes that
//! another plugin has left do not pass for ours. `docs/formats/custom-metadata.md` is its page.

use crate::{ByteCount, Crc32c, LeaderEpoch, PartitionIndex, SegmentUuid, StoredPosition, TopicId};

/// No custom metadata is longer. A broker ends a partition's copying over more than 128 bytes.
pub const MAX_CUSTOM_METADATA: usize = 64;

const VERSION: u8 = 1;
/// The segment is sealed with the topic's key.
const SEALED: u8 = 1;
/// An origin follows.
const HAS_ORIGIN: u8 = 2;
const PLAIN_LEN: usize = 22;
const ORIGIN_LEN: usize = 40;
const CHECK_LEN: usize = 2;

/// Where a segment lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomMetadata {
    /// The object's length.
    pub length: ByteCount,
    /// Where the part behind the blocks begins.
    pub tail_position: StoredPosition,
    /// The checksum of the whole object.
    pub object_crc: Crc32c,
    /// Whether it is sealed.
    pub sealed: bool,
    /// What it was written as, where that differs from what the broker calls it.
    pub origin: Option<Origin>,
}

/// What a segment of an attached bucket was written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The topic's id then.
    pub topic_id: TopicId,
    /// The partition then.
    pub partition: PartitionIndex,
    /// The id of the upload.
    pub uuid: SegmentUuid,
    /// The leader epoch in its key: that of its first batch, where a sidecar wrote it.
    pub leader_epoch: Option<LeaderEpoch>,
}

impl CustomMetadata {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = if self.sealed { SEALED } else { 0 } | if self.origin.is_some() { HAS_ORIGIN } else { 0 };
        let mut out = Vec::with_capacity(MAX_CUSTOM_METADATA);
        out.extend([VERSION, flags]);
        out.extend(self.length.get().to_be_bytes());
        out.extend(self.tail_position.get().to_be_bytes());
        out.extend(self.object_crc.get().to_be_bytes());
        if let Some(origin) = &self.origin {
            out.extend(origin.topic_id.as_bytes());
            out.extend(origin.partition.get().to_be_bytes());
            out.extend(origin.uuid.as_bytes());
            out.extend(origin.leader_epoch.map_or(-1, LeaderEpoch::get).to_be_bytes());
        }
        let check = check(&out);
        out.extend(check);
        out
    }

    /// What the bytes say; `None` where they are none of ours.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (said, stored) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_LEN)?)?;
        let [version, flags] = *said.first_chunk()?;
        if version != VERSION || flags & !(SEALED | HAS_ORIGIN) != 0 || check(said) != *stored {
            return None;
        }
        let has_origin = flags & HAS_ORIGIN != 0;
        if said.len() != PLAIN_LEN + if has_origin { ORIGIN_LEN } else { 0 } {
            return None;
        }
        let (length, tail_position) =
            (u64::from_be_bytes(field(said, 2)), u64::from_be_bytes(field(said, 10)));
        if tail_position > length {
            return None;
        }
        let origin = if has_origin { Some(origin(said)?) } else { None };
        Some(Self {
            length: ByteCount::new(length),
            tail_position: StoredPosition::new(tail_position),
            object_crc: Crc32c::new(u32::from_be_bytes(field(said, 18))),
            sealed: flags & SEALED != 0,
            origin,
        })
    }
}

fn origin(said: &[u8]) -> Option<Origin> {
    let epoch = i32::from_be_bytes(field(said, 58));
    Some(Origin {
        topic_id: TopicId::from_bytes(field(said, 22)),
        partition: PartitionIndex::new(i32::from_be_bytes(field(said, 38))).ok()?,
        uuid: SegmentUuid::from_bytes(field(said, 42)),
        leader_epoch: match epoch {
            -1 => None,
            epoch => Some(LeaderEpoch::new(epoch).ok()?),
        },
    })
}

fn check(said: &[u8]) -> [u8; CHECK_LEN] {
    let [_, _, high, low] = Crc32c::of(said).get().to_be_bytes();
    [high, low]
}

/// The lengths were compared.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes.get(at + i).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain() -> CustomMetadata {
        CustomMetadata {
            length: ByteCount::new(0x0102_0304),
            tail_position: StoredPosition::new(0x0102_0000),
            object_crc: Crc32c::new(0xdead_beef),
            sealed: false,
            origin: None,
        }
    }

    fn attached() -> CustomMetadata {
        let origin = Origin {
            topic_id: TopicId::from_bytes([0xaa; 16]),
            partition: PartitionIndex::new(7).unwrap(),
            uuid: SegmentUuid::from_bytes([0xbb; 16]),
            leader_epoch: Some(LeaderEpoch::new(12).unwrap()),
        };
        CustomMetadata { sealed: true, origin: Some(origin), ..plain() }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Brokers keep these bytes for as long as the segments live. They are never edited.
    #[test]
    fn golden_bytes() {
        assert_eq!(hex(&plain().encode()), "010000000000010203040000000001020000deadbeef69cd");
        let expected = concat!(
            "010300000000010203040000000001020000deadbeefaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaa00000007bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0000000cf9e0",
        );
        assert_eq!(hex(&attached().encode()), expected);
        assert_eq!(attached().encode().len(), MAX_CUSTOM_METADATA);
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        for metadata in [plain(), attached()] {
            assert_eq!(CustomMetadata::decode(&metadata.encode()), Some(metadata));
        }
        let none = attached().origin.map(|origin| Origin { leader_epoch: None, ..origin });
        let metadata = CustomMetadata { origin: none, ..attached() };
        assert_eq!(CustomMetadata::decode(&metadata.encode()), Some(metadata));
    }

    #[test]
    fn other_bytes_are_not_ours() {
        for good in [plain().encode(), attached().encode()] {
            for length in 0..good.len() {
                assert_eq!(CustomMetadata::decode(&good[..length]), None, "{length}");
            }
            for bit in 0..good.len() * 8 {
                let mut bad = good.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(CustomMetadata::decode(&bad), None, "bit {bit}");
            }
            assert_eq!(CustomMetadata::decode(&[&good[..], &[0]].concat()), None);
        }
        let beyond = CustomMetadata { tail_position: StoredPosition::new(u64::MAX), ..plain() };
        assert_eq!(CustomMetadata::decode(&beyond.encode()), None);
    }

    proptest! {
        #[test]
        fn any_values_come_back(
            length: u64, place: u64, crc: u32, sealed: bool,
            origin in proptest::option::of((any::<[u8; 16]>(), 0_i32.., any::<[u8; 16]>(), -1_i32..)),
        ) {
            let tail = place.checked_rem(length).unwrap_or(0);
            let metadata = CustomMetadata {
                length: ByteCount::new(length),
                tail_position: StoredPosition::new(tail),
                object_crc: Crc32c::new(crc),
                sealed,
                origin: origin.map(|(topic, partition, uuid, epoch)| Origin {
                    topic_id: TopicId::from_bytes(topic),
                    partition: PartitionIndex::new(partition).unwrap(),
                    uuid: SegmentUuid::from_bytes(uuid),
                    leader_epoch: LeaderEpoch::from_kafka(epoch),
                }),
            };
            let bytes = metadata.encode();
            prop_assert!(bytes.len() <= MAX_CUSTOM_METADATA);
            prop_assert_eq!(CustomMetadata::decode(&bytes), Some(metadata));
        }

        #[test]
        fn any_bytes_are_decoded_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Some(metadata) = CustomMetadata::decode(&bytes) {
                prop_assert_eq!(metadata.encode(), bytes);
            }
        }
    }
}
