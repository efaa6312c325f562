//! Striking out of a list of objects those that a manifest names.

use std::collections::{BTreeMap, HashSet};

use firnline_index::OffsetRange;
use firnline_index::ids::ObjectUuid;
use firnline_index::manifest::{Entry, Manifest, PageBody, PageRef};

use crate::{ReadError, Tier};

/// Strikes out what manifests name, page by page: memory is the list and the ids of the pages.
#[derive(Debug, Clone, Default)]
pub(crate) struct Striker {
    /// Pages whose names were struck out. They are immutable: once is enough.
    walked: HashSet<ObjectUuid>,
}

impl Striker {
    /// Removes from `objects` what `head` names within `within` and in dead branches, whatever they cover. A page that the
    /// manifest reaches is named; so is a live entry, and each that the head itself lists: one that came when a floor lay
    /// beyond the tier's end already is below the start from the beginning, until the start rises once more. An entry wholly
    /// below the tier's start is not named where only a page that reaches over the start still lists it.
    ///
    /// One GET for each page that was not walked before. An error leaves `objects` in between: throw it away.
    pub(crate) async fn strike<T>(
        &mut self,
        tier: &Tier,
        head: &Manifest,
        within: OffsetRange,
        objects: &mut BTreeMap<String, T>,
    ) -> Result<(), ReadError> {
        let dead = head.dead_branches.iter().flat_map(|branch| &branch.pages);
        self.pages(tier, head, dead.copied().collect(), None, objects).await?;
        let live = head.pages.iter().filter(|page| page.range.overlaps(within));
        self.pages(tier, head, live.copied().collect(), Some(within), objects).await?;
        // Pages outside the range are named all the same.
        for page in &head.pages {
            objects.remove(&page.object_key(&head.tip).to_string());
        }
        let dead = head.dead_branches.iter().flat_map(|branch| &branch.entries);
        for entry in dead.chain(&head.entries) {
            objects.remove(&entry.object_key(&head.tip));
        }
        Ok(())
    }

    async fn pages<T>(
        &mut self,
        tier: &Tier,
        head: &Manifest,
        mut next: Vec<PageRef>,
        live_within: Option<OffsetRange>,
        objects: &mut BTreeMap<String, T>,
    ) -> Result<(), ReadError> {
        while let Some(page) = next.pop() {
            objects.remove(&page.object_key(&head.tip).to_string());
            // A dead branch names all that its pages list, live or not.
            if live_within.is_some() && self.walked.contains(&page.uuid) {
                continue;
            }
            match tier.page(&head.tip, &page).await?.body {
                PageBody::Refs(refs) => {
                    for below in &refs {
                        objects.remove(&below.object_key(&head.tip).to_string());
                    }
                    // Of pages wholly below the tier's start only the names count: what they list is not live.
                    let counts = |p: &PageRef| {
                        live_within.is_none_or(|within| {
                            p.range.overlaps(within) && (p.level > 0 || p.range.end() > head.tier_start)
                        })
                    };
                    next.extend(refs.into_iter().filter(counts));
                }
                PageBody::Entries { entries, .. } => {
                    let mut all = true;
                    for entry in entries.iter() {
                        let named = live_within.is_none() || is_live(head, &entry);
                        all &= named;
                        if named {
                            objects.remove(&entry.object_key(&head.tip));
                        }
                    }
                    // As the start rises such a page says less; what was struck stays struck, which is the safe side.
                    if all {
                        self.walked.insert(page.uuid);
                    }
                }
            }
        }
        Ok(())
    }
}

fn is_live(head: &Manifest, entry: &Entry) -> bool {
    entry.range.end() > head.tier_start
}
