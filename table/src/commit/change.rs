//! What is to be changed, and what comes of it.

use crate::evolve::SchemaChange;
use crate::manifest::{DataFile, FileContent};
use crate::update::{TableRequirement, TableUpdate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What kind of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Rows are added.
    Append,
    /// Rows are added, and others deleted by delete files.
    RowDelta,
    /// Files are replaced by files with the same rows.
    Replace,
    /// Files are replaced by others.
    Overwrite,
    /// Files are removed, or rows by delete files.
    Delete,
}

/// A file that is to be no part of the table any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RemovedFile {
    /// Where it is; any spelling of its location.
    pub path: String,
    /// What is in it.
    pub content: FileContent,
    /// Which deletion vector of the file; `None`: all of the file.
    #[serde(default)]
    pub content_offset: Option<i64>,
}

impl RemovedFile {
    /// A file, all of it.
    #[must_use]
    pub fn new(path: impl Into<String>, content: FileContent) -> Self {
        Self { path: path.into(), content, content_offset: None }
    }

    /// A file that a table has.
    #[must_use]
    pub fn of(file: &DataFile) -> Self {
        Self { path: file.path.clone(), content: file.content, content_offset: file.content_offset }
    }
}

/// What is to be changed by one commit.
#[derive(Clone, Debug)]
pub struct Change {
    /// What kind of change it is.
    pub operation: Operation,
    /// Data files to add.
    pub add: Vec<DataFile>,
    /// Delete files to add. They apply to what was there before, those of positions also to files of the same commit.
    pub add_deletes: Vec<DataFile>,
    /// Files to remove. Each has to be there.
    pub remove: Vec<RemovedFile>,
    /// The sequence number of the added data files, if it is not to be the commit's own: where files replace others, deletes
    /// that came since the others were read have to apply to them as well. The table's when they were read.
    pub keep_sequence: Option<i64>,
    /// The snapshot that the replaced files were read from: if deletes of their rows came since that would be lost, the change
    /// is refused as [`BuildError::Overtaken`](super::BuildError::Overtaken).
    pub made_from: Option<i64>,
    /// What the snapshot's summary says besides totals.
    pub summary: BTreeMap<String, String>,
    /// Properties to set.
    pub set_properties: BTreeMap<String, String>,
    /// Properties to remove.
    pub remove_properties: Vec<String>,
    /// New columns.
    pub schema: Option<SchemaChange>,
    /// A snapshot even if no file comes or goes, so that asking for the last one guards the properties, too.
    pub snapshot_always: bool,
}

impl Change {
    /// A change of nothing yet.
    #[must_use]
    pub fn new(operation: Operation) -> Self {
        Self {
            operation,
            add: Vec::new(),
            add_deletes: Vec::new(),
            remove: Vec::new(),
            keep_sequence: None,
            made_from: None,
            summary: BTreeMap::new(),
            set_properties: BTreeMap::new(),
            remove_properties: Vec::new(),
            schema: None,
            snapshot_always: false,
        }
    }

    /// Whether files come or go.
    pub(super) fn has_files(&self) -> bool {
        !self.add.is_empty() || !self.add_deletes.is_empty() || !self.remove.is_empty()
    }
}

/// A commit, ready to be sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What has to hold.
    pub requirements: Vec<TableRequirement>,
    /// What is done.
    pub updates: Vec<TableUpdate>,
    /// Manifests and the list of them, which were written for it. They may be deleted once the commit has certainly not landed
    /// and never will, else orphan removal finds them.
    pub written: Vec<String>,
    /// The snapshot that it makes.
    pub snapshot_id: Option<i64>,
}
