//! Fields of a schema to the columns of a table, worked out once.

use std::collections::HashMap;

use arrow_schema::{DataType, Field, Fields};

use super::schema::is_json;
use crate::shape::fits;
use crate::sink::cells;

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompileError {
    /// A field does not fit where it is to go.
    #[error("field {name} is {found}, its column {wanted}")]
    Misfit { name: String, found: String, wanted: String },
    /// Two fields go to one place.
    #[error("two fields, one of them {name}, are given one column")]
    Twice { name: String },
}

/// What a value is read as.
#[derive(Debug)]
pub(super) enum Node {
    Boolean,
    /// A whole number, in whatever column takes it.
    Integer,
    Float,
    Decimal {
        precision: u8,
        scale: i8,
    },
    Date,
    Time,
    Timestamp {
        with_zone: bool,
    },
    Text,
    /// Any value, as its text.
    Json,
    Bytes {
        size: Option<usize>,
    },
    List(Box<Item>),
    Map(Box<Item>),
    Struct(Members),
}

/// An item of a list, or a value of a map.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) node: Node,
    /// How many values it makes, null or not.
    pub(super) cells: u64,
}

/// The fields of an object, in the order in which they mostly come.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) members: Vec<Member>,
    by_name: HashMap<String, usize>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// Its column among those of the object.
    pub(super) column: usize,
    pub(super) node: Node,
}

impl Members {
    /// The member of this name; `guess` is the one that mostly comes here.
    #[inline]
    pub(super) fn find(&self, name: &str, guess: usize) -> Option<usize> {
        if self.members.get(guess).is_some_and(|member| member.name == name) {
            return Some(guess);
        }
        self.by_name.get(name).copied()
    }

    fn add(&mut self, name: &str, column: usize, node: Node) -> Result<(), CompileError> {
        if self.members.iter().any(|member| member.column == column) {
            return Err(CompileError::Twice { name: name.to_owned() });
        }
        self.by_name.insert(name.to_owned(), self.members.len());
        self.members.push(Member { name: name.to_owned(), column, node });
        Ok(())
    }
}

/// What a payload is read as.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) members: Members,
}

pub(super) fn compile(
    fields: &Fields,
    target: &Fields,
    place: &dyn Fn(&[&str], &DataType) -> Option<usize>,
) -> Result<Root, CompileError> {
    let mut members = Members::default();
    for field in fields {
        let Some(column) = place(&[field.name()], field.data_type()) else { continue };
        let Some(into) = target.get(column) else { continue };
        members.add(field.name(), column, node(field, into)?)?;
    }
    Ok(Root { members })
}

fn item(field: &Field, into: &Field) -> Result<Box<Item>, CompileError> {
    Ok(Box::new(Item { node: node(field, into)?, cells: cells(into.data_type()) }))
}

/// How values of `field` get into a column of `into`.
fn node(field: &Field, into: &Field) -> Result<Node, CompileError> {
    let misfit = || CompileError::Misfit {
        name: field.name().clone(),
        found: field.data_type().to_string(),
        wanted: into.data_type().to_string(),
    };
    if !fits(field.data_type(), into.data_type()) {
        return Err(misfit());
    }
    Ok(match (field.data_type(), into.data_type()) {
        (DataType::Boolean, _) => Node::Boolean,
        (DataType::Int32 | DataType::Int64, _) => Node::Integer,
        (DataType::Float32 | DataType::Float64, _) => Node::Float,
        (_, DataType::Decimal128(precision, scale)) => Node::Decimal { precision: *precision, scale: *scale },
        (DataType::Date32, _) => Node::Date,
        (DataType::Time64(_), _) => Node::Time,
        (DataType::Timestamp(_, zone), _) => Node::Timestamp { with_zone: zone.is_some() },
        (DataType::Utf8, _) if is_json(field) => Node::Json,
        (DataType::Utf8, _) => Node::Text,
        (DataType::Binary, _) => Node::Bytes { size: None },
        (DataType::FixedSizeBinary(size), _) => Node::Bytes { size: usize::try_from(*size).ok() },
        (DataType::List(from), DataType::List(into)) => Node::List(item(from, into)?),
        (DataType::Map(from, _), DataType::Map(into, _)) => {
            let value = |entries: &Field| match entries.data_type() {
                DataType::Struct(fields) => fields.get(1).cloned(),
                _ => None,
            };
            let (Some(from), Some(into)) = (value(from), value(into)) else { return Err(misfit()) };
            Node::Map(item(&from, &into)?)
        }
        (DataType::Struct(from), DataType::Struct(into)) => {
            let mut members = Members::default();
            for field in from {
                let same = |(_, other): &(usize, &std::sync::Arc<Field>)| {
                    other.name().eq_ignore_ascii_case(field.name())
                };
                if let Some((column, other)) = into.iter().enumerate().find(same) {
                    members.add(field.name(), column, node(field, other)?)?;
                }
            }
            Node::Struct(members)
        }
        _ => return Err(misfit()),
    })
}
