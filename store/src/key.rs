//! Object keys as this crate accepts them: relative to the store's prefix, and harmless as file paths.

use std::fmt;
use std::sync::Arc;

/// The longest key, prefix included, that S3, GCS and Azure all take, in bytes.
pub const MAX_KEY_BYTES: usize = 1024;

/// The longest name between two slashes, in bytes: what Linux file systems take.
const MAX_SEGMENT_BYTES: usize = 255;

/// Names that a key must not begin with: the local directory store keeps its own files there.
pub(crate) const RESERVED: &str = ".firnline-store";

/// A checked object key, relative to the store's prefix. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(Arc<str>);

/// Why a key is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing in it.
    #[error("key is empty")]
    Empty,
    /// More than [`MAX_KEY_BYTES`] bytes, or more than 255 in one segment.
    #[error("key is too long ({bytes} bytes)")]
    TooLong {
        /// Bytes in the key or segment.
        bytes: usize,
    },
    /// A leading, trailing or double slash.
    #[error("key has an empty segment")]
    EmptySegment,
    /// `.` or `..` between two slashes.
    #[error("key has a `.` or `..` segment")]
    DotSegment,
    /// A NUL or other control character, or a backslash.
    #[error("key has a forbidden character {0:?}")]
    Forbidden(char),
    /// Begins with the name that the local directory store reserves.
    #[error("key begins with the reserved name `.firnline-store`")]
    Reserved,
}

impl Key {
    pub(crate) fn parse(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.len() > MAX_KEY_BYTES {
            return Err(KeyError::TooLong { bytes: text.len() });
        }
        if let Some(bad) = text.chars().find(|c| c.is_control() || *c == '\\') {
            return Err(KeyError::Forbidden(bad));
        }
        for segment in text.split('/') {
            match segment {
                "" => return Err(KeyError::EmptySegment),
                "." | ".." => return Err(KeyError::DotSegment),
                long if long.len() > MAX_SEGMENT_BYTES => {
                    return Err(KeyError::TooLong { bytes: long.len() });
                }
                _ => {}
            }
        }
        if text.split('/').next() == Some(RESERVED) {
            return Err(KeyError::Reserved);
        }
        Ok(Self(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_keys_pass() {
        for key in
            ["firnline.json", "a/b/c", "t.AAAA/0/00000000000000000000-5-x.seg", "..a", "a..", "ü/x", "a b"]
        {
            assert_eq!(Key::parse(key).map(|k| k.as_str().to_owned()), Ok(key.to_owned()));
        }
    }

    #[test]
    fn keys_that_could_leave_the_root_are_refused() {
        for (key, why) in [
            ("", KeyError::Empty),
            ("/etc/passwd", KeyError::EmptySegment),
            ("a//b", KeyError::EmptySegment),
            ("a/", KeyError::EmptySegment),
            ("..", KeyError::DotSegment),
            ("a/../b", KeyError::DotSegment),
            ("./a", KeyError::DotSegment),
            ("a\0b", KeyError::Forbidden('\0')),
            ("a\nb", KeyError::Forbidden('\n')),
            ("..\\..\\b", KeyError::Forbidden('\\')),
            (".firnline-store/tmp/x", KeyError::Reserved),
        ] {
            assert_eq!(Key::parse(key), Err(why), "{key:?}");
        }
        assert_eq!(Key::parse(&"a".repeat(256)), Err(KeyError::TooLong { bytes: 256 }));
        assert_eq!(Key::parse(&"a/".repeat(600)), Err(KeyError::TooLong { bytes: 1200 }));
    }
}
