//! Taking what a manifest lists apart at an offset.

use super::{Loaded, Need};
use crate::ids::{Offset, OffsetRange};
use crate::manifest::{Entry, Gap, Manifest, PageBody, PageRef};

/// What lies below an offset, and what lies at or above it or reaches over it. Pages are taken apart as far down as the
/// offset lies inside them; no other page is needed.
#[derive(Debug)]
pub(super) struct Split {
    pub(super) below: Part,
    /// What comes first of the rest: the part of the page in which the offset lies.
    pub(super) early: Run,
    /// The pages after it.
    pub(super) pages: Vec<PageRef>,
    /// What the head lists.
    pub(super) late: Run,
    /// The pages taken apart, which neither side names.
    pub(super) opened: Vec<PageRef>,
    /// Where the lower side ends: the offset, or the start of the entry that reaches over it.
    pub(super) border: Offset,
}

/// What a head could list.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) pages: Vec<PageRef>,
    pub(super) entries: Vec<Entry>,
    pub(super) gaps: Vec<Gap>,
}

/// Entries and the gaps among them.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) entries: Vec<Entry>,
    pub(super) gaps: Vec<Gap>,
}

impl Run {
    /// The gaps that stand between the first entry and the last.
    pub(super) fn inner_gaps(&self) -> Vec<Gap> {
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else {
            return Vec::new();
        };
        let inside =
            |gap: &&Gap| gap.range.start() >= first.range.end() && gap.range.end() <= last.range.start();
        self.gaps.iter().filter(inside).copied().collect()
    }
}

impl Manifest {
    /// Takes apart what is listed at `at`. An entry that reaches over it stands above.
    pub(super) fn split_at(&self, at: Offset, loaded: &Loaded) -> Result<Split, Need> {
        let mut split = Split {
            below: Part::default(),
            early: Run::default(),
            pages: Vec::new(),
            late: Run::default(),
            opened: Vec::new(),
            border: at,
        };
        let mut level: Vec<PageRef> = self.pages.clone();
        // The pages behind the one taken apart, of each level; the deepest come first in the log.
        let mut behind: Vec<Vec<PageRef>> = Vec::new();
        let mut leaf = None;
        loop {
            let below = level.partition_point(|page| page.range.end() <= at);
            let mut rest = level.split_off(below);
            split.below.pages.append(&mut level);
            match rest.first().copied() {
                Some(page) if page.range.start() < at => {
                    behind.push(rest.split_off(1));
                    split.opened.push(page);
                    match &loaded.page(&page)?.body {
                        PageBody::Refs(refs) => level = refs.clone(),
                        PageBody::Entries { entries, gaps } => {
                            leaf = Some(Run { entries: entries.iter().collect(), gaps: gaps.clone() });
                            break;
                        }
                    }
                }
                _ => {
                    behind.push(rest);
                    break;
                }
            }
        }
        split.pages = behind.into_iter().rev().flatten().collect();
        let head = Run { entries: self.entries.clone(), gaps: self.gaps.clone() };
        match leaf {
            Some(leaf) => {
                split.early = split.below.take(leaf, at, &mut split.border);
                // The head begins behind its last page, and so above `at`.
                split.late = head;
            }
            None => split.late = split.below.take(head, at, &mut split.border),
        }
        Ok(split)
    }
}

impl Part {
    /// Takes from `run` what lies below `at` and gives back the rest. A gap that reaches over it is cut in two, of which
    /// the upper part belongs to nobody.
    fn take(&mut self, mut run: Run, at: Offset, border: &mut Offset) -> Run {
        let rest = run.entries.split_off(run.entries.partition_point(|entry| entry.range.end() <= at));
        self.entries.append(&mut run.entries);
        if let Some(first) = rest.first() {
            *border = (*border).min(first.range.start());
        }
        let end = *border;
        let (below, above): (Vec<Gap>, Vec<Gap>) =
            run.gaps.into_iter().partition(|gap| gap.range.start() < end);
        self.gaps.extend(below.into_iter().map(|gap| {
            let range = OffsetRange::new(gap.range.start(), gap.range.end().min(end));
            Gap { range: range.unwrap_or(gap.range), ..gap }
        }));
        Run { entries: rest, gaps: above }
    }
}
