//! Any bytes as a fetch answer, with everything changed in it that a proxy changes: the rest stays, to the byte.
#![no_main]

use bytes::Bytes;
use firnline_proxy::wire::messages::fetch::{Bounds, FetchResponse};
use firnline_proxy::wire::{Api, FetchScan, Patches, Splice, fragment, read_response, splice};
use libfuzzer_sys::fuzz_target;

const BOUNDS: Bounds = Bounds { high_watermark: 900, last_stable_offset: 890, log_start_offset: 5 };

/// The answer as it passes in pieces; `None` where it is refused.
fn scan(frame: &[u8], version: i16, step: usize) -> Option<Vec<u8>> {
    let mut scan = FetchScan::new(version, frame.len()).expect("all these versions are walked");
    let (mut buffer, mut out) = (Vec::new(), Vec::new());
    for piece in frame.chunks(step) {
        buffer.extend_from_slice(piece);
        let bytes = scan
            .pass(&mut buffer, |_, front, patches| {
                patches.set(&front.log_start_offset, 3);
            })
            .ok()?;
        out.extend(buffer.drain(..bytes));
        assert!(buffer.len() < 2048 + step);
    }
    scan.is_done().then_some(out)
}

fuzz_target!(|bytes: &[u8]| {
    let [version, step, frame @ ..] = bytes else { return };
    let version = i16::from(*version % 19);
    let frame = Bytes::copy_from_slice(frame);
    let scanned = scan(&frame, version, usize::from(*step).max(1));
    let Ok(answer) = read_response::<FetchResponse<'_>>(&frame, version) else { return };

    let mut patches = Patches::new();
    let mut places = Vec::new();
    let mut splices = Vec::new();
    let mut refused = 0;
    for topic in &answer.responses {
        for partition in &topic.partitions {
            patches.set(&partition.log_start_offset, 3);
            places.extend(partition.log_start_offset.span);
            if *partition.error_code == 1 {
                refused += 1;
                let filled = partition.filled(BOUNDS, None, vec![Bytes::from_static(&[7; 2000])]);
                let with = fragment(&filled, Api::FETCH.form(version)).expect("an entry can be written");
                let span = partition.span.expect("the entry was read");
                splices.push(Splice { span, with });
            }
        }
    }
    let mut patched = frame.to_vec();
    patches.apply(&mut patched).expect("the fields were read from this frame");
    for (at, (before, after)) in frame.iter().zip(&patched).enumerate() {
        assert!(before == after || places.iter().any(|span| span.start <= at && at < span.end));
    }
    let again: FetchResponse<'_> = read_response(&patched, version).expect("a patched answer is one");
    let mut hidden = patched.clone();
    if let Some(span) = answer.node_endpoints.as_ref().and_then(|endpoints| endpoints.span) {
        hidden[span.start] |= 0x7f;
    }
    assert_eq!(scanned, Some(hidden));
    assert_eq!(again.responses.len(), answer.responses.len());

    let filled = splice(&frame, splices).expect("entries do not overlap").into_bytes();
    let length = filled.len() - 4;
    assert_eq!(filled.first_chunk(), Some(&i32::try_from(length).expect("short").to_be_bytes()));
    let again: FetchResponse<'_> = read_response(&filled[4..], version).expect("a filled answer is one");
    let mut found = 0;
    for topic in &again.responses {
        for partition in &topic.partitions {
            assert_ne!(*partition.error_code, 1);
            found += usize::from(partition.records.len() == 2000);
        }
    }
    assert!(found >= refused);
});
