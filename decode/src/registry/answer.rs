//! The registry's answers as JSON.

use serde::Deserialize;

/// A schema.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) schema: String,
    /// Absent for Avro.
    #[serde(default, rename = "schemaType")]
    pub(super) schema_type: Option<String>,
    #[serde(default)]
    pub(super) references: Vec<ReferenceTo>,
}

/// A schema that it refers to.
#[derive(Debug, Deserialize)]
pub(super) struct ReferenceTo {
    pub(super) name: String,
    pub(super) subject: String,
    pub(super) version: i32,
}

/// An error.
#[derive(Debug, Deserialize)]
pub(super) struct Fault {
    #[serde(default)]
    error_code: u32,
    #[serde(default)]
    pub(super) message: String,
}

impl Fault {
    /// Whether it says that there is no such schema, subject or version. A bare 404 does not: whoever asks at a wrong address gets that
    /// for each schema, and no record is to be called bad for it.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self.error_code, 40401..=40403 | 42202)
    }
}

/// What a schema of a kind that is not known is called.
#[derive(Debug, thiserror::Error)]
#[error("it is of type {0:?}; known are AVRO, PROTOBUF and JSON")]
pub(super) struct UnknownType(pub(super) String);

/// An answer that is none.
#[derive(Debug, thiserror::Error)]
#[error("it does not answer as a schema registry does")]
pub(super) struct NoAnswer(#[source] pub(super) serde_json::Error);

/// Schemas that refer to more than is followed.
#[derive(Debug, thiserror::Error)]
#[error("it refers to more than {0} schemas, all told")]
pub(super) struct TooManyReferences(pub(super) usize);
