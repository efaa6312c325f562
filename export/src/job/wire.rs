//! A written set as text, on its way from the machine that wrote it to the one that commits it.
//!
//! No format of anybody's store: both ends are of one build, and [`VERSION`] tells when they are not. What comes in is checked
//! like anything from outside.

use std::collections::BTreeMap;

use firnline_index::{LeaderEpoch, Offset, OffsetRange, PartitionIndex};
use firnline_table::{DataFile, SchemaChange};
use serde::{Deserialize, Serialize};

use super::table::Ground;
use super::written::{Counts, DeadSet, Written};
use crate::position::{Advance, Position};

/// The form of this text.
const VERSION: u32 = 1;

/// The longest text that is read: a round of ten thousand files.
pub const MAX_WRITTEN_TEXT: usize = 64 << 20;

/// A text that is no written set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrittenError {
    /// It is of another build.
    #[error(
        "what a worker has written is in form {found}, and this build reads form {VERSION}: run one build on all machines"
    )]
    Version {
        /// The form that it has.
        found: u32,
    },
    /// It is longer than any that is written.
    #[error("what a worker has written takes {bytes} bytes, more than the {MAX_WRITTEN_TEXT} that are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is not what a worker writes.
    #[error("what a worker has written cannot be read: {message}")]
    Malformed {
        /// Why.
        message: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Wire {
    v: u32,
    commit: String,
    ranges: Vec<RangeWire>,
    add: Vec<DataFile>,
    add_deletes: Vec<DataFile>,
    replaces_all: bool,
    dead: Option<DeadWire>,
    ground: Ground,
    schema: Option<SchemaChange>,
    columns: String,
    missing: Vec<(i32, i64, i64)>,
    rows: u64,
    read_bytes: u64,
    dead_letters: BTreeMap<String, u64>,
    newest_ms: BTreeMap<i32, i64>,
}

#[derive(Serialize, Deserialize)]
struct DeadWire {
    add: Vec<DataFile>,
    ranges: Vec<RangeWire>,
    ground: Ground,
}

#[derive(Serialize, Deserialize)]
struct RangeWire {
    partition: i32,
    from: i64,
    from_epoch: Option<i32>,
    fresh: bool,
    to: i64,
    to_epoch: Option<i32>,
    decided_by: Option<(i64, Option<i32>)>,
}

impl Written {
    /// The text of it.
    ///
    /// # Errors
    /// [`WrittenError::TooLong`], where the other end would not read it.
    pub fn to_text(&self) -> Result<String, WrittenError> {
        let wire = Wire {
            v: VERSION,
            commit: self.commit.clone(),
            ranges: self.ranges.iter().map(RangeWire::of).collect(),
            add: self.add.clone(),
            add_deletes: self.add_deletes.clone(),
            replaces_all: self.replaces_all,
            dead: self.dead.as_ref().map(|dead| DeadWire {
                add: dead.add.clone(),
                ranges: dead.ranges.iter().map(RangeWire::of).collect(),
                ground: dead.ground,
            }),
            ground: self.ground,
            schema: self.schema.clone(),
            columns: self.columns.clone(),
            missing: self
                .missing
                .iter()
                .map(|(partition, range)| (partition.get(), range.start().get(), range.end().get()))
                .collect(),
            rows: self.counts.rows,
            read_bytes: self.counts.read_bytes,
            dead_letters: self.counts.dead.clone(),
            newest_ms: self.newest_ms.iter().map(|(partition, newest)| (partition.get(), *newest)).collect(),
        };
        let text = serde_json::to_string(&wire).map_err(malformed)?;
        if text.len() > MAX_WRITTEN_TEXT {
            return Err(WrittenError::TooLong { bytes: text.len() });
        }
        Ok(text)
    }

    /// Reads it again.
    ///
    /// # Errors
    /// Where the text is not one that [`Self::to_text`] made.
    pub fn from_text(text: &str) -> Result<Self, WrittenError> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        if text.len() > MAX_WRITTEN_TEXT {
            return Err(WrittenError::TooLong { bytes: text.len() });
        }
        let Version { v: found } = serde_json::from_str(text).map_err(malformed)?;
        if found != VERSION {
            return Err(WrittenError::Version { found });
        }
        let wire: Wire = serde_json::from_str(text).map_err(malformed)?;
        let ranges =
            |wires: Vec<RangeWire>| wires.into_iter().map(RangeWire::read).collect::<Result<Vec<_>, _>>();
        let missing = wire.missing.into_iter().map(|(partition, start, end)| {
            let range = OffsetRange::new(offset(start)?, offset(end)?).map_err(malformed)?;
            Ok((index(partition)?, range))
        });
        let newest = wire.newest_ms.into_iter().map(|(partition, newest)| Ok((index(partition)?, newest)));
        let dead = wire.dead.map(|dead| {
            Ok::<_, WrittenError>(DeadSet {
                add: dead.add,
                ranges: ranges(dead.ranges)?,
                ground: dead.ground,
            })
        });
        Ok(Self {
            commit: wire.commit,
            ranges: ranges(wire.ranges)?,
            add: wire.add,
            add_deletes: wire.add_deletes,
            replaces_all: wire.replaces_all,
            dead: dead.transpose()?,
            ground: wire.ground,
            schema: wire.schema,
            columns: wire.columns,
            missing: missing.collect::<Result<_, WrittenError>>()?,
            counts: Counts { rows: wire.rows, read_bytes: wire.read_bytes, dead: wire.dead_letters },
            newest_ms: newest.collect::<Result<_, WrittenError>>()?,
        })
    }
}

impl RangeWire {
    fn of(range: &Advance) -> Self {
        Self {
            partition: range.partition.get(),
            from: range.from.get(),
            from_epoch: range.from_epoch.map(LeaderEpoch::get),
            fresh: range.fresh,
            to: range.to.next_offset.get(),
            to_epoch: range.to.leader_epoch.map(LeaderEpoch::get),
            decided_by: range
                .decided_by
                .map(|by| (by.next_offset.get(), by.leader_epoch.map(LeaderEpoch::get))),
        }
    }

    fn read(self) -> Result<Advance, WrittenError> {
        let epoch = |epoch: Option<i32>| epoch.map(LeaderEpoch::new).transpose().map_err(malformed);
        if self.to < self.from {
            return Err(malformed("a range goes back"));
        }
        Ok(Advance {
            partition: index(self.partition)?,
            from: offset(self.from)?,
            from_epoch: epoch(self.from_epoch)?,
            fresh: self.fresh,
            to: Position { next_offset: offset(self.to)?, leader_epoch: epoch(self.to_epoch)? },
            decided_by: self
                .decided_by
                .map(|(next, of)| Ok(Position { next_offset: offset(next)?, leader_epoch: epoch(of)? }))
                .transpose()?,
        })
    }
}

fn malformed(error: impl ToString) -> WrittenError {
    WrittenError::Malformed { message: error.to_string() }
}

fn offset(number: i64) -> Result<Offset, WrittenError> {
    Offset::new(number).map_err(malformed)
}

fn index(number: i32) -> Result<PartitionIndex, WrittenError> {
    PartitionIndex::new(number).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_another_kind_is_refused() {
        assert_eq!(Written::from_text(r#"{"v":2}"#).unwrap_err(), WrittenError::Version { found: 2 });
        for text in ["", "{}", r#"{"v":1}"#, "[]"] {
            assert!(matches!(Written::from_text(text), Err(WrittenError::Malformed { .. })), "{text}");
        }
    }
}
