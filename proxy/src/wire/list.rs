//! Arrays: of a frame, gone through where they stand, or made here.

use std::borrow::Cow;
use std::fmt;

use super::schema::Kind;
use super::{At, Out, Reader, Value, WireError};

/// A number of the same things.
///
/// One that was read is the range of its elements: it was walked to its end once, so that each element is known to be
/// there, and is read when it is gone through. Nested ones are walked once more at each level, and no message has
/// more than four; that is cheaper than setting memory aside for as many elements as a stranger says there are.
#[derive(Clone)]
pub struct List<'a, T> {
    held: Held<'a, T>,
}

#[derive(Clone)]
enum Held<'a, T> {
    Read { from: Reader<'a>, count: u32 },
    Made(Vec<T>),
}

impl<'a, T> List<'a, T> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { held: Held::Made(Vec::new()) }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.held {
            Held::Read { count, .. } => *count as usize,
            Held::Made(elements) => elements.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Goes through them, each with its place in the frame.
    pub fn iter(&self) -> Iter<'_, 'a, T> {
        match &self.held {
            Held::Read { from, count } => Iter { left: Left::Read { from: *from, count: *count } },
            Held::Made(elements) => Iter { left: Left::Made(elements.iter()) },
        }
    }
}

/// What goes through a [`List`].
pub struct Iter<'s, 'a, T> {
    left: Left<'s, 'a, T>,
}

enum Left<'s, 'a, T> {
    Read { from: Reader<'a>, count: u32 },
    Made(std::slice::Iter<'s, T>),
}

impl<'s, 'a, T: Value<'a>> Iterator for Iter<'s, 'a, T> {
    type Item = At<Cow<'s, T>>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.left {
            Left::Read { count: 0, .. } => None,
            Left::Read { from, count } => {
                *count -= 1;
                let read = from.placed(|from| T::read(from).map(Cow::Owned));
                Some(read.expect("the list was walked to its end when it was read, with the same reader"))
            }
            Left::Made(elements) => elements.next().map(|element| At::new(Cow::Borrowed(element))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.left {
            Left::Read { count, .. } => (*count as usize, Some(*count as usize)),
            Left::Made(elements) => elements.size_hint(),
        }
    }
}

impl<'s, 'a, T: Value<'a>> IntoIterator for &'s List<'a, T> {
    type Item = At<Cow<'s, T>>;
    type IntoIter = Iter<'s, 'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T: Value<'a>> Value<'a> for Option<List<'a, T>> {
    const KIND: Kind = Kind::Nullable { of: &Kind::Array { of: &T::KIND } };

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        let Some(count) = from.count()? else { return Ok(None) };
        let first = *from;
        if let Some(bytes) = T::WIDTH {
            from.take((count as usize).saturating_mul(bytes))?;
        } else {
            for _ in 0..count {
                T::walk(from)?;
            }
        }
        Ok(Some(List { held: Held::Read { from: first, count } }))
    }

    fn write(&self, to: &mut Out) {
        to.length(self.as_ref().map(List::len));
        for element in self.iter().flatten() {
            element.write(to);
        }
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }
}

impl<'a, T: Value<'a>> Value<'a> for List<'a, T> {
    const KIND: Kind = Kind::Array { of: &T::KIND };

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        Option::<Self>::read(from)?.ok_or_else(|| from.absent())
    }

    fn write(&self, to: &mut Out) {
        to.length(Some(self.len()));
        for element in self {
            element.write(to);
        }
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<Vec<T>> for List<'_, T> {
    fn from(elements: Vec<T>) -> Self {
        Self { held: Held::Made(elements) }
    }
}

impl<T> FromIterator<T> for List<'_, T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        elements.into_iter().collect::<Vec<_>>().into()
    }
}

impl<'a, T: Value<'a> + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(one, two)| *one == *two)
    }
}

impl<'a, T: Value<'a> + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|element| element.value)).finish()
    }
}
