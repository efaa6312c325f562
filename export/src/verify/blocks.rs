//! Counts and sums of many records in little memory.

use std::collections::BTreeMap;
use std::ops::Range;

/// How many blocks there are at most, over all partitions: 64 MiB of them.
pub const MAX_BLOCKS: u64 = 1 << 20;

/// No block is smaller, in offsets.
const MIN_SPAN: u64 = 1024;

/// Blocks of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    range: Range<i64>,
    blocks: Vec<Block>,
}

/// What both sides have in a range of offsets. Sums wrap; a record that one side has twice counts twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Block {
    log_count: u64,
    log_sum: u128,
    table_count: u64,
    table_sum: u128,
}

/// Whose record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Log,
    Table,
}

/// The blocks of all partitions.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    span: i64,
    partitions: BTreeMap<i32, Row>,
}

impl Blocks {
    /// Blocks over these ranges, as small as [`MAX_BLOCKS`] allows.
    pub(super) fn over(ranges: &BTreeMap<i32, Range<i64>>) -> Self {
        let length = |range: &Range<i64>| u64::try_from(range.end.saturating_sub(range.start)).unwrap_or(0);
        let total: u64 = ranges.values().map(length).fold(0, u64::saturating_add);
        // Each partition may have a block that is not full.
        let partitions = u64::try_from(ranges.len()).unwrap_or(MAX_BLOCKS);
        let left = MAX_BLOCKS.saturating_sub(partitions).max(1);
        let span = total.div_ceil(left).max(MIN_SPAN);
        let span = i64::try_from(span).unwrap_or(i64::MAX);
        let row = |range: &Range<i64>| {
            let count = range.end.saturating_sub(range.start).max(0);
            let blocks = count / span + i64::from(count % span != 0);
            let blocks = usize::try_from(blocks).unwrap_or(0);
            Row { range: range.clone(), blocks: vec![Block::default(); blocks] }
        };
        Self { span, partitions: ranges.iter().map(|(partition, range)| (*partition, row(range))).collect() }
    }

    /// Adds a record; those outside of the ranges are nobody's.
    pub(super) fn add(&mut self, side: Side, partition: i32, offset: i64, checksum: u128) {
        let Some(row) = self.partitions.get_mut(&partition).filter(|row| row.range.contains(&offset)) else {
            return;
        };
        let at = usize::try_from((offset - row.range.start) / self.span).unwrap_or(usize::MAX);
        let Some(block) = row.blocks.get_mut(at) else { return };
        match side {
            Side::Log => {
                block.log_count += 1;
                block.log_sum = block.log_sum.wrapping_add(checksum);
            }
            Side::Table => {
                block.table_count += 1;
                block.table_sum = block.table_sum.wrapping_add(checksum);
            }
        }
    }

    /// Records of a partition, and the sum of their checksums: of the log, and of the table.
    pub(super) fn totals(&self, partition: i32) -> [(u64, u128); 2] {
        let blocks = self.partitions.get(&partition).map(|row| row.blocks.as_slice()).unwrap_or_default();
        blocks.iter().fold([(0, 0); 2], |[log, table], block| {
            [
                (log.0 + block.log_count, log.1.wrapping_add(block.log_sum)),
                (table.0 + block.table_count, table.1.wrapping_add(block.table_sum)),
            ]
        })
    }

    /// The blocks that differ, in order.
    pub(super) fn differing(&self) -> impl Iterator<Item = (i32, Range<i64>)> {
        self.partitions.iter().flat_map(move |(partition, row)| {
            let differs =
                |block: &Block| (block.log_count, block.log_sum) != (block.table_count, block.table_sum);
            let differing = row.blocks.iter().enumerate().filter(move |(_, block)| differs(block));
            differing.filter_map(move |(at, _)| {
                let start = row.range.start.checked_add(i64::try_from(at).ok()?.checked_mul(self.span)?)?;
                Some((*partition, start..row.range.end.min(start.saturating_add(self.span))))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(range: Range<i64>) -> BTreeMap<i32, Range<i64>> {
        BTreeMap::from([(0, range)])
    }

    #[test]
    fn equal_sides_do_not_differ_in_whatever_order_they_come() {
        let mut blocks = Blocks::over(&one(10..5000));
        for offset in 10..5000 {
            blocks.add(Side::Log, 0, offset, u128::from(offset.unsigned_abs()) << 100);
        }
        for offset in (10..5000).rev() {
            blocks.add(Side::Table, 0, offset, u128::from(offset.unsigned_abs()) << 100);
        }
        assert_eq!(blocks.differing().count(), 0);
        let [log, table] = blocks.totals(0);
        assert_eq!((log.0, log), (4990, table));
    }

    #[test]
    fn a_record_twice_and_one_missing_differ() {
        let mut blocks = Blocks::over(&one(10..5000));
        blocks.add(Side::Log, 0, 10, 1);
        blocks.add(Side::Table, 0, 10, 1);
        blocks.add(Side::Log, 0, 2000, 7);
        blocks.add(Side::Log, 0, 4500, 7);
        blocks.add(Side::Table, 0, 4500, 7);
        blocks.add(Side::Table, 0, 4500, 7);
        blocks.add(Side::Table, 0, 9, 7);
        blocks.add(Side::Table, 3, 10, 7);
        let differing: Vec<_> = blocks.differing().collect();
        assert_eq!(differing, [(0, 1034..2058), (0, 4106..5000)]);
    }

    #[test]
    fn there_are_never_more_than_the_limit() {
        let ranges: BTreeMap<i32, Range<i64>> =
            (0..100).map(|partition| (partition, 0..i64::MAX / 200)).collect();
        let blocks = Blocks::over(&ranges);
        let count: usize = blocks.partitions.values().map(|row| row.blocks.len()).sum();
        assert!(u64::try_from(count).unwrap() <= MAX_BLOCKS, "{count}");
        let blocks = Blocks::over(&one(0..i64::MAX));
        assert!(u64::try_from(blocks.partitions[&0].blocks.len()).unwrap() <= MAX_BLOCKS);
    }
}
