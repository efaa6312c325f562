//! Dead letters: records that are no row, with all that is known of them.

use std::sync::{Arc, LazyLock};

use arrow_array::builder::{StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use arrow_select::take::take_record_batch;
use firnline_records::Record;

use super::convert::{batch, conform};
use super::kafka::{KafkaColumn, KafkaColumns, Place, timestamp_type};
use super::{Headers, Part, RowSettings, RowsError};

/// The columns of a table of dead letters.
pub static DEAD_LETTER_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    let settings = settings();
    let kafka = KafkaColumn::ALL.into_iter().filter_map(|column| column.field(&settings));
    let own = [
        Field::new("dlq_reason", DataType::Utf8, true),
        Field::new("dlq_error", DataType::Utf8, true),
        Field::new("dlq_field", DataType::Utf8, true),
        Field::new("exported_at", timestamp_type(), true),
    ];
    kafka.chain(own).collect()
});

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(DEAD_LETTER_FIELDS.clone())));

/// The schema of dead letters, the same for all tables.
#[must_use]
pub fn dead_letter_schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// All of a record as it is.
fn settings() -> RowSettings {
    RowSettings { value: Part::Registry, keep_value: true, headers: Headers::List, ..RowSettings::default() }
}

/// The longest text of an error that is kept, in bytes: it may quote the record.
const LONGEST_ERROR: usize = 1000;

/// Why a record is no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Why {
    /// A stable word.
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) field: Option<String>,
}

/// Dead letters being gathered.
pub(super) struct DeadLetters {
    kafka: KafkaColumns,
    reason: StringBuilder,
    error: StringBuilder,
    field: StringBuilder,
    exported_at: i64,
}

impl DeadLetters {
    /// `exported_at` is in microseconds since 1970.
    pub(super) fn new(exported_at: i64) -> Self {
        Self {
            kafka: KafkaColumns::new(&settings()),
            reason: StringBuilder::new(),
            error: StringBuilder::new(),
            field: StringBuilder::new(),
            exported_at,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.kafka.rows()
    }

    pub(super) fn bytes(&self) -> usize {
        self.kafka.bytes()
    }

    pub(super) fn push(&mut self, place: &Place<'_>, record: &Record, why: &Why) {
        self.kafka.push(place, record);
        self.reason.append_value(why.reason);
        self.error.append_value(cut(&why.message));
        self.field.append_option(why.field.as_deref().map(cut));
    }

    /// What was gathered, if anything was. Empties itself.
    pub(super) fn finish(&mut self) -> Result<Option<RecordBatch>, RowsError> {
        let rows = self.rows();
        if rows == 0 {
            return Ok(None);
        }
        let kafka = self.kafka.finish();
        let mut times = TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC");
        times.append_value_n(self.exported_at, rows);
        let own: [ArrayRef; 4] = [
            Arc::new(self.reason.finish()),
            Arc::new(self.error.finish()),
            Arc::new(self.field.finish()),
            Arc::new(times.finish()),
        ];
        let columns = KafkaColumn::ALL.into_iter().filter_map(|of| kafka.column(of).cloned()).chain(own);
        batch(&SCHEMA, columns.collect(), rows).map(Some)
    }
}

/// A row that turned out to be none after it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadRow {
    /// Its place in its batch of rows.
    pub row: usize,
    /// A stable word.
    pub reason: &'static str,
    /// What is wrong.
    pub message: String,
    /// The field at fault.
    pub field: Option<String>,
}

/// Dead letters of rows that have Kafka's columns, keys and values as bytes. `exported_at` is in microseconds since 1970.
///
/// # Errors
/// [`RowsError::Type`], [`RowsError::Required`] where they have not.
pub fn dead_letters(
    rows: &RecordBatch,
    dead: &[DeadRow],
    exported_at: i64,
) -> Result<RecordBatch, RowsError> {
    let places =
        UInt32Array::from_iter_values(dead.iter().map(|dead| u32::try_from(dead.row).unwrap_or(u32::MAX)));
    let taken = take_record_batch(rows, &places).map_err(RowsError::arrow)?;
    let all = conform(&taken, &SCHEMA)?;
    let text = |of: &dyn Fn(&DeadRow) -> Option<&str>| -> ArrayRef {
        Arc::new(dead.iter().map(|dead| of(dead).map(cut)).collect::<StringArray>())
    };
    let times = TimestampMicrosecondArray::from_value(exported_at, dead.len()).with_timezone("UTC");
    let columns =
        SCHEMA.fields().iter().zip(all.columns()).map(|(field, column)| match field.name().as_str() {
            "dlq_reason" => text(&|dead| Some(dead.reason)),
            "dlq_error" => text(&|dead| Some(&dead.message)),
            "dlq_field" => text(&|dead| dead.field.as_deref()),
            "exported_at" => Arc::new(times.clone()),
            _ => Arc::clone(column),
        });
    batch(&SCHEMA, columns.collect(), dead.len())
}

fn cut(text: &str) -> &str {
    let end = (0..=LONGEST_ERROR.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}
