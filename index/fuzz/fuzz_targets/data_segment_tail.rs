//! Any bytes as a segment's tail: as they are, and with a trailer whose checksums are right.
#![no_main]

use firnline_index::segment::{BrokerFile, ExpectedOrigin, SegmentTail, TRAILER_LEN, Trailer};
use firnline_index::{ClusterId, Crc32c, PartitionIndex, Salt, SegmentUuid, StoredPosition, TopicId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let parse = |tail: Vec<u8>, position| {
        let position = StoredPosition::new(position);
        let tail = bytes::Bytes::from(tail);
        if let Ok(opened) = SegmentTail::parse(tail.clone(), position, &ExpectedOrigin::default()) {
            assert_eq!(opened.index().stored_len(), position.get());
            assert_eq!(opened.index().len(), opened.footer().blocks);
            if let Ok(files) = opened.broker_files(&tail) {
                let _ = BrokerFile::ALL.map(|file| files.get(file).is_ok());
            }
        }
    };
    parse(bytes.to_vec(), 0);
    // Four bytes: the footer's length and where the tail lies. Then sections and footer.
    let Some(([a, b, c, d], parts)) = bytes.split_first_chunk() else { return };
    let length = usize::from(u16::from_le_bytes([*a, *b])).clamp(1, parts.len().max(1));
    let Some(footer_at) = parts.len().checked_sub(length) else { return };
    let trailer = Trailer {
        footer_length: u32::try_from(length).expect("clamped"),
        footer_crc: Crc32c::of(&parts[footer_at..]),
        tail_length: u32::try_from(parts.len() + TRAILER_LEN).expect("inputs are short"),
        partition: PartitionIndex::ZERO,
        key_id: None,
        salt: Salt::from_bytes([0; 16]),
        topic_id: TopicId::from_bytes([0; 16]),
        uuid: SegmentUuid::from_bytes([0; 16]),
        cluster_id: ClusterId::new("fuzz").expect("a good id"),
    };
    parse([parts, &trailer.encode()].concat(), u64::from(u16::from_le_bytes([*c, *d])));
});
