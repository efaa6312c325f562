//! A schema that values were written by, of whatever kind.

use std::sync::Arc;

use arrow_schema::Fields;

use crate::error::{DecodeError, Reference, SchemaError};
use crate::framing::Framed;
use crate::{avro, framing, json, protobuf};

/// A schema. Cheap to clone.
#[derive(Clone)]
pub struct WriterSchema {
    pub(crate) inner: Inner,
    text: Arc<str>,
}

#[derive(Clone)]
pub(crate) enum Inner {
    Avro(avro::Schema),
    Protobuf { schema: protobuf::Schema, message: Option<Arc<str>> },
    Json(json::Schema),
}

/// What kind a schema is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SchemaKind {
    /// Apache Avro.
    Avro,
    /// Protocol Buffers.
    Protobuf,
    /// JSON, with or without JSON Schema.
    Json,
}

impl WriterSchema {
    /// An Avro schema, and those that it refers to by their full names.
    ///
    /// # Errors
    /// Where the text is no schema, or names one that is not there.
    pub fn avro(text: &str, references: &[Reference]) -> Result<Self, SchemaError> {
        Ok(Self { inner: Inner::Avro(avro::Schema::parse(text, references)?), text: text.into() })
    }

    /// A `.proto` file, and those that it imports. `message` is the one that values are, where they do not say it themselves.
    ///
    /// # Errors
    /// Where the text is no `.proto` file, or imports one that is not there, or has no such message.
    pub fn protobuf(
        text: &str,
        references: &[Reference],
        message: Option<&str>,
    ) -> Result<Self, SchemaError> {
        let schema = protobuf::Schema::parse(text, references)?;
        if let Some(name) = message {
            schema.message_named(name)?;
        }
        Ok(Self { inner: Inner::Protobuf { schema, message: message.map(Arc::from) }, text: text.into() })
    }

    /// A JSON Schema, and those that it refers to.
    ///
    /// # Errors
    /// Where the text is no JSON, or refers to what is not there.
    pub fn json(text: &str, references: &[Reference]) -> Result<Self, SchemaError> {
        Ok(Self { inner: Inner::Json(json::Schema::parse(text, references)?), text: text.into() })
    }

    /// JSON objects with these fields. Other fields are skipped.
    #[must_use]
    pub fn declared(fields: &Fields) -> Self {
        Self { inner: Inner::Json(json::Schema::declared(fields)), text: Arc::default() }
    }

    /// Its text, without what it refers to; empty for declared fields.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> SchemaKind {
        match self.inner {
            Inner::Avro(_) => SchemaKind::Avro,
            Inner::Protobuf { .. } => SchemaKind::Protobuf,
            Inner::Json(_) => SchemaKind::Json,
        }
    }

    /// The columns of a value, all nullable, under the names as written: of Protobuf of its first message.
    ///
    /// # Errors
    /// Where it has more than a table can.
    pub fn fields(&self) -> Result<Fields, SchemaError> {
        self.fields_of(&[])
    }

    /// The same, of the message that a message index names.
    ///
    /// # Errors
    /// Where there is none, or it has more columns than a table can.
    pub fn fields_of(&self, message_index: &[i32]) -> Result<Fields, SchemaError> {
        Ok(match &self.inner {
            Inner::Avro(schema) => schema.fields().clone(),
            Inner::Protobuf { .. } => self.message(message_index)?.fields().clone(),
            Inner::Json(schema) => schema.fields().clone(),
        })
    }

    /// What of it has no column, for a person to read.
    ///
    /// # Errors
    /// As [`Self::fields_of`].
    pub fn omitted(&self, message_index: &[i32]) -> Result<Vec<String>, SchemaError> {
        let words = |omitted: &[crate::Omitted]| omitted.iter().map(ToString::to_string).collect();
        Ok(match &self.inner {
            Inner::Avro(schema) => words(schema.omitted()),
            Inner::Protobuf { .. } => words(self.message(message_index)?.omitted()),
            Inner::Json(schema) => words(schema.omitted()),
        })
    }

    /// The message index that a value of this kind begins with, and what is behind it: nothing but in Protobuf.
    ///
    /// # Errors
    /// Where it should have one and has not.
    pub fn message_index<'a>(&self, rest: &'a [u8]) -> Result<(Vec<i32>, &'a [u8]), DecodeError> {
        match self.inner {
            Inner::Protobuf { message: None, .. } => framing::message_index(rest),
            _ => Ok((Vec::new(), rest)),
        }
    }

    /// The message index of a value, wherever it stands, and the value alone. The index is empty but in Protobuf, where it is so for
    /// a value that does not say which message it is: the first, or the one that the schema was made for.
    ///
    /// # Errors
    /// Where the value should have one in front and has not.
    pub fn split<'a>(&self, framed: &Framed<'a>) -> Result<(Vec<i32>, &'a [u8]), DecodeError> {
        match framed.index {
            None => self.message_index(framed.payload),
            Some([]) => Ok((Vec::new(), framed.payload)),
            Some(index) => Ok((self.message_index(index)?.0, framed.payload)),
        }
    }

    pub(crate) fn message(&self, index: &[i32]) -> Result<protobuf::Message, SchemaError> {
        let Inner::Protobuf { schema, message } = &self.inner else {
            unreachable!("only Protobuf has messages")
        };
        match message {
            Some(name) => schema.message_named(name),
            None => schema.message(index),
        }
    }
}

impl std::fmt::Debug for WriterSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriterSchema").field("kind", &self.kind()).finish_non_exhaustive()
    }
}
