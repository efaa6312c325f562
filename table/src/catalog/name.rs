//! Names of tables, checked once: they become path segments of requests and directories of warehouses.

use std::fmt;
use std::str::FromStr;

/// The longest name of one level, in bytes: what Glue and most file systems take.
const MAX_BYTES: usize = 255;

/// The most levels of a namespace.
const MAX_LEVELS: usize = 16;

/// Why a name cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing between two dots, or no dot at all.
    #[error("a name is empty; write NAMESPACE.TABLE")]
    Empty,
    /// A name that is too long, or a namespace of too many levels.
    #[error("it is too long: a name has at most {MAX_BYTES} bytes, a namespace at most {MAX_LEVELS} levels")]
    TooLong,
    /// A character that some catalog or file system takes for something else.
    #[error("{0:?} cannot stand in it; use letters, digits, `_` and `-`")]
    Forbidden(char),
    /// Upper case, where the catalog makes it lower case and would hold another name than was asked for.
    #[error("the catalog knows lower-case names only; write `{0}`")]
    UpperCase(String),
    /// More than one level, where the catalog has databases only.
    #[error("the catalog's namespaces have one level; write DATABASE.TABLE")]
    Levels,
}

/// Where tables lie: one or more levels. Shown with dots between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(Vec<String>);

impl Namespace {
    /// From its levels, outermost first.
    pub fn new(levels: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, NameError> {
        let levels: Vec<String> = levels.into_iter().map(Into::into).collect();
        if levels.is_empty() {
            return Err(NameError::Empty);
        }
        if levels.len() > MAX_LEVELS {
            return Err(NameError::TooLong);
        }
        levels.iter().try_for_each(|level| check(level))?;
        Ok(Self(levels))
    }

    /// The levels, outermost first; at least one.
    #[must_use]
    pub fn levels(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text.split('.'))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A table's full name. Shown, and read, as `NAMESPACE.TABLE`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    namespace: Namespace,
    name: String,
}

impl TableName {
    /// A table in a namespace.
    pub fn new(namespace: Namespace, name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        check(&name)?;
        Ok(Self { namespace, name })
    }

    /// Where it lies.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Its name in there.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for TableName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (namespace, name) = text.rsplit_once('.').ok_or(NameError::Empty)?;
        Self::new(namespace.parse()?, name)
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace, self.name)
    }
}

/// Dots part levels where names are written in one text, so they cannot stand in one.
fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_BYTES {
        return Err(NameError::TooLong);
    }
    match name.chars().find(|c| c.is_control() || "./\\%?#\"`".contains(*c)) {
        Some(bad) => Err(NameError::Forbidden(bad)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_shown() {
        for text in ["db.t", "a.b.c.t", "Grüße.täble", "d b.t-1"] {
            assert_eq!(text.parse::<TableName>().unwrap().to_string(), text);
        }
        let name: TableName = "a.b.t".parse().unwrap();
        assert_eq!((name.namespace().levels(), name.name()), (&["a".to_owned(), "b".to_owned()][..], "t"));
    }

    #[test]
    fn names_that_could_mean_another_place_are_refused() {
        for (text, why) in [
            ("t", NameError::Empty),
            ("", NameError::Empty),
            (".t", NameError::Empty),
            ("a..t", NameError::Empty),
            ("a.", NameError::Empty),
            ("a/b.t", NameError::Forbidden('/')),
            ("a.b\u{1f}c", NameError::Forbidden('\u{1f}')),
            ("a.b%2f", NameError::Forbidden('%')),
        ] {
            assert_eq!(text.parse::<TableName>(), Err(why), "{text:?}");
        }
        assert_eq!(format!("a.{}", "x".repeat(256)).parse::<TableName>(), Err(NameError::TooLong));
        assert_eq!(Namespace::new(vec!["a"; 17]), Err(NameError::TooLong));
        assert_eq!(Namespace::new(Vec::<String>::new()), Err(NameError::Empty));
    }
}
