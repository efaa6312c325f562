//! Any bytes as a log: batches come apart in order and within bounds, or are refused.
#![no_main]

use firnline_index::batch::{BatchLimits, Batches, control_marker, verify_crc};
use firnline_index::{Offset, RawPosition};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = BatchLimits { max_batch_bytes: 1 << 20 };
    let mut batches = Batches::new(bytes, RawPosition::ZERO, Offset::ZERO, limits);
    let (mut position, mut next, mut epoch) = (0, Offset::ZERO, None);
    while let Some(batch) = batches.next() {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                assert_eq!(error.position(), Some(RawPosition::new(position)));
                assert!(!error.fault().to_string().is_empty());
                assert!(batches.next().is_none());
                break;
            }
        };
        assert_eq!(batch.position.get(), position);
        assert_eq!(batch.bytes.len() as u64, u64::from(batch.header.size));
        assert!(batch.header.base_offset >= next && batch.header.last_offset >= batch.header.base_offset);
        assert!(batch.header.leader_epoch.is_none() || batch.header.leader_epoch >= epoch);
        let _ = (verify_crc(&batch.header, batch.bytes), control_marker(&batch.header, batch.bytes));
        position += u64::from(batch.header.size);
        next = batch.header.next_offset();
        epoch = batch.header.leader_epoch.or(epoch);
    }
});
