//! Where in a partition a scrub is.

use std::collections::VecDeque;

use firnline_index::ids::TopicIdPartition;
use firnline_index::manifest::{Entry, Manifest, PageBody, PageRef};

use crate::{ReadError, Tier};

/// A partition being gone through: its pages, its head, its dead branches; at most one page of entries in memory.
#[derive(Debug)]
pub(super) struct Place {
    head: Manifest,
    /// What is still to be loaded, the next one last; whether all it lists counts, or only what is live.
    pages: Vec<(PageRef, bool)>,
    ready: VecDeque<Entry>,
    /// The head's own entries and those of dead branches, until they are taken.
    rest: VecDeque<Entry>,
}

impl Place {
    /// Begins at the partition's oldest segment, or at a random one where a number is given for it.
    pub(super) fn begin(mut head: Manifest, random: Option<u64>) -> Self {
        let live = head.pages.iter().rev().map(|page| (*page, false));
        let dead = head.dead_branches.iter().flat_map(|branch| &branch.pages);
        let mut pages: Vec<(PageRef, bool)> = dead.map(|page| (*page, true)).collect();
        pages.extend(live);
        let start = head.tier_start;
        let mut rest: VecDeque<Entry> = std::mem::take(&mut head.entries).into();
        rest.retain(|entry| entry.range.end() > start);
        for branch in &mut head.dead_branches {
            rest.extend(std::mem::take(&mut branch.entries));
        }
        let parts = (pages.len() + rest.len()) as u64;
        if let Some(skip) = random.and_then(|random| random.checked_rem(parts))
            && let Ok(skip) = usize::try_from(skip)
        {
            let of_pages = skip.min(pages.len());
            pages.truncate(pages.len() - of_pages);
            rest.drain(..skip - of_pages);
        }
        Self { head, pages, ready: VecDeque::new(), rest }
    }

    pub(super) fn tip(&self) -> &TopicIdPartition {
        &self.head.tip
    }

    /// The next segment; `None` at the end. After an error it goes on behind what could not be read.
    pub(super) async fn next(&mut self, tier: &Tier) -> Result<Option<Entry>, ReadError> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(Some(entry));
            }
            let Some((page, dead)) = self.pages.pop() else { return Ok(self.rest.pop_front()) };
            let start = self.head.tier_start;
            if !dead && page.range.end() <= start {
                continue;
            }
            match tier.page(&self.head.tip, &page).await?.body {
                PageBody::Refs(refs) => self.pages.extend(refs.into_iter().rev().map(|page| (page, dead))),
                PageBody::Entries { entries, .. } => {
                    self.ready = entries.iter().filter(|entry| dead || entry.range.end() > start).collect();
                }
            }
        }
    }
}
