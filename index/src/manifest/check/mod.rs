//! The algebra: what must hold between the parts of a manifest.

mod coverage;
mod entry;

use std::collections::HashSet;

use coverage::{Holes, coverage, entry_part, gap_part, order, page_part};
use entry::{check_epoch_order, check_lineage};
pub(super) use entry::{entry_anomalies, stable_end_expected};

use super::{Anomaly, DeadBranch, Entry, Manifest, ManifestKind, Page, PageBody, PageRef, Part, Totals};
use crate::ids::OffsetRange;

impl Manifest {
    /// Everything that is wrong with the head, by name; empty where nothing is. Pages are checked by themselves
    /// ([`Page::check`]); that their references line up is checked here.
    pub fn check(&self) -> Vec<Anomaly> {
        let mut found = Vec::new();
        self.check_ends(&mut found);
        order(self.pages.iter().map(page_part), &mut found);
        order(self.gaps.iter().map(gap_part), &mut found);
        order(self.entries.iter().map(entry_part), &mut found);
        check_levels(&self.pages, &mut found);
        self.check_coverage(&mut found);
        for entry in &self.entries {
            found.extend(entry_anomalies(self.kind, entry));
        }
        if self.kind == ManifestKind::Sidecar {
            check_epoch_order(self.entries.iter(), &mut found);
            check_lineage(&self.lineage, &self.entries, self.tier_end, &mut found);
            self.check_serving_start(&mut found);
            self.check_open(&mut found);
        }
        found.extend(self.dead_branches.iter().flat_map(|branch| dead_anomalies(self.kind, branch)));
        self.check_totals(&mut found);
        self.check_unique(&mut found);
        found
    }

    fn check_ends(&self, found: &mut Vec<Anomaly>) {
        let (tier_start, serving_start, tier_end) = (self.tier_start, self.serving_start, self.tier_end);
        if !(tier_start <= serving_start && serving_start <= tier_end) {
            found.push(Anomaly::EndBelowStart { tier_start, serving_start, tier_end });
        }
        if let Some(began_at) = self.began_at.filter(|began_at| tier_start < *began_at) {
            found.push(Anomaly::BeganAboveStart { began_at, tier_start });
        }
        // A floor beyond the tier's end leaves nothing of the tier.
        if let Some(floor) = self.floor.filter(|floor| tier_start < (*floor).min(tier_end)) {
            found.push(Anomaly::StartBelowFloor { tier_start, floor });
        }
    }

    fn check_coverage(&self, found: &mut Vec<Anomaly>) {
        let parts: Vec<_> = self
            .pages
            .iter()
            .map(page_part)
            .chain(self.gaps.iter().map(gap_part))
            .chain(self.entries.iter().map(entry_part))
            .collect();
        let first = parts.iter().min_by_key(|(_, range)| range.start()).copied();
        let holes = match self.kind {
            ManifestKind::Sidecar => Holes::Anomalies,
            ManifestKind::Kip405 => Holes::AndOverlapsAllowed,
        };
        match (first, coverage(parts, holes, found)) {
            (Some((part, range)), Some(covered)) => {
                if let (ManifestKind::Sidecar, Ok(range)) =
                    (self.kind, OffsetRange::new(self.tier_start, range.start()))
                    && !range.is_empty()
                {
                    found.push(Anomaly::Gap { range, before: part });
                }
                if covered.end() != self.tier_end {
                    found.push(Anomaly::TierEnd { stated: self.tier_end, listed: covered.end() });
                }
            }
            _ => {
                if let Ok(range) = OffsetRange::new(self.tier_start, self.tier_end)
                    && !range.is_empty()
                {
                    found.push(Anomaly::Gap { range, before: Part::TierEnd });
                }
            }
        }
    }

    /// The newest span begins behind the last gap; where that has gone into a page, the head can only bound it.
    fn check_serving_start(&self, found: &mut Vec<Anomaly>) {
        let stated = self.serving_start;
        let expected = match (self.gaps.last(), self.pages.last()) {
            (Some(gap), _) => gap.range.end().max(self.tier_start),
            (None, None) => self.tier_start,
            (None, Some(page)) => stated.clamp(self.tier_start, page.range.end().max(self.tier_start)),
        };
        if stated != expected {
            found.push(Anomaly::ServingStart { stated, expected });
        }
    }

    fn check_open(&self, found: &mut Vec<Anomaly>) {
        let mut seen = HashSet::new();
        for open in &self.open_transactions {
            if open.first_offset >= self.tier_end || !seen.insert(open.producer) {
                found.push(Anomaly::OpenTransaction {
                    producer: open.producer,
                    first_offset: open.first_offset,
                    tier_end: self.tier_end,
                });
            }
        }
        if let Some(last) = self.entries.last().filter(|e| e.range.end() == self.tier_end) {
            let expected = stable_end_expected(&self.open_transactions, self.tier_end);
            if last.stable_end != expected {
                found.push(Anomaly::StableEndMismatch {
                    uuid: last.uuid,
                    stable_end: last.stable_end,
                    expected,
                });
            }
        }
    }

    fn check_totals(&self, found: &mut Vec<Anomaly>) {
        let counted = sum(self.pages.iter().map(|p| p.totals).chain(self.entries.iter().map(Totals::of)));
        compare_totals(self.totals, counted, found);
    }

    fn check_unique(&self, found: &mut Vec<Anomaly>) {
        let dead = || self.dead_branches.iter();
        let entries = self.entries.iter().chain(dead().flat_map(|b| &b.entries)).map(|e| e.uuid);
        found.extend(repeated(entries).map(|uuid| Anomaly::DuplicateUuid { uuid }));
        let pages = self.pages.iter().chain(dead().flat_map(|b| &b.pages)).map(|p| p.uuid);
        found.extend(repeated(pages).map(|uuid| Anomaly::DuplicatePage { uuid }));
        let commits = self.recent_commits.iter().copied().chain([self.commit]);
        found.extend(repeated(commits).map(|commit| Anomaly::DuplicateCommit { commit }));
    }
}

impl Page {
    /// Everything that is wrong with the page in itself, by name; empty where nothing is.
    pub fn check(&self) -> Vec<Anomaly> {
        let mut found = Vec::new();
        let holes = match self.kind {
            ManifestKind::Sidecar => Holes::Anomalies,
            ManifestKind::Kip405 => Holes::AndOverlapsAllowed,
        };
        let listed = match &self.body {
            PageBody::Entries { entries, gaps } => {
                let entries: Vec<Entry> = entries.iter().collect();
                order(gaps.iter().map(gap_part), &mut found);
                order(entries.iter().map(entry_part), &mut found);
                for entry in &entries {
                    found.extend(entry_anomalies(self.kind, entry));
                }
                if self.kind == ManifestKind::Sidecar {
                    check_epoch_order(entries.iter(), &mut found);
                }
                let uuids = entries.iter().map(|e| e.uuid);
                found.extend(repeated(uuids).map(|uuid| Anomaly::DuplicateUuid { uuid }));
                coverage(
                    gaps.iter().map(gap_part).chain(entries.iter().map(entry_part)).collect(),
                    holes,
                    &mut found,
                )
            }
            PageBody::Refs(refs) => {
                order(refs.iter().map(page_part), &mut found);
                check_levels(refs, &mut found);
                let uuids = refs.iter().map(|r| r.uuid);
                found.extend(repeated(uuids).map(|uuid| Anomaly::DuplicatePage { uuid }));
                coverage(refs.iter().map(page_part).collect(), holes, &mut found)
            }
        };
        if listed != Some(self.range) {
            found.push(Anomaly::PageRange { uuid: self.uuid, stated: self.range, listed });
        }
        found
    }
}

/// What is wrong with a dead branch in itself. Its entries may leave holes, for gaps do not go with them.
pub(super) fn dead_anomalies(kind: ManifestKind, branch: &DeadBranch) -> Vec<Anomaly> {
    let mut found = Vec::new();
    order(branch.entries.iter().map(entry_part), &mut found);
    coverage(branch.entries.iter().map(entry_part).collect(), Holes::Allowed, &mut found);
    found.extend(branch.entries.iter().flat_map(|entry| entry_anomalies(kind, entry)));
    found
}

fn check_levels(pages: &[PageRef], found: &mut Vec<Anomaly>) {
    for pair in pages.windows(2) {
        if pair[1].level > pair[0].level {
            found.push(Anomaly::LevelRises { uuid: pair[1].uuid, level: pair[1].level });
        }
    }
}

/// The sum of totals; `None` beyond 2^64.
pub(super) fn sum(mut parts: impl Iterator<Item = Totals>) -> Option<Totals> {
    parts.try_fold(Totals::ZERO, Totals::plus)
}

fn compare_totals(stated: Totals, counted: Option<Totals>, found: &mut Vec<Anomaly>) {
    let all = |t: Totals| {
        [
            ("entries", t.entries),
            ("log bytes", t.log_bytes.get()),
            ("object bytes", t.object_bytes.get()),
            ("records", t.records),
        ]
    };
    let counted = counted.map_or([u64::MAX; 4], |t| all(t).map(|(_, n)| n));
    for ((what, stated), counted) in all(stated).into_iter().zip(counted) {
        if stated != counted {
            found.push(Anomaly::WrongTotals { what, stated, counted });
        }
    }
}

/// The values that come a second time.
fn repeated<T: Copy + Eq + std::hash::Hash>(values: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    let mut seen = HashSet::new();
    values.filter(move |value| !seen.insert(*value))
}
