//! Which offsets the parts of a manifest cover.

use crate::ids::{Offset, OffsetRange};
use crate::manifest::{Anomaly, Entry, Gap, PageRef, Part};

/// What holes between parts mean.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holes {
    /// Each is an anomaly, as is each overlap.
    Anomalies,
    /// Only overlaps are anomalies.
    Allowed,
    /// Neither is.
    AndOverlapsAllowed,
}

/// Walks the parts in order of offset; gives what they cover from first to last.
pub(super) fn coverage(
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
pub(super) fn order(parts: impl Iterator<Item = (Part, OffsetRange)>, found: &mut Vec<Anomaly>) {
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

pub(super) fn entry_part(entry: &Entry) -> (Part, OffsetRange) {
    (Part::Segment(entry.uuid), entry.range)
}

pub(super) fn gap_part(gap: &Gap) -> (Part, OffsetRange) {
    (Part::Gap(gap.range.start()), gap.range)
}

pub(super) fn page_part(page: &PageRef) -> (Part, OffsetRange) {
    (Part::Page(page.uuid), page.range)
}
