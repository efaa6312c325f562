//! What is there of a partition: one window of its listing.

use std::collections::BTreeMap;

use firnline_index::TopicIdPartition;
use firnline_index::keys::{KeyPrefix, ObjectKey};
use firnline_store::StoreError;

use super::judge::Candidate;
use super::memory::GcMemory;
use crate::Tier;

/// One window of a listing.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Objects listed.
    pub(super) objects: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Segments, pages and floors that are old enough.
    pub(super) old: BTreeMap<String, Candidate>,
    /// Objects that are nobody's we know.
    pub(super) unknown: u64,
    /// Objects that would not go before.
    pub(super) stubborn: u64,
    /// Where the next window begins; `None` where this was the last.
    pub(super) next: Option<String>,
}

/// Which objects are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    /// Behind this key.
    pub(super) after: Option<&'a str>,
    /// At most about so many: whole pages of a listing.
    pub(super) most: usize,
    /// Those last changed at or before this time, by the store's clock.
    pub(super) before_ms: i64,
}

impl Tier {
    /// Lists one window. One LIST per thousand objects.
    pub(super) async fn window(
        &self,
        tip: &TopicIdPartition,
        look: Look<'_>,
        memory: &mut GcMemory,
    ) -> Result<Window, StoreError> {
        let prefix = KeyPrefix::Partition(tip.clone()).to_string();
        let mut listing = self.store().list(&prefix, look.after);
        let mut window = Window::default();
        let mut seen = 0;
        while let Some(page) = listing.next_page().await? {
            seen += page.len();
            let last = page.last().map(|object| object.key.clone());
            for object in page {
                window.objects += 1;
                window.bytes = window.bytes.saturating_add(object.size);
                let key = match object.key.parse::<ObjectKey>() {
                    Ok(ObjectKey::Manifest { .. }) => continue,
                    Ok(key) if key.partition() == Some(tip) => key,
                    _ => {
                        window.unknown += 1;
                        continue;
                    }
                };
                if object.last_modified_ms > look.before_ms {
                    continue;
                }
                if memory.leave_alone(&object.key, object.last_modified_ms) {
                    window.stubborn += 1;
                    continue;
                }
                window.old.insert(object.key.clone(), Candidate { key, object, words: None });
            }
            if seen >= look.most {
                window.next = last;
                break;
            }
        }
        Ok(window)
    }
}
