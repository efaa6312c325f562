//! Which objects are there: one listing, walked beside the manifest's entries.
//!
//! Keys sort as base offsets do, so that the entries of a sidecar's manifest, oldest first, come in the order of the
//! listing. Each thousand objects cost one LIST instead of a thousand HEADs, and nothing is held in memory but a page.

use std::collections::{HashSet, VecDeque};

use firnline_store::{ListedObject, Listing, StoreError};

use crate::Tier;

/// A listing of a partition's objects with one place to look at.
pub(super) struct Presence {
    listing: Listing,
    page: VecDeque<ListedObject>,
    ended: bool,
    /// The last key looked for.
    last: String,
    /// Listed, and not looked for (yet).
    passed: Vec<ListedObject>,
    /// Looked for out of order.
    asked: HashSet<String>,
}

impl Presence {
    pub(super) fn new(tier: &Tier, prefix: &str) -> Self {
        Self {
            listing: tier.store().list(prefix, None),
            page: VecDeque::new(),
            ended: false,
            last: String::new(),
            passed: Vec::new(),
            asked: HashSet::new(),
        }
    }

    /// The length of the object `key`; `None` where it is not listed. A key that sorts below one asked for before costs a
    /// HEAD.
    pub(super) async fn length_of(&mut self, tier: &Tier, key: &str) -> Result<Option<u64>, StoreError> {
        if *key <= *self.last {
            self.asked.insert(key.to_owned());
            return head(tier, key).await;
        }
        key.clone_into(&mut self.last);
        while let Some(next) = self.next().await? {
            match next.key.as_str().cmp(key) {
                std::cmp::Ordering::Less => self.passed.push(next),
                std::cmp::Ordering::Equal => return Ok(Some(next.size)),
                std::cmp::Ordering::Greater => {
                    self.page.push_front(next);
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    /// What was passed over so far.
    pub(super) fn take_passed(&mut self) -> Vec<ListedObject> {
        let asked = &self.asked;
        let mut passed = std::mem::take(&mut self.passed);
        passed.retain(|object| !asked.contains(&object.key));
        passed
    }

    /// What is left of the listing; for the end of the walk.
    pub(super) async fn take_rest(&mut self) -> Result<Vec<ListedObject>, StoreError> {
        while let Some(next) = self.next().await? {
            self.passed.push(next);
        }
        Ok(self.take_passed())
    }

    async fn next(&mut self) -> Result<Option<ListedObject>, StoreError> {
        while self.page.is_empty() && !self.ended {
            match self.listing.next_page().await? {
                Some(page) => self.page = page.into(),
                None => self.ended = true,
            }
        }
        Ok(self.page.pop_front())
    }
}

async fn head(tier: &Tier, key: &str) -> Result<Option<u64>, StoreError> {
    match tier.store().head(key).await {
        Ok(meta) => Ok(Some(meta.size)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
