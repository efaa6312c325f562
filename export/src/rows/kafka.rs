//! The columns that every record has, whatever it holds.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, Field, TimeUnit};
use firnline_index::batch::{BatchHeader, TimestampType};
use firnline_index::{PartitionIndex, TimestampMs};
use firnline_records::Record;

use super::headers::HeaderColumn;
use super::{Headers, Part, RowSettings, Side};

/// One of the columns that every record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KafkaColumn {
    /// The partition.
    Partition,
    /// The offset.
    Offset,
    /// The timestamp; null where Kafka says −1.
    Timestamp,
    /// Who set the timestamp: 0 the producer, 1 the broker; null in magic 0.
    TimestampType,
    /// The epoch of the leader that wrote the batch; null in magic 0 and 1.
    LeaderEpoch,
    /// The idempotent or transactional producer.
    ProducerId,
    /// Its epoch.
    ProducerEpoch,
    /// The producer's number of the record.
    Sequence,
    /// The headers, in order.
    Headers,
    /// The key's bytes or text.
    Key,
    /// The value's bytes or text; null is a tombstone.
    Value,
    /// The id that the value names its schema by, where it has one of four bytes.
    SchemaId,
}

impl KafkaColumn {
    /// All of them, in the order in which a table has them.
    pub const ALL: [Self; 12] = [
        Self::Partition,
        Self::Offset,
        Self::Timestamp,
        Self::TimestampType,
        Self::LeaderEpoch,
        Self::ProducerId,
        Self::ProducerEpoch,
        Self::Sequence,
        Self::SchemaId,
        Self::Headers,
        Self::Key,
        Self::Value,
    ];

    /// The column's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partition => "kafka_partition",
            Self::Offset => "kafka_offset",
            Self::Timestamp => "kafka_timestamp",
            Self::TimestampType => "kafka_timestamp_type",
            Self::LeaderEpoch => "kafka_leader_epoch",
            Self::ProducerId => "kafka_producer_id",
            Self::ProducerEpoch => "kafka_producer_epoch",
            Self::Sequence => "kafka_sequence",
            Self::Headers => "kafka_headers",
            Self::Key => "kafka_key",
            Self::Value => "kafka_value",
            Self::SchemaId => "kafka_schema_id",
        }
    }

    /// The column of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// The column as a table of these settings has it; `None` where it has none.
    #[must_use]
    pub fn field(self, settings: &RowSettings) -> Option<Field> {
        let of = match self {
            Self::Partition | Self::Offset => {
                let of = if self == Self::Partition { DataType::Int32 } else { DataType::Int64 };
                return Some(Field::new(self.name(), of, false));
            }
            Self::Timestamp => timestamp_type(),
            Self::TimestampType | Self::LeaderEpoch | Self::ProducerEpoch | Self::Sequence => DataType::Int32,
            Self::ProducerId => DataType::Int64,
            Self::SchemaId => matches!(settings.value, Part::Registry).then_some(DataType::Int32)?,
            Self::Headers => match settings.headers {
                Headers::None => return None,
                Headers::List => HeaderColumn::data_type(),
            },
            Self::Key => blob(settings, Side::Key)?,
            Self::Value => blob(settings, Side::Value)?,
        };
        Some(Field::new(self.name(), of, true))
    }
}

/// Points in time, in microseconds of UTC.
pub(super) fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// What stands of a key or value as a whole.
fn blob(settings: &RowSettings, side: Side) -> Option<DataType> {
    match settings.part(side) {
        Part::None => None,
        Part::Binary => Some(DataType::Binary),
        Part::String => Some(DataType::Utf8),
        Part::Json(_) | Part::Registry => settings.keeps(side).then_some(DataType::Binary),
    }
}

/// What a row is made of, beside its record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) partition: PartitionIndex,
    /// The header of the record's batch.
    pub(super) header: &'a BatchHeader,
    pub(super) schema_id: Option<i32>,
}

/// What is the same for all rows of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Same {
    partition: i32,
    timestamp_type: Option<i32>,
    leader_epoch: Option<i32>,
    producer: Option<(i64, i32)>,
}

impl Same {
    fn of(place: &Place<'_>) -> Self {
        let Place { partition, header, .. } = place;
        Self {
            partition: partition.get(),
            timestamp_type: match header.timestamp_type {
                TimestampType::None => None,
                TimestampType::Create => Some(0),
                TimestampType::LogAppend => Some(1),
            },
            leader_epoch: header.leader_epoch.map(|epoch| epoch.get()),
            producer: header.producer.map(|producer| (producer.id.get(), i32::from(producer.epoch))),
        }
    }
}

/// Bytes or text of a key or value.
enum Blob {
    Nothing,
    Binary(BinaryBuilder),
    Text(StringBuilder),
}

/// These columns, built row by row. Whatever could be wrong with a record is found before it is pushed here.
pub(super) struct KafkaColumns {
    rows: usize,
    bytes: usize,
    same: Option<Same>,
    /// Rows that `same` holds for and that are not in the columns yet.
    pending: usize,
    partition: Int32Builder,
    offset: Int64Builder,
    timestamp: TimestampMicrosecondBuilder,
    timestamp_type: Int32Builder,
    leader_epoch: Int32Builder,
    producer_id: Int64Builder,
    producer_epoch: Int32Builder,
    sequence: Int32Builder,
    schema_id: Int32Builder,
    headers: Option<HeaderColumn>,
    key: Blob,
    value: Blob,
}

impl KafkaColumns {
    pub(super) fn new(settings: &RowSettings) -> Self {
        let blob = |side| match blob(settings, side) {
            None => Blob::Nothing,
            Some(DataType::Utf8) => Blob::Text(StringBuilder::new()),
            Some(_) => Blob::Binary(BinaryBuilder::new()),
        };
        Self {
            rows: 0,
            bytes: 0,
            same: None,
            pending: 0,
            partition: Int32Builder::new(),
            offset: Int64Builder::new(),
            timestamp: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            timestamp_type: Int32Builder::new(),
            leader_epoch: Int32Builder::new(),
            producer_id: Int64Builder::new(),
            producer_epoch: Int32Builder::new(),
            sequence: Int32Builder::new(),
            schema_id: Int32Builder::new(),
            headers: (settings.headers == Headers::List).then(HeaderColumn::default),
            key: blob(Side::Key),
            value: blob(Side::Value),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a row. `false` where its timestamp is beyond what microseconds can say, and null here.
    ///
    /// Names of headers, and keys and values that are to be text, must be UTF-8: what is not is told as if it were.
    pub(super) fn push(&mut self, place: &Place<'_>, record: &Record) -> bool {
        let same = Same::of(place);
        if self.same != Some(same) {
            self.settle();
            self.same = Some(same);
        }
        self.pending += 1;
        self.rows += 1;
        self.offset.append_value(record.offset.get());
        let time = record.timestamp.map(micros);
        self.timestamp.append_option(time.flatten());
        self.sequence.append_option(sequence(place.header, record));
        self.schema_id.append_option(place.schema_id);
        if let Some(headers) = &mut self.headers {
            self.bytes += headers.push(&record.headers);
        }
        self.bytes +=
            FIXED_BYTES + self.key.push(record.key.as_deref()) + self.value.push(record.value.as_deref());
        time.is_none_or(|time| time.is_some())
    }

    /// Brings what is the same for many rows up to date.
    fn settle(&mut self) {
        let count = std::mem::take(&mut self.pending);
        let Some(same) = self.same.filter(|_| count > 0) else { return };
        let repeat = |column: &mut Int32Builder, value: Option<i32>| match value {
            Some(value) => column.append_value_n(value, count),
            None => column.append_nulls(count),
        };
        self.partition.append_value_n(same.partition, count);
        repeat(&mut self.timestamp_type, same.timestamp_type);
        repeat(&mut self.leader_epoch, same.leader_epoch);
        repeat(&mut self.producer_epoch, same.producer.map(|(_, epoch)| epoch));
        match same.producer {
            Some((id, _)) => self.producer_id.append_value_n(id, count),
            None => self.producer_id.append_nulls(count),
        }
    }

    /// The columns, by what they are; those that nobody wants are empty. Empties itself.
    pub(super) fn finish(&mut self) -> Finished {
        self.settle();
        self.same = None;
        (self.rows, self.bytes) = (0, 0);
        Finished {
            partition: Arc::new(self.partition.finish()),
            offset: Arc::new(self.offset.finish()),
            timestamp: Arc::new(self.timestamp.finish()),
            timestamp_type: Arc::new(self.timestamp_type.finish()),
            leader_epoch: Arc::new(self.leader_epoch.finish()),
            producer_id: Arc::new(self.producer_id.finish()),
            producer_epoch: Arc::new(self.producer_epoch.finish()),
            sequence: Arc::new(self.sequence.finish()),
            schema_id: Arc::new(self.schema_id.finish()),
            headers: self.headers.as_mut().map(HeaderColumn::finish),
            key: self.key.finish(),
            value: self.value.finish(),
        }
    }
}

/// About what the columns of fixed width take for a row.
const FIXED_BYTES: usize = 48;

/// Finished columns.
pub(super) struct Finished {
    partition: ArrayRef,
    offset: ArrayRef,
    timestamp: ArrayRef,
    timestamp_type: ArrayRef,
    leader_epoch: ArrayRef,
    producer_id: ArrayRef,
    producer_epoch: ArrayRef,
    sequence: ArrayRef,
    schema_id: ArrayRef,
    headers: Option<ArrayRef>,
    key: Option<ArrayRef>,
    value: Option<ArrayRef>,
}

impl Finished {
    /// A column, if it was built.
    pub(super) fn column(&self, of: KafkaColumn) -> Option<&ArrayRef> {
        match of {
            KafkaColumn::Partition => Some(&self.partition),
            KafkaColumn::Offset => Some(&self.offset),
            KafkaColumn::Timestamp => Some(&self.timestamp),
            KafkaColumn::TimestampType => Some(&self.timestamp_type),
            KafkaColumn::LeaderEpoch => Some(&self.leader_epoch),
            KafkaColumn::ProducerId => Some(&self.producer_id),
            KafkaColumn::ProducerEpoch => Some(&self.producer_epoch),
            KafkaColumn::Sequence => Some(&self.sequence),
            KafkaColumn::SchemaId => Some(&self.schema_id),
            KafkaColumn::Headers => self.headers.as_ref(),
            KafkaColumn::Key => self.key.as_ref(),
            KafkaColumn::Value => self.value.as_ref(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.offset.len()
    }
}

impl Blob {
    fn push(&mut self, bytes: Option<&[u8]>) -> usize {
        match self {
            Self::Nothing => return 0,
            Self::Binary(column) => column.append_option(bytes),
            // What is no text was found before.
            Self::Text(column) => {
                column.append_option(bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()))
            }
        }
        bytes.map_or(4, |bytes| bytes.len() + 4)
    }

    fn finish(&mut self) -> Option<ArrayRef> {
        match self {
            Self::Nothing => None,
            Self::Binary(column) => Some(Arc::new(column.finish())),
            Self::Text(column) => Some(Arc::new(column.finish())),
        }
    }
}

/// Milliseconds as microseconds, where there are so many.
fn micros(time: TimestampMs) -> Option<i64> {
    time.get().checked_mul(1000)
}

/// A record's own sequence number, which goes on at 0 behind the largest, as Kafka's does.
fn sequence(header: &BatchHeader, record: &Record) -> Option<i32> {
    let base = header.producer.map(|producer| producer.base_sequence).filter(|base| *base >= 0)?;
    let delta = record.offset.get().checked_sub(header.base_offset.get())?;
    let around = i64::from(i32::MAX) + 1;
    i32::try_from((i64::from(base) + delta).rem_euclid(around)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_columns() {
        for column in KafkaColumn::ALL {
            assert_eq!(KafkaColumn::of_name(column.name()), Some(column));
        }
        assert_eq!(KafkaColumn::of_name("kafka"), None);
    }

    #[test]
    fn a_plain_table_has_all_columns_but_that_of_schemas() {
        let settings = RowSettings::default();
        let names: Vec<_> = KafkaColumn::ALL.iter().filter_map(|column| column.field(&settings)).collect();
        assert_eq!(names.len(), 11);
        assert!(names.iter().filter(|field| !field.is_nullable()).count() == 2);
    }
}
