//! Any bytes as what brokers tell each other of remote segments: an event, or refused; and a view of them never panics.
#![no_main]

use firnline_index::remote_log::{RemoteLogEvent, RemoteLogView};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut view = RemoteLogView::default();
    // Values of up to 255 bytes, each behind its length.
    let mut rest = bytes;
    while let [length, after @ ..] = rest {
        let (value, next) = after.split_at(usize::from(*length).min(after.len()));
        rest = next;
        match RemoteLogEvent::parse(value) {
            Ok(event) => drop(view.take(event)),
            Err(fault) => assert!(!fault.to_string().is_empty()),
        }
    }
    assert!(view.segments() <= bytes.len());
});
