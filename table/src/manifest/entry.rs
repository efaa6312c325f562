//! Entries of manifests.

use super::file::DataFile;

/// What a manifest's snapshot did to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was there before.
    Existing,
    /// It was added.
    Added,
    /// It was removed: the entry says so to those who follow changes, the table does not have the file.
    Deleted,
}

impl Status {
    pub(super) fn code(self) -> i32 {
        match self {
            Self::Existing => 0,
            Self::Added => 1,
            Self::Deleted => 2,
        }
    }

    pub(super) fn of_code(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::Existing),
            1 => Some(Self::Added),
            2 => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// A file in a manifest. When it is read, everything is filled in; when it is written, an added file may leave to its snapshot
/// what that alone knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What was done to the file.
    pub status: Status,
    /// The snapshot that did it.
    pub snapshot_id: Option<i64>,
    /// Which deletes apply to it: those of a higher number (of values: or equal, for positions).
    pub sequence_number: Option<i64>,
    /// When it became part of the table.
    pub file_sequence_number: Option<i64>,
    /// The file.
    pub file: DataFile,
}

impl Entry {
    /// A file that the next snapshot adds. `sequence_number` is that of the files whose rows it has, if it replaces some.
    #[must_use]
    pub fn added(file: DataFile, snapshot_id: i64, sequence_number: Option<i64>) -> Self {
        Self {
            status: Status::Added,
            snapshot_id: Some(snapshot_id),
            sequence_number,
            file_sequence_number: None,
            file,
        }
    }

    /// Whether the table has the file.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.status != Status::Deleted
    }
}
