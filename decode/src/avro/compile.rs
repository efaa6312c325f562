//! A schema and a table's columns to what a datum's reader does, worked out once: which column each value goes to,
//! and which values are stepped over. A value may go to a column that is wider than its own type where nothing is
//! lost.

use arrow_schema::{DataType, Field as ArrowField, Fields, TimeUnit};

use super::node::{Node, NodeId, Stored, Unit};
use super::parse::Parsed;
use super::shape::top;
use crate::sink::cells;

/// Why a schema does not go into a table.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanError {
    #[error("field {path} is {from} in the schema, which a column of type {into} cannot hold")]
    Mismatch { path: String, from: String, into: DataType },
    #[error("field {path} was given column {column} of {columns}")]
    NoSuchColumn { path: String, column: usize, columns: usize },
    #[error("field {path} was given column {column}, which another field has")]
    Taken { path: String, column: usize },
}

/// What to do with a datum.
pub(super) enum Root {
    /// The fields of a record.
    Record(Members),
    /// A union at the top, whose branches are records or null.
    Choice { branches: Box<[Choice]> },
}

/// One branch of a union at the top.
pub(super) enum Choice {
    /// No value: every column is null.
    Null,
    /// The only record of the union: its fields are the columns.
    Record(Members),
    /// One record of several: a column of its own.
    Member(Step),
}

/// The fields of a record, in the order of the bytes.
pub(super) struct Members {
    pub(super) steps: Box<[Step]>,
    /// Columns that no field fills.
    pub(super) absent: Box<[usize]>,
}

/// What to do with one field.
pub(super) struct Step {
    pub(super) name: Box<str>,
    pub(super) to: To,
}

/// Where a value goes.
pub(super) enum To {
    Column(usize, Slot),
    Nowhere(NodeId),
}

/// A value that may be absent.
pub(super) struct Slot {
    /// The branch that is null, where the value is a union of null and one type.
    pub(super) null: Option<bool>,
    pub(super) read: Read,
}

/// How one value is read.
pub(super) enum Read {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Symbol(Box<[Box<str>]>),
    Decimal {
        stored: Stored,
        limit: i128,
    },
    UuidText,
    UuidBytes(Stored),
    TimeMillis,
    TimeMicros,
    Timestamp(Unit),
    List(Box<Items>),
    Map(Box<Items>),
    Record(Box<Members>),
    /// A record that has no columns of its own.
    Present(NodeId),
    /// A union of several types.
    Union(Box<[Branch]>),
}

/// The items of a list or the values of a map.
pub(super) struct Items {
    pub(super) slot: Slot,
    /// Values in columns that one item may become.
    pub(super) cells: u64,
    /// Whether an item takes bytes.
    pub(super) sized: bool,
}

/// One branch of a union.
pub(super) enum Branch {
    Null,
    /// The only type of the union: its column is the union's.
    Whole(Read),
    /// One of the struct's columns.
    Member(usize, Slot),
    /// A type without a column; the struct is there, with nothing in it.
    Nowhere(NodeId),
}

/// Asked for the column of each field at the top.
pub(super) type Place<'p> = &'p dyn Fn(&[&str], &DataType) -> Option<usize>;

/// Compiles a schema for a table's columns. `shape` are the schema's own columns, for `place`.
pub(super) fn compile(
    parsed: &Parsed,
    shape: &Fields,
    target: &Fields,
    place: Place<'_>,
) -> Result<Root, PlanError> {
    let mut compiler = Compiler { parsed, path: Vec::new() };
    let mut placed = vec![false; target.len()];
    let members = top(parsed).members;
    let mut steps = Vec::with_capacity(members.len());
    // A name that occurs twice (but for its case) has its column at its first place in the shape.
    let mut known = shape.iter().peekable();
    for (name, node) in members {
        let field = known.next_if(|field| field.name() == name);
        let column = field.and_then(|field| place(&[name], field.data_type()));
        let to = match column {
            None => To::Nowhere(node),
            Some(column) => {
                let path = name.to_owned();
                match (target.get(column), placed.get_mut(column)) {
                    (Some(field), Some(placed)) => {
                        if std::mem::replace(placed, true) {
                            return Err(PlanError::Taken { path, column });
                        }
                        To::Column(column, compiler.named(name, node, field)?)
                    }
                    _ => return Err(PlanError::NoSuchColumn { path, column, columns: target.len() }),
                }
            }
        };
        steps.push(Step { name: name.into(), to });
    }
    let absent = placed.iter().enumerate().filter(|(_, placed)| !**placed).map(|(index, _)| index).collect();
    Ok(root(parsed, Members { steps: steps.into(), absent }))
}

/// The top of a schema, by what it is.
fn root(parsed: &Parsed, members: Members) -> Root {
    let Node::Union { branches } = parsed.node(parsed.root) else { return Root::Record(members) };
    if members.steps.iter().any(|step| &*step.name == super::shape::WHOLE) && !is_record_union(parsed) {
        return Root::Record(members);
    }
    let null = |id: NodeId| matches!(parsed.node(id), Node::Null);
    if parsed.alternatives(parsed.root).len() == 1 {
        let mut members = Some(members);
        let one =
            |id| if null(id) { Choice::Null } else { members.take().map_or(Choice::Null, Choice::Record) };
        return Root::Choice { branches: branches.iter().map(|branch| branch.node).map(one).collect() };
    }
    let mut steps = members.steps.into_iter();
    let branches = branches.iter().map(|branch| match null(branch.node) {
        true => Choice::Null,
        false => steps.next().map_or(Choice::Null, Choice::Member),
    });
    Root::Choice { branches: branches.collect() }
}

/// Whether the top is a union whose records are the columns, or have them.
fn is_record_union(parsed: &Parsed) -> bool {
    let alternatives = parsed.alternatives(parsed.root);
    let record = |id: NodeId| match parsed.node(id) {
        Node::Record { fields } => alternatives.len() > 1 || !fields.is_empty(),
        _ => false,
    };
    !alternatives.is_empty() && alternatives.iter().all(|(_, id)| record(*id))
}

struct Compiler<'p> {
    parsed: &'p Parsed,
    path: Vec<String>,
}

impl Compiler<'_> {
    fn named(&mut self, name: &str, node: NodeId, field: &ArrowField) -> Result<Slot, PlanError> {
        self.path.push(name.to_owned());
        let slot = self.slot(node, field.data_type())?;
        self.path.pop();
        Ok(slot)
    }

    fn slot(&mut self, id: NodeId, into: &DataType) -> Result<Slot, PlanError> {
        if let Node::Union { branches } = self.parsed.node(id)
            && let [first, second] = &**branches
        {
            let null = |id: NodeId| matches!(self.parsed.node(id), Node::Null);
            let (first, second) = (first.node, second.node);
            match (null(first), null(second)) {
                (true, false) => return Ok(Slot { null: Some(false), read: self.read(second, into)? }),
                (false, true) => return Ok(Slot { null: Some(true), read: self.read(first, into)? }),
                _ => {}
            }
        }
        Ok(Slot { null: None, read: self.read(id, into)? })
    }

    fn read(&mut self, id: NodeId, into: &DataType) -> Result<Read, PlanError> {
        let micros = TimeUnit::Microsecond;
        Ok(match (self.parsed.node(id), into) {
            (Node::Boolean, DataType::Boolean) => Read::Boolean,
            (Node::Int, DataType::Int32 | DataType::Int64 | DataType::Float64) => Read::Int,
            (Node::Long, DataType::Int64) => Read::Long,
            (Node::Float, DataType::Float32 | DataType::Float64) => Read::Float,
            (Node::Double, DataType::Float64) => Read::Double,
            (Node::Bytes, DataType::Binary) => Read::Bytes,
            (Node::String, DataType::Utf8) => Read::Text,
            (Node::Enum { symbols }, DataType::Utf8) => Read::Symbol(symbols.clone()),
            (Node::Fixed { size }, DataType::FixedSizeBinary(width)) if same(*size, *width) => {
                Read::Fixed(*size)
            }
            (Node::Fixed { size }, DataType::Binary) => Read::Fixed(*size),
            (Node::Duration, DataType::FixedSizeBinary(12)) => Read::Fixed(12),
            (Node::Decimal { precision, scale, stored }, DataType::Decimal128(wider, same))
                if wider >= precision && scale == same =>
            {
                Read::Decimal { stored: *stored, limit: power_of_ten(*wider) }
            }
            (Node::UuidText, DataType::FixedSizeBinary(16)) => Read::UuidText,
            (Node::UuidBytes { stored }, DataType::FixedSizeBinary(16)) => Read::UuidBytes(*stored),
            (Node::Date, DataType::Date32) => Read::Int,
            (Node::TimeMillis, DataType::Time64(unit)) if *unit == micros => Read::TimeMillis,
            (Node::TimeMicros, DataType::Time64(unit)) if *unit == micros => Read::TimeMicros,
            (Node::Timestamp { unit, utc }, DataType::Timestamp(micro, zone))
                if *micro == micros && zone.is_some() == *utc =>
            {
                Read::Timestamp(*unit)
            }
            (Node::Array { items }, DataType::List(element)) => {
                Read::List(Box::new(self.items("element", *items, element)?))
            }
            (Node::Map { values }, DataType::Map(entries, _)) => {
                let DataType::Struct(pair) = entries.data_type() else { return Err(self.mismatch(id, into)) };
                let [key, value] = &**pair else { return Err(self.mismatch(id, into)) };
                if *key.data_type() != DataType::Utf8 {
                    return Err(self.mismatch(id, into));
                }
                Read::Map(Box::new(self.items("value", *values, value)?))
            }
            (Node::Record { .. }, DataType::Struct(columns)) => {
                Read::Record(Box::new(self.record(id, columns)?))
            }
            (Node::Record { .. }, DataType::Boolean) => Read::Present(id),
            (Node::Union { .. }, _) => self.union(id, into)?,
            _ => return Err(self.mismatch(id, into)),
        })
    }

    /// Whether a type has anything to store.
    fn holds(&self, id: NodeId) -> bool {
        match self.parsed.node(id) {
            Node::Null | Node::Fixed { size: 0 } | Node::Decimal { stored: Stored::Fixed(0), .. } => false,
            Node::Union { .. } => !self.parsed.alternatives(id).is_empty(),
            _ => true,
        }
    }

    fn mismatch(&self, id: NodeId, into: &DataType) -> PlanError {
        let from = match self.parsed.node(id) {
            Node::Record { .. } => {
                format!("record {}", self.parsed.names.get(&id).map_or("without a name", String::as_str))
            }
            Node::Union { .. } => "a union".to_owned(),
            Node::Enum { .. } => "an enum".to_owned(),
            Node::Array { .. } => "an array".to_owned(),
            Node::Map { .. } => "a map".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        PlanError::Mismatch { path: self.path.join("."), from, into: into.clone() }
    }

    fn items(&mut self, name: &str, id: NodeId, field: &ArrowField) -> Result<Items, PlanError> {
        let slot = self.named(name, id, field)?;
        Ok(Items { slot, cells: cells(field.data_type()), sized: self.parsed.sized.get(id) })
    }

    /// A record inside: its fields go to the columns of the same name but for case.
    fn record(&mut self, id: NodeId, columns: &Fields) -> Result<Members, PlanError> {
        let Node::Record { fields } = self.parsed.node(id) else {
            return Ok(Members { steps: [].into(), absent: (0..columns.len()).collect() });
        };
        let members: Vec<_> = fields.iter().map(|field| (&*field.name, field.node)).collect();
        let mut free: Vec<bool> = vec![true; columns.len()];
        let mut steps = Vec::with_capacity(members.len());
        for (name, node) in members {
            let to = match self.holds(node).then(|| claim(columns, &mut free, name)).flatten() {
                Some((index, field)) => To::Column(index, self.named(name, node, field)?),
                None => To::Nowhere(node),
            };
            steps.push(Step { name: name.into(), to });
        }
        let absent = free.iter().enumerate().filter(|(_, free)| **free).map(|(index, _)| index).collect();
        Ok(Members { steps: steps.into(), absent })
    }

    fn union(&mut self, id: NodeId, into: &DataType) -> Result<Read, PlanError> {
        let Node::Union { branches } = self.parsed.node(id) else { return Err(self.mismatch(id, into)) };
        let alternatives = self.parsed.alternatives(id).len();
        let mut free = match into {
            DataType::Struct(columns) => vec![true; columns.len()],
            _ => Vec::new(),
        };
        let mut read = Vec::with_capacity(branches.len());
        for branch in branches {
            read.push(match (self.parsed.node(branch.node), into) {
                (Node::Null, _) => Branch::Null,
                _ if alternatives == 1 => Branch::Whole(self.read(branch.node, into)?),
                (_, DataType::Struct(columns)) => match claim(columns, &mut free, &branch.name) {
                    Some((index, field)) => {
                        Branch::Member(index, self.named(&branch.name, branch.node, field)?)
                    }
                    None => Branch::Nowhere(branch.node),
                },
                _ => return Err(self.mismatch(id, into)),
            });
        }
        Ok(Read::Union(read.into()))
    }
}

/// The free column of a name, taken.
fn claim<'f>(columns: &'f Fields, free: &mut [bool], name: &str) -> Option<(usize, &'f ArrowField)> {
    let lower = name.to_lowercase();
    let (index, field) =
        columns.iter().enumerate().find(|(_, field)| field.name().to_lowercase() == lower)?;
    let free = free.get_mut(index)?;
    std::mem::replace(free, false).then_some((index, &**field))
}

fn same(size: usize, width: i32) -> bool {
    usize::try_from(width) == Ok(size)
}

/// One more than the largest number of so many digits.
pub(crate) fn power_of_ten(digits: u8) -> i128 {
    10_i128.checked_pow(digits.into()).unwrap_or(i128::MAX)
}
