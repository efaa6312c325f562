//! What becomes of a record's parts. Plain values.

use firnline_decode::WriterSchema;
use firnline_records::DecodeLimits;

/// A part of a record that has fields or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl Side {
    /// As it stands in paths and messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
        }
    }

    /// The header that names the part's schema, in Confluent's newer framing.
    pub(super) const fn header(self) -> &'static [u8] {
        match self {
            Self::Key => b"__key_schema_id",
            Self::Value => b"__value_schema_id",
        }
    }
}

/// What becomes of a key or a value.
#[derive(Debug, Clone)]
pub enum Part {
    /// Nothing.
    None,
    /// Its bytes, in `kafka_key` or `kafka_value`.
    Binary,
    /// Its text, there. What is no UTF-8 is a dead letter.
    String,
    /// Fields of JSON, as they were declared, each a column of its own.
    Json(WriterSchema),
    /// Fields, by the schema that the record names in a registry.
    Registry,
}

impl Part {
    /// Whether its fields become columns.
    #[must_use]
    pub fn has_fields(&self) -> bool {
        matches!(self, Self::Json(_) | Self::Registry)
    }
}

/// What becomes of headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Headers {
    /// Nothing.
    None,
    /// A list of names and bytes.
    #[default]
    List,
}

/// How records become rows.
#[derive(Debug, Clone)]
pub struct RowSettings {
    /// What becomes of keys.
    pub key: Part,
    /// What becomes of values.
    pub value: Part,
    /// What becomes of headers.
    pub headers: Headers,
    /// Whether the bytes of keys are kept beside their fields.
    pub keep_key: bool,
    /// Whether the bytes of values are kept beside their fields.
    pub keep_value: bool,
    /// How many rows are handed out at once.
    pub max_rows: usize,
    /// How many bytes of rows are handed out at once, a single larger one excepted.
    pub max_bytes: usize,
    /// How much one batch may unfold to.
    pub decode: DecodeLimits,
}

impl Default for RowSettings {
    fn default() -> Self {
        Self {
            key: Part::Binary,
            value: Part::Binary,
            headers: Headers::List,
            keep_key: false,
            keep_value: false,
            max_rows: 1 << 16,
            max_bytes: 16 << 20,
            decode: DecodeLimits::default(),
        }
    }
}

impl RowSettings {
    pub(super) fn part(&self, side: Side) -> &Part {
        match side {
            Side::Key => &self.key,
            Side::Value => &self.value,
        }
    }

    pub(super) fn keeps(&self, side: Side) -> bool {
        match side {
            Side::Key => self.keep_key,
            Side::Value => self.keep_value,
        }
    }
}
