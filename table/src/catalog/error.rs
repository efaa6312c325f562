//! What a catalog can fail with, by what the caller does next.

use super::name::{NameError, Namespace, TableName};
use crate::io::IoError;

/// The cause of a failure.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A catalog that did not do what it was asked for. For commits see [`CommitError`].
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is such a table already: load it.
    #[error("create table {table}: it exists already")]
    Exists {
        /// The table.
        table: TableName,
    },
    /// There is no such namespace, and it is not made by listing it.
    #[error("there is no namespace {namespace} in the catalog")]
    NoNamespace {
        /// The namespace.
        namespace: Namespace,
    },
    /// A name that this catalog cannot hold: change the configuration.
    #[error("this catalog cannot hold the name `{name}`")]
    Name {
        /// The name.
        name: String,
        /// Why.
        #[source]
        source: NameError,
    },
    /// The catalog's answer is no: fix what is asked for, or the rights.
    #[error("{doing}: the catalog refused it")]
    Refused {
        /// What was asked for.
        doing: String,
        /// What the catalog says.
        #[source]
        source: Cause,
    },
    /// Who asks is not known or not allowed: an operator has to act.
    #[error("{doing}: not authenticated or not allowed")]
    Unauthorized {
        /// What was asked for.
        doing: String,
        /// What was said.
        #[source]
        source: Cause,
    },
    /// Nothing was changed, and the same call may succeed later.
    #[error("{doing}: the catalog cannot be reached or is busy")]
    Unavailable {
        /// What was asked for.
        doing: String,
        /// Why it failed.
        #[source]
        source: Cause,
    },
    /// It may have been done: load, then decide.
    #[error("{doing}: it is not known whether this was done")]
    Unknown {
        /// What was asked for.
        doing: String,
        /// Why that is not known.
        #[source]
        source: Cause,
    },
    /// The catalog's answer, or the metadata it names, is not what it has to be: somebody has to look at it.
    #[error("{doing}: what the catalog holds or answers cannot be used")]
    Malformed {
        /// What was asked for.
        doing: String,
        /// What is wrong.
        #[source]
        source: Cause,
    },
    /// A file of the table could not be read or written.
    #[error("{doing}")]
    File {
        /// What was asked for.
        doing: String,
        /// Which file, and why.
        #[source]
        source: IoError,
    },
}

impl CatalogError {
    /// The same call may succeed later without anybody doing anything, and does no harm.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::File { source, .. } => source.is_retriable(),
            _ => false,
        }
    }

    /// It may have been done: load before anything else.
    #[must_use]
    pub fn may_have_landed(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// An operator has to give a right or mend the credentials.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        match self {
            Self::Unauthorized { .. } => true,
            Self::File { source, .. } => source.is_denied(),
            _ => false,
        }
    }
}

/// A commit that did not succeed, or is not known to have. Each was one attempt.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else's commit came first, or a requirement does not hold: load, look what has changed, rebase.
    #[error("commit to {table}: another commit came first")]
    Conflict {
        /// The table.
        table: TableName,
        /// What has changed.
        #[source]
        source: Cause,
    },
    /// The commit may have landed, now or in a while: load and look for it. Never delete its files before that is known.
    #[error("commit to {table}: it is not known whether it landed")]
    Unknown {
        /// The table.
        table: TableName,
        /// Why that is not known.
        #[source]
        source: Cause,
    },
    /// It has not landed and will not: the request itself is at fault, or the table is gone.
    #[error("commit to {table}: the catalog refused it")]
    Refused {
        /// The table.
        table: TableName,
        /// What the catalog says.
        #[source]
        source: Cause,
    },
    /// It has not landed, since who asks is not known or not allowed: an operator has to act.
    #[error("commit to {table}: not authenticated or not allowed")]
    Unauthorized {
        /// The table.
        table: TableName,
        /// What was said.
        #[source]
        source: Cause,
    },
    /// It was not sent, or not looked at: it has not landed, and the same commit may succeed later.
    #[error("commit to {table}: the catalog cannot be reached or is busy; nothing was changed")]
    Unavailable {
        /// The table.
        table: TableName,
        /// Why it failed.
        #[source]
        source: Cause,
    },
}

impl CommitError {
    /// Somebody else was first.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// Look for it before anything else.
    #[must_use]
    pub fn may_have_landed(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// The same commit, as it is, may succeed later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// An operator has to give a right or mend the credentials.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Unauthorized { .. })
    }
}
