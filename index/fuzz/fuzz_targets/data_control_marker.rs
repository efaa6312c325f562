//! Any bytes as the record of a control batch.
#![no_main]

use firnline_index::Offset;
use firnline_index::batch::{BatchHeader, BatchLimits, HEADER_PEEK, Parsed, control_marker};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|record: &[u8]| {
    let mut batch = vec![0; HEADER_PEEK];
    let length = i32::try_from(HEADER_PEEK - 12 + record.len()).expect("inputs are short");
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    batch[16] = 2;
    batch[22] = 0x30;
    batch[60] = 1;
    batch.extend_from_slice(record);
    let parsed = BatchHeader::parse(&batch, Offset::ZERO, &BatchLimits::DEFAULT);
    let Ok(Parsed::Header(header)) = parsed else { panic!("a header that is right: {parsed:?}") };
    let whole = control_marker(&header, &batch);
    // What lies behind the batch must not matter.
    batch.extend([0xff; 32]);
    assert_eq!(whole, control_marker(&header, &batch));
});
