//! Who said so, when and why: what an operator's act leaves beside what it changed.

use serde::{Deserialize, Serialize};

use crate::checked_json::{self, JsonObjectError};
use crate::ids::TimestampMs;

/// Who did something, when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who, as the program was told or found out: a user, a principal. At most [`Said::MAX_LEN`] bytes.
    pub by: String,
    /// When, by the clock of the machine it was said on.
    pub at: TimestampMs,
    /// Why, in their own words; may be empty. At most [`Said::MAX_LEN`] bytes.
    pub why: String,
}

impl Said {
    /// The longest text of either kind.
    pub const MAX_LEN: usize = 1_024;
}

/// The same as members.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaidMembers {
    by: String,
    at_ms: i64,
    why: String,
}

impl From<&Said> for SaidMembers {
    fn from(said: &Said) -> Self {
        Self { by: said.by.clone(), at_ms: said.at.get(), why: said.why.clone() }
    }
}

impl SaidMembers {
    pub(crate) fn read(self) -> Result<Said, JsonObjectError> {
        for (member, text) in [("by", &self.by), ("why", &self.why)] {
            if text.len() > Said::MAX_LEN {
                let found = text.len() as u64;
                return Err(JsonObjectError::OutOfRange { member, found, limits: "at most 1024 bytes" });
            }
        }
        let at = checked_json::value("at_ms", TimestampMs::new(self.at_ms))?;
        Ok(Said { by: self.by, at, why: self.why })
    }
}
