//! The columns that a schema's data becomes: nullable Arrow fields with names as written.
//!
//! | Avro | column |
//! |---|---|
//! | union of null and one type | that type |
//! | union of several types | struct with one field per type, named by it |
//! | enum | text |
//! | decimal up to 38 digits | decimal; a larger one stays bytes |
//! | timestamps | microseconds, with UTC or without a zone |
//! | record without fields | boolean, true where it is present (it tells which branch of a union was taken) |
//! | null, fixed of no bytes, a type that contains itself | no column; see [`Omitted`] |
//!
//! A schema that is no record has one column, `value`; a union of records at the top has one column per record.

use std::collections::HashSet;

use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};

use super::node::{Node, NodeId, Stored};
use super::parse::Parsed;
use crate::omitted::{Omitted, Why};

/// Columns of one schema, nested ones counted: more is no table but a mistake (or types that double at each level).
const MAX_COLUMNS: usize = 10_000;
/// Types inside types that columns follow.
const MAX_DEPTH: usize = 64;

/// Bytes of a fixed that is a column of its size: there a null takes as many, so that a wider one is any bytes.
const MAX_FIXED: i32 = 65_536;

/// The name of the only column of a schema that is not a record.
pub(super) const WHOLE: &str = "value";

/// A schema's columns and what has none.
pub(super) struct Shape {
    pub(super) fields: Fields,
    pub(super) omitted: Vec<Omitted>,
}

/// The schema has more columns than a table can have.
#[derive(Debug, thiserror::Error)]
#[error(
    "the schema has more than {MAX_COLUMNS} columns; types that contain each other many times over multiply"
)]
pub(super) struct TooManyColumns;

/// The columns of a parsed schema.
pub(super) fn shape(parsed: &Parsed) -> Result<Shape, TooManyColumns> {
    let mut shaper = Shaper { parsed, path: Vec::new(), open: Vec::new(), columns: 0, omitted: Vec::new() };
    let members = top(parsed);
    if let Some(record) = members.record {
        shaper.open.push(record);
    }
    let fields = shaper.fields(members.members.iter().map(|(name, node)| (*name, *node)))?;
    Ok(Shape { fields: fields.into(), omitted: shaper.omitted })
}

/// What the columns at the top are: a record's fields, a union's branches, or the whole value.
pub(super) struct Top<'p> {
    pub(super) members: Vec<(&'p str, NodeId)>,
    record: Option<NodeId>,
}

/// The columns at the top of a parsed schema, before any is left out.
pub(super) fn top(parsed: &Parsed) -> Top<'_> {
    let record = |id: NodeId| match parsed.node(id) {
        Node::Record { fields } if !fields.is_empty() => {
            let members = fields.iter().map(|field| (&*field.name, field.node)).collect();
            Some(Top { members, record: Some(id) })
        }
        _ => None,
    };
    let whole = Top { members: vec![(WHOLE, parsed.root)], record: None };
    match parsed.node(parsed.root) {
        Node::Union { .. } => match parsed.alternatives(parsed.root).as_slice() {
            [(_, only)] => record(*only).unwrap_or(whole),
            several if several.iter().all(|(_, id)| matches!(parsed.node(*id), Node::Record { .. })) => {
                Top { members: several.to_vec(), record: None }
            }
            _ => whole,
        },
        _ => record(parsed.root).unwrap_or(whole),
    }
}

struct Shaper<'p> {
    parsed: &'p Parsed,
    path: Vec<&'p str>,
    /// Records that the walk is inside of.
    open: Vec<NodeId>,
    columns: usize,
    omitted: Vec<Omitted>,
}

/// A column's type; uuids are told from other 16 bytes by a word beside the type.
struct Typed {
    data_type: DataType,
    uuid: bool,
}

impl From<DataType> for Typed {
    fn from(data_type: DataType) -> Self {
        Self { data_type, uuid: false }
    }
}

impl Typed {
    fn field(self, name: &str) -> FieldRef {
        let field = Field::new(name, self.data_type, true);
        if !self.uuid {
            return field.into();
        }
        let word = ("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned());
        field.with_metadata([word]).into()
    }
}

impl<'p> Shaper<'p> {
    /// The columns of some members; those without one are noted.
    fn fields(
        &mut self,
        members: impl Iterator<Item = (&'p str, NodeId)>,
    ) -> Result<Vec<FieldRef>, TooManyColumns> {
        let mut fields = Vec::new();
        let mut taken = HashSet::new();
        for (name, node) in members {
            self.path.push(name);
            match self.typed(node)? {
                Ok(_) if !taken.insert(name.to_lowercase()) => self.omit(Why::NameClash),
                Ok(typed) => fields.push(typed.field(name)),
                Err(why) => self.omit(why),
            }
            self.path.pop();
        }
        Ok(fields)
    }

    fn omit(&mut self, why: Why) {
        self.omitted.push(Omitted { path: self.path.join("."), why });
    }

    /// The type of one node, or why it has none.
    fn typed(&mut self, id: NodeId) -> Result<Result<Typed, Why>, TooManyColumns> {
        self.columns += 1;
        if self.columns > MAX_COLUMNS {
            return Err(TooManyColumns);
        }
        if self.path.len() > MAX_DEPTH {
            return Ok(Err(Why::TooDeep));
        }
        let plain = |data_type: DataType| Ok(Ok(data_type.into()));
        match self.parsed.node(id) {
            Node::Null | Node::Fixed { size: 0 } => Ok(Err(Why::Nothing)),
            Node::Boolean => plain(DataType::Boolean),
            Node::Int => plain(DataType::Int32),
            Node::Long => plain(DataType::Int64),
            Node::Float => plain(DataType::Float32),
            Node::Double => plain(DataType::Float64),
            Node::Bytes => plain(DataType::Binary),
            Node::String | Node::Enum { .. } => plain(DataType::Utf8),
            Node::Fixed { size } => match i32::try_from(*size) {
                Ok(size @ ..=MAX_FIXED) => plain(DataType::FixedSizeBinary(size)),
                _ => plain(DataType::Binary),
            },
            Node::Decimal { stored: Stored::Fixed(0), .. } => Ok(Err(Why::Nothing)),
            Node::Decimal { precision, scale, .. } => plain(DataType::Decimal128(*precision, *scale)),
            Node::UuidText | Node::UuidBytes { .. } => {
                Ok(Ok(Typed { data_type: DataType::FixedSizeBinary(16), uuid: true }))
            }
            Node::Date => plain(DataType::Date32),
            Node::TimeMillis | Node::TimeMicros => plain(DataType::Time64(TimeUnit::Microsecond)),
            Node::Timestamp { utc, .. } => {
                plain(DataType::Timestamp(TimeUnit::Microsecond, utc.then(|| "UTC".into())))
            }
            Node::Duration => plain(DataType::FixedSizeBinary(12)),
            Node::Array { items } => {
                Ok(self.nested("element", *items)?.map(|element| DataType::List(element).into()))
            }
            Node::Map { values } => Ok(self.nested("value", *values)?.map(map_of)),
            Node::Union { .. } => self.union(id),
            Node::Record { fields } => {
                let members = fields.iter().map(|field| (&*field.name, field.node)).collect();
                self.record(id, members)
            }
        }
    }

    fn nested(&mut self, name: &'static str, id: NodeId) -> Result<Result<FieldRef, Why>, TooManyColumns> {
        self.path.push(name);
        let typed = self.typed(id)?;
        self.path.pop();
        Ok(typed.map(|typed| typed.field(name)))
    }

    fn record(
        &mut self,
        id: NodeId,
        members: Vec<(&'p str, NodeId)>,
    ) -> Result<Result<Typed, Why>, TooManyColumns> {
        if self.open.contains(&id) {
            return Ok(Err(Why::Recursive));
        }
        self.open.push(id);
        let fields = self.fields(members.into_iter());
        self.open.pop();
        Ok(Ok(structure(fields?)))
    }

    fn union(&mut self, id: NodeId) -> Result<Result<Typed, Why>, TooManyColumns> {
        match self.parsed.alternatives(id).as_slice() {
            [] => Ok(Err(Why::Nothing)),
            [(_, only)] => self.typed(*only),
            several => {
                let fields = self.fields(several.iter().copied())?;
                Ok(Ok(structure(fields)))
            }
        }
    }
}

/// A struct, or where nothing is left of it, whether it is there at all.
fn structure(fields: Vec<FieldRef>) -> Typed {
    if fields.is_empty() { DataType::Boolean.into() } else { DataType::Struct(fields.into()).into() }
}

fn map_of(value: FieldRef) -> Typed {
    let key = Field::new("key", DataType::Utf8, false);
    let entries = Field::new("entries", DataType::Struct(vec![key.into(), value].into()), false);
    DataType::Map(entries.into(), false).into()
}

impl Parsed {
    /// A node by its number; numbers come from the parser alone.
    #[inline]
    pub(super) fn node(&self, id: NodeId) -> &Node {
        usize::try_from(id.0).ok().and_then(|index| self.nodes.get(index)).unwrap_or(&Node::Null)
    }

    /// The branches of a union but null, by name.
    pub(super) fn alternatives(&self, id: NodeId) -> Vec<(&str, NodeId)> {
        let Node::Union { branches } = self.node(id) else { return Vec::new() };
        branches
            .iter()
            .filter(|branch| !matches!(self.node(branch.node), Node::Null))
            .map(|branch| (&*branch.name, branch.node))
            .collect()
    }
}
