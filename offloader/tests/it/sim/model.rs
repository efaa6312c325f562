//! What must hold of the objects, whoever did what.

use std::collections::HashSet;

use bytes::Bytes;
use firnline_index::ids::{Offset, TopicIdPartition};
use firnline_index::keys::ObjectKey;
use firnline_index::manifest::Manifest;
use firnline_index::segment::{ExpectedOrigin, SegmentTail, decode_block};
use firnline_store::sim::Simulation;

use crate::world::range_of;

/// The truth about one partition: its batches, as the leader wrote them.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    pub(crate) tip: TopicIdPartition,
    pub(crate) batches: Vec<Bytes>,
}

impl Truth {
    /// All bytes below `end`, which must be a batch's end.
    fn bytes_below(&self, end: Offset) -> Vec<u8> {
        let below = self.batches.iter().filter(|batch| range_of(batch).end() <= end);
        below.flat_map(|batch| batch.to_vec()).collect()
    }

    /// Looks at the partition's manifest and at every object it names, without a request. Gives the tier's end and the keys
    /// named. What was once in the tier stays in it: `before` is the end found last.
    pub(crate) fn holds(
        &self,
        sim: &Simulation,
        before: Option<Offset>,
    ) -> (Option<Offset>, HashSet<String>) {
        let key = ObjectKey::Manifest { tip: self.tip.clone() }.to_string();
        let Some(bytes) = sim.peek(&key) else {
            assert!(before.is_none(), "{key} is gone");
            return (None, HashSet::new());
        };
        let manifest = Manifest::decode(&bytes).expect("a manifest is whole and sound at any moment");
        assert!(before.is_none_or(|before| before <= manifest.tier_end), "{key}: the tier's end went back");
        assert!(manifest.pages.is_empty(), "histories are too short for pages");
        let mut named = HashSet::new();
        let mut content = Vec::new();
        let mut at = manifest.tier_start;
        for entry in &manifest.entries {
            assert_eq!(entry.range.start(), at, "{key}: every offset exactly once");
            at = entry.range.end();
            let key = entry.object_key(&self.tip);
            let object = sim.peek(&key).unwrap_or_else(|| panic!("{key} is named and missing"));
            assert!(named.insert(key.clone()), "{key} is named twice");
            content.extend_from_slice(&raw_bytes(&object, entry, &key));
        }
        assert_eq!(at, manifest.tier_end, "{key}");
        assert!(content == self.bytes_below(manifest.tier_end), "{key}: other bytes than the log's");
        (Some(manifest.tier_end), named)
    }
}

fn raw_bytes(object: &Bytes, entry: &firnline_index::manifest::Entry, key: &str) -> Vec<u8> {
    assert_eq!(object.len() as u64, entry.location.length.get(), "{key}");
    assert_eq!(firnline_index::Crc32c::of(object), entry.object_crc, "{key}");
    let tail_at = usize::try_from(entry.tail_position.get()).unwrap();
    let tail =
        SegmentTail::parse(object.slice(tail_at..), entry.tail_position, &ExpectedOrigin::default()).unwrap();
    let blocks = (0..tail.index().len()).map(|number| tail.index().entry(number).unwrap());
    let at = |position: u64| usize::try_from(position).unwrap();
    blocks
        .flat_map(|block| {
            let stored = object.slice(at(block.stored.start)..at(block.stored.end));
            decode_block(&block, stored).unwrap().to_vec()
        })
        .collect()
}
