//! From a table and a tier to a report.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use firnline_index::{Offset, OffsetRange, PartitionIndex, TopicId, TopicIdPartition, TopicName};
use firnline_reader::Reader;
use firnline_table::catalog::Table;

use super::blocks::{Blocks, Side as Of};
use super::error::VerifyError;
use super::log::{self, Counted, Passed};
use super::names::Names;
use super::record::Compared;
use super::report::{PartitionReport, VerifyReport};
use super::table::{Columns, Side};
use crate::tend::{Live, schema_of};
use crate::workers::Workers;

/// Where a table says how far it has come.
const OFFSETS: &str = "firnline.export.offsets";

/// What the table is expected to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A row, or a dead letter, for each record.
    EveryRecord,
    /// The same, but none for records without a value: changelogs, where those only follow a delete.
    RecordsWithValue,
    /// The last row of each key. Cannot be compared with a log.
    CurrentState,
}

/// What is to be verified.
pub struct VerifyRequest<'a> {
    /// The table, as it is now.
    pub table: &'a Table,
    /// Its dead letters, where it has a table of them.
    pub dead_letters: Option<&'a Table>,
    /// Reads the tier.
    pub reader: &'a Reader,
    /// The topic's name.
    pub topic: TopicName,
    /// The topic's id.
    pub topic_id: TopicId,
    /// The partitions looked at; all that the table has a position of where it is `None`.
    pub partitions: Option<Vec<PartitionIndex>>,
    /// The first offset looked at; that of the tier's start where it is `None`.
    pub from: Option<Offset>,
    /// One past the last offset looked at; the table's position where it is `None`.
    pub until: Option<Offset>,
    /// What the table should have.
    pub expected: Expected,
    /// How many differences are named.
    pub most: usize,
    /// Memory for deletes of one partition, in bytes.
    pub memory_bytes: usize,
    /// Who decodes and hashes.
    pub workers: Workers,
}

/// What is looked at in one partition.
struct Part {
    tip: TopicIdPartition,
    range: OffsetRange,
    /// Where the table says it goes on.
    position: i64,
    passed: Passed,
}

/// Compares a table with the log it was made from.
///
/// Reads the range twice where it finds differences. Makes no change and may be dropped at any time.
///
/// # Errors
/// Where either side could not be read, or the table is not one of a log's records. None of them means a difference.
pub async fn verify_table(request: &VerifyRequest<'_>) -> Result<VerifyReport, VerifyError> {
    let name = request.table.name.to_string();
    let not_comparable = |why: &str| VerifyError::NotComparable { table: name.clone(), why: why.to_owned() };
    if request.expected == Expected::CurrentState {
        return Err(not_comparable(
            "it has the last row of each key only; verify its changelog, or compare it with the source",
        ));
    }
    let main = side(request, request.table).await?;
    let main =
        main.ok_or_else(|| not_comparable("it has no columns `kafka_partition` and `kafka_offset`"))?;
    let dead = match request.dead_letters {
        Some(table) => side(request, table).await?,
        None => None,
    };
    let positions = request.table.metadata.properties().get(OFFSETS).and_then(|text| positions(text));
    let positions = positions.ok_or_else(|| not_comparable("it does not say how far it has come"))?;
    let mut notes = Vec::new();
    let compared = compared(&main, dead.as_ref(), &mut notes);
    let mut parts = parts(request, &positions, &mut notes).await?;

    let ranges = parts.iter().map(|(partition, part)| (*partition, span(part.range))).collect();
    let mut blocks = Blocks::over(&ranges);
    let counted = Counted { compared, tombstones: request.expected == Expected::EveryRecord };
    for (partition, part) in &mut parts {
        let mut add = |offset, checksum| blocks.add(Of::Log, *partition, offset, checksum);
        part.passed =
            log::pass(request.reader, &part.tip, part.range, counted, request.workers, &mut add).await?;
        if part.passed.end < part.range.end().get() {
            notes.push(format!(
                "partition {partition}: the committed records of the tier end at offset {}, the table says it has them up \
                 to {}",
                part.passed.end,
                part.range.end()
            ));
        }
    }
    let mut beyond: BTreeMap<i32, u64> = BTreeMap::new();
    let mut letters: BTreeMap<i32, u64> = BTreeMap::new();
    let everything = i64::MIN..i64::MAX;
    main.pass(compared, everything, &mut |partition, offset, checksum| {
        let Some(part) = parts.get(&partition) else { return };
        if offset >= part.position {
            *beyond.entry(partition).or_default() += 1;
        }
        if !part.is_unknown(offset) {
            blocks.add(Of::Table, partition, offset, checksum);
        }
    })
    .await?;
    if let Some(dead) = &dead {
        let reach = reach(parts.values().map(|part| span(part.range)));
        dead.pass(compared, reach, &mut |partition, offset, checksum| {
            let Some(part) = parts.get(&partition).filter(|part| span(part.range).contains(&offset)) else {
                return;
            };
            if !part.is_unknown(offset) {
                *letters.entry(partition).or_default() += 1;
                blocks.add(Of::Table, partition, offset, checksum);
            }
        })
        .await?;
    }
    let (names, all) = Names::of(blocks.differing());
    let (differences, difference_count) =
        name_differences(request, names, &parts, counted, &main, dead.as_ref()).await?;
    let partitions = parts
        .iter()
        .map(|(partition, part)| {
            let [log, table] = blocks.totals(*partition);
            PartitionReport {
                partition: *partition,
                offsets: span(part.range),
                log_records: log.0,
                log_checksum: log.1,
                table_rows: table.0,
                table_checksum: table.1,
                dead_letters: letters.get(partition).copied().unwrap_or(0),
                unknown_offsets: part.passed.missing.iter().map(length).sum(),
                beyond: beyond.get(partition).copied().unwrap_or(0),
            }
        })
        .collect();
    Ok(VerifyReport { compared, partitions, differences, difference_count, more: !all, notes })
}

impl Part {
    /// Whether the tier does not know what was at an offset.
    fn is_unknown(&self, offset: i64) -> bool {
        self.passed.missing.iter().any(|range| range.contains(&offset))
    }
}

async fn side(request: &VerifyRequest<'_>, table: &Table) -> Result<Option<Side>, VerifyError> {
    let name = table.name.to_string();
    let live =
        Live::of(table).await.map_err(|source| VerifyError::Manifests { table: name.clone(), source })?;
    let Some(columns) = Columns::of(&schema_of(table)) else { return Ok(None) };
    if let Some(unread) = live.files.iter().find_map(|file| file.unread.clone()) {
        return Err(VerifyError::NotComparable { table: name, why: unread });
    }
    Ok(Some(Side {
        name,
        bytes: Arc::new(table.io.clone()),
        live: Arc::new(live),
        columns,
        memory_bytes: request.memory_bytes,
        workers: request.workers,
    }))
}

/// What both tables keep of each record.
fn compared(main: &Side, dead: Option<&Side>, notes: &mut Vec<String>) -> Compared {
    let mut compared = main.columns.comparable(&main.live);
    if let Some(dead) = dead {
        let of_dead = dead.columns.comparable(&dead.live);
        compared = Compared { key: compared.key && of_dead.key, value: compared.value && of_dead.value };
    }
    if !(compared.key && compared.value) {
        notes.push(format!(
            "not all of the records' bytes are kept in the table, so that only {} were compared",
            compared.word()
        ));
    }
    compared
}

/// What is looked at, by partition.
async fn parts(
    request: &VerifyRequest<'_>,
    positions: &BTreeMap<i32, i64>,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<i32, Part>, VerifyError> {
    let mut parts = BTreeMap::new();
    for (partition, position) in positions {
        let wanted = request.partitions.as_ref();
        let Some(index) = PartitionIndex::from_kafka(*partition) else { continue };
        if wanted.is_some_and(|wanted| !wanted.contains(&index)) {
            continue;
        }
        let (topic, topic_id) = (request.topic.clone(), request.topic_id);
        let tip = TopicIdPartition { topic, topic_id, partition: index };
        let manifest = request.reader.newest_manifest(&tip).await;
        let manifest = manifest
            .map_err(|source| VerifyError::Tier { partition: *partition, source: Box::new(source) })?;
        let Some(position_offset) = Offset::from_kafka(*position) else { continue };
        let start = request.from.map_or(manifest.tier_start, |from| from.max(manifest.tier_start));
        let end = request.until.map_or(position_offset, |until| until.min(position_offset));
        if request.from.is_some_and(|from| from < manifest.tier_start) {
            notes.push(format!(
                "partition {partition}: the tier begins at offset {}; what the table has from before that was not compared",
                manifest.tier_start
            ));
        }
        let Ok(range) = OffsetRange::new(start, end) else { continue };
        parts.insert(*partition, Part { tip, range, position: *position, passed: Passed::default() });
    }
    for partition in request.partitions.iter().flatten() {
        if !positions.contains_key(&partition.get()) {
            notes.push(format!(
                "partition {partition}: the table has no position of it; nothing was compared"
            ));
        }
    }
    Ok(parts)
}

/// Looks at what differs once more, offset by offset.
async fn name_differences(
    request: &VerifyRequest<'_>,
    mut names: Names,
    parts: &BTreeMap<i32, Part>,
    counted: Counted,
    main: &Side,
    dead: Option<&Side>,
) -> Result<(Vec<super::Difference>, u64), VerifyError> {
    if names.ranges().is_empty() {
        return Ok((Vec::new(), 0));
    }
    for (partition, range) in names.ranges().to_vec() {
        let Some(part) = parts.get(&partition) else { continue };
        let ends = Offset::from_kafka(range.start).zip(Offset::from_kafka(range.end));
        let Some(Ok(range)) = ends.map(|(start, end)| OffsetRange::new(start, end)) else { continue };
        let mut add = |offset, checksum| names.add(Of::Log, partition, offset, checksum);
        log::pass(request.reader, &part.tip, range, counted, request.workers, &mut add).await?;
    }
    let reach = reach(names.ranges().iter().map(|(_, range)| range.clone()));
    for side in [Some(main), dead].into_iter().flatten() {
        side.pass(counted.compared, reach.clone(), &mut |partition, offset, checksum| {
            if parts.get(&partition).is_some_and(|part| !part.is_unknown(offset)) {
                names.add(Of::Table, partition, offset, checksum);
            }
        })
        .await?;
    }
    Ok(names.differences(request.most))
}

fn span(range: OffsetRange) -> Range<i64> {
    range.start().get()..range.end().get()
}

/// From the first to the last offset of any of the ranges.
fn reach(ranges: impl Iterator<Item = Range<i64>>) -> Range<i64> {
    ranges.reduce(|all, range| all.start.min(range.start)..all.end.max(range.end)).unwrap_or(0..0)
}

fn length(range: &Range<i64>) -> u64 {
    u64::try_from(range.end.saturating_sub(range.start)).unwrap_or(0)
}

/// `{"0":[next_offset,leader_epoch,…],…}`: the next offset of each partition.
fn positions(text: &str) -> Option<BTreeMap<i32, i64>> {
    let all: BTreeMap<String, Vec<i64>> = serde_json::from_str(text).ok()?;
    all.into_iter().map(|(partition, numbers)| Some((partition.parse().ok()?, *numbers.first()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_from_the_tables_own_words() {
        assert_eq!(positions(r#"{"0":[60,1],"12":[5,-1,9,3]}"#), Some(BTreeMap::from([(0, 60), (12, 5)])));
        assert_eq!(positions(r#"{"a":[60,1]}"#), None);
        assert_eq!(positions(r#"{"0":[]}"#), None);
        assert_eq!(positions("7"), None);
    }

    #[test]
    fn reach_spans_all_ranges() {
        assert_eq!(reach([5..7, 1..2].into_iter()), 1..7);
        assert_eq!(reach(std::iter::empty()), 0..0);
    }
}
