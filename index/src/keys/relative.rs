//! A key of any object below the prefix, known to Firnline or not.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::ids::ValueError;

/// A key relative to the tier's prefix that cannot leave it: parts of `A-Z a-z 0-9 . _ - ~` joined by single `/`,
/// none of them empty, `.` or `..`; at most [`Self::MAX_LEN`] bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativeKey(Arc<str>);

impl RelativeKey {
    /// The longest key taken. S3 takes 1,024 bytes with the prefix; this leaves the prefix half of them.
    pub const MAX_LEN: usize = 512;

    /// Takes a key from outside.
    ///
    /// # Errors
    /// For anything that is not of the form above.
    pub fn new(key: &str) -> Result<Self, ValueError> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'~' | b'/');
        let why = if key.is_empty() {
            "it is empty"
        } else if key.len() > Self::MAX_LEN {
            "it is longer than 512 bytes"
        } else if !key.bytes().all(legal) {
            "only A-Z a-z 0-9 . _ - ~ and / are allowed"
        } else if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
            "a part of it is empty, . or .."
        } else {
            return Ok(Self(key.into()));
        };
        Err(ValueError::text("object key", key, why))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelativeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelativeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl FromStr for RelativeKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::new(text)
    }
}
