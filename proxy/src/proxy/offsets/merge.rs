//! What is told of an offset, from what the broker and the tier have. Pure.

use firnline_index::{LeaderEpoch, Offset};

use crate::serve::kafka_error::KafkaError;
use crate::serve::offsets::times::Hit;

/// What a timestamp in ListOffsets asks for, as far as the tier has a say in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Nothing: the broker's answer stands. Where the log ends is for the broker alone, and where its own copy begins, too.
    Brokers,
    /// Where the log begins.
    Earliest,
    /// The first record at or after a time.
    At(i64),
    /// The record with the largest timestamp.
    Largest,
    /// The last offset in the tier.
    LastTiered,
    /// The first one that is not in it.
    FirstPending,
}

impl Question {
    /// What a number means in a version. A word that the version does not have is refused by newer brokers; older ones take it
    /// for a time before all records. The largest timestamp is the exception: brokers from 3.0 on, which are all that are spoken to, tell it
    /// in every version or refuse it.
    pub(crate) const fn of(timestamp: i64, version: i16) -> Self {
        match (timestamp, version) {
            (0.., _) => Self::At(timestamp),
            (-1, _) | (-4, 8..) => Self::Brokers,
            (-2, _) => Self::Earliest,
            (-3, _) => Self::Largest,
            (-5, 9..) => Self::LastTiered,
            (-6, 11..) => Self::FirstPending,
            _ => Self::At(0),
        }
    }
}

/// A place in a log as Kafka tells it, −1 for what there is none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) timestamp: i64,
    pub(crate) offset: i64,
    pub(crate) epoch: i32,
}

impl Place {
    fn at(offset: Offset, epoch: Option<LeaderEpoch>) -> Self {
        Self { timestamp: -1, offset: offset.get(), epoch: epoch.map_or(-1, LeaderEpoch::get) }
    }

    fn of(hit: Hit) -> Self {
        Self {
            timestamp: hit.timestamp.get(),
            offset: hit.offset.get(),
            epoch: hit.epoch.map_or(-1, LeaderEpoch::get),
        }
    }
}

/// What the tier has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tiers {
    /// Nothing: it has nothing of the partition, or no such record.
    Nothing,
    /// An offset, with the epoch that wrote it where that is known.
    At(Offset, Option<LeaderEpoch>),
    /// A record.
    Hit(Hit),
    /// It cannot be asked now.
    Failed(KafkaError),
}

/// What is told instead of the broker's answer; `None` where that stands.
pub(crate) fn merged(question: Question, brokers: Place, tiers: Tiers) -> Option<Result<Place, KafkaError>> {
    let place = match (question, tiers) {
        (Question::Brokers, _) | (_, Tiers::Nothing) => return None,
        // Nothing lies below it, whatever the tier has.
        (Question::Earliest, _) if brokers.offset == 0 => return None,
        (_, Tiers::Failed(error)) => return Some(Err(error)),
        (Question::Earliest, Tiers::At(start, epoch)) => {
            if brokers.offset >= 0 && start.get() >= brokers.offset {
                return None;
            }
            Place::at(start, epoch)
        }
        (Question::LastTiered | Question::FirstPending, Tiers::At(offset, epoch)) => Place::at(offset, epoch),
        (Question::At(_), Tiers::Hit(hit)) => {
            if brokers.offset >= 0 && hit.offset.get() >= brokers.offset {
                return None;
            }
            Place::of(hit)
        }
        (Question::Largest, Tiers::Hit(hit)) => {
            let theirs = (brokers.timestamp, -brokers.offset);
            // Of several the broker tells the first.
            if brokers.offset >= 0 && (hit.timestamp.get(), -hit.offset.get()) <= theirs {
                return None;
            }
            Place::of(hit)
        }
        (_, Tiers::At(..) | Tiers::Hit(_)) => return None,
    };
    Some(Ok(Place { epoch: told_epoch(place.epoch, brokers.epoch), ..place }))
}

/// What comes before the broker's own place in a log was not written under a later epoch. Where it says so the two are
/// different logs (a topic of another cluster, one that was begun anew), and a client that was told the later epoch would take
/// all further news of the partition for old.
const fn told_epoch(own: i32, brokers: i32) -> i32 {
    if brokers >= 0 && own > brokers { -1 } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firnline_index::TimestampMs;

    const NONE: Place = Place { timestamp: -1, offset: -1, epoch: -1 };

    fn place(timestamp: i64, offset: i64) -> Place {
        Place { timestamp, offset, epoch: 4 }
    }

    fn at(offset: i64) -> Tiers {
        Tiers::At(Offset::new(offset).unwrap(), LeaderEpoch::new(2).ok())
    }

    fn hit(timestamp: i64, offset: i64) -> Tiers {
        let (timestamp, offset) = (TimestampMs::new(timestamp).unwrap(), Offset::new(offset).unwrap());
        Tiers::Hit(Hit { timestamp, offset, epoch: LeaderEpoch::new(2).ok() })
    }

    fn told(question: Question, brokers: Place, tiers: Tiers) -> Option<(i64, i64, i32)> {
        let place = merged(question, brokers, tiers)?.unwrap();
        Some((place.timestamp, place.offset, place.epoch))
    }

    #[test]
    fn numbers_mean_what_kafka_says() {
        for version in 1..=11 {
            let of = |timestamp| Question::of(timestamp, version);
            let since = |first, word| if version >= first { word } else { Question::At(0) };
            assert_eq!((of(0), of(7)), (Question::At(0), Question::At(7)));
            assert_eq!((of(-1), of(-2)), (Question::Brokers, Question::Earliest));
            assert_eq!(of(-3), Question::Largest, "3.3.2 tells it in version {version}, too");
            assert_eq!(of(-4), since(8, Question::Brokers), "the local log's start is its meaning");
            assert_eq!(of(-5), since(9, Question::LastTiered), "version {version}");
            assert_eq!(of(-6), since(11, Question::FirstPending), "version {version}");
            assert_eq!(of(-7), Question::At(0), "older than all records");
        }
    }

    #[test]
    fn the_earliest_is_the_tiers_where_that_is_earlier() {
        let earliest = Question::Earliest;
        assert_eq!(told(earliest, place(-1, 700), at(100)), Some((-1, 100, 2)));
        assert_eq!(told(earliest, place(-1, 100), at(100)), None);
        assert_eq!(told(earliest, place(-1, 50), at(100)), None, "the tier began later than the log");
        assert_eq!(told(earliest, place(-1, 700), Tiers::Nothing), None);
        let failed = Tiers::Failed(KafkaError::KafkaStorageError);
        assert_eq!(merged(earliest, place(-1, 700), failed), Some(Err(KafkaError::KafkaStorageError)));
        assert_eq!(merged(earliest, place(-1, 0), failed), None);
    }

    #[test]
    fn the_first_record_of_a_time_is_the_first_of_both() {
        let time = Question::At(1000);
        assert_eq!(told(time, place(1005, 700), hit(1001, 130)), Some((1001, 130, 2)));
        assert_eq!(told(time, NONE, hit(1001, 130)), Some((1001, 130, 2)), "the local log may be empty");
        assert_eq!(told(time, place(1005, 700), hit(1005, 700)), None, "both have it");
        assert_eq!(told(time, place(1005, 700), Tiers::Nothing), None);
        let failed = Tiers::Failed(KafkaError::RequestTimedOut);
        assert_eq!(merged(time, place(1005, 700), failed), Some(Err(KafkaError::RequestTimedOut)));
    }

    #[test]
    fn the_largest_time_is_that_of_both_and_of_equal_ones_the_first() {
        let largest = Question::Largest;
        assert_eq!(told(largest, place(1005, 700), hit(2000, 130)), Some((2000, 130, 2)));
        assert_eq!(told(largest, place(1005, 700), hit(1005, 130)), Some((1005, 130, 2)));
        assert_eq!(told(largest, place(1005, 700), hit(1004, 130)), None);
        assert_eq!(told(largest, place(1005, 700), hit(1005, 700)), None);
        assert_eq!(told(largest, NONE, hit(1, 130)), Some((1, 130, 2)));
    }

    #[test]
    fn no_epoch_is_told_that_lies_above_the_brokers() {
        let brokers = |epoch| Place { timestamp: -1, offset: 700, epoch };
        for (question, tiers) in [(Question::Earliest, at(100)), (Question::At(1), hit(1, 130))] {
            assert_eq!(told(question, brokers(1), tiers).map(|told| told.2), Some(-1));
            assert_eq!(told(question, brokers(2), tiers).map(|told| told.2), Some(2));
            assert_eq!(told(question, brokers(-1), tiers).map(|told| told.2), Some(2), "it knows of none");
        }
    }

    #[test]
    fn what_is_tiered_is_the_tiers_to_tell() {
        assert_eq!(told(Question::LastTiered, NONE, at(799)), Some((-1, 799, 2)));
        assert_eq!(told(Question::FirstPending, NONE, at(800)), Some((-1, 800, 2)));
        assert_eq!(told(Question::LastTiered, NONE, Tiers::Nothing), None);
        assert_eq!(told(Question::Brokers, place(-1, 900), at(800)), None);
    }
}
