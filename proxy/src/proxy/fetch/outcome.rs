//! What is told of an entry that the tier was asked for. Pure: the second half of the decision table.

use crate::serve::fetch::{Filled, Got, Outside};
use crate::serve::kafka_error::KafkaError;

/// What is told.
#[derive(Debug)]
pub(crate) enum Told {
    /// What the broker said: the offset is not there, truly.
    AsIs,
    /// No records, for now.
    Empty,
    /// These records.
    Filled(Filled),
    /// That it cannot be read now.
    Failed(KafkaError),
}

/// What is known beside what the tier has said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside {
    /// Where the leader said a moment ago that its log ends.
    pub(crate) leaders_end: Option<i64>,
    /// Whether it was asked for that right before.
    pub(crate) ends_were_asked: bool,
    /// Whether the partition has no manifest at all.
    pub(crate) is_absent: bool,
}

/// What is told of what came of a look into the tier.
pub(crate) fn told(got: Got, offset: i64, beside: Beside) -> Told {
    match got {
        _ if beside.is_absent => Told::AsIs,
        Got::Refused(error) => Told::Failed(error),
        Got::Late => Told::Empty,
        // A leader whose log ends in the middle of what the tier has is another one than the tier was made of.
        Got::Log(filled) if beside.leaders_end.is_some_and(|end| filled.next.get() > end) => Told::Empty,
        Got::Log(filled) if filled.bytes > 0 => Told::Filled(filled),
        // At the tier's end, or in a transaction that nobody has decided.
        Got::Log(_) => Told::Empty,
        Got::Outside(Outside::Below | Outside::Gap) => Told::AsIs,
        Got::Outside(Outside::Beyond(_)) => match beside.leaders_end {
            // Committed, below the broker's log, not in the tier: on its way.
            Some(end) if offset < end => Told::Empty,
            Some(_) => Told::AsIs,
            None if beside.ends_were_asked => Told::AsIs,
            None => Told::Empty,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firnline_index::Offset;
    use firnline_reader::Bounds;

    fn bounds() -> Bounds {
        let at = |offset| Offset::new(offset).unwrap();
        Bounds { start: at(0), serving_start: at(0), last_stable: at(10), end: at(10) }
    }

    fn filled(next: i64) -> Got {
        let next = Offset::new(next).unwrap();
        Got::Log(Filled { next, bytes: 100, ..Filled::empty(bounds()) })
    }

    const KNOWN: Beside = Beside { leaders_end: Some(20), ends_were_asked: true, is_absent: false };
    const UNKNOWN: Beside = Beside { leaders_end: None, ends_were_asked: false, is_absent: false };

    #[test]
    fn records_are_told_unless_the_log_ends_before_them() {
        assert!(matches!(told(filled(10), 5, KNOWN), Told::Filled(_)));
        assert!(matches!(told(filled(10), 5, UNKNOWN), Told::Filled(_)));
        let cut = Beside { leaders_end: Some(8), ..KNOWN };
        assert!(matches!(told(filled(10), 5, cut), Told::Empty));
    }

    #[test]
    fn what_is_late_undecided_or_on_its_way_is_empty() {
        assert!(matches!(told(Got::Late, 5, KNOWN), Told::Empty));
        assert!(matches!(told(Got::Log(Filled::empty(bounds())), 10, KNOWN), Told::Empty));
        assert!(matches!(told(Got::Outside(Outside::Beyond(bounds())), 15, KNOWN), Told::Empty));
        assert!(matches!(told(Got::Outside(Outside::Beyond(bounds())), 15, UNKNOWN), Told::Empty));
    }

    #[test]
    fn what_is_gone_for_good_is_told_so() {
        assert!(matches!(told(Got::Outside(Outside::Gap), 5, KNOWN), Told::AsIs));
        assert!(matches!(told(Got::Outside(Outside::Below), 5, UNKNOWN), Told::AsIs));
        assert!(matches!(told(Got::Outside(Outside::Beyond(bounds())), 25, KNOWN), Told::AsIs));
        let follower = Beside { ends_were_asked: true, ..UNKNOWN };
        assert!(matches!(told(Got::Outside(Outside::Beyond(bounds())), 25, follower), Told::AsIs));
        let absent = Beside { is_absent: true, ..UNKNOWN };
        assert!(matches!(told(Got::Log(Filled::empty(bounds())), 0, absent), Told::AsIs));
    }

    #[test]
    fn a_failure_is_never_told_as_an_offset_out_of_range() {
        let got = Got::Refused(KafkaError::KafkaStorageError);
        assert!(matches!(told(got, 5, KNOWN), Told::Failed(KafkaError::KafkaStorageError)));
    }
}
