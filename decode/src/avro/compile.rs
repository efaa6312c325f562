//! A schema and a table's columns to a plan. A value may go to a column that is wider than its own type where
//! nothing is lost.

use arrow_schema::{DataType, Field as ArrowField, Fields, TimeUnit};

use super::node::{self, Field, Node, NodeId};
use super::parse::Parsed;
use super::plan::{Branch, Choice, Items, Members, Read, Root, Slot, Step, To};
use super::shape::{WHOLE, top};
use crate::names::{Names, Place, PlanError, key_and_value};
use crate::sink::cells;

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
        let own = known.next_if(|own| own.name() == name);
        let column = own.and_then(|own| Some((own, place(&[name], own.data_type())?)));
        let to = match column {
            None => To::Nowhere(node),
            Some((own, column)) => {
                let path = name.to_owned();
                match (target.get(column), placed.get_mut(column)) {
                    (Some(field), Some(placed)) => {
                        if std::mem::replace(placed, true) {
                            return Err(PlanError::Taken { path, column });
                        }
                        To::Column(column, compiler.named(name, node, (own, field))?)
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
    if members.steps.iter().any(|step| &*step.name == WHOLE) && !is_record_union(parsed) {
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
    fn named(
        &mut self,
        name: &str,
        node: NodeId,
        (own, field): (&ArrowField, &ArrowField),
    ) -> Result<Slot, PlanError> {
        self.path.push(name.to_owned());
        let slot = self.slot(node, own.data_type(), field.data_type())?;
        self.path.pop();
        Ok(slot)
    }

    fn slot(&mut self, id: NodeId, own: &DataType, into: &DataType) -> Result<Slot, PlanError> {
        if let Node::Union { branches } = self.parsed.node(id)
            && let [first, second] = &**branches
        {
            let null = |id: NodeId| matches!(self.parsed.node(id), Node::Null);
            let (first, second) = (first.node, second.node);
            match (null(first), null(second)) {
                (true, false) => return Ok(Slot { null: Some(false), read: self.read(second, own, into)? }),
                (false, true) => return Ok(Slot { null: Some(true), read: self.read(first, own, into)? }),
                _ => {}
            }
        }
        Ok(Slot { null: None, read: self.read(id, own, into)? })
    }

    /// How a value goes into a column. `own` is the column that the shape has for it: where that lacks a part, so
    /// does the plan, whatever the table has.
    fn read(&mut self, id: NodeId, own: &DataType, into: &DataType) -> Result<Read, PlanError> {
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
            (Node::Union { .. }, _) => self.union(id, own, into)?,
            (Node::Record { .. }, DataType::Boolean) => Read::Present(id),
            _ => return self.nested(id, own, into),
        })
    }

    fn nested(&mut self, id: NodeId, own: &DataType, into: &DataType) -> Result<Read, PlanError> {
        Ok(match (self.parsed.node(id), own, into) {
            (Node::Array { items }, DataType::List(own), DataType::List(element)) => {
                Read::List(Box::new(self.items("element", *items, (own, element))?))
            }
            (Node::Map { values }, own, into) => match (key_and_value(own), key_and_value(into)) {
                (Some((_, own)), Some((key, value))) if *key.data_type() == DataType::Utf8 => {
                    Read::Map(Box::new(self.items("value", *values, (own, value))?))
                }
                _ => return Err(self.mismatch(id, into)),
            },
            (Node::Record { fields }, DataType::Struct(own), DataType::Struct(columns)) => {
                Read::Record(Box::new(self.record(fields, own, columns)?))
            }
            _ => return Err(self.mismatch(id, into)),
        })
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

    fn items(
        &mut self,
        name: &str,
        id: NodeId,
        fields: (&ArrowField, &ArrowField),
    ) -> Result<Items, PlanError> {
        let slot = self.named(name, id, fields)?;
        Ok(Items { slot, cells: cells(fields.1.data_type()), sized: self.parsed.sized.get(id) })
    }

    /// A record inside: its fields go to the columns of the same name but for case.
    fn record(&mut self, fields: &[Field], own: &Fields, columns: &Fields) -> Result<Members, PlanError> {
        let mut names = Names::of(columns);
        let mut known = own.iter().peekable();
        let mut free: Vec<bool> = vec![true; columns.len()];
        let mut steps = Vec::with_capacity(fields.len());
        for Field { name, node } in fields {
            let own = known.next_if(|own| own.name() == &**name);
            let to = match own.and_then(|own| Some((own, names.claim(name)?))) {
                Some((own, (index, field))) => {
                    if let Some(free) = free.get_mut(index) {
                        *free = false;
                    }
                    To::Column(index, self.named(name, *node, (own, field))?)
                }
                None => To::Nowhere(*node),
            };
            steps.push(Step { name: name.clone(), to });
        }
        let absent = free.iter().enumerate().filter(|(_, free)| **free).map(|(index, _)| index).collect();
        Ok(Members { steps: steps.into(), absent })
    }

    fn union(&mut self, id: NodeId, own: &DataType, into: &DataType) -> Result<Read, PlanError> {
        let Node::Union { branches } = self.parsed.node(id) else { return Err(self.mismatch(id, into)) };
        let alternatives = self.parsed.alternatives(id).len();
        let mut read = Vec::with_capacity(branches.len());
        if alternatives == 1 {
            for branch in branches {
                read.push(match self.parsed.node(branch.node) {
                    Node::Null => Branch::Null,
                    _ => Branch::Whole(self.read(branch.node, own, into)?),
                });
            }
            return Ok(Read::Union(read.into()));
        }
        let (DataType::Struct(own), DataType::Struct(columns)) = (own, into) else {
            return Err(self.mismatch(id, into));
        };
        let mut names = Names::of(columns);
        let mut known = own.iter().peekable();
        for node::Branch { name, node } in branches {
            let own = known.next_if(|own| own.name() == &**name);
            read.push(match (self.parsed.node(*node), own.and_then(|own| Some((own, names.claim(name)?)))) {
                (Node::Null, _) => Branch::Null,
                (_, Some((own, (index, field)))) => {
                    Branch::Member(index, self.named(name, *node, (own, field))?)
                }
                (_, None) => Branch::Nowhere(*node),
            });
        }
        Ok(Read::Union(read.into()))
    }
}

fn same(size: usize, width: i32) -> bool {
    usize::try_from(width) == Ok(size)
}

/// One more than the largest number of so many digits.
fn power_of_ten(digits: u8) -> i128 {
    10_i128.checked_pow(digits.into()).unwrap_or(i128::MAX)
}
