//! What is to be done with an entry of the broker's answer. Pure: the first half of the decision table.

use super::leader::Leader;
use crate::proxy::tier::Place;
use crate::serve::kafka_error::KafkaError;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stays as it is, to the byte.
    AsIs,
    /// Its log start is told as the tier has it.
    Start,
    /// The tier is asked.
    Look,
    /// It becomes one without records, so that the client asks again: what is needed to decide is not known yet.
    Empty,
}

/// What is known when an entry comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Kafka's error code.
    pub(crate) error_code: i16,
    /// The offset asked for; `None` where the request does not name the partition.
    pub(crate) offset: Option<i64>,
    /// The partition, where it is in the tier.
    pub(crate) place: Option<Place>,
    /// It goes by a name, and which topic that means was told too long ago.
    pub(crate) is_stale: bool,
    /// What the broker said, right before, of where the log ends.
    pub(crate) leader: Leader,
}

/// The verdict on an entry. A broker looks at rights and leader epoch before it looks at offsets: whoever is told
/// OFFSET_OUT_OF_RANGE may read the partition.
pub(crate) fn verdict(seen: &Seen) -> Verdict {
    let Some(place) = seen.place else { return Verdict::AsIs };
    if seen.error_code == 0 {
        return Verdict::Start;
    }
    if seen.error_code != KafkaError::OffsetOutOfRange.code() {
        return Verdict::AsIs;
    }
    let Some(offset) = seen.offset.filter(|offset| *offset >= 0) else { return Verdict::AsIs };
    if seen.is_stale {
        return Verdict::Empty;
    }
    if offset < place.floor().get() {
        return Verdict::AsIs;
    }
    // Beyond the log's end nothing is in the tier, or what is there is off the log: an unclean election has cut it. Only what was
    // told on this connection right now is good enough to say so of what the tier has; a leader that others have asked may be
    // none any more.
    let is_covered = place.marks().is_some_and(|marks| offset < marks.end.get());
    match (seen.leader, place.leaders_end()) {
        (Leader::Ends(end), _) if offset >= end => Verdict::AsIs,
        (Leader::Ends(_), _) => Verdict::Look,
        (Leader::Elsewhere, Some(end)) if offset >= end && !is_covered => Verdict::AsIs,
        (_, Some(end)) if offset >= end => Verdict::Empty,
        // It may lie beyond the end, which is true, or be on its way to the tier: the leader has to be asked.
        (Leader::NotAsked | Leader::Silent, None) if place.marks().is_some() && !is_covered => Verdict::Empty,
        _ => Verdict::Look,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::tier::Marks;
    use firnline_index::Offset;
    use firnline_reader::Bounds;

    fn place(tier: Option<(i64, i64)>, end: Option<i64>) -> Place {
        let mut place = Place::default();
        if let Some((start, end)) = tier {
            let at = |offset| Offset::new(offset).unwrap();
            let (start, end) = (at(start), at(end));
            let bounds = Bounds { start, serving_start: start, last_stable: end, end };
            place.note_marks(Marks::of_bounds(bounds));
        }
        if let Some(end) = end {
            place.note_end(end);
        }
        place
    }

    fn of(error_code: i16, offset: i64, place: Option<Place>) -> Verdict {
        let leader = place.and_then(|place| place.leaders_end()).map_or(Leader::NotAsked, Leader::Ends);
        verdict(&Seen { error_code, offset: Some(offset), place, is_stale: false, leader })
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_error_is_told_where_the_tier_starts() {
        assert_eq!(of(0, 5, Some(place(Some((0, 10)), None))), Verdict::Start);
        assert_eq!(of(0, 5, Some(place(None, None))), Verdict::Start);
        assert_eq!(of(0, 5, None), Verdict::AsIs, "no topic of the tier");
    }

    #[tokio::test(start_paused = true)]
    async fn any_other_error_passes() {
        let place = place(Some((0, 10)), Some(20));
        for code in [-1, 3, 6, 29, 56, 74, 75, 76, 78, 100, 103, 109] {
            assert_eq!(of(code, 5, Some(place)), Verdict::AsIs, "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_offset_is_looked_for_where_the_tier_may_have_it() {
        assert_eq!(of(1, 5, Some(place(Some((0, 10)), Some(20)))), Verdict::Look);
        assert_eq!(of(1, 5, Some(place(Some((0, 10)), None))), Verdict::Look, "all of a tier is committed");
        assert_eq!(
            of(1, 5, Some(place(Some((7, 10)), Some(20)))),
            Verdict::Look,
            "an older span may have it"
        );
        assert_eq!(
            of(1, 15, Some(place(Some((0, 10)), Some(20)))),
            Verdict::Look,
            "on its way, or in a newer manifest"
        );
        assert_eq!(of(1, 5, Some(place(None, None))), Verdict::Look, "nobody has told yet");
        assert_eq!(of(1, 5, None), Verdict::AsIs);
    }

    #[tokio::test(start_paused = true)]
    async fn what_lies_beyond_the_leaders_end_passes() {
        assert_eq!(of(1, 25, Some(place(Some((0, 10)), Some(20)))), Verdict::AsIs);
        assert_eq!(of(1, 20, Some(place(Some((0, 10)), Some(20)))), Verdict::AsIs);
        assert_eq!(
            of(1, 8, Some(place(Some((0, 10)), Some(5)))),
            Verdict::AsIs,
            "the tier holds what was cut"
        );
        assert_eq!(of(1, -1, Some(place(Some((0, 10)), Some(20)))), Verdict::AsIs);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_known_well_enough_is_asked_again() {
        assert_eq!(
            of(1, 15, Some(place(Some((0, 10)), None))),
            Verdict::Empty,
            "does the log reach that far?"
        );
        let place = Some(place(Some((0, 10)), Some(20)));
        let leader = Leader::NotAsked;
        let seen = Seen { error_code: 1, offset: Some(5), place, is_stale: true, leader };
        assert_eq!(verdict(&seen), Verdict::Empty, "another topic may bear the name");
        assert_eq!(verdict(&Seen { offset: None, ..seen }), Verdict::AsIs, "it was not asked for");
        let place = Some(self::place(Some((0, 10)), None));
        let seen = Seen { offset: Some(15), place, is_stale: false, leader: Leader::Silent, ..seen };
        assert_eq!(verdict(&seen), Verdict::Empty, "another partition was told of");
        assert_eq!(
            verdict(&Seen { leader: Leader::Elsewhere, ..seen }),
            Verdict::Look,
            "no leader can be asked"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_were_told_ends_no_log() {
        let of = |offset, leader| {
            let place = Some(place(Some((0, 10)), Some(5)));
            verdict(&Seen { error_code: 1, offset: Some(offset), place, is_stale: false, leader })
        };
        for leader in [Leader::NotAsked, Leader::Silent, Leader::Elsewhere] {
            assert_eq!(of(8, leader), Verdict::Empty, "{leader:?}: the tier has it");
        }
        assert_eq!(of(8, Leader::Ends(5)), Verdict::AsIs);
        assert_eq!(of(8, Leader::Ends(20)), Verdict::Look, "what was told now holds");
        assert_eq!(of(15, Leader::NotAsked), Verdict::Empty, "it is asked the next time");
        assert_eq!(of(15, Leader::Elsewhere), Verdict::AsIs);
    }
}
