//! A cut: the tier follows a log that was truncated below the tier's end.
//!
//! ```text
//!              kept            │ moved, whole, to a dead branch
//!   page  page │ page  │ entry │ entry   entry
//!              ├───────┴───────┤    ▲
//!              └ taken apart where the cut lies inside it; its upper part is a page of the branch
//! ```

use super::split::{Part, Split};
use super::{Dropped, Loaded, Need, NewPage, Rewrite, Unmade};
use crate::ids::{ObjectUuid, Offset, TimestampMs};
use crate::lineage::Lineage;
use crate::manifest::check::{stable_end_expected, sum};
use crate::manifest::{
    AlgebraError, DeadBranch, DeadReason, Entry, MAX_DEAD_ENTRIES, MAX_DEAD_PAGES, Manifest, PageBody, Totals,
};
use crate::transactions::OpenTransaction;

/// Where to cut, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The first offset that the log goes on from with other records: an end of one of its batches.
    pub at: Offset,
    /// Why.
    pub reason: DeadReason,
    /// When, by the writer's clock.
    pub recorded_at: TimestampMs,
}

impl Manifest {
    /// Moves what reaches above `cut.at` into a dead branch, and the tier's end, lineage, gaps, open transactions and
    /// totals back. Entries move whole: the tier then ends where the one that reaches over the cut began, and what lies
    /// below the cut is uploaded anew. Pages move as they are, but the one in which the cut lies.
    ///
    /// A cut at or below the tier's start leaves nothing: the tier begins anew where it lies, and what was retired below
    /// the start is not listed any more. A floor above the cut sinks to it, for it spoke of records that are not there now.
    ///
    /// Needs the pages in which the cut lies, at most one of each level (those above the entries, too, that are dropped), and what is open at the end of the newest
    /// segment that stays. `fresh` gives ids never used before.
    ///
    /// # Errors
    /// Where the cut lies at or beyond the tier's end; where the manifest has too many dead branches; and where
    /// more than [`MAX_DEAD_PAGES`] pages would move, which is a matter for an operator: some 64,000 segments.
    pub fn cut(
        &self,
        cut: &Cut,
        loaded: &Loaded,
        fresh: &mut dyn FnMut() -> ObjectUuid,
    ) -> Result<Rewrite, Unmade> {
        self.require_sidecar()?;
        if cut.at >= self.tier_end {
            return Err(AlgebraError::NothingToCut { at: cut.at, tier_end: self.tier_end }.into());
        }
        // Below the tier's start nothing is live: that is not moved but dropped.
        let mut split = self.split_at(cut.at.max(self.tier_start), loaded)?;
        let end = if cut.at <= self.tier_start { cut.at } else { split.border };
        let mut dropped = Dropped { entries: Vec::new(), pages: std::mem::take(&mut split.opened) };
        let start = self.tier_start.min(end);
        if end <= self.tier_start {
            let gone = std::mem::take(&mut split.below);
            for page in &gone.pages {
                self.drop_page(page, loaded, &mut dropped)?;
            }
            dropped.entries.extend(gone.entries);
        }
        let kept = std::mem::take(&mut split.below);
        let mut head = self.without_parts();
        head.began_at = Some(self.began().min(end));
        head.floor = self.floor.map(|floor| floor.min(cut.at));
        (head.tier_start, head.tier_end) = (start, end);
        head.serving_start = self.serving_start_of(&kept, start, end, loaded)?;
        head.lineage = self.lineage_of(&kept, end, loaded)?;
        head.open_transactions = open_at(&kept, end, loaded)?;
        let totals = kept.pages.iter().map(|p| p.totals).chain(kept.entries.iter().map(Totals::of));
        head.totals = sum(totals).ok_or(AlgebraError::TotalsOverflow)?;
        (head.pages, head.entries, head.gaps) = (kept.pages, kept.entries, kept.gaps);
        let pages = head.bury(cut, split, fresh)?;
        Ok(Rewrite { head, pages, dropped })
    }

    /// This head without anything that it lists of the lineage.
    fn without_parts(&self) -> Self {
        Self { pages: Vec::new(), entries: Vec::new(), gaps: Vec::new(), ..self.clone() }
    }

    /// Where the newest span of what is kept begins.
    fn serving_start_of(
        &self,
        kept: &Part,
        start: Offset,
        end: Offset,
        loaded: &Loaded,
    ) -> Result<Offset, Need> {
        if let Some(gap) = kept.gaps.last() {
            return Ok(gap.range.end().max(start));
        }
        if kept.pages.is_empty() {
            return Ok(start);
        }
        if self.serving_start <= end {
            return Ok(self.serving_start.max(start));
        }
        let gap = loaded.newest_gap(&kept.pages, start)?;
        Ok(gap.map_or(start, |gap_end| gap_end.max(start)))
    }

    /// The lineage of what is kept. A cut below the oldest epoch that the lineage remembers leaves it to the entries.
    fn lineage_of(&self, kept: &Part, end: Offset, loaded: &Loaded) -> Result<Lineage, Unmade> {
        let mut lineage = self.lineage.clone();
        lineage.truncate_to(end);
        if !lineage.is_empty() || self.lineage.is_empty() {
            return Ok(lineage);
        }
        let of_page;
        let entries = if kept.entries.is_empty() {
            of_page = newest_entries(kept, loaded)?;
            &of_page
        } else {
            &kept.entries
        };
        for entry in entries {
            lineage
                .extend(&entry.epochs)
                .map_err(|source| AlgebraError::Lineage { uuid: entry.uuid, source })?;
        }
        Ok(lineage)
    }

    /// Adds the dead branch. Gives the pages that it needs.
    fn bury(
        &mut self,
        cut: &Cut,
        split: Split,
        fresh: &mut dyn FnMut() -> ObjectUuid,
    ) -> Result<Vec<NewPage>, Unmade> {
        let Split { early, pages: whole, late, .. } = split;
        if early.entries.is_empty() && whole.is_empty() && late.entries.is_empty() {
            return Ok(Vec::new());
        }
        self.require_room_for_branch()?;
        let (mut new, mut pages) = (Vec::new(), Vec::new());
        if !early.entries.is_empty() {
            let page = NewPage::of_entries(self, fresh(), &early.entries, early.inner_gaps())?;
            pages.push(page.page);
            new.push(page);
        }
        pages.extend(whole);
        let mut entries = Vec::new();
        if self.dead_entries() + late.entries.len() <= MAX_DEAD_ENTRIES {
            entries = late.entries;
        } else {
            let page = NewPage::of_entries(self, fresh(), &late.entries, late.inner_gaps())?;
            pages.push(page.page);
            new.push(page);
        }
        if pages.len() > MAX_DEAD_PAGES {
            let (count, limit) = (pages.len() as u64, MAX_DEAD_PAGES as u64);
            return Err(AlgebraError::TooMany { what: "pages of a dead branch", count, limit }.into());
        }
        let Cut { at: cut_at, reason, recorded_at } = *cut;
        self.dead_branches.push(DeadBranch { cut_at, reason, recorded_at, entries, pages });
        Ok(new)
    }
}

/// The transactions open where what is kept ends: those that its newest segment lists. None are known behind a gap.
fn open_at(kept: &Part, end: Offset, loaded: &Loaded) -> Result<Vec<OpenTransaction>, Unmade> {
    let of_page;
    let newest = match kept.entries.last() {
        Some(entry) => Some(entry),
        None => {
            let ends_here = kept.pages.last().is_some_and(|page| page.range.end() == end);
            of_page = if ends_here { newest_entries(kept, loaded)? } else { Vec::new() };
            of_page.last()
        }
    };
    let Some(newest) = newest.filter(|entry| entry.range.end() == end) else { return Ok(Vec::new()) };
    let open = loaded.open_at_end(newest)?;
    let expected = stable_end_expected(&open, end);
    if expected != newest.stable_end {
        let (uuid, stable_end) = (newest.uuid, newest.stable_end);
        return Err(AlgebraError::StableEnd { uuid, stable_end, expected }.into());
    }
    Ok(open)
}

/// The entries of the newest page that is kept.
fn newest_entries(kept: &Part, loaded: &Loaded) -> Result<Vec<Entry>, Need> {
    let mut next = kept.pages.last();
    while let Some(page) = next {
        match &loaded.page(page)?.body {
            PageBody::Entries { entries, .. } => return Ok(entries.iter().collect()),
            PageBody::Refs(refs) => next = refs.last(),
        }
    }
    Ok(Vec::new())
}
