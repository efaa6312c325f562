//! What is told of an entry that the tier was asked for. Pure: the second half of the decision table.

use std::time::Duration;

use super::leader::Leader;
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
    /// What the broker said, right before, of where its log ends.
    pub(crate) leader: Leader,
    /// Where a leader has told a moment ago that its log ends.
    pub(crate) leaders_end: Option<i64>,
    /// Since when something is waited for, where the partition has no manifest at all.
    pub(crate) awaited: Option<Duration>,
    /// Whether a node tells that it holds what its broker has lost.
    pub(crate) is_held: bool,
}

/// How long a partition of a topic of the tier may have nothing in it although its broker has lost something. The first upload
/// takes as long as the first segment that is sealed; what was lost before the topic came to the tier never comes.
const FIRST_UPLOAD: Duration = Duration::from_secs(600);

impl Beside {
    /// Where the log ends, as far as that is known.
    const fn end(&self) -> Option<i64> {
        if let Leader::Ends(end) = self.leader { Some(end) } else { self.leaders_end }
    }
}

/// What is told of what came of a look into the tier.
pub(crate) fn told(got: Got, offset: i64, beside: Beside) -> Told {
    match (got, beside.awaited) {
        (Got::Refused(error), _) => Told::Failed(error),
        (Got::Late, _) => Told::Empty,
        // Pins of sidecars hold what is on its way, and nobody is told of it before it is there.
        (_, Some(awaited)) => match (beside.end(), beside.leader) {
            (Some(end), _) if offset < end && (beside.is_held || awaited < FIRST_UPLOAD) => Told::Empty,
            (Some(_), _) | (None, Leader::Elsewhere) => Told::AsIs,
            (None, _) => Told::Empty,
        },
        // At the tier's end, or in a transaction that nobody has decided.
        (Got::Log(filled), None) if filled.bytes == 0 => Told::Empty,
        (Got::Log(filled), None) => match (beside.end(), beside.leader) {
            // A leader whose log ends in the middle of what the tier has is another one than the tier was made of.
            (Some(end), _) if filled.next.get() > end => Told::Empty,
            (Some(_), _) | (None, Leader::Elsewhere) => Told::Filled(filled),
            // Whether the log reaches that far is asked ahead of the next fetch.
            (None, _) => Told::Empty,
        },
        (Got::Outside(Outside::Below | Outside::Gap), None) => Told::AsIs,
        (Got::Outside(Outside::Beyond(_)), None) => match (beside.end(), beside.leader) {
            // Committed, below the broker's log, not in the tier: on its way.
            (Some(end), _) if offset < end => Told::Empty,
            (_, Leader::Ends(_) | Leader::Elsewhere) => Told::AsIs,
            (_, Leader::NotAsked | Leader::Silent) => Told::Empty,
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

    const KNOWN: Beside =
        Beside { leader: Leader::Ends(20), leaders_end: None, awaited: None, is_held: false };
    const UNKNOWN: Beside = Beside { leader: Leader::NotAsked, ..KNOWN };
    const SILENT: Beside = Beside { leader: Leader::Silent, ..KNOWN };
    const FOLLOWER: Beside = Beside { leader: Leader::Elsewhere, ..KNOWN };

    #[test]
    fn records_are_told_where_the_log_is_known_to_reach_so_far() {
        assert!(matches!(told(filled(10), 5, KNOWN), Told::Filled(_)));
        let before = Beside { leaders_end: Some(20), ..UNKNOWN };
        assert!(matches!(told(filled(10), 5, before), Told::Filled(_)), "it was told a moment ago");
        for unknown in [UNKNOWN, SILENT] {
            assert!(matches!(told(filled(10), 5, unknown), Told::Empty), "they may be off the log");
        }
        assert!(matches!(told(filled(10), 5, FOLLOWER), Told::Filled(_)), "no leader can be asked");
        for end in [Some(8), Some(20)] {
            let cut = Beside { leader: Leader::Ends(8), leaders_end: end, ..KNOWN };
            assert!(matches!(told(filled(10), 5, cut), Told::Empty));
        }
    }

    #[test]
    fn what_is_late_undecided_or_on_its_way_is_empty() {
        let beyond = || Got::Outside(Outside::Beyond(bounds()));
        assert!(matches!(told(Got::Late, 5, KNOWN), Told::Empty));
        assert!(matches!(told(Got::Log(Filled::empty(bounds())), 10, KNOWN), Told::Empty));
        for beside in [KNOWN, UNKNOWN, SILENT, Beside { leaders_end: Some(20), ..FOLLOWER }] {
            assert!(matches!(told(beyond(), 15, beside), Told::Empty), "{beside:?}");
        }
        let others = Beside { leaders_end: Some(12), ..SILENT };
        assert!(matches!(told(beyond(), 15, others), Told::Empty), "others were told so, of another leader");
    }

    #[test]
    fn what_is_gone_for_good_is_told_so() {
        assert!(matches!(told(Got::Outside(Outside::Gap), 5, KNOWN), Told::AsIs));
        assert!(matches!(told(Got::Outside(Outside::Below), 5, UNKNOWN), Told::AsIs));
        for beside in [KNOWN, FOLLOWER] {
            assert!(matches!(told(Got::Outside(Outside::Beyond(bounds())), 25, beside), Told::AsIs));
        }
    }

    #[test]
    fn the_first_upload_is_waited_for_and_not_for_ever() {
        let told = |offset, beside, seconds| {
            let awaited = Some(Duration::from_secs(seconds));
            told(Got::Log(Filled::empty(bounds())), offset, Beside { awaited, ..beside })
        };
        for offset in [0, 5] {
            assert!(matches!(told(offset, KNOWN, 599), Told::Empty));
            assert!(matches!(told(offset, KNOWN, 600), Told::AsIs), "it never came");
            assert!(matches!(told(offset, UNKNOWN, 0), Told::Empty), "does the log reach that far?");
            let held = Beside { is_held: true, ..KNOWN };
            assert!(matches!(told(offset, held, 86_400), Told::Empty), "a node holds it: its upload is slow");
        }
        assert!(matches!(told(25, KNOWN, 0), Told::AsIs), "beyond the log");
        assert!(matches!(told(5, FOLLOWER, 0), Told::AsIs), "its client goes to the leader");
    }

    #[test]
    fn a_failure_is_never_told_as_an_offset_out_of_range() {
        for beside in [KNOWN, Beside { awaited: Some(Duration::ZERO), ..KNOWN }] {
            let got = Got::Refused(KafkaError::KafkaStorageError);
            assert!(matches!(told(got, 5, beside), Told::Failed(KafkaError::KafkaStorageError)));
        }
    }
}
