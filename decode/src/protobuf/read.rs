//! A payload to one row of columns. Scalars go into their column as they come, a later one in place of an earlier
//! one; what must wait is put on a stack as a range of the payload and read when its message ends, so that every
//! byte is read a fixed number of times for each level it is nested in, in whatever order a writer puts things.
//!
//! On a fault some columns have a value and others not: the caller rolls back.

use super::entries::{Entry, Parts, Scratch, narrow, wide};
use super::plan::{Action, End, Field, Group, Member, Message, Value};
use super::wire::{Layout, Wire};
use crate::budget::Budget;
use crate::columns::Column;
use crate::fault::{Fault, fault, within};
use crate::{Reason, sink};

/// Messages inside messages, JSON values included.
pub(super) const MAX_DEPTH: u32 = 64;

/// Reads one payload.
pub(super) struct Reader<'p, 's> {
    pub(super) payload: &'p [u8],
    pub(super) scratch: &'s mut Scratch,
    pub(super) budget: Budget,
    pub(super) depth: u32,
}

impl<'p> Reader<'p, '_> {
    /// Reads the whole payload into one value of each column.
    pub(super) fn root(&mut self, message: &Message, columns: &mut [Column]) -> Result<(), Fault> {
        if u32::try_from(self.payload.len()).is_err() {
            return Err(fault(Reason::TooLarge, "a payload of 4 GiB or more"));
        }
        let whole = self.push(0, 0, (0, self.payload.len()));
        self.message(message, whole, columns)
    }

    /// Puts a range of the payload on the stack.
    #[inline]
    pub(super) fn push(&mut self, group: u32, member: u32, (start, end): (usize, usize)) -> Parts {
        let first = self.scratch.entries.len();
        self.scratch.entries.push(Entry { group, member, start: narrow(start), end: narrow(end) });
        Parts { first, behind: first + 1 }
    }

    /// The bytes of an entry.
    #[inline]
    pub(super) fn wire(&self, index: usize) -> Wire<'p> {
        let entry = self.scratch.entry(index);
        entry.map_or(Wire::over(self.payload, 0, 0), |entry| {
            Wire::over(self.payload, wide(entry.start), wide(entry.end))
        })
    }

    /// Goes one level down.
    pub(super) fn enter(&mut self) -> Result<(), Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(fault(Reason::TooDeep, format!("messages nested deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        Ok(())
    }

    fn message(&mut self, message: &Message, parts: Parts, columns: &mut [Column]) -> Result<(), Fault> {
        self.enter()?;
        let row = columns.first().map_or(0, Column::len);
        let base = self.scratch.entries.len();
        for part in parts.first..parts.behind {
            let mut wire = self.wire(part);
            let mut hint = 0;
            while !wire.is_empty() {
                let tag = wire.tag()?;
                match message.find(tag.number, &mut hint) {
                    Some(field) => self
                        .field(field, tag.layout, &mut wire, columns, row)
                        .map_err(|fault| within(fault, &field.name))?,
                    None => drop(wire.step(tag)?),
                }
            }
        }
        if !message.groups.is_empty() {
            self.scratch.sort(base);
            self.groups(message, base, columns)?;
            self.scratch.entries.truncate(base);
        }
        for end in &message.ends {
            finish(end, columns, row)?;
        }
        self.depth -= 1;
        Ok(())
    }

    #[inline]
    fn field(
        &mut self,
        field: &Field,
        layout: Layout,
        wire: &mut Wire<'p>,
        columns: &mut [Column],
        row: usize,
    ) -> Result<(), Fault> {
        match &field.action {
            Action::Scalar { column, scalar } if layout == field.layout => {
                let column = columns.get_mut(*column).ok_or_else(sink::misfit)?;
                if column.len() != row {
                    column.truncate(row);
                }
                scalar.read(wire, column)
            }
            Action::Item { column, value, cells } => {
                let column = columns.get_mut(*column).ok_or_else(sink::misfit)?;
                self.item(field, layout, (value, *cells), wire, sink::items(column)?)
            }
            Action::Later { group, member } if layout == field.layout => {
                let range = wire.step(super::wire::Tag { number: field.number, layout })?;
                let _ = self.push(*group, *member, range);
                Ok(())
            }
            _ => Err(wrong_layout(layout, field.layout)),
        }
    }

    fn item(
        &mut self,
        field: &Field,
        layout: Layout,
        (value, cells): (&Value, u64),
        wire: &mut Wire<'p>,
        items: &mut Column,
    ) -> Result<(), Fault> {
        match value {
            Value::Scalar(scalar) if layout == field.layout => scalar.read(wire, items),
            Value::Scalar(scalar) if layout == Layout::Length && scalar.packs() => {
                let mut packed = wire.inner()?;
                while !packed.is_empty() {
                    scalar.read(&mut packed, items)?;
                }
                Ok(())
            }
            Value::Scalar(_) => Err(wrong_layout(layout, field.layout)),
            value if layout == field.layout => {
                self.pay(cells)?;
                let range = wire.step(super::wire::Tag { number: field.number, layout })?;
                let part = self.push(0, 0, range);
                self.value(value, part, items)?;
                self.scratch.entries.truncate(part.first);
                Ok(())
            }
            _ => Err(wrong_layout(layout, field.layout)),
        }
    }

    pub(super) fn pay(&mut self, cells: u64) -> Result<(), Fault> {
        if self.budget.pay(1, cells) {
            return Ok(());
        }
        Err(fault(Reason::TooLarge, "more values than a record of its length may have"))
    }

    /// Reads what waited: entries from `base` on, in the order of their groups.
    fn groups(&mut self, message: &Message, base: usize, columns: &mut [Column]) -> Result<(), Fault> {
        let top = self.scratch.entries.len();
        let mut first = base;
        for (index, group) in (0_u32..).zip(&message.groups) {
            let mut behind = first;
            while behind < top && self.scratch.entry(behind).is_some_and(|entry| entry.group == index) {
                behind += 1;
            }
            self.group(group, Parts { first, behind }, columns)?;
            first = behind;
        }
        Ok(())
    }

    fn group(&mut self, group: &Group, parts: Parts, columns: &mut [Column]) -> Result<(), Fault> {
        match group {
            Group::Message { column, value, name } => {
                let column = columns.get_mut(*column).ok_or_else(sink::misfit)?;
                if parts.first == parts.behind {
                    sink::null(column);
                    return Ok(());
                }
                self.value(value, parts, column).map_err(|fault| within(fault, name))
            }
            Group::OneOf { members } => self.one_of(members, parts, columns),
            Group::Map { column, key, value, cells, name } => {
                let column = columns.get_mut(*column).ok_or_else(sink::misfit)?;
                self.map(key, (value, *cells), parts, column).map_err(|fault| within(fault, name))
            }
        }
    }

    /// The member that was set last, with the parts that no other member stands between.
    fn one_of(&mut self, members: &[Member], parts: Parts, columns: &mut [Column]) -> Result<(), Fault> {
        let member = |index: usize| self.scratch.entry(index).map(|entry| wide(entry.member));
        let winner = parts.last().and_then(member);
        let mut first = parts.behind;
        while first > parts.first && member(first - 1) == winner {
            first -= 1;
        }
        for (index, Member { name, to }) in members.iter().enumerate() {
            let Some((column, value)) = to else { continue };
            let column = columns.get_mut(*column).ok_or_else(sink::misfit)?;
            if Some(index) == winner {
                let run = Parts { first, behind: parts.behind };
                self.value(value, run, column).map_err(|fault| within(fault, name))?;
            } else {
                sink::null(column);
            }
        }
        Ok(())
    }

    /// Reads one value of which `parts` are all parts, in order.
    pub(super) fn value(&mut self, value: &Value, parts: Parts, column: &mut Column) -> Result<(), Fault> {
        match value {
            Value::Scalar(scalar) => match parts.last() {
                Some(last) => scalar.whole(self.wire(last), column),
                None => scalar.default(column),
            },
            Value::Message(message) => {
                self.message(message, parts, sink::children(column)?)?;
                sink::end(column)
            }
            Value::Present(message) => {
                self.message(message, parts, &mut [])?;
                sink::boolean(column, true)
            }
            Value::Wrapper(message) => self.message(message, parts, std::slice::from_mut(column)),
            Value::Timestamp => {
                let (seconds, nanos) = self.seconds(parts)?;
                sink::long(column, timestamp(seconds, nanos)?)
            }
            Value::Duration => {
                let (seconds, nanos) = self.seconds(parts)?;
                sink::long(column, duration(seconds, nanos)?)
            }
            Value::Json(json) => self.json(*json, parts, column),
        }
    }

    /// The two fields of a timestamp and a duration.
    fn seconds(&self, parts: Parts) -> Result<(i64, i32), Fault> {
        let (mut seconds, mut nanos) = (0, 0);
        for part in parts.first..parts.behind {
            let mut wire = self.wire(part);
            while !wire.is_empty() {
                let tag = wire.tag()?;
                match (tag.number, tag.layout) {
                    (1, Layout::Varint) => seconds = wire.varint()?.cast_signed(),
                    (2, Layout::Varint) => nanos = super::wire::low(wire.varint()?).cast_signed(),
                    (1 | 2, other) => return Err(wrong_layout(other, Layout::Varint)),
                    _ => drop(wire.step(tag)?),
                }
            }
        }
        Ok((seconds, nanos))
    }
}

/// The value of a column that no field filled, or the end of a list.
#[inline]
fn finish(end: &End, columns: &mut [Column], row: usize) -> Result<(), Fault> {
    let (End::Null { column } | End::Default { column, .. } | End::List { column }) = end;
    let column = columns.get_mut(*column).ok_or_else(sink::misfit)?;
    match end {
        End::List { .. } => sink::end(column),
        End::Null { .. } if column.len() == row => {
            sink::null(column);
            Ok(())
        }
        End::Default { scalar, .. } if column.len() == row => scalar.default(column),
        _ => Ok(()),
    }
}

#[cold]
pub(super) fn wrong_layout(found: Layout, wanted: Layout) -> Fault {
    fault(Reason::WrongType, format!("{found:?} on the wire where the schema has {wanted:?}"))
}

fn timestamp(seconds: i64, nanos: i32) -> Result<i64, Fault> {
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(fault(Reason::NumberOutOfRange, format!("{nanos} nanoseconds of a timestamp's second")));
    }
    micros(seconds, nanos)
}

fn duration(seconds: i64, nanos: i32) -> Result<i64, Fault> {
    let one_sign = nanos == 0 || seconds == 0 || (seconds < 0) == (nanos < 0);
    if !(-999_999_999..=999_999_999).contains(&nanos) || !one_sign {
        return Err(fault(
            Reason::NumberOutOfRange,
            format!("{seconds} seconds and {nanos} nanoseconds are no duration"),
        ));
    }
    micros(seconds, nanos)
}

fn micros(seconds: i64, nanos: i32) -> Result<i64, Fault> {
    let micros =
        seconds.checked_mul(1_000_000).and_then(|micros| micros.checked_add(i64::from(nanos / 1_000)));
    micros.ok_or_else(|| {
        fault(Reason::NumberOutOfRange, format!("{seconds} seconds go beyond 64 bits of microseconds"))
    })
}
