//! The encoder: batches in, rows out, as a machine that stops where it needs something.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_buffer::NullBuffer;
use arrow_schema::Fields;
use firnline_decode::{Framed, SchemaRef, WriterSchema};
use firnline_index::{OffsetRange, PartitionIndex};
use firnline_records::Record;

use super::convert::{batch, retyped};
use super::dead::{DeadLetters, Why};
use super::grow::Grown;
use super::kafka::{KafkaColumns, Place};
use super::layout::{Layout, Origin};
use super::part::{FieldsPart, Tried, chain};
use super::stats::RowStats;
use super::walk::{Walk, Walked};
use super::{Headers, Part, RowSettings, RowsError, Side};
use crate::source::RawBatches;

/// Makes rows of batches. Computes only: call it where computing holds nobody up.
pub struct RowEncoder {
    layout: Arc<Layout>,
    settings: RowSettings,
    queue: VecDeque<RawBatches>,
    walk: Option<Walk>,
    kafka: KafkaColumns,
    key: Option<FieldsPart>,
    value: Option<FieldsPart>,
    dead: DeadLetters,
    stats: RowStats,
    covered: Vec<(PartitionIndex, OffsetRange)>,
    /// Rows until memory is looked at again.
    unmeasured: usize,
    measured: usize,
}

/// How far the encoder has come.
#[derive(Debug)]
pub enum Step {
    /// All batches are consumed; rows may wait for more of their kind.
    Hungry,
    /// As many rows as are handed out at once.
    Rows(Encoded),
    /// A record names a schema that is not known. [`RowEncoder::give`] it; nothing of the record is consumed.
    Wanted(Wanted),
    /// A schema has fields without a column. [`RowEncoder::relayout`]; nothing of the record is consumed.
    Grow(Grown),
}

/// A schema that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whose it is.
    pub side: Side,
    /// How the record names it.
    pub schema: SchemaRef,
}

/// The answer.
#[derive(Debug, Clone)]
pub enum Given {
    /// This is it.
    Schema(WriterSchema),
    /// There is none, or none that can be used: records that name it are dead letters.
    Refused {
        /// A stable word.
        reason: &'static str,
        /// What is wrong.
        message: String,
    },
}

/// Rows, and what is no row.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// Rows with the layout's columns; `None` for none.
    pub rows: Option<RecordBatch>,
    /// For [`Layout::own`]: the key's columns; else `None`.
    pub key: Option<Box<OwnColumns>>,
    /// The same of the value.
    pub value: Option<Box<OwnColumns>>,
    /// Dead letters with the columns of [`super::dead_letter_schema`]; `None` for none.
    pub dead: Option<RecordBatch>,
    /// What was counted since the last time.
    pub stats: RowStats,
    /// The partitions of these rows and dead letters, in order, each with the offsets from its first to behind its last.
    pub covered: Vec<(PartitionIndex, OffsetRange)>,
}

/// Columns of one side, as the schema of all these records has them.
#[derive(Debug, Clone)]
pub struct OwnColumns {
    /// Whose columns they are; `None` where no record has this part, and there are no columns.
    pub schema: Option<OwnSchema>,
    /// The columns.
    pub columns: Vec<ArrayRef>,
    /// Which records have this part; `None` where all have.
    pub has: Option<NullBuffer>,
}

/// A schema, or one message of it.
#[derive(Debug, Clone)]
pub struct OwnSchema {
    /// How records name it; `None` for the declared one.
    pub reference: Option<SchemaRef>,
    /// The schema.
    pub schema: WriterSchema,
    /// Which message of it, for Protobuf.
    pub message_index: Vec<i32>,
    /// Its fields.
    pub fields: Fields,
}

/// How many rows are pushed before memory is looked at again.
const MEASURE_EVERY: usize = 128;

/// The most that columns of bytes can hold at once, with room for the largest record.
const MAX_BYTES: usize = 1 << 30;

impl RowEncoder {
    /// An encoder into these columns. `exported_at` is what dead letters say, in microseconds since 1970.
    ///
    /// # Errors
    /// Where columns cannot be built.
    pub fn new(layout: Arc<Layout>, settings: RowSettings, exported_at: i64) -> Result<Self, RowsError> {
        let settings = RowSettings { max_bytes: settings.max_bytes.clamp(1, MAX_BYTES), ..settings };
        Ok(Self {
            key: FieldsPart::new(Side::Key, &settings, &layout)?,
            value: FieldsPart::new(Side::Value, &settings, &layout)?,
            kafka: KafkaColumns::new(&settings),
            dead: DeadLetters::new(exported_at),
            layout,
            settings,
            queue: VecDeque::new(),
            walk: None,
            stats: RowStats::default(),
            covered: Vec::new(),
            unmeasured: 0,
            measured: 0,
        })
    }

    /// The columns at hand.
    #[must_use]
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Adds batches to what is to be encoded. Bound them by [`Self::memory`].
    pub fn push(&mut self, batches: RawBatches) {
        self.queue.push_back(batches);
    }

    /// Memory of rows at hand and batches that wait, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let waiting = self.queue.iter().chain(self.walk.as_ref().map(Walk::raw)).map(RawBatches::bytes);
        waiting.sum::<usize>() + self.measure()
    }

    fn measure(&self) -> usize {
        let parts = [&self.key, &self.value];
        let fields = parts.into_iter().flatten().map(FieldsPart::bytes).sum::<usize>();
        self.kafka.bytes() + self.dead.bytes() + fields
    }

    /// Goes on until rows are to be handed out, something is wanted, or nothing is left to encode.
    ///
    /// # Errors
    /// For bugs and impossible columns only. Bad records are dead letters.
    pub fn step(&mut self) -> Result<Step, RowsError> {
        loop {
            let Some(mut walk) = self.walk.take().or_else(|| self.begin()) else { return Ok(Step::Hungry) };
            // An error ends the encoder: what was being walked goes with it.
            if let Some(step) = self.consume(&mut walk)? {
                self.walk = Some(walk);
                return Ok(step);
            }
        }
    }

    /// Makes rows of what is walked; `None` at its end.
    fn consume(&mut self, walk: &mut Walk) -> Result<Option<Step>, RowsError> {
        loop {
            if self.is_full() {
                return self.cut().map(|rows| Some(Step::Rows(rows)));
            }
            let walked = walk.advance();
            let Some(record) = walk.record() else { return Ok(None) };
            match walked {
                Walked::End => return Ok(None),
                Walked::Broken(error) => {
                    let why = Why { reason: "undecodable_batch", message: chain(&error), field: None };
                    self.dead_letter(walk, record, &why);
                }
                Walked::Record => {
                    if let Some(step) = self.row(walk, record)? {
                        walk.put_back();
                        return Ok(Some(step));
                    }
                }
            }
        }
    }

    fn begin(&mut self) -> Option<Walk> {
        let raw = self.queue.pop_front()?;
        let left_out = raw.left_out();
        self.stats.control_batches += left_out.control_batches;
        self.stats.aborted_batches += left_out.aborted_batches;
        self.stats.aborted_records += left_out.aborted_records;
        Some(Walk::new(raw, self.settings.decode))
    }

    fn is_full(&mut self) -> bool {
        let rows = self.kafka.rows() + self.dead.rows();
        if rows == 0 {
            return false;
        }
        if rows >= self.settings.max_rows.max(1) {
            return true;
        }
        let own = self.kafka.bytes() + self.dead.bytes();
        if self.unmeasured == 0 {
            self.measured = self.measure() - own;
            self.unmeasured = MEASURE_EVERY;
        }
        self.unmeasured -= 1;
        own + self.measured >= self.settings.max_bytes
    }

    /// Makes a record a row, or a dead letter; or says what has to come first.
    fn row(&mut self, walk: &Walk, record: &Record) -> Result<Option<Step>, RowsError> {
        if let Some(why) = not_text(&self.settings, record) {
            self.dead_letter(walk, record, &why);
            return Ok(None);
        }
        let mut schema_id = None;
        for side in [Side::Key, Side::Value] {
            let part = match side {
                Side::Key => self.key.as_mut(),
                Side::Value => self.value.as_mut(),
            };
            let Some(part) = part else { continue };
            match part.open(record, &self.layout)? {
                Tried::Done { schema_id: named } if side == Side::Value => schema_id = named,
                Tried::Done { .. } => {}
                Tried::Dead(why) => {
                    self.revert();
                    self.dead_letter(walk, record, &why);
                    return Ok(None);
                }
                Tried::Wanted(schema) => {
                    self.revert();
                    return Ok(Some(Step::Wanted(Wanted { side, schema })));
                }
                Tried::Cut => {
                    self.revert();
                    return Ok(Some(Step::Rows(self.cut()?)));
                }
                Tried::Grow(fields) => {
                    self.revert();
                    let grown = self.layout.grown(side, &fields).ok_or(RowsError::Broken)?;
                    return Ok(Some(Step::Grow(grown)));
                }
            }
        }
        for part in [&mut self.key, &mut self.value].into_iter().flatten() {
            part.settle()?;
        }
        let Some(header) = walk.header() else { return Err(RowsError::Broken) };
        let in_range = self.kafka.push(&Place { partition: walk.partition(), header, schema_id }, record);
        self.count(walk.partition(), record);
        self.stats.rows += 1;
        self.stats.tombstones += u64::from(record.value.is_none());
        self.stats.timestamps_out_of_range += u64::from(!in_range);
        self.stats.max_timestamp = self.stats.max_timestamp.max(record.timestamp);
        Ok(None)
    }

    fn revert(&mut self) {
        [&mut self.key, &mut self.value].into_iter().flatten().for_each(FieldsPart::revert);
    }

    fn dead_letter(&mut self, walk: &Walk, record: &Record, why: &Why) {
        let Some(header) = walk.header() else { return };
        let schema_id = self.named_schema(record);
        self.dead.push(&Place { partition: walk.partition(), header, schema_id }, record, why);
        self.count(walk.partition(), record);
        *self.stats.dead.entry(why.reason).or_default() += 1;
    }

    /// The number that a value names its schema by, where it names one: also of a value that is no row.
    fn named_schema(&self, record: &Record) -> Option<i32> {
        if !matches!(self.settings.value, Part::Registry) {
            return None;
        }
        let header = record.headers.iter().find(|(name, _)| name.as_ref() == Side::Value.header());
        let header = header.and_then(|(_, value)| value.as_deref());
        match Framed::of(record.value.as_deref()?, header).ok()?.schema {
            SchemaRef::Id(id) => i32::try_from(id).ok(),
            SchemaRef::Guid(_) => None,
        }
    }

    fn count(&mut self, partition: PartitionIndex, record: &Record) {
        let next = record.offset.next().unwrap_or(record.offset);
        let start = match self.covered.last() {
            Some((known, range)) if *known == partition => Some(range.start()),
            _ => None,
        };
        let range = OffsetRange::new(start.unwrap_or(record.offset), next).unwrap_or(OffsetRange::EMPTY);
        match self.covered.last_mut().filter(|_| start.is_some()) {
            Some(last) => last.1 = range,
            None => self.covered.push((partition, range)),
        }
        let length = |bytes: Option<&bytes::Bytes>| bytes.map_or(0, |bytes| bytes.len() as u64);
        self.stats.key_bytes += length(record.key.as_ref());
        self.stats.value_bytes += length(record.value.as_ref());
        for (name, value) in &record.headers {
            self.stats.header_bytes += name.len() as u64 + length(value.as_ref());
        }
    }

    /// Answers [`Step::Wanted`].
    pub fn give(&mut self, wanted: Wanted, given: Given) {
        let part = match wanted.side {
            Side::Key => &mut self.key,
            Side::Value => &mut self.value,
        };
        if let Some(part) = part {
            part.give(wanted.schema, given);
        }
    }

    /// Goes over to other columns; what is at hand is handed out as it is, if there is anything.
    ///
    /// # Errors
    /// Where columns cannot be built.
    pub fn relayout(&mut self, layout: Arc<Layout>) -> Result<Option<Encoded>, RowsError> {
        let encoded = self.flush()?;
        for part in [&mut self.key, &mut self.value].into_iter().flatten() {
            part.relayout(&layout)?;
        }
        self.layout = layout;
        Ok(encoded)
    }

    /// What is at hand, if there is anything: for the end, when [`Self::step`] is hungry.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn flush(&mut self) -> Result<Option<Encoded>, RowsError> {
        if self.kafka.rows() + self.dead.rows() == 0 && self.stats == RowStats::default() {
            return Ok(None);
        }
        self.cut().map(Some)
    }

    fn cut(&mut self) -> Result<Encoded, RowsError> {
        (self.unmeasured, self.measured) = (0, 0);
        let count = self.kafka.rows();
        let kafka = self.kafka.finish();
        debug_assert_eq!(kafka.rows(), count, "columns grow together");
        let own = self.layout.is_own();
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.layout.columns().len()];
        let (mut key, mut value) = (None, None);
        for (side, part) in [(Side::Key, &mut self.key), (Side::Value, &mut self.value)] {
            let Some(part) = part else { continue };
            if own {
                let columns = Box::new(part.finish_own());
                match side {
                    Side::Key => key = Some(columns),
                    Side::Value => value = Some(columns),
                }
                continue;
            }
            for (place, column) in part.finish() {
                if let Some(slot) = columns.get_mut(place) {
                    *slot = Some(column);
                }
            }
        }
        let rows = if count == 0 {
            None
        } else {
            let built = self.layout.columns().iter().zip(columns).map(|(column, built)| {
                let of = column.field.data_type();
                let built = match &column.origin {
                    Origin::Kafka(kind) => kafka.column(*kind).cloned(),
                    Origin::Field { .. } => built,
                    Origin::Foreign => None,
                };
                match built {
                    None => Ok(new_null_array(of, count)),
                    Some(built) => retyped(&built, of).ok_or_else(|| RowsError::Type {
                        column: column.field.name().clone(),
                        expected: built.data_type().clone(),
                        found: of.clone(),
                    }),
                }
            });
            Some(batch(&self.layout.schema(), built.collect::<Result<_, _>>()?, count)?)
        };
        let dead = self.dead.finish()?;
        let (stats, covered) = (std::mem::take(&mut self.stats), std::mem::take(&mut self.covered));
        Ok(Encoded { rows, key, value, dead, stats, covered })
    }
}

impl std::fmt::Debug for RowEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowEncoder")
            .field("rows", &self.kafka.rows())
            .field("waiting", &self.queue.len())
            .finish()
    }
}

/// Why what is to be text is none.
fn not_text(settings: &RowSettings, record: &Record) -> Option<Why> {
    let wrong = |field: &str, bytes: &[u8]| {
        let error = std::str::from_utf8(bytes).err()?;
        Some(Why { reason: "invalid_utf8", message: error.to_string(), field: Some(field.to_owned()) })
    };
    let of_part = |part: &Part, field, bytes: Option<&bytes::Bytes>| match (part, bytes) {
        (Part::String, Some(bytes)) => wrong(field, bytes),
        _ => None,
    };
    of_part(&settings.key, "kafka_key", record.key.as_ref())
        .or_else(|| of_part(&settings.value, "kafka_value", record.value.as_ref()))
        .or_else(|| match settings.headers {
            Headers::None => None,
            Headers::List => record.headers.iter().find_map(|(name, _)| wrong("kafka_headers", name)),
        })
}
