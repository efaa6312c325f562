//! The files of a table, in the warehouse or, where that is allowed, in a bucket of the table's own.

use super::OpenElsewhere;
use crate::io::{FileIo, IoError};
use std::sync::{Arc, Mutex, PoisonError};

/// The places kept open. One that is not among them is opened again, which costs connections and nothing else.
const MAX_OPEN: usize = 64;

#[derive(Debug)]
pub(super) struct Places {
    warehouse: FileIo,
    elsewhere: Option<Arc<dyn OpenElsewhere>>,
    /// The newest last.
    open: Mutex<Vec<FileIo>>,
}

impl Places {
    pub(super) fn new(warehouse: FileIo, elsewhere: Option<Arc<dyn OpenElsewhere>>) -> Self {
        Self { warehouse, elsewhere, open: Mutex::default() }
    }

    /// The files that a location lies among.
    pub(super) fn of(&self, location: &str) -> Result<FileIo, IoError> {
        let outside = match self.warehouse.key(location) {
            Ok(_) => return Ok(self.warehouse.clone()),
            Err(outside) => outside,
        };
        let Some(elsewhere) = &self.elsewhere else { return Err(outside) };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // A table may be a whole bucket, so that its location is the place itself.
        let lies_in = |io: &&FileIo| io.holds(location);
        if let Some(io) = open.iter().find(lies_in) {
            return Ok(io.clone());
        }
        let io = elsewhere.open(location)?;
        if !io.holds(location) {
            return Err(outside);
        }
        if open.len() >= MAX_OPEN {
            open.remove(0);
        }
        open.push(io.clone());
        Ok(io)
    }

    /// Whether a table may be put there, `None` meaning wherever the server likes.
    pub(super) fn check(&self, location: Option<&str>) -> Result<(), IoError> {
        location.map_or(Ok(()), |location| self.of(location).map(drop))
    }
}
