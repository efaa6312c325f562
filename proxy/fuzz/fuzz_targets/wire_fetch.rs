//! Any bytes as a fetch answer, with everything changed in it that a proxy changes: the rest stays, to the byte.
#![no_main]

use bytes::Bytes;
use firnline_proxy::wire::messages::fetch::{Bounds, FetchResponse};
use firnline_proxy::wire::{Api, Patches, Splice, fragment, read_response, splice};
use libfuzzer_sys::fuzz_target;

const BOUNDS: Bounds = Bounds { high_watermark: 900, last_stable_offset: 890, log_start_offset: 5 };

fuzz_target!(|bytes: &[u8]| {
    let [version, frame @ ..] = bytes else { return };
    let version = i16::from(*version % 19);
    let frame = Bytes::copy_from_slice(frame);
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
