//! What a timestamp in ListOffsets means: a time, or one of Kafka's words below zero.

use firnline_index::TimestampMs;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The first record at or after a time.
    At(TimestampMs),
    /// The first offset that is served.
    Earliest,
    /// One past the last offset: for readers of committed records, the last stable one.
    Latest,
    /// The record with the largest timestamp.
    MaxTimestamp,
    /// The last offset in the tier.
    LatestTiered,
    /// The first offset that is not in the tier yet.
    EarliestPending,
}

/// The words, each with the first version that has it. This server is a broker without a second storage: what is earliest
/// on its disk is what is earliest.
const WORDS: [(i64, i16, Wanted); 6] = [
    (-1, 1, Wanted::Latest),
    (-2, 1, Wanted::Earliest),
    (-3, 7, Wanted::MaxTimestamp),
    (-4, 8, Wanted::Earliest),
    (-5, 9, Wanted::LatestTiered),
    (-6, 11, Wanted::EarliestPending),
];

impl Wanted {
    /// What a number means in a version; `None` for a word that it does not have.
    pub(crate) fn of(timestamp: i64, version: i16) -> Option<Self> {
        if let Ok(time) = TimestampMs::new(timestamp) {
            return Some(Self::At(time));
        }
        let word = WORDS.iter().find(|(number, since, _)| *number == timestamp && version >= *since);
        word.map(|(_, _, wanted)| *wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_from_its_version_on() {
        assert_eq!(Wanted::of(-3, 6), None);
        assert_eq!(Wanted::of(-3, 7), Some(Wanted::MaxTimestamp));
        assert_eq!(Wanted::of(-6, 10), None);
        assert_eq!(Wanted::of(-6, 11), Some(Wanted::EarliestPending));
        assert_eq!(Wanted::of(-7, 11), None);
        assert_eq!(Wanted::of(i64::MIN, 11), None);
        assert_eq!(Wanted::of(0, 1), TimestampMs::new(0).ok().map(Wanted::At));
    }
}
