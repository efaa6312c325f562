//! What every target does with a batch.

use bytes::Bytes;
use firnline_index::Offset;
use firnline_index::batch::{BatchHeader, BatchLimits, Parsed};
use firnline_records::{DecodeLimits, decode_batch};

/// Small, so that the fuzzer's own memory limit shows an allocation by a claimed length.
const MAX_OUTPUT: usize = 1 << 20;

/// Decodes a whole batch whatever its CRC and checks what must hold of the records given.
pub fn decode(batch: &[u8]) {
    let Ok(Parsed::Header(header)) = BatchHeader::parse(batch, Offset::ZERO, &BatchLimits::default()) else { return };
    let limits = DecodeLimits { max_output: MAX_OUTPUT };
    let Ok(records) = decode_batch(&header, Bytes::copy_from_slice(batch), &limits) else { return };
    let mut bytes = 0;
    let mut last = None;
    for record in records {
        let Ok(record) = record else { return };
        assert!(last.is_none_or(|last| last < record.offset) && record.offset <= header.last_offset);
        last = Some(record.offset);
        bytes += record.key.map_or(0, |key| key.len()) + record.value.map_or(0, |value| value.len());
        assert!(bytes <= MAX_OUTPUT);
    }
}

/// A batch of magic 2 that announces as many records as its first byte says and has the rest as its content.
#[allow(dead_code, reason = "each target has its own copy of this module")]
pub fn batch(codec: u8, data: &[u8]) -> Vec<u8> {
    let (count, content) = data.split_first().map_or((0, data), |(count, content)| (*count, content));
    let length = i32::try_from(content.len() + 49).expect("inputs are short");
    let mut batch = vec![0; 8];
    batch.extend(length.to_be_bytes());
    batch.extend([0, 0, 0, 0, 2, 0, 0, 0, 0, 0, codec]);
    batch.extend(i32::from(count).to_be_bytes()); // last offset delta
    batch.extend([0; 16]);
    batch.extend([0xff; 14]);
    batch.extend(i32::from(count).to_be_bytes());
    batch.extend(content);
    batch
}
