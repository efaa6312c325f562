//! Values that remember where in the frame they stood.

/// A range of bytes of a frame, its length not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

/// A value with its place. Equality is that of the values.
#[derive(Debug, Clone, Copy)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where its bytes are, lengths included; `None` where it was made here. Of a tagged field: with tag and size.
    pub span: Option<Span>,
}

impl<T> At<T> {
    /// A value made here.
    pub const fn new(value: T) -> Self {
        Self { value, span: None }
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> From<T> for At<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
