//! A payload's values into columns, as they come.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Deserializer;
use serde::de::{Deserialize, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::compile::{Item, Members, Node, Root};
use super::scalar;
use crate::budget::Budget;
use crate::columns::Column;
use crate::error::{DecodeError, Reason};
use crate::sink;

/// What is known of a payload while it is read.
pub(super) struct State {
    budget: Cell<Budget>,
    /// What is wrong with it, where serde has no words for it.
    fault: RefCell<Option<(Reason, String)>>,
    /// Where it is, from the inside out.
    path: RefCell<Vec<String>>,
}

impl State {
    /// An error that stops serde; what it is about is kept here.
    pub(super) fn fail<E: serde::de::Error>(&self, reason: Reason, message: impl Into<String>) -> E {
        *self.fault.borrow_mut() = Some((reason, message.into()));
        E::custom("see the state")
    }

    fn pay<E: serde::de::Error>(&self, cells: u64) -> Result<(), E> {
        let mut budget = self.budget.get();
        let paid = budget.pay(1, cells);
        self.budget.set(budget);
        if paid {
            Ok(())
        } else {
            Err(self
                .fail(Reason::TooLarge, "its lists would become more values than a record of its length may"))
        }
    }

    /// A value of one kind where another is wanted. What it is stays out of messages, which go to logs.
    fn misplaced<E: serde::de::Error>(&self, found: &str, wanted: &str) -> E {
        self.fail(Reason::WrongType, format!("{found} stands where {wanted} is wanted"))
    }

    fn within<T, E>(&self, name: &str, read: Result<T, E>) -> Result<T, E> {
        if read.is_err() {
            self.path.borrow_mut().push(name.to_owned());
        }
        read
    }

    fn told(self, error: &serde_json::Error) -> DecodeError {
        let path: Vec<String> = self.path.into_inner().into_iter().rev().collect();
        let field = if path.is_empty() { None } else { Some(path.join(".")) };
        let (reason, message) = self.fault.into_inner().unwrap_or_else(|| {
            let message = error.to_string();
            let reason = match error.classify() {
                Category::Eof => Reason::Truncated,
                Category::Data => Reason::WrongType,
                _ if message.starts_with("recursion limit") => Reason::TooDeep,
                // Past the largest float, as 1e999.
                _ if message.starts_with("number out of range") => Reason::NumberOutOfRange,
                _ => Reason::NotJson,
            };
            (reason, message)
        });
        DecodeError { reason, field, message }
    }
}

/// Reads one value into one more of each column.
pub(super) fn value(
    payload: &[u8],
    root: &Root,
    is_object: bool,
    columns: &mut [Column],
) -> Result<(), DecodeError> {
    let text = std::str::from_utf8(payload).map_err(|error| {
        DecodeError::whole(Reason::InvalidUtf8, format!("byte {} is not UTF-8", error.valid_up_to()))
    })?;
    let state = State {
        budget: Cell::new(Budget::of(payload.len())),
        fault: RefCell::default(),
        path: RefCell::default(),
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = if is_object {
        Object { members: &root.members, columns, state: &state }.deserialize(&mut json)
    } else {
        single(&root.members, columns, &state, &mut json)
    };
    if let Err(error) = read {
        return Err(state.told(&error));
    }
    match json.end() {
        Ok(()) => Ok(()),
        Err(error) => {
            let reason = match IgnoredAny::deserialize(&mut json) {
                Ok(_) => Reason::MoreThanOneValue,
                Err(_) => Reason::TrailingBytes,
            };
            let (line, column) = (error.line(), error.column());
            let message = format!("more stands behind the value, at line {line}, column {column}");
            Err(DecodeError::whole(reason, message))
        }
    }
}

/// A value that is no object, into its one column.
fn single<'de, D: Deserializer<'de>>(
    members: &Members,
    columns: &mut [Column],
    state: &State,
    json: D,
) -> Result<(), D::Error> {
    let before: Vec<usize> = columns.iter().map(Column::len).collect();
    match members.members.first().and_then(|member| Some((&member.node, columns.get_mut(member.column)?))) {
        Some((node, column)) => One { node, column, state }.deserialize(json)?,
        // It has no column.
        None => drop(IgnoredAny::deserialize(json)?),
    }
    for (column, before) in columns.iter_mut().zip(before) {
        if column.len() == before {
            column.push_null();
        }
    }
    Ok(())
}

const A_TRUTH: &str = "true or false";
const A_NUMBER: &str = "a number";
const A_TEXT: &str = "a text";
const A_LIST: &str = "a list";
const AN_OBJECT: &str = "an object";

/// An object into columns: each takes one value.
struct Object<'a> {
    members: &'a Members,
    columns: &'a mut [Column],
    state: &'a State,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(AN_OBJECT)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Err(self.state.misplaced("null", AN_OBJECT))
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        Err(self.state.misplaced(A_TRUTH, AN_OBJECT))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        Err(self.state.misplaced(A_NUMBER, AN_OBJECT))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        Err(self.state.misplaced(A_NUMBER, AN_OBJECT))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        Err(self.state.misplaced(A_NUMBER, AN_OBJECT))
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        Err(self.state.misplaced(A_TEXT, AN_OBJECT))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.state.misplaced(A_LIST, AN_OBJECT))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { members, columns, state } = self;
        // All are of one length: a row is whole, or none.
        let base = columns.first().map_or(0, Column::len);
        let mut guess = 0;
        while let Some(found) = object.next_key_seed(Key { members, guess })? {
            let place = match found {
                Some(at) => {
                    guess = at + 1;
                    let member = &members.members[at];
                    columns.get_mut(member.column).map(|column| (member, column))
                }
                None => None,
            };
            let Some((member, column)) = place else {
                object.next_value::<IgnoredAny>()?;
                continue;
            };
            if column.len() > base {
                let message = "the key comes twice";
                return state.within(&member.name, Err(state.fail(Reason::DuplicateKey, message)));
            }
            let one = One { node: &member.node, column, state };
            state.within(&member.name, object.next_value_seed(one))?;
        }
        for column in columns.iter_mut() {
            if column.len() == base {
                column.push_null();
            }
        }
        Ok(())
    }
}

/// A key, as the place of its member.
struct Key<'a> {
    members: &'a Members,
    guess: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.members.find(key, self.guess))
    }
}

/// One value into one column.
struct One<'a> {
    node: &'a Node,
    column: &'a mut Column,
    state: &'a State,
}

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.node {
            // Their text as it was written: a number is not to pass through a float.
            Node::Json | Node::Decimal { .. } => {
                let raw = <&RawValue>::deserialize(json)?;
                scalar::raw(raw.get(), self.node, self.column, self.state)
            }
            _ => json.deserialize_any(self),
        }
    }
}

/// An item of a list, or a value of a map, which pays for what it becomes: a null may become as much as a struct.
struct OneOfMany<'a> {
    item: &'a Item,
    column: &'a mut Column,
    state: &'a State,
}

impl<'de> DeserializeSeed<'de> for OneOfMany<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let Self { item, column, state } = self;
        // Of a plain value its own byte has paid.
        if item.cells > 1 {
            state.pay(item.cells)?;
        }
        One { node: &item.node, column, state }.deserialize(json)
    }
}

/// What sink says of a column that no plan can come to.
fn planned<E: serde::de::Error>(pushed: Result<(), crate::fault::Fault>) -> Result<(), E> {
    pushed.map_err(|fault| E::custom(DecodeError::from(fault)))
}

impl One<'_> {
    fn wanted(&self) -> &'static str {
        match self.node {
            Node::Boolean => A_TRUTH,
            Node::Integer => "a whole number",
            Node::Float => A_NUMBER,
            Node::Decimal { .. } => "a decimal number",
            Node::Date => "a date as a text",
            Node::Time => "a time as a text",
            Node::Timestamp { .. } => "a timestamp as a text",
            Node::Text => A_TEXT,
            Node::Json => "any value",
            Node::Bytes { .. } => "bytes in base64",
            Node::List(_) => A_LIST,
            Node::Map(_) | Node::Struct(_) => AN_OBJECT,
        }
    }

    fn misplaced<E: serde::de::Error>(&self, found: &str) -> Result<(), E> {
        Err(self.state.misplaced(found, self.wanted()))
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wanted())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.column.push_null();
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        match self.node {
            Node::Boolean => planned(sink::boolean(self.column, value)),
            _ => self.misplaced(A_TRUTH),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        match self.node {
            Node::Integer => scalar::integer(value, self.column, self.state),
            #[expect(clippy::cast_precision_loss, reason = "a float is what the schema says")]
            Node::Float => scalar::float(value as f64, self.column, self.state),
            _ => self.misplaced(A_NUMBER),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        match (self.node, i64::try_from(value)) {
            (_, Ok(value)) => self.visit_i64(value),
            (Node::Integer, Err(_)) => Err(scalar::out_of_range(self.state)),
            #[expect(clippy::cast_precision_loss, reason = "a float is what the schema says")]
            (Node::Float, Err(_)) => scalar::float(value as f64, self.column, self.state),
            _ => self.misplaced(A_NUMBER),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        match self.node {
            Node::Integer => scalar::whole(value, self.column, self.state),
            Node::Float => scalar::float(value, self.column, self.state),
            _ => self.misplaced(A_NUMBER),
        }
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        match self.node {
            Node::Text => planned(sink::text(self.column, value)),
            Node::Date | Node::Time | Node::Timestamp { .. } | Node::Bytes { .. } => {
                scalar::text(value, self.node, self.column, self.state)
            }
            _ => self.misplaced(A_TEXT),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Node::List(item) = self.node else {
            return self.misplaced(A_LIST);
        };
        let Column::List(column) = self.column else { return planned(Err(sink::misfit())) };
        loop {
            let one = OneOfMany { item, column: column.items(), state: self.state };
            if list.next_element_seed(one)?.is_none() {
                break;
            }
        }
        column.end();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        if !matches!(self.node, Node::Struct(_) | Node::Map(_)) {
            return self.misplaced(AN_OBJECT);
        }
        match (self.node, self.column) {
            (Node::Struct(members), Column::Struct(column)) => {
                let columns = column.children();
                Object { members, columns, state: self.state }.visit_map(object)?;
                column.end();
                Ok(())
            }
            (Node::Map(item), Column::Map(column)) => {
                let first = column.entries().0.len();
                while let Some(key) = object.next_key::<std::borrow::Cow<'_, str>>()? {
                    let (keys, values) = column.entries();
                    planned(sink::text(keys, &key))?;
                    object.next_value_seed(OneOfMany { item, column: values, state: self.state })?;
                }
                let repeated = sink::distinct(column.entries().0, first);
                repeated.map_err(|fault| {
                    let DecodeError { reason, message, .. } = fault.into();
                    self.state.fail(reason, message)
                })?;
                column.end();
                Ok(())
            }
            _ => planned(Err(sink::misfit())),
        }
    }
}
