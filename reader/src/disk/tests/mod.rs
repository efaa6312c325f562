mod format;
mod hanging;
mod held;
mod slabs;

use firnline_index::{Crc32c, SegmentUuid, TopicId};

use super::format::{Part, RecordKey};

/// A key of its own for each number.
fn key(number: u32) -> RecordKey {
    let part = if number % 7 == 3 { Part::Tail } else { Part::Block(number / 3) };
    let mut id = [0x5a; 16];
    id[3..7].copy_from_slice(&number.to_le_bytes());
    RecordKey {
        topic_id: TopicId::from_bytes([7; 16]),
        segment: SegmentUuid::from_bytes(id),
        object_crc: Crc32c::new(0xdead_beef),
        part,
    }
}

/// Bytes that say whose they are, all along.
fn payload(number: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56).to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}
