//! A summary from any bytes, and from any body in an envelope that fits.
#![no_main]

use firnline_index::summary::NodeSummary;
use firnline_index::{Crc32c, FORMAT_VERSION};
use libfuzzer_sys::fuzz_target;

/// An object around `body`, as docs/formats/summary.md describes it, stored as it is in a frame of one raw block.
fn sealed(body: &[u8]) -> Vec<u8> {
    // A zstd frame: magic, descriptor (single segment, content size of four bytes), size, one raw block that is the last.
    let length = u32::try_from(body.len()).expect("inputs are short");
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend(length.to_le_bytes());
    frame.extend(&(length << 3 | 1).to_le_bytes()[..3]);
    frame.extend(body);
    let mut out = b"FIRNLSUM".to_vec();
    out.extend(FORMAT_VERSION.to_le_bytes());
    out.extend([0, 0]);
    out.extend(length.to_le_bytes());
    out.extend(u32::try_from(frame.len()).expect("inputs are short").to_le_bytes());
    let crc = Crc32c::of(&[&out[..], &frame].concat());
    out.extend(crc.get().to_le_bytes());
    out.extend(frame);
    out
}

fuzz_target!(|data: &[u8]| {
    let _ = NodeSummary::decode(data);
    if data.len() >= 1 << 17 {
        return;
    }
    if let Ok(summary) = NodeSummary::decode(&sealed(data)) {
        let bytes = summary.encode().expect("what was read can be written");
        assert_eq!(NodeSummary::decode(&bytes).expect("what was written can be read"), summary);
    }
});
