//! What happened, in a form that two runs can be compared by.

use crate::counts::RequestKind;
use bytes::Bytes;
use std::fmt;

/// One request as the simulated store saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// Counts from 0 over all connections.
    pub number: u64,
    /// When it ended: milliseconds of the simulation's clock.
    pub at_ms: i64,
    /// The kind of request.
    pub operation: RequestKind,
    /// The key, or the prefix of a listing.
    pub key: String,
    /// Object bytes moved either way.
    pub bytes: u64,
    /// The fault it met.
    pub fault: Option<&'static str>,
    /// How it was answered.
    pub answer: String,
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, at_ms, operation, key, bytes, fault, answer } = self;
        write!(f, "{number} {at_ms} {} {key} {bytes} {} {answer}", operation.label(), fault.unwrap_or("-"))
    }
}

/// An object that changed, whoever did it and whatever was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its key.
    pub key: String,
    /// Its bytes before; `None` where there was none.
    pub before: Option<Bytes>,
    /// Its bytes now; `None` where it was deleted.
    pub after: Option<Bytes>,
}

/// Something that must never happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// A protected object was deleted.
    Deleted {
        /// Its key.
        key: String,
    },
    /// A protected object was replaced by other bytes.
    Overwritten {
        /// Its key.
        key: String,
    },
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted { key } => write!(f, "protected object `{key}` was deleted"),
            Self::Overwritten { key } => write!(f, "protected object `{key}` was overwritten"),
        }
    }
}
