//! What is wrong with a schema, and what with one record.

use std::error::Error;
use std::sync::Arc;

/// A schema that another one refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name that it is referred to by: a full name of Avro, the path of an import of Protobuf, a `$ref` of JSON Schema.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A schema that no columns can be made of. Cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the schema cannot be used")]
pub struct SchemaError {
    /// Why.
    #[source]
    source: Arc<dyn Error + Send + Sync>,
}

/// A schema that is none, for this reason.
pub(crate) fn invalid(why: impl Error + Send + Sync + 'static) -> SchemaError {
    SchemaError { source: Arc::new(why) }
}

/// A record that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", field.as_deref().map(|field| format!("{field}: ")).unwrap_or_default())]
pub struct DecodeError {
    /// What kind of thing is wrong.
    pub reason: Reason,
    /// The field, with the names of those around it, joined by dots.
    pub field: Option<String>,
    /// What exactly is wrong.
    pub message: String,
}

impl DecodeError {
    /// Something that concerns the value as a whole.
    pub(crate) fn whole(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, field: None, message: message.into() }
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)+) => {
        /// Why a record is no row. The words stand in dead-letter tables, and are never given another meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[doc = $doc])+ $name,)+ }

        impl Reason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word of it.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }
    };
}

reasons! {
    /// The bytes end before the value does.
    Truncated = "truncated",
    /// More bytes stand behind the value.
    TrailingBytes = "trailing_bytes",
    /// A text is not UTF-8.
    InvalidUtf8 = "invalid_utf8",
    /// A number is larger than its column takes.
    NumberOutOfRange = "number_out_of_range",
    /// A number with a fraction stands where a whole one is wanted.
    NotAnInteger = "not_an_integer",
    /// A value is of another type than its schema, or its column, says.
    WrongType = "wrong_type",
    /// The value is no JSON.
    NotJson = "not_json",
    /// More than one JSON value stands where one is wanted.
    MoreThanOneValue = "more_than_one_value",
    /// An object, or a map, has a key twice.
    DuplicateKey = "duplicate_key",
    /// A number stands for no symbol of its enum.
    UnknownEnum = "unknown_enum",
    /// Values lie in values deeper than is taken.
    TooDeep = "too_deep",
    /// The value would make more than is taken of one record.
    TooLarge = "too_large",
    /// A field that must be there is not.
    Missing = "missing",
    /// The value does not begin as one with a schema does.
    NoFraming = "no_framing",
    /// The registry does not have the schema.
    UnknownSchema = "unknown_schema",
    /// The schema cannot be used.
    UnsupportedSchema = "unsupported_schema",
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
