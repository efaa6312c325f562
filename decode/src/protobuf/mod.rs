//! Protobuf: messages (the bytes of one value, without framing) to rows of columns.
//!
//! Promises: one payload becomes exactly one value in each column, or one [`DecodeError`] that says what is wrong
//! and where; the result is what a conforming parser makes of it, whatever order and however many pieces the fields
//! come in (last scalar, merged messages, last member of a oneof, last entry of a map's key, packed or not); no
//! bytes make it panic or take memory or time out of proportion to their length. Fields the schema lacks are
//! skipped. A known field with another wire type is an error, not an unknown field: the bytes are then not of this
//! schema, and a dead letter shows it.
//!
//! Leaves to others: framing and the message index's bytes, the registry, rolling back a row after an error.

mod builtin;
mod compile;
mod entries;
mod json;
mod map;
mod plan;
mod planner;
mod read;
mod scalar;
mod shape;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::{Arc, Mutex};

use arrow_schema::{DataType, Fields};
use prost_reflect::{FileDescriptor, MessageDescriptor};

use self::compile::CompileError;
use self::entries::Scratch;
use self::read::Reader;
use crate::budget::Budget;
use crate::columns::Column;
use crate::omitted::Omitted;
use crate::{DecodeError, Reference, SchemaError, invalid};

/// A compiled Protobuf file; cheap to clone.
#[derive(Clone)]
pub struct Schema {
    file: Arc<FileDescriptor>,
}

/// A message type of a schema and its columns; cheap to clone.
#[derive(Clone)]
pub struct Message {
    inner: Arc<Inner>,
}

struct Inner {
    descriptor: MessageDescriptor,
    fields: Fields,
    omitted: Vec<Omitted>,
}

impl Schema {
    /// Compiles a `.proto` text (or a descriptor of one in base64) and the files it imports, by the names that
    /// `import` uses; `google/protobuf/…` and what a Confluent registry has built in are known without.
    ///
    /// # Errors
    /// When a text does not compile or an import is missing.
    pub fn parse(text: &str, references: &[Reference]) -> Result<Self, SchemaError> {
        let references =
            references.iter().map(|reference| (reference.name.as_str(), reference.text.as_str()));
        let file = compile::compile(text, references).map_err(invalid)?;
        Ok(Self { file: Arc::new(file) })
    }

    /// The message that a message index names: the number of a message in the file, then of one nested in it, and
    /// so on. The empty index is the file's first message.
    ///
    /// Numbers count as Confluent's Java serializer does: the entry types that the compiler makes for maps do not
    /// count.
    ///
    /// # Errors
    /// When there is no such message, or it has more columns than a table can have.
    pub fn message(&self, index: &[i32]) -> Result<Message, SchemaError> {
        let no_such = || invalid(CompileError::NoSuchIndex { index: index.to_vec() });
        let position = |number: i32| usize::try_from(number).map_err(|_| no_such());
        let (first, inner) = index.split_first().unwrap_or((&0, &[]));
        let mut message = self.file.messages().nth(position(*first)?).ok_or_else(no_such)?;
        for number in inner {
            let position = position(*number)?;
            let child = message.child_messages().filter(|child| !child.is_map_entry()).nth(position);
            message = child.ok_or_else(no_such)?;
        }
        Message::of(message)
    }

    /// The message of a full name, or of a name alone where the file has it at its top.
    ///
    /// # Errors
    /// When there is no such message, or it has more columns than a table can have.
    pub fn message_named(&self, name: &str) -> Result<Message, SchemaError> {
        let name = name.strip_prefix('.').unwrap_or(name);
        let at_top = self.file.messages().find(|message| message.name() == name);
        match at_top.or_else(|| self.file.parent_pool().get_message_by_name(name)) {
            Some(message) => Message::of(message),
            None => {
                let known: Vec<String> =
                    self.file.messages().map(|known| known.full_name().to_owned()).collect();
                Err(invalid(CompileError::NoSuchName { name: name.to_owned(), known: known.join(", ") }))
            }
        }
    }
}

impl Message {
    fn of(descriptor: MessageDescriptor) -> Result<Self, SchemaError> {
        let shape = shape::shape(&descriptor).map_err(invalid)?;
        Ok(Self { inner: Arc::new(Inner { descriptor, fields: shape.fields, omitted: shape.omitted }) })
    }

    /// The type's full name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.descriptor.full_name()
    }

    /// The columns of a message: nullable, names as written.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.inner.fields
    }

    /// What has no column.
    #[must_use]
    pub fn omitted(&self) -> &[Omitted] {
        &self.inner.omitted
    }
}

/// How payloads of one message type become rows of one table.
pub struct Plan {
    message: plan::Message,
    /// Memory for one payload at a time, kept from row to row.
    scratch: Mutex<Scratch>,
}

impl Plan {
    /// Compiles a message for columns of the types `target`. `place` tells the column of each field at the top, if
    /// it has one; fields inside go to columns of the same name but for upper and lower case.
    ///
    /// # Errors
    /// When a field does not fit the column it is given, or two fields are given one.
    pub fn new(
        message: &Message,
        target: &Fields,
        place: &dyn Fn(&[&str], &DataType) -> Option<usize>,
    ) -> Result<Self, SchemaError> {
        let Inner { descriptor, fields, .. } = &*message.inner;
        let message = planner::compile(descriptor, fields, target, place).map_err(invalid)?;
        Ok(Self { message, scratch: Mutex::new(Scratch::default()) })
    }

    /// Reads one payload into one more value of each column.
    ///
    /// # Errors
    /// When the bytes are not exactly one message. Some columns then have a value more than others.
    pub fn decode(&self, payload: &[u8], columns: &mut [Column]) -> Result<(), DecodeError> {
        // Whoever shares the plan with another thread pays with memory of its own, never with waiting.
        let mut own = Scratch::default();
        let mut kept = self.scratch.try_lock();
        let scratch = kept.as_deref_mut().unwrap_or(&mut own);
        scratch.reset();
        let budget = Budget::of(payload.len());
        let mut reader = Reader { payload, scratch, budget, depth: 0 };
        Ok(reader.root(&self.message, columns)?)
    }
}
