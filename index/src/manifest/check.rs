//! The algebra: what must hold between the parts of a manifest.

use std::collections::HashSet;

use super::{Anomaly, Entry, Gap, Manifest, ManifestKind, Page, PageBody, PageRef, Part, Totals};
use crate::ids::{Offset, OffsetRange};
use crate::lineage::{EpochStart, Lineage};
use crate::transactions::OpenTransaction;

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
        for branch in &self.dead_branches {
            order(branch.entries.iter().map(entry_part), &mut found);
            coverage(branch.entries.iter().map(entry_part).collect(), Holes::Allowed, &mut found);
            for entry in &branch.entries {
                found.extend(entry_anomalies(self.kind, entry));
            }
        }
        self.check_totals(&mut found);
        self.check_unique(&mut found);
        found
    }

    fn check_ends(&self, found: &mut Vec<Anomaly>) {
        let (tier_start, serving_start, tier_end) = (self.tier_start, self.serving_start, self.tier_end);
        if !(tier_start <= serving_start && serving_start <= tier_end) {
            found.push(Anomaly::EndBelowStart { tier_start, serving_start, tier_end });
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

/// What an entry's stable end must be, given the transactions open at its end.
pub(super) fn stable_end_expected(open: &[OpenTransaction], end: Offset) -> Offset {
    open.iter().map(|t| t.first_offset).min().unwrap_or(end)
}

/// What is wrong with an entry in itself.
pub(super) fn entry_anomalies(kind: ManifestKind, entry: &Entry) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let (uuid, range) = (entry.uuid, entry.range);
    if range.is_empty() {
        found.push(Anomaly::Empty { part: Part::Segment(uuid), start: range.start() });
    }
    for pair in entry.epochs.windows(2) {
        if pair[1].epoch <= pair[0].epoch || pair[1].start <= pair[0].start {
            found.push(Anomaly::EpochBack { uuid, previous: pair[0], next: pair[1] });
        }
    }
    for epoch in entry.epochs.iter().filter(|e| !range.contains(e.start)) {
        found.push(Anomaly::EpochOutside { uuid, range, epoch: *epoch });
    }
    if entry.stable_end > range.end() {
        found.push(Anomaly::StableEndBeyondEnd { uuid, stable_end: entry.stable_end, end: range.end() });
    }
    let mut after = None;
    for abort in &entry.first_aborts {
        if !range.contains(abort.marker_offset) || after >= Some(abort.marker_offset) {
            found.push(Anomaly::AbortOutside {
                uuid,
                producer: abort.producer,
                marker_offset: abort.marker_offset,
            });
        }
        after = Some(abort.marker_offset);
    }
    let mut sizes = |wrong: bool, what| {
        if wrong {
            found.push(Anomaly::Sizes { uuid, what });
        }
    };
    sizes(
        entry.location.start.checked_add(entry.location.length.get()).is_none(),
        "it ends beyond 2^64 bytes",
    );
    sizes(entry.tail_position.get() >= entry.location.length.get(), "its tail begins at or beyond its end");
    sizes(
        entry.blocks == 0 || entry.batches < u64::from(entry.blocks),
        "fewer batches than blocks, or no block",
    );
    sizes(entry.log_bytes.get() < entry.batches, "fewer bytes than batches");
    sizes(
        entry.min_timestamp.is_some() != entry.max_timestamp.is_some()
            || entry.min_timestamp > entry.max_timestamp,
        "its smallest timestamp does not go with its largest",
    );
    if entry.kip405.is_some() != (kind == ManifestKind::Kip405) {
        found.push(Anomaly::WrongKind { uuid });
    }
    found
}

/// Epochs from entry to entry: an epoch may go on, never back.
fn check_epoch_order<'a>(entries: impl Iterator<Item = &'a Entry>, found: &mut Vec<Anomaly>) {
    let mut previous: Option<EpochStart> = None;
    for entry in entries {
        if let (Some(previous), Some(next)) = (previous, entry.epochs.first())
            && next.epoch < previous.epoch
        {
            found.push(Anomaly::EpochBack { uuid: entry.uuid, previous, next: *next });
        }
        previous = entry.epochs.last().copied().or(previous);
    }
}

/// Entries against the lineage. It may have forgotten its oldest epochs, never the newer ones.
fn check_lineage(lineage: &Lineage, entries: &[Entry], tier_end: Offset, found: &mut Vec<Anomaly>) {
    if let Some(last) = lineage.last().filter(|last| last.start >= tier_end) {
        found.push(Anomaly::LineageBeyondEnd { last, tier_end });
    }
    let forgotten = |offset| lineage.first().is_some_and(|first| offset < first.start);
    for entry in entries {
        for epoch in entry.epochs.iter().filter(|e| !forgotten(e.start)) {
            let known = lineage.epoch_at(epoch.start);
            if known != Some(epoch.epoch) {
                found.push(Anomaly::LineageMismatch {
                    uuid: entry.uuid,
                    offset: epoch.start,
                    entry: epoch.epoch,
                    lineage: known,
                });
            }
        }
    }
}

/// What holes between parts mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holes {
    /// Each is an anomaly, as is each overlap.
    Anomalies,
    /// Only overlaps are anomalies.
    Allowed,
    /// Neither is.
    AndOverlapsAllowed,
}

/// Walks the parts in order of offset; gives what they cover from first to last.
fn coverage(
    mut parts: Vec<(Part, OffsetRange)>,
    holes: Holes,
    found: &mut Vec<Anomaly>,
) -> Option<OffsetRange> {
    parts.sort_by_key(|(_, range)| (range.start(), range.end()));
    let start = parts.first()?.1.start();
    let mut reached: Option<(Part, Offset)> = None;
    for (part, range) in parts {
        if let Some((before, end)) = reached {
            if range.start() > end && holes == Holes::Anomalies {
                let range = OffsetRange::new(end, range.start());
                found.extend(range.map(|range| Anomaly::Gap { range, before: part }));
            }
            if range.start() < end && holes != Holes::AndOverlapsAllowed {
                let range = OffsetRange::new(range.start(), range.end().min(end));
                found.extend(range.map(|range| Anomaly::Overlap { range, first: before, second: part }));
            }
        }
        if reached.is_none_or(|(_, end)| range.end() >= end) {
            reached = Some((part, range.end()));
        }
    }
    reached.and_then(|(_, end)| OffsetRange::new(start, end).ok())
}

/// Each list stands in order of its starts. Empty gaps and pages are named here, empty entries with the entry.
fn order(parts: impl Iterator<Item = (Part, OffsetRange)>, found: &mut Vec<Anomaly>) {
    let mut previous: Option<(Part, OffsetRange)> = None;
    for (part, range) in parts {
        if let Some((first, before)) = previous
            && range.start() < before.start()
        {
            found.push(Anomaly::OutOfOrder { first, second: part, start: range.start() });
        }
        if range.is_empty() && !matches!(part, Part::Segment(_)) {
            found.push(Anomaly::Empty { part, start: range.start() });
        }
        previous = Some((part, range));
    }
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

fn entry_part(entry: &Entry) -> (Part, OffsetRange) {
    (Part::Segment(entry.uuid), entry.range)
}

fn gap_part(gap: &Gap) -> (Part, OffsetRange) {
    (Part::Gap(gap.range.start()), gap.range)
}

fn page_part(page: &PageRef) -> (Part, OffsetRange) {
    (Part::Page(page.uuid), page.range)
}
