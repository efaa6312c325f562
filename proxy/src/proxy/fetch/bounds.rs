//! The numbers beside records of the tier: where the log begins and ends.

use crate::proxy::tier::{Place, start_to_tell};
use crate::serve::fetch::Filled;
use crate::wire::messages::fetch::Bounds;

/// What is told of a log beside its records: nothing that is not known, and no end that the client has reached already: it
/// would throw away what it is sent, or take the log for read.
pub(super) fn empty_bounds(place: Place, offset: i64) -> Bounds {
    let position = place.position().filter(|position| position.high_watermark > offset);
    let last_stable = position.map_or(-1, |position| position.last_stable);
    Bounds {
        high_watermark: position.map_or(-1, |position| position.high_watermark),
        last_stable_offset: if last_stable > offset { last_stable } else { -1 },
        log_start_offset: start_to_tell(place.marks(), -1),
    }
}

pub(super) fn bounds_of(filled: &Filled, place: Place) -> Bounds {
    let position = place.position();
    let next = filled.next.get();
    let end = filled.bounds.end.get().max(next);
    let high_watermark = position.map_or(end, |position| position.high_watermark.max(end));
    let told = position.map_or(-1, |position| position.last_stable);
    let stable = if told >= 0 { told } else { filled.stable.get() };
    Bounds {
        high_watermark,
        last_stable_offset: stable.max(next).min(high_watermark),
        log_start_offset: filled.bounds.serving_start.max(place.floor()).get(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firnline_index::Offset;

    fn filled(next: i64, end: i64, stable: i64) -> Filled {
        let at = |offset| Offset::new(offset).unwrap();
        let bounds = firnline_reader::Bounds {
            start: at(0),
            serving_start: at(3),
            last_stable: at(stable),
            end: at(end),
        };
        Filled { next: at(next), bytes: 1, ..Filled::empty(bounds) }
    }

    fn place(high_watermark: i64, last_stable: i64) -> Place {
        let mut place = Place::default();
        place.note_answer(high_watermark, last_stable, 50);
        place
    }

    #[tokio::test(start_paused = true)]
    async fn the_numbers_beside_records_lie_beyond_them() {
        let numbers =
            |bounds: Bounds| (bounds.high_watermark, bounds.last_stable_offset, bounds.log_start_offset);
        assert_eq!(numbers(bounds_of(&filled(20, 40, 30), Place::default())), (40, 30, 3));
        assert_eq!(numbers(bounds_of(&filled(20, 40, 30), place(90, 80))), (90, 80, 3));
        assert_eq!(
            numbers(bounds_of(&filled(20, 40, 30), place(35, 10))),
            (40, 20, 3),
            "what was told is old"
        );
        assert_eq!(numbers(bounds_of(&filled(40, 40, 30), place(90, 25))), (90, 40, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn no_end_is_told_that_has_been_reached() {
        let numbers =
            |bounds: Bounds| (bounds.high_watermark, bounds.last_stable_offset, bounds.log_start_offset);
        assert_eq!(numbers(empty_bounds(Place::default(), 20)), (-1, -1, -1));
        assert_eq!(numbers(empty_bounds(place(90, 80), 20)), (90, 80, -1));
        assert_eq!(numbers(empty_bounds(place(20, 20), 20)), (-1, -1, -1));
        assert_eq!(numbers(empty_bounds(place(90, 20), 20)), (90, -1, -1));
    }
}
