//! What moves the tier's start: retention and an explicit floor.

use super::{Dropped, Loaded, Need, Rewrite, Unmade};
use crate::ids::Offset;
use crate::manifest::check::sum;
use crate::manifest::{AlgebraError, Entry, Manifest, PageBody, PageRef, Totals};

impl Manifest {
    /// Raises the tier's start to `to`, where a segment starts, or to the tier's end. The head no longer lists entries and
    /// pages wholly below it; a page that reaches over it stays, with all that it lists, and counts whole in the totals.
    /// Gives back every entry that this makes no longer live, in whichever of these it is listed.
    ///
    /// Needs each page that reaches into what goes. Retire in steps where that is much.
    ///
    /// # Errors
    /// Where `to` lies at or below the tier's start or beyond its end, and where no segment starts there.
    pub fn retire_to(&self, to: Offset, loaded: &Loaded) -> Result<Rewrite, Unmade> {
        self.require_sidecar()?;
        if to <= self.tier_start {
            return Err(AlgebraError::StartBack { tier_start: self.tier_start, to }.into());
        }
        if to > self.tier_end {
            return Err(AlgebraError::StartBeyondEnd { to, tier_end: self.tier_end }.into());
        }
        if to < self.tier_end && !self.is_border(to, loaded)? {
            return Err(AlgebraError::NotABorder { to }.into());
        }
        self.start_at(to, loaded)
    }

    /// Raises the floor to `floor`, and the tier's start to it, or to the tier's end where the floor lies beyond it: then
    /// what comes up to the floor is no longer live as soon as it is appended. Gives back what is no longer live. The start
    /// may come to lie inside an entry, which stays.
    ///
    /// Needs each page that reaches into what goes.
    ///
    /// # Errors
    /// Where the floor is as high already.
    pub fn raise_floor(&self, floor: Offset, loaded: &Loaded) -> Result<Rewrite, Unmade> {
        self.require_sidecar()?;
        if let Some(known) = self.floor.filter(|known| floor <= *known) {
            return Err(AlgebraError::FloorBack { known, given: floor }.into());
        }
        let to = floor.min(self.tier_end);
        let mut rewrite = if to > self.tier_start {
            self.start_at(to, loaded)?
        } else {
            Rewrite { head: self.clone(), pages: Vec::new(), dropped: Dropped::default() }
        };
        rewrite.head.floor = Some(floor);
        Ok(rewrite)
    }

    /// The head whose tier starts at `to`, which lies above the start there is and not beyond the end.
    fn start_at(&self, to: Offset, loaded: &Loaded) -> Result<Rewrite, Unmade> {
        let mut head = self.clone();
        let mut dropped = Dropped::default();
        head.began_at = Some(self.began());
        let gone = self.pages.partition_point(|page| page.range.end() <= to);
        for page in head.pages.drain(..gone) {
            self.drop_page(&page, loaded, &mut dropped)?;
        }
        if let Some(page) = head.pages.first() {
            self.drop_entries(page, to, loaded, &mut dropped)?;
        }
        let gone = self.entries.partition_point(|entry| entry.range.end() <= to);
        dropped.entries.extend(head.entries.drain(..gone));
        head.gaps.retain(|gap| gap.range.end() > to);
        head.tier_start = to;
        head.serving_start = self.serving_start.max(to);
        let totals = head.pages.iter().map(|p| p.totals).chain(head.entries.iter().map(Totals::of));
        head.totals = sum(totals).ok_or(AlgebraError::TotalsOverflow)?;
        Ok(Rewrite { head, pages: Vec::new(), dropped })
    }

    /// Gives back a page that goes, the pages below it, and those of their entries that were live until now.
    pub(super) fn drop_page(
        &self,
        page: &PageRef,
        loaded: &Loaded,
        dropped: &mut Dropped,
    ) -> Result<(), Need> {
        let mut next = vec![*page];
        while let Some(page) = next.pop() {
            dropped.pages.push(page);
            let dead_already = page.range.end() <= self.tier_start;
            if page.level == 0 && dead_already {
                continue;
            }
            match &loaded.page(&page)?.body {
                PageBody::Refs(refs) => next.extend(refs.iter().rev()),
                PageBody::Entries { entries, .. } => {
                    dropped.entries.extend(entries.iter().filter(|entry| self.is_live(entry)));
                }
            }
        }
        Ok(())
    }

    /// Gives back the entries below `to` of a page that stays.
    fn drop_entries(
        &self,
        page: &PageRef,
        to: Offset,
        loaded: &Loaded,
        dropped: &mut Dropped,
    ) -> Result<(), Need> {
        let mut next = vec![*page];
        while let Some(page) = next.pop() {
            if page.range.start() >= to || page.range.end() <= self.tier_start {
                continue;
            }
            match &loaded.page(&page)?.body {
                PageBody::Refs(refs) => next.extend(refs.iter().rev()),
                PageBody::Entries { entries, .. } => {
                    let goes = |entry: &Entry| entry.range.end() <= to && self.is_live(entry);
                    dropped.entries.extend(entries.iter().filter(goes));
                }
            }
        }
        Ok(())
    }

    fn is_live(&self, entry: &Entry) -> bool {
        entry.range.end() > self.tier_start
    }

    /// Whether a segment starts at `at`.
    fn is_border(&self, at: Offset, loaded: &Loaded) -> Result<bool, Need> {
        if self.entries.binary_search_by_key(&at, |entry| entry.range.start()).is_ok() {
            return Ok(true);
        }
        let mut next = self.pages.iter().find(|page| page.range.contains(at));
        while let Some(page) = next {
            match &loaded.page(page)?.body {
                PageBody::Refs(refs) => next = refs.iter().find(|page| page.range.contains(at)),
                PageBody::Entries { entries, .. } => {
                    return Ok(entries.iter().any(|entry| entry.range.start() == at));
                }
            }
        }
        Ok(false)
    }
}
