//! A message type and a table's columns to what a payload's reader does, worked out once.
//!
//! Most fields go straight into their column as they come, in whatever order. Three kinds wait until all of a
//! message has been seen: messages inside (several of one field are parts of *one* message, wherever they stand),
//! members of a oneof (the last one set clears the others) and entries of a map (the last of a key holds).

use arrow_schema::{DataType, Field as ArrowField, Fields, TimeUnit};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::scalar::Scalar;
use super::shape::{Json, Known, in_order, known};
use super::wire::Layout;
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

/// Asked for the column of each field at the top.
pub(super) type Place<'p> = &'p dyn Fn(&[&str], &DataType) -> Option<usize>;

/// What to do with a message.
pub(super) struct Message {
    /// Fields that are looked at, by number.
    pub(super) fields: Box<[Field]>,
    /// The index of a field in `fields` by its number, where that is small; [`NOT_HERE`] for none.
    direct: Box<[u16]>,
    /// Fields that wait, by the order of their entries.
    pub(super) groups: Box<[Group]>,
    /// What each column gets in the end that fields may not have filled.
    pub(super) ends: Box<[End]>,
}

const NOT_HERE: u16 = u16::MAX;
/// Field numbers looked up directly.
const DIRECT: u32 = 256;

/// A field that is looked at.
pub(super) struct Field {
    pub(super) number: u32,
    pub(super) name: Box<str>,
    pub(super) layout: Layout,
    pub(super) action: Action,
}

/// What to do with a field's value.
pub(super) enum Action {
    /// Into the column, in place of an earlier one.
    Scalar { column: usize, scalar: Scalar },
    /// One more item of a list.
    Item { column: usize, value: Value, cells: u64 },
    /// Waits for the end of the message.
    Later { group: u32, member: u32 },
}

/// A value of a list, a map, a oneof, or a message inside.
pub(super) enum Value {
    Scalar(Scalar),
    Message(Box<Message>),
    /// A message without columns of its own.
    Present(Box<Message>),
    /// A message whose only field is the value.
    Wrapper(Box<Message>),
    Timestamp,
    Duration,
    Json(Json),
}

impl Value {
    /// How it stands on the wire; a group is told by its field alone.
    pub(super) fn layout(&self) -> Layout {
        match self {
            Self::Scalar(scalar) => scalar.layout(),
            _ => Layout::Length,
        }
    }
}

/// Fields that wait.
pub(super) enum Group {
    /// A message inside.
    Message { column: usize, value: Value, name: Box<str> },
    /// A oneof; a member without a column still clears the others.
    OneOf { members: Box<[Member]> },
    /// A map.
    Map { column: usize, key: Scalar, value: Value, cells: u64, name: Box<str> },
}

/// A member of a oneof.
pub(super) struct Member {
    pub(super) name: Box<str>,
    pub(super) to: Option<(usize, Value)>,
}

/// What a column gets where no field filled it.
pub(super) enum End {
    Null {
        column: usize,
    },
    Default {
        column: usize,
        scalar: Scalar,
    },
    /// Closes the list; an empty one is not null.
    List {
        column: usize,
    },
}

impl Message {
    /// The field of a number, tried first at `hint`, which then is the one behind it: writers keep the order.
    #[inline]
    pub(super) fn find(&self, number: u32, hint: &mut usize) -> Option<&Field> {
        let index = match self.fields.get(*hint) {
            Some(field) if field.number == number => *hint,
            _ => self.index(number)?,
        };
        *hint = index + 1;
        self.fields.get(index)
    }

    fn index(&self, number: u32) -> Option<usize> {
        if number < DIRECT {
            let index = usize::try_from(number).ok().and_then(|number| self.direct.get(number)).copied();
            return index.filter(|index| *index != NOT_HERE).map(usize::from);
        }
        self.fields.binary_search_by_key(&number, |field| field.number).ok()
    }
}

/// Compiles a message for a table's columns. `shape` are the message's own columns, for `place`.
pub(super) fn compile(
    message: &MessageDescriptor,
    shape: &Fields,
    target: &Fields,
    place: Place<'_>,
) -> Result<Message, PlanError> {
    let mut compiler = Compiler { path: Vec::new() };
    let mut placed = vec![false; target.len()];
    let mut columns = Vec::new();
    for field in in_order(message) {
        let own = shape.iter().find(|own| own.name() == field.name());
        let column = own.and_then(|own| place(&[field.name()], own.data_type()));
        if let Some(column) = column {
            let path = field.name().to_owned();
            match placed.get_mut(column) {
                None => return Err(PlanError::NoSuchColumn { path, column, columns: target.len() }),
                Some(true) => return Err(PlanError::Taken { path, column }),
                Some(placed) => *placed = true,
            }
        }
        columns.push((field, column));
    }
    compiler.message(columns, target)
}

struct Compiler {
    path: Vec<String>,
}

impl Compiler {
    /// A message inside: its fields go to the columns of the same name but for case.
    fn inside(&mut self, message: &MessageDescriptor, target: &Fields) -> Result<Message, PlanError> {
        let mut free = vec![true; target.len()];
        let columns = in_order(message).into_iter().map(|field| {
            let lower = field.name().to_lowercase();
            let column = target.iter().position(|column| column.name().to_lowercase() == lower);
            let column = column
                .filter(|column| free.get_mut(*column).is_some_and(|free| std::mem::replace(free, false)));
            (field, column)
        });
        let columns = columns.collect();
        self.message(columns, target)
    }

    fn message(
        &mut self,
        mut columns: Vec<(FieldDescriptor, Option<usize>)>,
        target: &Fields,
    ) -> Result<Message, PlanError> {
        let mut parts = Parts::new(target.len());
        columns.sort_by_key(|(field, _)| field.number());
        for (field, column) in &columns {
            self.path.push(field.name().to_owned());
            self.field(field, *column, &columns, target, &mut parts)?;
            self.path.pop();
        }
        Ok(parts.finish())
    }

    fn field(
        &mut self,
        field: &FieldDescriptor,
        column: Option<usize>,
        beside: &[(FieldDescriptor, Option<usize>)],
        target: &Fields,
        parts: &mut Parts,
    ) -> Result<(), PlanError> {
        let name: Box<str> = field.name().into();
        let to = column.and_then(|column| target.get(column).map(|field| (column, field)));
        if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
            let wanted = beside.iter().any(|(other, column)| {
                column.is_some() && other.containing_oneof().is_some_and(|other| other == oneof)
            });
            if !wanted {
                return Ok(());
            }
            let to = match to {
                Some((column, into)) => Some((column, self.value(&field.kind(), into.data_type())?)),
                None => None,
            };
            parts.member(field, oneof.full_name(), Member { name, to });
            return Ok(());
        }
        let Some((column, into)) = to else { return Ok(()) };
        if field.is_map() {
            let (key, value, cells) = self.map(field, into.data_type())?;
            parts.later(field, Group::Map { column, key, value, cells, name });
        } else if field.is_list() {
            let DataType::List(element) = into.data_type() else {
                return Err(self.mismatch("a list", into.data_type()));
            };
            let value = self.value(&field.kind(), element.data_type())?;
            let cells = cells(element.data_type());
            parts.direct(field, Action::Item { column, value, cells });
            parts.end(End::List { column });
        } else {
            match self.value(&field.kind(), into.data_type())? {
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

    fn map(&mut self, field: &FieldDescriptor, into: &DataType) -> Result<(Scalar, Value, u64), PlanError> {
        let (Kind::Message(entry), DataType::Map(entries, _)) = (field.kind(), into) else {
            return Err(self.mismatch("a map", into));
        };
        let DataType::Struct(pair) = entries.data_type() else { return Err(self.mismatch("a map", into)) };
        let [key, value] = &**pair else { return Err(self.mismatch("a map", into)) };
        let scalar = Scalar::of(&entry.map_entry_key_field().kind());
        let scalar = scalar.filter(|scalar| scalar.fits(key.data_type()));
        let scalar = scalar.ok_or_else(|| self.mismatch("a map with keys of another type", into))?;
        let of_value = self.value(&entry.map_entry_value_field().kind(), value.data_type())?;
        Ok((scalar, of_value, cells(value.data_type()).saturating_add(1)))
    }

    fn value(&mut self, kind: &Kind, into: &DataType) -> Result<Value, PlanError> {
        let Kind::Message(message) = kind else {
            let scalar = Scalar::of(kind).filter(|scalar| scalar.fits(into));
            return scalar.map(Value::Scalar).ok_or_else(|| self.mismatch(&format!("{kind:?}"), into));
        };
        let mismatch = |this: &Self| this.mismatch(&format!("message {}", message.full_name()), into);
        Ok(match (known(message), into) {
            (Known::Timestamp, DataType::Timestamp(TimeUnit::Microsecond, Some(_))) => Value::Timestamp,
            (Known::Duration, DataType::Int64) => Value::Duration,
            (Known::Json(json), DataType::Utf8) => Value::Json(json),
            (Known::Wrapper, into) => {
                // The column itself stands for the wrapper's only field, which has no presence of its own.
                let field = message.get_field(1).ok_or_else(|| mismatch(self))?;
                let target = vec![ArrowField::new(field.name(), into.clone(), true)].into();
                Value::Wrapper(Box::new(self.message(vec![(field, Some(0))], &target)?))
            }
            (Known::Message, DataType::Struct(columns)) => {
                Value::Message(Box::new(self.inside(message, columns)?))
            }
            (Known::Message, DataType::Boolean) => {
                Value::Present(Box::new(self.message(Vec::new(), &Fields::empty())?))
            }
            _ => return Err(mismatch(self)),
        })
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
    oneofs: Vec<(String, usize, Vec<Member>)>,
    ends: Vec<End>,
    filled: Vec<bool>,
}

impl Parts {
    fn new(columns: usize) -> Self {
        Self {
            fields: Vec::new(),
            groups: Vec::new(),
            oneofs: Vec::new(),
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
        let layout =
            Scalar::of(&field.kind()).map_or_else(|| message_layout(field), |scalar| scalar.layout());
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

    fn member(&mut self, field: &FieldDescriptor, oneof: &str, member: Member) {
        if let Some((column, _)) = &member.to {
            self.fill(*column);
        }
        let known = self.oneofs.iter_mut().find(|(name, _, _)| name == oneof);
        let (group, index) = match known {
            Some((_, group, members)) => {
                members.push(member);
                (*group, members.len() - 1)
            }
            None => {
                let group = self.groups.len();
                self.groups.push(Group::OneOf { members: [].into() });
                self.oneofs.push((oneof.to_owned(), group, vec![member]));
                (group, 0)
            }
        };
        self.wait(field, group, index);
    }

    fn finish(mut self) -> Message {
        for (_, group, members) in self.oneofs {
            if let Some(place) = self.groups.get_mut(group) {
                *place = Group::OneOf { members: members.into() };
            }
        }
        let absent = self.filled.iter().enumerate().filter(|(_, filled)| !**filled);
        self.ends.extend(absent.map(|(column, _)| End::Null { column }));
        let length = self.fields.iter().map(|field| field.number.saturating_add(1)).max().unwrap_or(0);
        let mut direct = vec![NOT_HERE; usize::try_from(length.min(DIRECT)).unwrap_or(0)];
        for (index, field) in self.fields.iter().enumerate() {
            let slot = usize::try_from(field.number).ok().and_then(|number| direct.get_mut(number));
            if let Some(slot) = slot {
                // Fewer fields come before a number than the number is large.
                *slot = u16::try_from(index).unwrap_or(NOT_HERE);
            }
        }
        Message {
            fields: self.fields.into(),
            direct: direct.into(),
            groups: self.groups.into(),
            ends: self.ends.into(),
        }
    }
}

fn message_layout(field: &FieldDescriptor) -> Layout {
    if field.is_group() { Layout::Group } else { Layout::Length }
}
