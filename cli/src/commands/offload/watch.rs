//! The progress of a pass on standard error.

use std::sync::OnceLock;

use firnline_index::{OffsetRange, TopicIdPartition};

use crate::output::Progress;

/// Shows how far the pass has read, once it knows how much there is.
#[derive(Debug, Default)]
pub struct Watch {
    bar: OnceLock<Progress>,
}

impl firnline_offloader::Progress for Watch {
    fn found(&self, _partitions: usize, bytes: u64) {
        let _ = self.bar.set(Progress::bytes("offload", bytes));
    }

    fn read(&self, _tip: &TopicIdPartition, bytes: u64) {
        if let Some(bar) = self.bar.get() {
            bar.add(bytes);
        }
    }

    fn committed(&self, tip: &TopicIdPartition, _range: OffsetRange) {
        if let Some(bar) = self.bar.get() {
            bar.on(format!("{}/{}", tip.topic, tip.partition));
        }
    }
}
