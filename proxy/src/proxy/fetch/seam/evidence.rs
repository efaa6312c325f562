//! What a broker's answer to a reader of committed records proves. Pure.
//!
//! It was asked from the tier's end on. It tells the last stable offset L, and which transactions that reach beyond the end
//! were aborted, if L lies beyond the end; the first offset of one that was open there is f.
//!
//! ```text
//!      f ≥ L                                         nobody has decided it
//!      f < L, its producer listed below the end      aborted
//!      f < L, its producer not listed                committed
//!      f < L, its producer listed only behind it     ended, and not said how: a later transaction hides it
//!      f < L, L not beyond the end                   ended, and not said how: there is no list
//! ```

use firnline_index::transactions::Outcome;
use firnline_index::{Offset, ProducerId};

use super::Open;

/// What an answer proves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) found: Vec<(ProducerId, Offset, Outcome)>,
    /// Whether others have ended, and it is not said how.
    pub(super) is_open: bool,
}

/// How transactions ended that were open at `end`.
pub(super) fn evidence(open: &[Open], end: i64, last_stable: i64, aborted: &[(i64, i64)]) -> Evidence {
    let mut evidence = Evidence { found: Vec::new(), is_open: false };
    for (producer, first) in open.iter().filter(|(_, first)| first.get() < last_stable) {
        let mut listed = aborted.iter().filter(|(id, _)| *id == producer.get()).peekable();
        let outcome = match listed.peek() {
            _ if last_stable <= end => None,
            None => Some(Outcome::Committed),
            Some(_) => listed.any(|(_, first)| *first < end).then_some(Outcome::Aborted),
        };
        match outcome {
            Some(outcome) => evidence.found.push((*producer, *first, outcome)),
            None => evidence.is_open = true,
        }
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(all: &[(i64, i64)], last_stable: i64, aborted: &[(i64, i64)]) -> (Vec<(i64, Outcome)>, bool) {
        let open = |(id, first): &(i64, i64)| (ProducerId::new(*id).unwrap(), Offset::new(*first).unwrap());
        let open: Vec<Open> = all.iter().map(open).collect();
        let Evidence { found, is_open } = evidence(&open, 100, last_stable, aborted);
        (found.into_iter().map(|(producer, _, outcome)| (producer.get(), outcome)).collect(), is_open)
    }

    #[test]
    fn what_begins_below_the_last_stable_offset_is_decided_by_the_list() {
        use Outcome::{Aborted, Committed};
        let both = [(1, 40), (2, 90)];
        assert_eq!(of(&both, 150, &[(1, 40)]), (vec![(1, Aborted), (2, Committed)], false));
        assert_eq!(of(&both, 150, &[]), (vec![(1, Committed), (2, Committed)], false));
        assert_eq!(of(&[(1, 40)], 150, &[(1, 120), (1, 40)]), (vec![(1, Aborted)], false));
        assert_eq!(of(&[(1, 40)], 150, &[(9, 40)]), (vec![(1, Committed)], false));
    }

    #[test]
    fn what_is_no_evidence_decides_nothing() {
        let nothing = |is_open| (Vec::new(), is_open);
        assert_eq!(of(&[(1, 40)], 40, &[]), nothing(false), "it hangs");
        assert_eq!(of(&[(1, 40), (2, 90)], 90, &[]), nothing(true), "the broker has given no list");
        assert_eq!(of(&[(1, 40)], 100, &[]), nothing(true), "nor here");
        assert_eq!(of(&[(1, 40)], 150, &[(1, 120)]), nothing(true), "a later one of the same producer");
    }
}
