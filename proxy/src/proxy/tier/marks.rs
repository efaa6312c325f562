//! Where a partition's tier begins and ends, as far as it is known.

use firnline_index::Offset;
use firnline_index::summary::TierMarks;
use firnline_reader::Bounds;

/// What was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The first offset that consumers are told.
    pub(crate) start: Offset,
    /// One past the last.
    pub(crate) end: Offset,
    /// The manifest's generation, where it was told.
    generation: Option<u64>,
}

impl Marks {
    /// Those of a summary.
    pub(crate) const fn of_summary(marks: TierMarks) -> Self {
        Self { start: marks.serving_start, end: marks.tier_end, generation: Some(marks.generation) }
    }

    /// Those of a manifest that was read.
    pub(crate) const fn of_bounds(bounds: Bounds) -> Self {
        Self { start: bounds.serving_start, end: bounds.end, generation: None }
    }

    /// The same, without what lies below a floor.
    pub(crate) fn above(self, floor: Offset) -> Self {
        Self { start: self.start.max(floor), end: self.end.max(floor), ..self }
    }

    /// Whether these take the place of what was known. A summary may be older than a manifest that was read since: a
    /// generation below the known one, or an end that lies below the known one, is no news. (An end that a cut has taken back is
    /// told by the next manifest that is read.)
    pub(crate) fn replaces(self, known: Option<Self>) -> bool {
        match known {
            Some(Self { generation: Some(known), .. }) => self.generation.is_none_or(|own| own >= known),
            Some(Self { end, .. }) => self.generation.is_none() || self.end >= end,
            None => true,
        }
    }
}

/// The log start that a client is told in a fetch: never above the tier's, so that no history is hidden; where that is not
/// known, none, so that the client asks.
pub(crate) fn start_to_tell(marks: Option<Marks>, brokers: i64) -> i64 {
    match marks {
        // Nothing lies below it.
        _ if brokers == 0 => 0,
        Some(Marks { start, .. }) if brokers > 0 => start.get().min(brokers),
        Some(Marks { start, .. }) => start.get(),
        None => -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: i64, end: i64, generation: Option<u64>) -> Marks {
        Marks { start: Offset::new(start).unwrap(), end: Offset::new(end).unwrap(), generation }
    }

    #[test]
    fn a_start_above_the_tiers_is_never_told() {
        assert_eq!(start_to_tell(Some(range(100, 200, None)), 150), 100);
        assert_eq!(start_to_tell(Some(range(100, 200, None)), 50), 50, "the tier began later than the log");
        assert_eq!(start_to_tell(Some(range(100, 200, None)), -1), 100);
        assert_eq!(start_to_tell(None, 0), 0);
        assert_eq!(start_to_tell(None, 150), -1);
        assert_eq!(start_to_tell(None, -1), -1);
    }

    #[test]
    fn what_is_older_is_no_news() {
        let read = Some(range(10, 200, None));
        assert!(!range(0, 150, Some(4)).replaces(read), "a summary from before the manifest");
        assert!(range(20, 200, Some(5)).replaces(read), "retention moves the start alone");
        assert!(!range(0, 300, Some(4)).replaces(Some(range(10, 200, Some(5)))));
        assert!(range(0, 100, Some(6)).replaces(Some(range(10, 200, Some(5)))), "a cut");
        assert!(range(0, 100, None).replaces(Some(range(10, 200, Some(5)))));
        assert!(range(0, 100, None).replaces(None));
    }
}
