//! A message type and a table's columns to a plan.

use std::collections::{HashMap, HashSet};

use arrow_schema::{DataType, Field as ArrowField, FieldRef, Fields, TimeUnit};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::plan::{Action, End, Field, Group, Member, Message, Value};
use super::scalar::Scalar;
use super::shape::{Known, in_order, known};
use super::wire::Layout;
use crate::names::{Names, Place, PlanError, key_and_value};
use crate::sink::cells;

/// Compiles a message for a table's columns. `shape` are the message's own columns, for `place`.
pub(super) fn compile(
    message: &MessageDescriptor,
    shape: &Fields,
    target: &Fields,
    place: Place<'_>,
) -> Result<Message, PlanError> {
    let mut compiler = Compiler { path: Vec::new(), enums: HashMap::new() };
    let mut placed = vec![false; target.len()];
    let mut columns = Vec::new();
    // The shape has the same order; what it leaves out it lacks.
    let mut known = shape.iter().peekable();
    for field in in_order(message) {
        let own = known.next_if(|own| own.name() == field.name());
        let column = own.and_then(|own| place(&[field.name()], own.data_type()));
        if let Some(column) = column {
            let path = field.name().to_owned();
            match placed.get_mut(column) {
                None => return Err(PlanError::NoSuchColumn { path, column, columns: target.len() }),
                Some(true) => return Err(PlanError::Taken { path, column }),
                Some(placed) => *placed = true,
            }
        }
        columns.push(Placed { field, to: own.zip(column) });
    }
    compiler.message(columns, target)
}

/// A field, and where it goes: the column that the shape has for it, and which column of the table it is.
struct Placed<'s> {
    field: FieldDescriptor,
    to: Option<(&'s FieldRef, usize)>,
}

struct Compiler {
    path: Vec<String>,
    /// Enums by full name, each made once.
    enums: HashMap<String, Scalar>,
}

impl Compiler {
    /// A message inside: its fields go to the columns of the same name but for case.
    fn inside(
        &mut self,
        message: &MessageDescriptor,
        own: &Fields,
        target: &Fields,
    ) -> Result<Message, PlanError> {
        let mut names = Names::of(target);
        let mut known = own.iter().peekable();
        let columns = in_order(message).into_iter().map(|field| {
            let own = known.next_if(|own| own.name() == field.name());
            let to = own.and_then(|own| Some((own, names.claim(own.name())?.0)));
            Placed { field, to }
        });
        let columns = columns.collect();
        self.message(columns, target)
    }

    fn message(&mut self, mut columns: Vec<Placed<'_>>, target: &Fields) -> Result<Message, PlanError> {
        let mut parts = Parts::new(target.len());
        columns.sort_by_key(|placed| placed.field.number());
        // A oneof is followed as a whole as soon as one member has a column.
        let wanted = columns.iter().filter(|placed| placed.to.is_some());
        let wanted: HashSet<String> = wanted.filter_map(|placed| oneof(&placed.field)).collect();
        for Placed { field, to } in &columns {
            self.path.push(field.name().to_owned());
            let to =
                to.and_then(|(own, column)| Some((column, own.data_type(), target.get(column)?.data_type())));
            self.field(field, to, &wanted, &mut parts)?;
            self.path.pop();
        }
        Ok(parts.finish())
    }

    fn field(
        &mut self,
        field: &FieldDescriptor,
        to: Option<(usize, &DataType, &DataType)>,
        wanted: &HashSet<String>,
        parts: &mut Parts,
    ) -> Result<(), PlanError> {
        let name: Box<str> = field.name().into();
        if let Some(oneof) = oneof(field) {
            if !wanted.contains(&oneof) {
                return Ok(());
            }
            let to = match to {
                Some((column, own, into)) => Some((column, self.value(&field.kind(), own, into)?)),
                None => None,
            };
            parts.member(field, oneof, Member { name, to });
            return Ok(());
        }
        let Some((column, own, into)) = to else { return Ok(()) };
        if field.is_map() {
            let (key, value, cells) = self.map(field, own, into)?;
            parts.later(field, Group::Map { column, key, value, cells, name });
        } else if field.is_list() {
            let (DataType::List(own), DataType::List(element)) = (own, into) else {
                return Err(self.mismatch("a list", into));
            };
            let value = self.value(&field.kind(), own.data_type(), element.data_type())?;
            let cells = cells(element.data_type());
            parts.direct(field, Action::Item { column, value, cells });
            parts.end(End::List { column });
        } else {
            match self.value(&field.kind(), own, into)? {
                Value::Scalar(scalar) => {
                    parts.end(match field.supports_presence() {
                        true => End::Null { column },
                        false => End::Default { column, scalar: scalar.clone() },
                    });
                    parts.direct(field, Action::Scalar { column, scalar });
                }
                value => parts.later(field, Group::Message { column, value, name }),
            }
        }
        Ok(())
    }

    fn map(
        &mut self,
        field: &FieldDescriptor,
        own: &DataType,
        into: &DataType,
    ) -> Result<(Scalar, Value, u64), PlanError> {
        let (Kind::Message(entry), Some((_, own)), Some((key, value))) =
            (field.kind(), key_and_value(own), key_and_value(into))
        else {
            return Err(self.mismatch("a map", into));
        };
        let scalar = Scalar::of(&entry.map_entry_key_field().kind());
        let scalar = scalar.filter(|scalar| scalar.fits(key.data_type()));
        let scalar = scalar.ok_or_else(|| self.mismatch("a map with keys of another type", into))?;
        let of_value =
            self.value(&entry.map_entry_value_field().kind(), own.data_type(), value.data_type())?;
        Ok((scalar, of_value, cells(value.data_type()).saturating_add(1)))
    }

    /// How a value goes into a column. `own` is the column that the shape has for it: where that lacks a part, so
    /// does the plan, whatever the table has.
    fn value(&mut self, kind: &Kind, own: &DataType, into: &DataType) -> Result<Value, PlanError> {
        let Kind::Message(message) = kind else {
            let scalar = self.scalar(kind).filter(|scalar| scalar.fits(into));
            return scalar.map(Value::Scalar).ok_or_else(|| self.mismatch(&format!("{kind:?}"), into));
        };
        let mismatch = |this: &Self| this.mismatch(&format!("message {}", message.full_name()), into);
        Ok(match (known(message), own, into) {
            (Known::Timestamp, _, DataType::Timestamp(TimeUnit::Microsecond, Some(_))) => Value::Timestamp,
            (Known::Duration, _, DataType::Int64) => Value::Duration,
            (Known::Json(json), _, DataType::Utf8) => Value::Json(json),
            (Known::Wrapper, _, into) => {
                // The column itself stands for the wrapper's only field, which has no presence of its own.
                let field = message.get_field(1).ok_or_else(|| mismatch(self))?;
                let own = ArrowField::new(field.name(), own.clone(), true).into();
                let target = vec![ArrowField::new(field.name(), into.clone(), true)].into();
                Value::Wrapper(Box::new(self.message(vec![Placed { field, to: Some((&own, 0)) }], &target)?))
            }
            (Known::Message, DataType::Struct(own), DataType::Struct(columns)) => {
                Value::Message(Box::new(self.inside(message, own, columns)?))
            }
            (Known::Message, _, DataType::Boolean) => {
                Value::Present(Box::new(self.message(Vec::new(), &Fields::empty())?))
            }
            _ => return Err(mismatch(self)),
        })
    }

    fn scalar(&mut self, kind: &Kind) -> Option<Scalar> {
        let Kind::Enum(of) = kind else { return Scalar::of(kind) };
        if let Some(known) = self.enums.get(of.full_name()) {
            return Some(known.clone());
        }
        let scalar = Scalar::of(kind)?;
        self.enums.insert(of.full_name().to_owned(), scalar.clone());
        Some(scalar)
    }

    fn mismatch(&self, from: &str, into: &DataType) -> PlanError {
        PlanError::Mismatch { path: self.path.join("."), from: from.to_owned(), into: into.clone() }
    }
}

/// A message's plan while its fields are added, by number.
struct Parts {
    fields: Vec<Field>,
    groups: Vec<Group>,
    /// The group of each oneof seen, and its members.
    oneofs: HashMap<String, (usize, Vec<Member>)>,
    ends: Vec<End>,
    filled: Vec<bool>,
}

impl Parts {
    fn new(columns: usize) -> Self {
        Self {
            fields: Vec::new(),
            groups: Vec::new(),
            oneofs: HashMap::new(),
            ends: Vec::new(),
            filled: vec![false; columns],
        }
    }

    fn fill(&mut self, column: usize) {
        if let Some(filled) = self.filled.get_mut(column) {
            *filled = true;
        }
    }

    fn end(&mut self, end: End) {
        let (End::Null { column } | End::Default { column, .. } | End::List { column }) = &end;
        self.fill(*column);
        self.ends.push(end);
    }

    fn direct(&mut self, field: &FieldDescriptor, action: Action) {
        let layout = match &action {
            Action::Scalar { scalar, .. } | Action::Item { value: Value::Scalar(scalar), .. } => {
                scalar.layout()
            }
            _ => message_layout(field),
        };
        self.fields.push(Field { number: field.number(), name: field.name().into(), layout, action });
    }

    fn wait(&mut self, field: &FieldDescriptor, group: usize, member: usize) {
        let layout = match field.kind() {
            Kind::Enum(_) => Layout::Varint,
            kind => Scalar::of(&kind).map_or_else(|| message_layout(field), |scalar| scalar.layout()),
        };
        let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let action = Action::Later { group: number(group), member: number(member) };
        self.fields.push(Field { number: field.number(), name: field.name().into(), layout, action });
    }

    fn later(&mut self, field: &FieldDescriptor, group: Group) {
        if let Group::Message { column, .. } | Group::Map { column, .. } = &group {
            self.fill(*column);
        }
        self.wait(field, self.groups.len(), 0);
        self.groups.push(group);
    }

    fn member(&mut self, field: &FieldDescriptor, oneof: String, member: Member) {
        if let Some((column, _)) = &member.to {
            self.fill(*column);
        }
        let next = self.groups.len();
        let (group, members) = self.oneofs.entry(oneof).or_insert_with(|| (next, Vec::new()));
        members.push(member);
        let (group, index) = (*group, members.len() - 1);
        if group == next {
            self.groups.push(Group::OneOf { members: [].into() });
        }
        self.wait(field, group, index);
    }

    fn finish(mut self) -> Message {
        for (group, members) in self.oneofs.into_values() {
            if let Some(place) = self.groups.get_mut(group) {
                *place = Group::OneOf { members: members.into() };
            }
        }
        let absent = self.filled.iter().enumerate().filter(|(_, filled)| !**filled);
        self.ends.extend(absent.map(|(column, _)| End::Null { column }));
        Message::new(self.fields, self.groups, self.ends)
    }
}

/// The full name of the oneof that a field is a member of; an `optional` is none, though the compiler makes it one.
fn oneof(field: &FieldDescriptor) -> Option<String> {
    let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic())?;
    Some(oneof.full_name().to_owned())
}

fn message_layout(field: &FieldDescriptor) -> Layout {
    if field.is_group() { Layout::Group } else { Layout::Length }
}
