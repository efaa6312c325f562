//! A datum to one row of columns. What each value becomes was worked out before; here bytes are read in the order
//! they have and pushed where they go. On a fault some columns have a value and others not: the caller rolls back.

use super::cursor::Cursor;
use super::node::{NodeId, Stored};
use super::parse::Parsed;
use super::plan::{Branch, Choice, Items, Members, Read, Root, Slot, Step, To};
use super::skip::skip;
use crate::columns::Column;
use crate::fault::{Fault, fault, within};
use crate::{Reason, sink};

/// Reads values of one schema.
pub(super) struct Reader<'s, 'd> {
    pub(super) schema: &'s Parsed,
    pub(super) cursor: Cursor<'d>,
}

impl Reader<'_, '_> {
    /// Reads a whole datum into one value of each column.
    pub(super) fn root(&mut self, root: &Root, columns: &mut [Column]) -> Result<(), Fault> {
        match root {
            Root::Record(members) => self.members(members, columns)?,
            Root::Choice { branches } => {
                let index = self.cursor.long()?;
                match usize::try_from(index).ok().and_then(|index| branches.get(index)) {
                    None => return Err(no_such_branch(index)),
                    Some(Choice::Null) => columns.iter_mut().for_each(sink::null),
                    Some(Choice::Record(members)) => self.members(members, columns)?,
                    Some(Choice::Member(step)) => self.choice(step, columns)?,
                }
            }
        }
        match self.cursor.left() {
            0 => Ok(()),
            left => Err(fault(Reason::TrailingBytes, format!("{left} bytes follow the value"))),
        }
    }

    /// One record of several at the top: its own column, and null in the others.
    fn choice(&mut self, step: &Step, columns: &mut [Column]) -> Result<(), Fault> {
        self.step(step, columns)?;
        let taken = match &step.to {
            To::Column(column, _) => Some(*column),
            To::Nowhere(_) => None,
        };
        let others = columns.iter_mut().enumerate().filter(|(index, _)| Some(*index) != taken);
        others.for_each(|(_, column)| sink::null(column));
        Ok(())
    }

    fn members(&mut self, members: &Members, columns: &mut [Column]) -> Result<(), Fault> {
        for step in &members.steps {
            self.step(step, columns)?;
        }
        for absent in &members.absent {
            columns.get_mut(*absent).map_or_else(
                || Err(sink::misfit()),
                |column| {
                    sink::null(column);
                    Ok(())
                },
            )?;
        }
        Ok(())
    }

    #[inline]
    fn step(&mut self, step: &Step, columns: &mut [Column]) -> Result<(), Fault> {
        let done = match &step.to {
            To::Column(column, slot) => match columns.get_mut(*column) {
                Some(column) => self.slot(slot, column),
                None => Err(sink::misfit()),
            },
            To::Nowhere(node) => self.skip(*node),
        };
        done.map_err(|fault| within(fault, &step.name))
    }

    fn skip(&mut self, node: NodeId) -> Result<(), Fault> {
        skip(self.schema, &self.schema.sized, &mut self.cursor, node)
    }

    #[inline]
    fn slot(&mut self, slot: &Slot, column: &mut Column) -> Result<(), Fault> {
        if let Some(null) = slot.null {
            match self.cursor.long()? {
                index @ (0 | 1) if (index == 1) == null => {
                    sink::null(column);
                    return Ok(());
                }
                0 | 1 => {}
                index => return Err(no_such_branch(index)),
            }
        }
        self.read(&slot.read, column)
    }

    #[inline]
    fn read(&mut self, read: &Read, column: &mut Column) -> Result<(), Fault> {
        match read {
            Read::Boolean => sink::boolean(column, self.cursor.boolean()?),
            Read::Int => sink::int(column, self.cursor.int()?),
            Read::Long => sink::long(column, self.cursor.long()?),
            Read::Float => sink::float(column, self.cursor.float()?),
            Read::Double => sink::double(column, self.cursor.double()?),
            Read::Bytes => sink::bytes(column, self.cursor.bytes()?),
            Read::Text => sink::text(column, self.cursor.text()?),
            Read::Fixed(size) => sink::bytes(column, self.cursor.take(*size)?),
            Read::Symbol(symbols) => sink::text(column, symbol(symbols, self.cursor.int()?)?),
            Read::Decimal { stored, limit } => {
                let bytes = self.stored(*stored)?;
                sink::decimal(column, decimal(bytes, *limit)?)
            }
            Read::UuidText => sink::bytes(column, &uuid(self.cursor.bytes()?)?),
            Read::UuidBytes(stored) => match self.stored(*stored)? {
                bytes if bytes.len() == 16 => sink::bytes(column, bytes),
                bytes => Err(fault(Reason::WrongType, format!("a uuid of {} bytes", bytes.len()))),
            },
            Read::TimeMillis => sink::long(column, time_of_day(i64::from(self.cursor.int()?), 1_000)?),
            Read::TimeMicros => sink::long(column, time_of_day(self.cursor.long()?, 1)?),
            Read::Timestamp(unit) => {
                let count = self.cursor.long()?;
                let micros = unit.micros(count).ok_or_else(|| {
                    fault(
                        Reason::NumberOutOfRange,
                        format!("timestamp {count} goes beyond 64 bits of microseconds"),
                    )
                })?;
                sink::long(column, micros)
            }
            nested => self.nested(nested, column),
        }
    }

    /// The rest of [`Self::read`]: what calls itself, kept out of the way of what does not.
    #[inline(never)]
    fn nested(&mut self, read: &Read, column: &mut Column) -> Result<(), Fault> {
        match read {
            Read::List(items) => self.list(items, column),
            Read::Map(values) => self.map(values, column),
            Read::Record(members) => {
                self.members(members, sink::children(column)?)?;
                sink::end(column)
            }
            Read::Present(node) => {
                self.skip(*node)?;
                sink::boolean(column, true)
            }
            Read::Union(branches) => self.union(branches, column),
            _ => Err(sink::misfit()),
        }
    }

    fn stored(&mut self, stored: Stored) -> Result<&[u8], Fault> {
        match stored {
            Stored::Bytes => self.cursor.bytes(),
            Stored::Fixed(size) => self.cursor.take(size),
        }
    }

    fn list(&mut self, items: &Items, column: &mut Column) -> Result<(), Fault> {
        let into = sink::items(column)?;
        while let Some(count) = self.block(items)? {
            for _ in 0..count {
                self.slot(&items.slot, into)?;
            }
        }
        sink::end(column)
    }

    fn map(&mut self, values: &Items, column: &mut Column) -> Result<(), Fault> {
        let (keys, into) = sink::entries(column)?;
        let first = keys.len();
        while let Some(count) = self.block(values)? {
            for _ in 0..count {
                let key = self.cursor.text()?;
                sink::text(keys, key)?;
                self.slot(&values.slot, into).map_err(|fault| within(fault, "value"))?;
            }
        }
        sink::distinct(keys, first)?;
        sink::end(column)
    }

    /// The items of the next block, paid for.
    fn block(&mut self, items: &Items) -> Result<Option<u64>, Fault> {
        let count = self.cursor.block()?.items;
        if count == 0 {
            return Ok(None);
        }
        let left = u64::try_from(self.cursor.left()).unwrap_or(u64::MAX);
        if items.sized && count > left {
            return Err(fault(
                Reason::Truncated,
                format!("a block of {count} items where {left} bytes are left"),
            ));
        }
        if !self.cursor.budget.pay(count, items.cells) {
            return Err(fault(
                Reason::TooLarge,
                format!("{count} items are more than a record of its length may have"),
            ));
        }
        Ok(Some(count))
    }

    fn union(&mut self, branches: &[Branch], column: &mut Column) -> Result<(), Fault> {
        let index = self.cursor.long()?;
        let branch = usize::try_from(index).ok().and_then(|index| branches.get(index));
        match branch.ok_or_else(|| no_such_branch(index))? {
            Branch::Null => {
                sink::null(column);
                Ok(())
            }
            Branch::Whole(read) => self.read(read, column),
            Branch::Member(taken, slot) => {
                for (index, child) in sink::children(column)?.iter_mut().enumerate() {
                    if index == *taken { self.slot(slot, child)? } else { sink::null(child) }
                }
                sink::end(column)
            }
            Branch::Nowhere(node) => {
                self.skip(*node)?;
                sink::children(column)?.iter_mut().for_each(sink::null);
                sink::end(column)
            }
        }
    }
}

#[cold]
pub(super) fn no_such_branch(index: i64) -> Fault {
    fault(Reason::WrongType, format!("the union has no branch {index}; the bytes are not of this schema"))
}

#[inline]
fn symbol(symbols: &[Box<str>], index: i32) -> Result<&str, Fault> {
    let symbol = usize::try_from(index).ok().and_then(|index| symbols.get(index));
    symbol
        .map(|symbol| &**symbol)
        .ok_or_else(|| fault(Reason::UnknownEnum, format!("symbol {index} of an enum of {}", symbols.len())))
}

/// The unscaled value of a decimal: two's complement, most significant byte first.
#[inline]
fn decimal(bytes: &[u8], limit: i128) -> Result<i128, Fault> {
    let too_large = || fault(Reason::NumberOutOfRange, "a decimal of more digits than its schema allows");
    let Some(first) = bytes.first() else {
        return Err(fault(Reason::WrongType, "a decimal of no bytes"));
    };
    let sign = if *first < 0x80 { 0 } else { 0xff };
    let (padding, bytes) = bytes.split_at(bytes.len().saturating_sub(16));
    let mut wide = [sign; 16];
    if let Some(tail) = wide.get_mut(16 - bytes.len()..) {
        tail.copy_from_slice(bytes);
    }
    let value = i128::from_be_bytes(wide);
    let fits = padding.iter().all(|byte| *byte == sign) && (value < 0) == (sign == 0xff);
    if fits && value < limit && value > -limit { Ok(value) } else { Err(too_large()) }
}

/// Microseconds since midnight; a count outside of a day is no time of day.
#[inline]
fn time_of_day(count: i64, micros: i64) -> Result<i64, Fault> {
    match count.checked_mul(micros) {
        Some(time @ 0..86_400_000_000) => Ok(time),
        _ => Err(fault(Reason::NumberOutOfRange, format!("{count} is not within a day"))),
    }
}

/// The bytes of a uuid in its text form of 36 characters.
fn uuid(text: &[u8]) -> Result<[u8; 16], Fault> {
    parse_uuid(text)
        .ok_or_else(|| fault(Reason::WrongType, format!("a text of {} bytes that is no uuid", text.len())))
}

fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.try_into().ok()?;
    let mut digits = text.iter().enumerate().filter(|(index, _)| !matches!(index, 8 | 13 | 18 | 23));
    if [8, 13, 18, 23].iter().any(|index| text.get(*index) != Some(&b'-')) {
        return None;
    }
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        let mut digit =
            || char::from(*digits.next()?.1).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit()? << 4 | digit()?;
    }
    Some(bytes)
}
