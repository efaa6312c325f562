//! What is wrong with one record, while the reader is still inside it. A fault is one pointer wide, so that the good
//! path pays nothing for it; it gathers the names of the fields on its way out.

use crate::{DecodeError, Reason};

/// The fault of one record.
pub(crate) type Fault = Box<FaultAt>;

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct FaultAt {
    pub(crate) reason: Reason,
    message: String,
    /// Names from the inside out.
    path: Vec<String>,
}

/// A new fault.
#[cold]
pub(crate) fn fault(reason: Reason, message: impl Into<String>) -> Fault {
    Box::new(FaultAt { reason, message: message.into(), path: Vec::new() })
}

/// Adds the name of the field around a fault.
#[cold]
pub(crate) fn within(mut fault: Fault, name: &str) -> Fault {
    fault.path.push(name.to_owned());
    fault
}

impl From<Fault> for DecodeError {
    fn from(fault: Fault) -> Self {
        let FaultAt { reason, message, path } = *fault;
        let path: Vec<String> = path.into_iter().rev().collect();
        let field = if path.is_empty() { None } else { Some(path.join(".")) };
        Self { reason, field, message }
    }
}
