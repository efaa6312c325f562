//! Fields of a schema to the columns of a table, worked out once.

use std::collections::{HashMap, HashSet};

use arrow_schema::{DataType, Field, Fields};

use super::schema::is_json;
use crate::names::{Names, Place, PlanError, key_and_value};
use crate::shape::fits;
use crate::sink::cells;

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

    fn add(&mut self, name: &str, column: usize, node: Node) {
        self.by_name.insert(name.to_owned(), self.members.len());
        self.members.push(Member { name: name.to_owned(), column, node });
    }
}

/// What a payload is read as.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) members: Members,
}

pub(super) fn compile(fields: &Fields, target: &Fields, place: Place<'_>) -> Result<Root, PlanError> {
    let (mut members, mut taken) = (Members::default(), HashSet::new());
    for field in fields {
        let Some(column) = place(&[field.name()], field.data_type()) else { continue };
        let path = || field.name().clone();
        let Some(into) = target.get(column) else {
            return Err(PlanError::NoSuchColumn { path: path(), column, columns: target.len() });
        };
        if !taken.insert(column) {
            return Err(PlanError::Taken { path: path(), column });
        }
        members.add(field.name(), column, node(field, into, &path())?);
    }
    Ok(Root { members })
}

fn item(field: &Field, into: &Field, path: &str) -> Result<Box<Item>, PlanError> {
    Ok(Box::new(Item { node: node(field, into, path)?, cells: cells(into.data_type()) }))
}

/// How values of `field` get into a column of `into`.
fn node(field: &Field, into: &Field, path: &str) -> Result<Node, PlanError> {
    let mismatch = || PlanError::Mismatch {
        path: path.to_owned(),
        from: field.data_type().to_string(),
        into: into.data_type().clone(),
    };
    if !fits(field.data_type(), into.data_type()) {
        return Err(mismatch());
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
        (DataType::List(from), DataType::List(into)) => Node::List(item(from, into, path)?),
        (from @ DataType::Map(..), into @ DataType::Map(..)) => {
            match (key_and_value(from), key_and_value(into)) {
                (Some((_, from)), Some((_, into))) => Node::Map(item(from, into, path)?),
                _ => return Err(mismatch()),
            }
        }
        (DataType::Struct(from), DataType::Struct(into)) => {
            let (mut members, mut names) = (Members::default(), Names::of(into));
            for field in from {
                if let Some((column, into)) = names.claim(field.name()) {
                    let path = format!("{path}.{}", field.name());
                    members.add(field.name(), column, node(field, into, &path)?);
                }
            }
            Node::Struct(members)
        }
        _ => return Err(mismatch()),
    })
}
