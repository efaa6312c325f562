//! What a plain export is told. Plain values.

use arrow_schema::{DataType, Fields, TimeUnit};
use firnline_index::{Offset, PartitionIndex, TopicId};
use sha2::{Digest as _, Sha256};

use crate::rows::{Headers, Part, RowSettings, Side};

/// How plain files are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainSettings {
    /// When the files of a stretch have about this many bytes, it ends. They are kept in memory until then.
    pub stretch_bytes: u64,
    /// Memory of row groups in progress, in bytes.
    pub memory: usize,
    /// Whether offsets that are lost in the tier, as it has recorded, are passed by.
    pub pass_gaps: bool,
    /// Whether offsets that are gone from the tier before they were exported are passed by.
    pub skip_gone: bool,
}

impl Default for PlainSettings {
    fn default() -> Self {
        Self { stretch_bytes: 128 << 20, memory: 192 << 20, pass_gaps: true, skip_gone: false }
    }
}

/// What is wanted of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainRange {
    /// The partition.
    pub partition: PartitionIndex,
    /// The first offset; `None` for the tier's start.
    pub from: Option<Offset>,
    /// One past the last offset; `None` for as far as the tier is decided.
    pub until: Option<Offset>,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The partition at hand.
    pub partition: PartitionIndex,
    /// One past the last offset that was read of it.
    pub next: Offset,
    /// Where it will end, as far as is known.
    pub until: Offset,
    /// Rows so far, of all partitions.
    pub rows: u64,
    /// Bytes of files written so far.
    pub file_bytes: u64,
}

/// What tells exports of the same topic name apart: eight hexadecimal digits.
pub(super) fn fingerprint(topic_id: TopicId, rows: &RowSettings) -> String {
    let mut text = format!("1 {topic_id} ");
    for side in [Side::Key, Side::Value] {
        let (part, keeps) = match side {
            Side::Key => (&rows.key, rows.keep_key),
            Side::Value => (&rows.value, rows.keep_value),
        };
        text.push_str(match part {
            Part::None => "none",
            Part::Binary => "binary",
            Part::String => "string",
            Part::Json(_) => "json",
            Part::Registry => "registry",
        });
        if let Part::Json(schema) = part {
            // A schema that cannot be used is refused where it is used.
            describe(&schema.fields().unwrap_or_else(|_| Fields::empty()), &mut text);
        }
        text.push_str(if part.has_fields() && keeps { " kept " } else { " " });
    }
    text.push_str(match rows.headers {
        Headers::None => "none",
        Headers::List => "list",
    });
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// Fields as a text of our own: that of a library may be another one in its next version.
fn describe(fields: &Fields, text: &mut String) {
    text.push('(');
    for field in fields {
        text.push_str(field.name());
        text.push(':');
        describe_type(field.data_type(), text);
        text.push(',');
    }
    text.push(')');
}

fn describe_type(of: &DataType, text: &mut String) {
    match of {
        DataType::Boolean => text.push_str("bool"),
        DataType::Int32 => text.push_str("int"),
        DataType::Int64 => text.push_str("long"),
        DataType::Float32 => text.push_str("float"),
        DataType::Float64 => text.push_str("double"),
        DataType::Decimal128(digits, scale) => text.push_str(&format!("decimal({digits};{scale})")),
        DataType::Date32 => text.push_str("date"),
        DataType::Time64(TimeUnit::Microsecond) => text.push_str("time"),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            text.push_str(if zone.is_some() { "timestamptz" } else { "timestamp" });
        }
        DataType::Utf8 => text.push_str("string"),
        DataType::Binary => text.push_str("binary"),
        DataType::FixedSizeBinary(length) => text.push_str(&format!("fixed({length})")),
        DataType::List(element) => {
            text.push_str("list");
            describe(&std::iter::once(element.clone()).collect(), text);
        }
        DataType::Map(entries, _) => {
            text.push_str("map");
            describe(&std::iter::once(entries.clone()).collect(), text);
        }
        DataType::Struct(fields) => describe(fields, text),
        // Nothing else comes out of a decoder.
        other => text.push_str(&other.to_string()),
    }
}
