//! What brokers have tiered, as their own metadata tells.

use firnline_index::remote_log::Remaining;

use super::names::{REMOTE_LOG_BYTES, REMOTE_LOG_SEGMENTS};
use super::shared::float;
use super::text::{Exposition, Label};

/// The body.
pub fn of_remote_log(Remaining { ours, anothers }: Remaining) -> String {
    let mut text = Exposition::default();
    let labels = |ours: u64, anothers: u64| {
        [([Label("firnline")], float(ours)), ([Label("another_plugin")], float(anothers))]
    };
    text.many(&REMOTE_LOG_SEGMENTS, labels(ours.segments, anothers.segments));
    text.many(&REMOTE_LOG_BYTES, labels(ours.bytes, anothers.bytes));
    text.into_text()
}
