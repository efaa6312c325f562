//! The last look before OFFSET_OUT_OF_RANGE leaves: whatever has led to it, it is held back where all that is known says that
//! the tier has the offset. By what stands before this never happens; it is counted, so that it would be seen.

use super::leader::Leader;
use crate::proxy::tier::Place;

/// What came of an answer's entries that a broker refused as out of range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Bytes of records from the tier.
    pub(crate) bytes: u64,
    /// Entries with such.
    pub(crate) filled: u64,
    /// Entries without, for the time being.
    pub(crate) empty: u64,
    /// Entries that could not be read.
    pub(crate) failed: u64,
    /// Those of them that were not asked for: as much was read as may be.
    pub(crate) throttled: u64,
    /// Entries that are not filled because the broker does not know the client by its own name.
    pub(crate) unproven: u64,
    /// Entries that stay refused.
    pub(crate) out_of_range: u64,
    /// Entries that would have stayed so and were held back.
    pub(crate) held_back: u64,
}

/// Whether it would be false that an offset is out of range.
pub(crate) fn would_be_false(place: &Place, offset: i64, leader: Leader) -> bool {
    let is_covered =
        place.marks().is_some_and(|marks| (marks.start.get()..marks.end.get()).contains(&offset));
    // What the tier has beyond the leader's end is off the log. What others were told of that proves nothing here.
    is_covered && !matches!(leader, Leader::Ends(end) if offset >= end)
}

/// Says so.
pub(crate) fn report(topic: &dyn std::fmt::Display, partition: i32, offset: i64) {
    tracing::error!(%topic, partition, offset, "an offset that the tier has was about to be told as out of range");
}

#[cfg(test)]
mod tests {
    use firnline_index::Offset;
    use firnline_reader::Bounds;

    use super::*;
    use crate::proxy::tier::Marks;

    #[tokio::test(start_paused = true)]
    async fn it_is_false_of_what_the_tier_has_and_of_nothing_else() {
        let at = |offset| Offset::new(offset).unwrap();
        let mut place = Place::default();
        let told = Leader::Ends(20);
        assert!(!would_be_false(&place, 5, told), "nobody knows a tier");
        place.note_marks(Marks::of_bounds(Bounds {
            start: at(0),
            serving_start: at(3),
            last_stable: at(10),
            end: at(10),
        }));
        for (offset, expected) in [(2, false), (3, true), (9, true), (10, false)] {
            assert_eq!(would_be_false(&place, offset, told), expected, "{offset}");
        }
        let cut = Leader::Ends(8);
        assert!(would_be_false(&place, 7, cut) && !would_be_false(&place, 8, cut), "it was cut off there");
        place.note_end(8);
        assert!(would_be_false(&place, 8, Leader::NotAsked), "others were told so");
        place.note_floor(at(6));
        assert!(!would_be_false(&place, 5, told) && would_be_false(&place, 6, told), "it was deleted");
    }
}
