//! The kinds of change, and the rows that are none.

use std::fmt;

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// A row was made.
    Create,
    /// A row was changed.
    Update,
    /// A row was removed.
    Delete,
    /// A row was read for a snapshot.
    Read,
    /// The table was emptied.
    Truncate,
    /// A message that belongs to no row.
    Message,
}

impl Op {
    /// The kind that Debezium's letter stands for.
    #[must_use]
    pub fn of(letter: &str) -> Option<Self> {
        Some(match letter {
            "c" => Self::Create,
            "u" => Self::Update,
            "d" => Self::Delete,
            "r" => Self::Read,
            "t" => Self::Truncate,
            "m" => Self::Message,
            _ => return None,
        })
    }

    /// Debezium's letter for it, as it stands in `cdc_op`.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Create => "c",
            Self::Update => "u",
            Self::Delete => "d",
            Self::Read => "r",
            Self::Truncate => "t",
            Self::Message => "m",
        }
    }

    /// Whether it is about one row.
    #[must_use]
    pub const fn is_of_row(self) -> bool {
        !matches!(self, Self::Truncate | Self::Message)
    }

    /// Whether a row is there after it.
    #[must_use]
    pub const fn leaves_row(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Read)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letter())
    }
}

/// A record that is no change one could apply: a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which row of those given.
    pub row: usize,
    /// A stable word for why: `cdc_no_op`, `cdc_unknown_op`, `cdc_no_row`, `cdc_null_key`, `cdc_bad_value`.
    pub reason: &'static str,
    /// The column, where it is about one.
    pub field: Option<String>,
    /// The same in words.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::Op;

    #[test]
    fn letters_go_both_ways() {
        for letter in ["c", "u", "d", "r", "t", "m"] {
            assert_eq!(Op::of(letter).map(Op::letter), Some(letter));
        }
        assert_eq!(Op::of("x"), None);
        assert_eq!(Op::of("C"), None);
        assert_eq!(Op::of(""), None);
    }
}
