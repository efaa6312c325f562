//! JSON objects with a checksum as their last member: the marker, topic objects, leases, floors, groups, cluster state.
//!
//! The text is one JSON object, indented by two spaces, that ends with exactly
//!
//! ```text
//! ,
//!   "checksum": "crc32c:01234567"
//! }
//! ```
//!
//! and a line feed. The CRC32C covers every byte in front of that ending (from `{` to before its comma), so no
//! canonical form has to be made up for a text that other hands wrote: the canonical form is the text itself.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::{Crc32c, ValueError};

/// The layout that is written, and the newest that is read, of all these objects. 0 was its preview.
pub(crate) const LAYOUT: u64 = 1;

/// The longest object taken.
pub const MAX_JSON_BYTES: usize = 64 * 1024;

const BEFORE: &str = ",\n  \"checksum\": \"crc32c:";
const AFTER: &str = "\"\n}\n";
/// Eight hexadecimal digits and what stands around them.
const ENDING: usize = BEFORE.len() + 8 + AFTER.len();

/// A JSON object of ours that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JsonObjectError {
    /// Longer than any of ours.
    #[error("object of {found} bytes is longer than the limit of {limit}")]
    TooLong {
        /// Its length.
        found: usize,
        /// The longest taken.
        limit: usize,
    },
    /// Not JSON of the form that we write: foreign, cut short, or edited.
    #[error("text does not end with a checksum: it is cut short, or was not written by firnline")]
    Ending,
    /// Damage, or an edit.
    #[error("checksum is stated as {stated}, but the text gives {computed}")]
    Checksum {
        /// The checksum stated.
        stated: Crc32c,
        /// The checksum of the text.
        computed: Crc32c,
    },
    /// Not the members that belong there.
    #[error("members are not valid")]
    Json(#[source] serde_json::Error),
    /// Written by a newer build.
    #[error("{what} {found} is newer than {supported}, the newest that this build knows; upgrade firnline")]
    Newer {
        /// What is newer: the object's own layout, or the tier's format.
        what: &'static str,
        /// The version found.
        found: u64,
        /// The newest version known.
        supported: u64,
    },
    /// A value that its type refuses.
    #[error("{member} is not valid")]
    Value {
        /// The member.
        member: &'static str,
        /// Why its type refuses it.
        #[source]
        source: ValueError,
    },
    /// A member that must be there.
    #[error("{member} is missing")]
    Missing {
        /// The member.
        member: &'static str,
    },
    /// A value outside its limits.
    #[error("{member} is {found}, outside {limits}")]
    OutOfRange {
        /// The member.
        member: &'static str,
        /// Its value.
        found: u64,
        /// What is allowed.
        limits: &'static str,
    },
}

impl JsonObjectError {
    /// Whether a newer build wrote it: nothing is damaged, and an upgrade reads it.
    pub const fn is_newer(&self) -> bool {
        matches!(self, Self::Newer { .. })
    }
}

/// The name of the last member.
pub(crate) const CHECKSUM: &str = "checksum";

/// The object as text, with its checksum.
pub(crate) fn write(object: &impl Serialize) -> Result<Vec<u8>, JsonObjectError> {
    write_within(object, MAX_JSON_BYTES)
}

/// The same, for objects that are large by nature.
pub(crate) fn write_within(object: &impl Serialize, limit: usize) -> Result<Vec<u8>, JsonObjectError> {
    let mut text = serde_json::to_string_pretty(object).map_err(JsonObjectError::Json)?;
    // An object with members ends with a line feed and a brace; the checksum goes in front of these.
    text.truncate(text.trim_end_matches('}').trim_end().len());
    let checksum = Crc32c::of(text.as_bytes());
    text.push_str(&format!("{BEFORE}{checksum}{AFTER}"));
    if text.len() > limit {
        return Err(JsonObjectError::TooLong { found: text.len(), limit });
    }
    Ok(text.into_bytes())
}

/// Checks the text and reads its members. The checksum is among them, as an unknown one.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonObjectError> {
    read_within(bytes, MAX_JSON_BYTES)
}

/// The same, for objects that are large by nature.
pub(crate) fn read_within<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, JsonObjectError> {
    if bytes.len() > limit {
        return Err(JsonObjectError::TooLong { found: bytes.len(), limit });
    }
    let (text, ending) = bytes
        .len()
        .checked_sub(ENDING)
        .and_then(|at| bytes.split_at_checked(at))
        .ok_or(JsonObjectError::Ending)?;
    let stated = stated(ending).ok_or(JsonObjectError::Ending)?;
    let computed = Crc32c::of(text);
    if stated != computed {
        return Err(JsonObjectError::Checksum { stated, computed });
    }
    serde_json::from_slice(bytes).map_err(JsonObjectError::Json)
}

fn stated(ending: &[u8]) -> Option<Crc32c> {
    let digits = ending.strip_prefix(BEFORE.as_bytes())?.strip_suffix(AFTER.as_bytes())?;
    let digits = std::str::from_utf8(digits).ok()?;
    let crc = Crc32c::new(u32::from_str_radix(digits, 16).ok()?);
    // One checksum has one text: no capitals, no sign.
    (crc.to_string() == digits).then_some(crc)
}

/// Refuses what a newer build wrote.
pub(crate) fn refuse_newer(what: &'static str, found: u64, supported: u64) -> Result<(), JsonObjectError> {
    if found > supported {
        return Err(JsonObjectError::Newer { what, found, supported });
    }
    Ok(())
}

/// Names the member that a value came from.
pub(crate) fn value<T>(member: &'static str, result: Result<T, ValueError>) -> Result<T, JsonObjectError> {
    result.map_err(|source| JsonObjectError::Value { member, source })
}
