//! What is known of one partition.

use std::time::Duration;

use tokio::time::Instant;

use firnline_index::Offset;

use super::Marks;

/// How old a high watermark may be where a decision rests on it.
const POSITION_AGE: Duration = Duration::from_secs(10);

/// For how long nobody may have asked for what is waited for: what is asked for after that is something else.
const AWAITED_AGE: Duration = Duration::from_secs(600);

/// For how long it is believed that a node holds what its broker has lost: nodes tell it each minute.
const HELD_AGE: Duration = Duration::from_secs(300);

/// Where the leader's log stood, as somebody was told on this proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) high_watermark: i64,
    /// −1 where it was not told.
    pub(crate) last_stable: i64,
}

/// A partition of the tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    marks: Option<Marks>,
    position: Option<Position>,
    /// Where the log ended when a leader was asked for it. A follower answers fetches, too, and may lag.
    leaders_end: Option<End>,
    /// The broker's log starts here or above it.
    log_start: i64,
    /// What is waited for that the broker has lost, while nothing is in the tier.
    awaited: Option<Awaited>,
    /// When a node told last that it alone holds what its broker has lost.
    held: Option<Instant>,
    /// What lies below was deleted through this proxy; the manifest need not know it yet.
    floor: Offset,
}

/// Something that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Awaited {
    since: Instant,
    /// When it was asked for last.
    last: Instant,
    /// The highest offset that is waited for: what lies above was lost later, if it was.
    highest: i64,
}

/// A high watermark that a leader told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    high_watermark: i64,
    at: Instant,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            marks: None,
            position: None,
            leaders_end: None,
            log_start: 0,
            awaited: None,
            held: None,
            floor: Offset::ZERO,
        }
    }
}

impl Place {
    /// Where its tier begins and ends, as it was told last.
    pub(crate) fn marks(&self) -> Option<Marks> {
        self.marks.map(|marks| marks.above(self.floor))
    }

    /// Below it nothing is served, whatever the tier still has.
    pub(crate) const fn floor(&self) -> Offset {
        self.floor
    }

    /// Where the log stood last, however long ago.
    pub(crate) const fn position(&self) -> Option<Position> {
        self.position
    }

    /// Where its leader said a moment ago that it ends.
    pub(crate) fn leaders_end(&self) -> Option<i64> {
        self.leaders_end.filter(|end| end.at.elapsed() < POSITION_AGE).map(|end| end.high_watermark)
    }

    /// Whether the broker will probably refuse an offset.
    pub(crate) const fn is_likely_cold(&self, offset: i64) -> bool {
        offset >= 0 && offset < self.log_start
    }

    pub(crate) fn note_marks(&mut self, marks: Marks) {
        self.awaited = None;
        if marks.replaces(self.marks) {
            self.marks = Some(marks);
        }
    }

    /// A broker has answered a fetch with these. A high watermark that went back is that of another log, or of a follower:
    /// what was known of the log start may be wrong then.
    pub(crate) fn note_answer(&mut self, high_watermark: i64, last_stable: i64, log_start: i64) {
        if high_watermark < 0 {
            return;
        }
        if self.position.is_some_and(|known| high_watermark < known.high_watermark) {
            self.log_start = 0;
        }
        self.position = Some(Position { high_watermark, last_stable });
        if log_start >= 0 {
            self.log_start = log_start;
        }
    }

    /// The broker's log starts here or above it.
    pub(crate) const fn log_start(&self) -> i64 {
        self.log_start
    }

    /// A leader has told where its log starts.
    pub(crate) fn note_start(&mut self, log_start: i64) {
        if log_start >= 0 {
            self.log_start = log_start;
        }
    }

    /// All below it was deleted.
    pub(crate) fn note_floor(&mut self, floor: Offset) {
        self.floor = self.floor.max(floor);
    }

    /// A leader has told where its log ends.
    pub(crate) fn note_end(&mut self, high_watermark: i64) {
        let last_stable = self.position.map_or(-1, |known| known.last_stable).min(high_watermark);
        self.note_answer(high_watermark, last_stable, -1);
        self.leaders_end = Some(End { high_watermark, at: Instant::now() });
    }

    /// Whether something is waited for.
    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited.is_some_and(|awaited| awaited.last.elapsed() < AWAITED_AGE)
    }

    /// An offset is waited for that the broker has lost, while nothing is in the tier; for how long already. One that lies above all
    /// others may have been lost a moment ago, so that waiting begins anew with it.
    pub(crate) fn note_awaited(&mut self, offset: i64) -> Duration {
        let last = Instant::now();
        let known = self.awaited.filter(|awaited| awaited.last.elapsed() < AWAITED_AGE);
        let (since, highest) = match known {
            Some(Awaited { since, highest, .. }) if offset <= highest => (since, highest),
            _ => (last, offset),
        };
        self.awaited = Some(Awaited { since, last, highest });
        since.elapsed()
    }

    /// A node has told that it alone holds what its broker has lost.
    pub(crate) fn note_held(&mut self) {
        self.held = Some(Instant::now());
    }

    /// Whether a node told so a while ago: it is on its way to the tier, however long that takes.
    pub(crate) fn is_held(&self) -> bool {
        self.held.is_some_and(|told| told.elapsed() < HELD_AGE)
    }

    /// A broker has refused an offset that is not known to lie beyond the end of its log.
    pub(crate) fn note_refused(&mut self, offset: i64) {
        self.log_start = self.log_start.max(offset.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_offset_is_likely_cold_below_the_start_that_was_told_or_proved() {
        let mut place = Place::default();
        assert!(!place.is_likely_cold(0));
        place.note_answer(100, 90, 40);
        assert!(place.is_likely_cold(39) && !place.is_likely_cold(40) && !place.is_likely_cold(-1));
        place.note_refused(50);
        assert!(place.is_likely_cold(50) && !place.is_likely_cold(51));
        place.note_answer(80, 80, -1);
        assert!(!place.is_likely_cold(50), "another log");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_is_waited_for_until_the_tier_has_something() {
        let mut place = Place::default();
        assert!(!place.is_awaited());
        assert_eq!(place.note_awaited(5), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(place.note_awaited(3), Duration::from_secs(9));
        tokio::time::advance(AWAITED_AGE).await;
        assert!(!place.is_awaited());
        assert_eq!(place.note_awaited(5), Duration::ZERO, "that is something else");
        tokio::time::advance(AWAITED_AGE / 2).await;
        place.note_awaited(5);
        tokio::time::advance(AWAITED_AGE / 2).await;
        assert_eq!(place.note_awaited(5), AWAITED_AGE);
        assert_eq!(place.note_awaited(6), Duration::ZERO, "it may have been lost a moment ago");
        tokio::time::advance(HELD_AGE).await;
        assert_eq!(place.note_awaited(6), HELD_AGE);
        let bounds = firnline_reader::Bounds {
            start: Offset::ZERO,
            serving_start: Offset::ZERO,
            last_stable: Offset::ZERO,
            end: Offset::ZERO,
        };
        place.note_marks(Marks::of_bounds(bounds));
        assert_eq!(place.note_awaited(5), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_node_holds_is_held_as_long_as_it_says_so() {
        let mut place = Place::default();
        assert!(!place.is_held());
        place.note_held();
        tokio::time::advance(HELD_AGE / 2).await;
        assert!(place.is_held());
        tokio::time::advance(HELD_AGE / 2).await;
        assert!(!place.is_held());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_leader_told_ages() {
        let mut place = Place::default();
        place.note_answer(100, 90, 40);
        assert_eq!(place.leaders_end(), None, "it may have been a follower");
        place.note_end(110);
        place.note_answer(-1, -1, -1);
        assert_eq!(place.position(), Some(Position { high_watermark: 110, last_stable: 90 }), "no news");
        assert_eq!(place.leaders_end(), Some(110));
        tokio::time::advance(POSITION_AGE).await;
        assert_eq!(place.leaders_end(), None);
        place.note_end(70);
        assert_eq!(place.position().map(|position| position.last_stable), Some(70));
    }
}
