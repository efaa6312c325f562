//! What the config names and cannot be used.

use std::io;
use std::path::Path;

/// Something that the config names and that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// What kind of thing it is.
    pub kind: ErrorKind,
    /// One sentence in lower case that names the thing.
    pub message: String,
    /// Why a file cannot be read.
    #[source]
    pub source: Option<io::Error>,
    /// What to try, where that is known.
    pub help: Option<String>,
}

/// Kinds of what cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Values that do not fit together.
    Invalid,
    /// A secret.
    Secret,
    /// A file.
    File,
    /// A key of the ring.
    Key,
}

impl ConfigError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None, help: None }
    }

    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self { source: Some(source), ..Self::new(ErrorKind::File, format!("read {}", path.display())) }
    }

    /// All of it on one line.
    pub fn line(&self) -> String {
        let source = self.source.as_ref().map(|source| format!(": {source}")).unwrap_or_default();
        let help = self.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}{source}{help}", self.message)
    }
}
