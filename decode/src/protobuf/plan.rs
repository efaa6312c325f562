//! A message type and a table's columns to what a payload's reader does, worked out once.
//!
//! Most fields go straight into their column as they come, in whatever order. Three kinds wait until all of a
//! message has been seen: messages inside (several of one field are parts of *one* message, wherever they stand),
//! members of a oneof (the last one set clears the others) and entries of a map (the last of a key holds).

use super::scalar::Scalar;
use super::shape::Json;
use super::wire::Layout;

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
    /// A plan of fields by number, and groups by the order of their entries.
    pub(super) fn new(fields: Vec<Field>, groups: Vec<Group>, ends: Vec<End>) -> Self {
        let length = fields.iter().map(|field| field.number.saturating_add(1)).max().unwrap_or(0);
        let mut direct = vec![NOT_HERE; usize::try_from(length.min(DIRECT)).unwrap_or(0)];
        for (index, field) in fields.iter().enumerate() {
            let slot = usize::try_from(field.number).ok().and_then(|number| direct.get_mut(number));
            if let Some(slot) = slot {
                // Fewer fields come before a number than the number is large.
                *slot = u16::try_from(index).unwrap_or(NOT_HERE);
            }
        }
        Self { fields: fields.into(), direct: direct.into(), groups: groups.into(), ends: ends.into() }
    }

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
