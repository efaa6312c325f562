//! What is there already.

use std::collections::{BTreeMap, BTreeSet};

use firnline_index::{LeaderEpoch, Offset, OffsetRange, PartitionIndex, TopicName};
use firnline_store::Store;

use super::PlainError;
use super::names::{FileName, dead_prefix, rows_prefix};

/// A stretch of a partition's log that was exported, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) range: OffsetRange,
    pub(super) leader_epoch: Option<LeaderEpoch>,
    /// How many files it has.
    of: u32,
    /// Which of them are there.
    there: BTreeSet<u32>,
    /// The key of one of them, of rows where there is one.
    pub(super) key: String,
}

impl Stretch {
    /// Whether all its files are there.
    pub(super) fn is_done(&self) -> bool {
        self.there.len() as u64 == u64::from(self.of)
    }

    /// How many files it has when it is done.
    pub(super) fn files(&self) -> u32 {
        self.of
    }
}

/// All stretches, by partition and first offset; those of a partition do not overlap.
pub(super) type Survey = BTreeMap<PartitionIndex, BTreeMap<Offset, Stretch>>;

/// Lists what is there of a topic. One LIST for each 1,000 files.
pub(super) async fn survey(
    store: &Store,
    topic: &TopicName,
    fingerprint: &str,
) -> Result<Survey, PlainError> {
    let mut found = Survey::new();
    for prefix in [rows_prefix(topic), dead_prefix(topic)] {
        let mut listing = store.list(&prefix, None);
        while let Some(page) =
            listing.next_page().await.map_err(|error| super::files::store_error(store, &prefix, error))?
        {
            for object in page {
                add(&mut found, object.key, fingerprint)?;
            }
        }
    }
    for stretches in found.values() {
        let mut before: Option<&Stretch> = None;
        for stretch in stretches.values() {
            if let Some(before) = before.filter(|before| before.range.end() > stretch.range.start()) {
                return Err(PlainError::Overlap { one: before.key.clone(), other: stretch.key.clone() });
            }
            before = Some(stretch);
        }
    }
    Ok(found)
}

fn add(found: &mut Survey, key: String, fingerprint: &str) -> Result<(), PlainError> {
    let name = key.rsplit('/').next().and_then(FileName::parse);
    // Engines leave files of their own.
    let Some(name) = name else { return Ok(()) };
    if name.fingerprint != fingerprint {
        let ours = fingerprint.to_owned();
        return Err(PlainError::OtherExport { key, found: name.fingerprint, ours });
    }
    let stretches = found.entry(name.partition).or_default();
    let stretch = stretches.entry(name.range.start()).or_insert_with(|| Stretch {
        range: name.range,
        leader_epoch: name.leader_epoch,
        of: name.of,
        there: BTreeSet::new(),
        key: key.clone(),
    });
    if (stretch.range, stretch.leader_epoch, stretch.of) != (name.range, name.leader_epoch, name.of) {
        return Err(PlainError::Overlap { one: stretch.key.clone(), other: key });
    }
    stretch.there.insert(name.number);
    Ok(())
}

/// What is to be read of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Nothing of this is there.
    New(OffsetRange),
    /// This was begun, and is to be made again exactly.
    Again(Stretch),
}

impl Piece {
    pub(super) fn range(&self) -> OffsetRange {
        match self {
            Self::New(range) => *range,
            Self::Again(stretch) => stretch.range,
        }
    }
}

/// What is wanted of a partition and not done, in order.
pub(super) fn left(stretches: Option<&BTreeMap<Offset, Stretch>>, wanted: OffsetRange) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut next = wanted.start();
    let new = |from: Offset, to: Offset| OffsetRange::new(from, to).ok().filter(|range| !range.is_empty());
    for stretch in stretches.into_iter().flat_map(BTreeMap::values) {
        if stretch.range.end() <= next {
            continue;
        }
        if stretch.range.start() >= wanted.end() {
            break;
        }
        pieces.extend(new(next, stretch.range.start()).map(Piece::New));
        if !stretch.is_done() {
            pieces.push(Piece::Again(stretch.clone()));
        }
        next = stretch.range.end();
    }
    pieces.extend(new(next, wanted.end()).map(Piece::New));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64) -> Offset {
        Offset::new(offset).expect("an offset")
    }

    fn range(start: i64, end: i64) -> OffsetRange {
        OffsetRange::new(at(start), at(end)).expect("forward")
    }

    fn key(start: i64, end: i64, number: u32, of: u32) -> String {
        let name = FileName {
            partition: PartitionIndex::ZERO,
            range: range(start, end),
            leader_epoch: None,
            fingerprint: "00000000".to_owned(),
            number,
            of,
        };
        format!("topic=t/day=2026-01-01/{name}")
    }

    fn surveyed(keys: &[String]) -> Result<Survey, PlainError> {
        let mut found = Survey::new();
        keys.iter().try_for_each(|key| add(&mut found, key.clone(), "00000000"))?;
        Ok(found)
    }

    #[test]
    fn what_is_left_lies_between_what_is_done() {
        let keys = [key(10, 20, 1, 1), key(20, 30, 2, 2), key(40, 50, 1, 1), key(40, 50, 1, 1)];
        let found = surveyed(&keys).expect("sound");
        let stretches = found.get(&PartitionIndex::ZERO);
        let ranges = |wanted| {
            let pieces = left(stretches, wanted);
            pieces
                .iter()
                .map(|piece| {
                    (piece.range().start().get(), piece.range().end().get(), matches!(piece, Piece::New(_)))
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(ranges(range(0, 60)), [(0, 10, true), (20, 30, false), (30, 40, true), (50, 60, true)]);
        assert_eq!(ranges(range(12, 18)), []);
        assert_eq!(ranges(range(12, 25)), [(20, 30, false)], "begun stretches are made again whole");
        assert_eq!(ranges(range(50, 50)), []);
        assert_eq!(left(None, range(1, 2)), [Piece::New(range(1, 2))]);
    }

    #[test]
    fn two_ranges_from_one_offset_are_refused() {
        let error = surveyed(&[key(10, 20, 1, 1), key(10, 25, 1, 1)]).expect_err("the same records twice");
        assert_eq!(error.code().code, "FIRN-E031");
        let other = add(&mut Survey::new(), key(10, 20, 1, 1), "11111111").expect_err("another export");
        assert_eq!(other.code().code, "FIRN-E030");
    }
}
