//! What a writer's schema holds and a table cannot: left out by name, so that a job can tell and count it.

use std::fmt;

/// A part of a schema that has no column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// The names from the top, joined by dots.
    pub path: String,
    /// The reason.
    pub why: Why,
}

/// Why a part of a schema has no column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The type contains itself; columns cannot nest without end.
    Recursive,
    /// The type has one possible value (`null`, a fixed of no bytes), so there is nothing to store.
    Nothing,
    /// Another field beside it has the same name but for upper and lower case.
    NameClash,
    /// Types are nested deeper than a table's columns may be.
    TooDeep,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recursive => "its type contains itself",
            Self::Nothing => "its type has nothing to store",
            Self::NameClash => "a field beside it has the same name but for upper and lower case",
            Self::TooDeep => "its type is nested too deep",
        })
    }
}

impl fmt::Display for Omitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.why)
    }
}
