//! How far a table has come, partition by partition, and the text that a table's properties hold it in.
//!
//! ```text
//!  firnline.export.offsets = {"0":[1200,7],"3":[88,-1],"4":[500,2,900,3]}
//!                              │     │  └ the leader epoch that wrote offset 1199; −1 where batches carry none
//!                              │     └ the next offset: everything below it is in the table, or was never a row
//!                              └ the partition                  └ decided by what lay below offset 900, epoch 3
//! ```
//!
//! Offset and epoch together name a record for good, so that a tier whose history was cut is told from one that went on.
//!
//! The third and fourth number are there where a transaction of records below the next offset may have been decided by a
//! marker above it: a cut that takes the marker away changes which records are rows, though all records are there still.
//! What is read here comes from a catalog that others write to as well: every size is bounded before it is believed.
//! This module leaves to others what the positions mean for a table (`job`), and how a cut is undone (`repair`).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use firnline_index::{ClusterId, LeaderEpoch, Offset, OffsetRange, PartitionIndex, TopicId, TopicName};
use serde::{Deserialize, Serialize};

/// The property with the positions.
pub const OFFSETS: &str = "firnline.export.offsets";
/// The property with the topic whose records the table holds.
pub const SOURCE: &str = "firnline.export.source";
/// The property that each exporter raises when it takes the table over.
pub const EPOCH: &str = "firnline.export.epoch";
/// The property with the exporter that has the table.
pub const OWNER: &str = "firnline.export.owner";
/// The property with the id of the newest written set that is part of the table.
pub const COMMIT: &str = "firnline.export.commit";
/// The property with the topic whose records were in the table before, where it went on with one that was made anew.
pub const CONTINUED: &str = "firnline.export.continued";
/// The property with the field id that each source path goes to.
pub const COLUMNS: &str = "firnline.export.columns";
/// The key of a snapshot's summary that names the written set.
pub const SUMMARY_COMMIT: &str = "firnline.commit";
/// The key of a snapshot's summary with the ranges that it brought.
pub const SUMMARY_RANGES: &str = "firnline.export.ranges";
/// The key of a snapshot's summary with the offsets that are lost, as the tier has recorded it.
pub const SUMMARY_GAPS: &str = "firnline.export.gaps";

/// The most partitions that a table's positions may name: Kafka's own practical limit of one cluster.
pub const MAX_PARTITIONS: usize = 200_000;
/// The longest text of positions that is read.
pub const MAX_TEXT: usize = 16 << 20;

pub use crate::source::Position;

impl Position {
    /// The very beginning, of which nothing has been read.
    #[must_use]
    pub const fn at(next: Offset) -> Self {
        Self { next_offset: next, leader_epoch: None }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.leader_epoch {
            Some(epoch) => write!(f, "offset {} in epoch {epoch}", self.next_offset),
            None => write!(f, "offset {}", self.next_offset),
        }
    }
}

/// How far a table has come. Partitions that are not named have not begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<PartitionIndex, Reached>);

/// A position, and what decided the transactions below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reached {
    position: Position,
    decided_by: Option<Position>,
}

impl Positions {
    /// The position of a partition; `None` where it has not begun.
    #[must_use]
    pub fn get(&self, partition: PartitionIndex) -> Option<Position> {
        self.0.get(&partition).map(|reached| reached.position)
    }

    /// Up to where the log must be what it was, for the transactions of records below the position to be decided as they were;
    /// `None` where that is the position itself.
    #[must_use]
    pub fn decided_by(&self, partition: PartitionIndex) -> Option<Position> {
        self.0.get(&partition).and_then(|reached| reached.decided_by)
    }

    /// Sets the position of a partition, forwards or back, to one below which all is decided by what lies below.
    pub fn set(&mut self, partition: PartitionIndex, position: Position) {
        self.0.insert(partition, Reached { position, decided_by: None });
    }

    /// All of them, by partition.
    pub fn iter(&self) -> impl Iterator<Item = (PartitionIndex, Position)> + '_ {
        self.0.iter().map(|(partition, reached)| (*partition, reached.position))
    }

    /// How many partitions have begun.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each of `ranges` begins where its partition stands here: what was written for them may be added.
    #[must_use]
    pub fn stand_before(&self, ranges: &[Advance]) -> bool {
        ranges.iter().all(|range| match self.get(range.partition) {
            Some(position) => position.next_offset == range.from && position.leader_epoch == range.from_epoch,
            None => range.fresh,
        })
    }

    /// Moves each partition to the end of its range.
    pub fn advance(&mut self, ranges: &[Advance]) {
        for range in ranges {
            let reached = Reached { position: range.to, decided_by: range.decided_by };
            self.0.insert(range.partition, reached);
        }
    }

    /// The text form, as the property holds it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let wire: BTreeMap<i32, Wire> =
            self.0.iter().map(|(partition, reached)| (partition.get(), Wire::of(reached))).collect();
        serde_json::to_string(&wire).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// One partition's part of a written set: from where it stood to where it will stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Advance {
    /// The partition.
    pub partition: PartitionIndex,
    /// The first offset read.
    pub from: Offset,
    /// The epoch recorded with it.
    pub from_epoch: Option<LeaderEpoch>,
    /// Whether the table had no position of the partition yet.
    pub fresh: bool,
    /// Where the partition stands afterwards.
    pub to: Position,
    /// What decided the transactions below it, where that lies beyond.
    pub decided_by: Option<Position>,
}

impl Advance {
    /// The offsets; empty where the end lies below the start, which no written set has.
    #[must_use]
    pub fn range(&self) -> OffsetRange {
        OffsetRange::new(self.from, self.to.next_offset).unwrap_or(OffsetRange::EMPTY)
    }
}

/// The text form of several ranges, for a snapshot's summary: `{"0":[from,next],…}`.
#[must_use]
pub fn ranges_text(ranges: &[Advance]) -> String {
    let wire: BTreeMap<i32, (i64, i64)> =
        ranges.iter().map(|r| (r.partition.get(), (r.from.get(), r.to.next_offset.get()))).collect();
    serde_json::to_string(&wire).unwrap_or_else(|_| "{}".to_owned())
}

const NO_EPOCH: i32 = -1;

impl FromStr for Positions {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        if text.len() > MAX_TEXT {
            return Err(PositionError::TooLong { property: OFFSETS, bytes: text.len(), limit: MAX_TEXT });
        }
        let wire: BTreeMap<i32, Wire> = serde_json::from_str(text)
            .map_err(|error| PositionError::NotJson { property: OFFSETS, message: error.to_string() })?;
        if wire.len() > MAX_PARTITIONS {
            return Err(PositionError::TooMany { partitions: wire.len(), limit: MAX_PARTITIONS });
        }
        let mut positions = BTreeMap::new();
        for (partition, wire) in wire {
            let out_of_range = |(next, epoch)| PositionError::OutOfRange { partition, next, epoch };
            let index = PartitionIndex::new(partition).map_err(|_| out_of_range(wire.position()))?;
            let read = |(next, epoch)| position(next, epoch).ok_or_else(|| out_of_range((next, epoch)));
            let decided_by = wire.decided_by().map(read).transpose()?;
            positions.insert(index, Reached { position: read(wire.position())?, decided_by });
        }
        Ok(Self(positions))
    }
}

/// A partition's numbers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
enum Wire {
    Closed(i64, i32),
    Open(i64, i32, i64, i32),
}

impl Wire {
    fn of(reached: &Reached) -> Self {
        let epoch = |position: &Position| position.leader_epoch.map_or(NO_EPOCH, LeaderEpoch::get);
        let Reached { position, decided_by } = reached;
        match decided_by {
            None => Self::Closed(position.next_offset.get(), epoch(position)),
            Some(by) => {
                Self::Open(position.next_offset.get(), epoch(position), by.next_offset.get(), epoch(by))
            }
        }
    }

    fn position(self) -> (i64, i32) {
        match self {
            Self::Closed(next, epoch) | Self::Open(next, epoch, _, _) => (next, epoch),
        }
    }

    fn decided_by(self) -> Option<(i64, i32)> {
        match self {
            Self::Closed(..) => None,
            Self::Open(_, _, next, epoch) => Some((next, epoch)),
        }
    }
}

fn position(next: i64, epoch: i32) -> Option<Position> {
    let next_offset = Offset::new(next).ok()?;
    let leader_epoch = match epoch {
        NO_EPOCH => None,
        epoch => Some(LeaderEpoch::new(epoch).ok()?),
    };
    Some(Position { next_offset, leader_epoch })
}

/// The topic whose records a table holds. A topic that was made anew under its old name is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The cluster.
    pub cluster: ClusterId,
    /// The topic's name, for people.
    pub topic: TopicName,
    /// The topic's id.
    pub topic_id: TopicId,
}

impl Source {
    /// Whether both are the same topic of the same cluster. Names do not count.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.cluster == other.cluster && self.topic_id == other.topic_id
    }

    /// The text form, as the property holds it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let wire = SourceWire {
            cluster: self.cluster.as_str().to_owned(),
            topic: self.topic.as_str().to_owned(),
            topic_id: self.topic_id.to_string(),
        };
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} of cluster {}", self.topic, self.topic_id, self.cluster.as_str())
    }
}

#[derive(Serialize, Deserialize)]
struct SourceWire {
    cluster: String,
    topic: String,
    topic_id: String,
}

impl FromStr for Source {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        const LONGEST: usize = 4096;
        if text.len() > LONGEST {
            return Err(PositionError::TooLong { property: SOURCE, bytes: text.len(), limit: LONGEST });
        }
        let bad = |message: String| PositionError::NotJson { property: SOURCE, message };
        let wire: SourceWire = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            cluster: ClusterId::new(&wire.cluster).map_err(|error| bad(error.to_string()))?,
            topic: TopicName::new(&wire.topic).map_err(|error| bad(error.to_string()))?,
            topic_id: wire
                .topic_id
                .parse()
                .map_err(|error: firnline_index::ValueError| bad(error.to_string()))?,
        })
    }
}

/// A property that does not hold what this exporter wrote into it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// It is no JSON of the right shape.
    #[error("the property {property} is not what an exporter writes: {message}")]
    NotJson {
        /// The property.
        property: &'static str,
        /// What is wrong.
        message: String,
    },
    /// It is longer than any that is written.
    #[error("the property {property} has {bytes} bytes, more than the {limit} that are read")]
    TooLong {
        /// The property.
        property: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It names too many partitions.
    #[error("the property {OFFSETS} names {partitions} partitions, more than the {limit} that are read")]
    TooMany {
        /// How many.
        partitions: usize,
        /// The limit.
        limit: usize,
    },
    /// A number in it cannot be one.
    #[error("the property {OFFSETS} has [{next},{epoch}] for partition {partition}, which no log can have")]
    OutOfRange {
        /// The partition.
        partition: i32,
        /// The offset.
        next: i64,
        /// The epoch.
        epoch: i32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn partition(index: i32) -> PartitionIndex {
        PartitionIndex::new(index).unwrap()
    }

    fn position(next: i64, epoch: i32) -> Position {
        Position { next_offset: Offset::new(next).unwrap(), leader_epoch: LeaderEpoch::from_kafka(epoch) }
    }

    #[test]
    fn positions_read_as_they_were_written() {
        let mut positions = Positions::default();
        positions.set(partition(0), position(1200, 7));
        positions.set(partition(10), position(88, -1));
        assert_eq!(positions.to_text(), r#"{"0":[1200,7],"10":[88,-1]}"#);
        assert_eq!(positions.to_text().parse::<Positions>().unwrap(), positions);
    }

    #[test]
    fn what_decided_transactions_from_above_is_kept_until_the_partition_moves_on() {
        let mut positions = Positions::default();
        let range = Advance {
            partition: partition(4),
            from: Offset::ZERO,
            from_epoch: None,
            fresh: true,
            to: position(500, 2),
            decided_by: Some(position(900, 3)),
        };
        positions.advance(&[range]);
        assert_eq!(positions.to_text(), r#"{"4":[500,2,900,3]}"#);
        let read: Positions = positions.to_text().parse().unwrap();
        assert_eq!((&read, read.decided_by(partition(4))), (&positions, Some(position(900, 3))));
        positions.advance(&[Advance { decided_by: None, ..range }]);
        assert_eq!(positions.to_text(), r#"{"4":[500,2]}"#);
    }

    #[test]
    fn what_no_exporter_wrote_is_refused() {
        for text in ["", "[]", r#"{"0":[1]}"#, r#"{"0":[1,2,3]}"#, r#"{"a":[1,2]}"#, r#"{"0":["1",2]}"#] {
            assert!(matches!(text.parse::<Positions>(), Err(PositionError::NotJson { .. })), "{text}");
        }
        for text in [r#"{"-1":[1,2]}"#, r#"{"0":[-1,2]}"#, r#"{"0":[1,-2]}"#] {
            assert!(matches!(text.parse::<Positions>(), Err(PositionError::OutOfRange { .. })), "{text}");
        }
        let long = format!("{{}}{}", " ".repeat(MAX_TEXT));
        assert!(matches!(long.parse::<Positions>(), Err(PositionError::TooLong { .. })));
    }

    #[test]
    fn a_written_set_fits_only_where_every_partition_stands_at_its_start() {
        let mut positions = Positions::default();
        positions.set(partition(0), position(10, 1));
        let from = |index, next, epoch, fresh| Advance {
            partition: partition(index),
            from: Offset::new(next).unwrap(),
            from_epoch: LeaderEpoch::from_kafka(epoch),
            fresh,
            to: position(next + 5, epoch),
            decided_by: None,
        };
        assert!(positions.stand_before(&[from(0, 10, 1, false), from(1, 0, -1, true)]));
        assert!(!positions.stand_before(&[from(0, 11, 1, false)]), "another offset");
        assert!(!positions.stand_before(&[from(0, 10, 2, false)]), "another history");
        assert!(!positions.stand_before(&[from(1, 0, -1, false)]), "taken out of the table");
        assert!(!positions.stand_before(&[from(0, 10, 1, false), from(1, 3, 0, false)]), "one is enough");
        positions.advance(&[from(0, 10, 1, false)]);
        assert_eq!(positions.get(partition(0)), Some(position(15, 1)));
    }

    #[test]
    fn a_topic_made_anew_is_another_source() {
        let source = Source {
            cluster: ClusterId::new("c-1").unwrap(),
            topic: TopicName::new("orders.v1").unwrap(),
            topic_id: TopicId::from_bytes([1; 16]),
        };
        assert_eq!(source.to_text().parse::<Source>().unwrap(), source);
        assert!(source.is(&Source { topic: TopicName::new("renamed").unwrap(), ..source.clone() }));
        assert!(!source.is(&Source { topic_id: TopicId::from_bytes([2; 16]), ..source.clone() }));
        assert!("{}".parse::<Source>().is_err());
        assert!(r#"{"cluster":"c","topic":"t","topic_id":"?"}"#.parse::<Source>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_read_without_a_panic(text in ".{0,200}") {
            if let Ok(positions) = text.parse::<Positions>() {
                prop_assert_eq!(positions.to_text().parse::<Positions>().unwrap(), positions);
            }
            let _ = text.parse::<Source>();
        }

        #[test]
        fn any_positions_survive_their_text(
            all in proptest::collection::btree_map(0..i32::MAX, (0..i64::MAX, -1..i32::MAX), 0..20)
        ) {
            let mut positions = Positions::default();
            for (index, (next, epoch)) in all {
                positions.set(partition(index), position(next, epoch));
            }
            prop_assert_eq!(positions.to_text().parse::<Positions>().unwrap(), positions);
        }
    }
}
