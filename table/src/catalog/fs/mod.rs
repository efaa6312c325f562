//! A catalog of files alone, in the layout of Iceberg's Hadoop catalog: `<warehouse>/<namespace>/<table>`.
//!
//! ```text
//! metadata/v1.metadata.json … vN.metadata.json     written once each, never changed; the highest N is the table
//! metadata/version-hint.text                       N or something a little lower: where to begin to look
//! ```
//!
//! - **Commit point**: vN+1 is created if it is not there. Who comes second is told so. An answer that was lost is settled by
//!   reading back and comparing with our own bytes; where that fails, too, the outcome is unknown.
//! - **Load**: the hint, then upwards while there is a next version; without a hint that can be followed, the highest version
//!   of a listing. So a hint that was not written, or was written late and is too low, does no harm.
//! - **Old versions that somebody has deleted**: a commit looks for the newest version first, so that a writer who slept
//!   through a hundred commits cannot take a number that was used before and is free again.
//! - **Crash**: before the commit point nothing has happened, after it the table is new; only the hint may be old.
//! - **Compressed metadata** of others is read, but not committed to: their next version would have another name than ours, and
//!   both could be created.
//!
//! Athena and Snowflake do not look here by themselves; Spark's Hadoop catalog, DuckDB and ClickHouse do.

#[cfg(test)]
mod tests;
mod versions;

use super::error::Cause;
use super::files::{self, NewMetadata};
use super::{
    Catalog, CatalogError, CatalogVersion, CommitError, MAX_LISTED, Namespace, NewTable, Table, TableName,
    Version,
};
use crate::io::{Created, FileIo, IoError};
use crate::update::{TableRequirement, TableUpdate};
use async_trait::async_trait;
use firnline_store::{Env, ErrorKind, RequestKind};
use std::sync::Arc;
use versions::{Found, Versions};

/// Tables in a warehouse of files.
#[derive(Clone, Debug)]
pub struct FsCatalog {
    io: FileIo,
    env: Env,
}

impl FsCatalog {
    /// The tables in this warehouse. Makes no request.
    #[must_use]
    pub fn new(io: FileIo, env: Env) -> Self {
        Self { io, env }
    }

    fn location(&self, name: &TableName) -> String {
        let mut path = name.namespace().levels().join("/");
        path.push('/');
        path.push_str(name.name());
        self.io.location(&path)
    }

    async fn read(&self, name: &TableName, location: &str, found: Found) -> Result<Table, CatalogError> {
        let metadata_location = found.location(location);
        let metadata = files::read(&self.io, name, &metadata_location).await?;
        files::check_place(&self.io, name, &metadata)?;
        Ok(Table {
            name: name.clone(),
            metadata: Arc::new(metadata),
            metadata_location,
            version: CatalogVersion(Version::File(found.version)),
            io: self.io.clone(),
        })
    }

    /// Tells readers where to begin to look. Nobody relies on it, so a failure is only noted.
    async fn hint(&self, versions: &Versions<'_>, version: u64) {
        if let Err(error) = versions.write_hint(version).await {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::debug!(
                error,
                version,
                "could not write a version hint; readers will look a little longer"
            );
        }
    }
}

#[async_trait]
impl Catalog for FsCatalog {
    async fn load(&self, name: &TableName) -> Result<Option<Table>, CatalogError> {
        let location = self.location(name);
        let versions = Versions::new(&self.io, &location);
        let found = versions.newest().await.map_err(failed(name, "load"))?;
        match found {
            Some(found) => Ok(Some(self.read(name, &location, found).await?)),
            None => Ok(None),
        }
    }

    async fn create(&self, name: &TableName, new: NewTable) -> Result<Table, CatalogError> {
        let location = self.location(name);
        if let Some(other) = new.location.as_deref().filter(|other| other.trim_end_matches('/') != location) {
            let why = format!(
                "this catalog finds tables by their names, at {location}; it cannot put one at {other}"
            );
            return Err(CatalogError::Refused { doing: format!("create table {name}"), source: why.into() });
        }
        let versions = Versions::new(&self.io, &location);
        if versions.newest().await.map_err(failed(name, "create"))?.is_some() {
            return Err(CatalogError::Exists { table: name.clone() });
        }
        let NewMetadata { metadata, bytes } = files::new_table(name, new, &location, &self.env)?;
        let metadata_location = Found::plain(1).location(&location);
        match self.io.create(&metadata_location, bytes).await {
            Ok(Created::New) => {}
            Ok(Created::Exists) => return Err(CatalogError::Exists { table: name.clone() }),
            Err(error) if may_have_landed(&error) => {
                return Err(CatalogError::Unknown {
                    doing: format!("create table {name}"),
                    source: Box::new(error),
                });
            }
            Err(error) => return Err(failed(name, "create")(error)),
        }
        self.hint(&versions, 1).await;
        Ok(Table {
            name: name.clone(),
            metadata: Arc::new(metadata),
            metadata_location,
            version: CatalogVersion(Version::File(1)),
            io: self.io.clone(),
        })
    }

    async fn commit(
        &self,
        table: &Table,
        requirements: &[TableRequirement],
        updates: &[TableUpdate],
    ) -> Result<Table, CommitError> {
        let Version::File(version) = table.version.0 else {
            return Err(refused(&table.name, "it was loaded from another catalog".into()));
        };
        if files::is_compressed(&table.metadata_location) || files::will_be_compressed(&table.metadata) {
            let why = "its metadata files are compressed, so that others would write the next version under another name; \
                       set write.metadata.compression-codec to none with the engine that writes them, and commit once";
            return Err(refused(&table.name, why.into()));
        }
        let location = self.location(&table.name);
        let versions = Versions::new(&self.io, &location);
        let before = |error: IoError| unchanged(&table.name, error);
        match versions.newest().await.map_err(before)? {
            Some(found) if found.version == version => {}
            Some(found) => {
                let why =
                    format!("the newest version is {}, this commit was made for {version}", found.version);
                return Err(CommitError::Conflict { table: table.name.clone(), source: why.into() });
            }
            None => return Err(refused(&table.name, "there is no such table any more".into())),
        }
        let NewMetadata { metadata, bytes } = files::commit(table, requirements, updates, &self.env)?;
        let next = Found::plain(version + 1);
        let metadata_location = next.location(&location);
        match self.io.create(&metadata_location, bytes).await {
            Ok(Created::New) => {}
            Ok(Created::Exists) => {
                let why = format!("somebody else wrote version {}", next.version);
                return Err(CommitError::Conflict { table: table.name.clone(), source: why.into() });
            }
            Err(error) if may_have_landed(&error) => {
                return Err(CommitError::Unknown { table: table.name.clone(), source: Box::new(error) });
            }
            Err(error) => return Err(unchanged(&table.name, error)),
        }
        self.hint(&versions, next.version).await;
        Ok(Table {
            name: table.name.clone(),
            metadata: Arc::new(metadata),
            metadata_location,
            version: CatalogVersion(Version::File(next.version)),
            io: self.io.clone(),
        })
    }

    async fn list(&self, namespace: &Namespace) -> Result<Vec<TableName>, CatalogError> {
        let directory = namespace.levels().join("/");
        let doing = || format!("list {namespace}");
        let file = |source| CatalogError::File { doing: doing(), source };
        let names = versions::directories(&self.io, &directory, MAX_LISTED).await.map_err(file)?;
        if names.is_empty() {
            return Err(CatalogError::NoNamespace { namespace: namespace.clone() });
        }
        let mut tables = Vec::new();
        for name in names {
            // What no table can be named is a directory of somebody else's.
            let Ok(name) = TableName::new(namespace.clone(), name) else { continue };
            let location = self.location(&name);
            if Versions::new(&self.io, &location).newest().await.map_err(file)?.is_some() {
                tables.push(name);
            }
        }
        tables.sort();
        Ok(tables)
    }
}

/// Whether a create that failed may have written its file, now or in a while. The store reads back after a lost answer, so
/// a failure of anything but the create itself means that it was in doubt before.
fn may_have_landed(error: &IoError) -> bool {
    error.store().is_some_and(|store| {
        store.is_ambiguous()
            || store.operation() != RequestKind::Create
            || matches!(store.kind(), ErrorKind::Corrupted | ErrorKind::Truncated)
    })
}

fn refused(table: &TableName, source: Cause) -> CommitError {
    CommitError::Refused { table: table.clone(), source }
}

/// A failure before the commit point, or of a create that has certainly not landed.
pub(super) fn unchanged(table: &TableName, error: IoError) -> CommitError {
    let (table, retriable, denied) = (table.clone(), error.is_retriable(), error.is_denied());
    let source: Cause = Box::new(error);
    if retriable {
        CommitError::Unavailable { table, source }
    } else if denied {
        CommitError::Unauthorized { table, source }
    } else {
        CommitError::Refused { table, source }
    }
}

fn failed(name: &TableName, verb: &'static str) -> impl FnOnce(IoError) -> CatalogError {
    move |source| CatalogError::File { doing: format!("{verb} table {name}"), source }
}
