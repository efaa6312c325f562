//! Catalogs: who says which metadata file is a table's current one.
//!
//! | | where the commit point is | who writes metadata files |
//! |---|---|---|
//! | [`FsCatalog`] | put-if-absent of `metadata/vN.metadata.json` (Iceberg's Hadoop layout) | we |
//! | [`RestCatalog`] | one POST of requirements and updates | the server |
//! | [`GlueCatalog`] | `UpdateTable` with the version that was read | we |
//!
//! What a catalog promises here: [`Catalog::commit`] is **one attempt**, never repeated below, and tells four things apart
//! that callers must not mix up: somebody else came first, it may have landed, it will never land, it was not looked at.
//! What it leaves to callers: rebasing after a conflict, looking for a commit of unknown outcome, deleting files.
//!
//! Nothing is dropped and no namespace is removed through this.

mod auth;
mod caller;
mod error;
mod files;
mod fs;
mod glue;
mod http;
mod name;
mod oauth2;
mod rest;
mod sigv4;
#[cfg(test)]
mod testing;

pub use self::http::{HttpError, HttpSettings};
pub use auth::{Auth, AwsKeySource, AwsKeys};
pub use error::{CatalogError, CommitError};
pub use fs::FsCatalog;
pub use glue::{GlueCatalog, GlueSettings};
pub use name::{NameError, Namespace, TableName};
pub use oauth2::OAuth2;
pub use rest::{OpenElsewhere, RestCatalog, RestSettings};

use crate::io::FileIo;
use crate::metadata::TableMetadata;
use crate::partition::PartitionSpec;
use crate::schema::Schema;
use crate::sort::SortOrder;
use crate::update::{TableRequirement, TableUpdate};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A table as a catalog gave it: immutable, a moment of it.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name in the catalog.
    pub name: TableName,
    /// All about it.
    pub metadata: Arc<TableMetadata>,
    /// The file that holds the metadata; empty where a REST catalog tells none.
    pub metadata_location: String,
    /// What the catalog compares at the next commit.
    pub version: CatalogVersion,
    /// Its files.
    pub io: FileIo,
}

/// What a catalog compares to see that nobody committed in between. Only the catalog that gave it can read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogVersion(Version);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Version {
    /// The requirements say it all.
    #[default]
    None,
    /// N of `vN.metadata.json`.
    File(u64),
}

/// A table to be made.
#[derive(Clone, Debug)]
pub struct NewTable {
    /// Its columns.
    pub schema: Schema,
    /// How its files are partitioned.
    pub spec: PartitionSpec,
    /// How its files are sorted.
    pub sort_order: SortOrder,
    /// Where it lies; `None` = `<warehouse>/<namespace>/<table>`, or what a REST catalog chooses.
    pub location: Option<String>,
    /// Its properties.
    pub properties: BTreeMap<String, String>,
    /// 2 or 3.
    pub format_version: u8,
}

/// Where tables are found by name.
#[async_trait]
pub trait Catalog: fmt::Debug + Send + Sync {
    /// The table as it is now, `None` if there is no such table or namespace. Transient trouble is retried inside.
    async fn load(&self, name: &TableName) -> Result<Option<Table>, CatalogError>;

    /// Makes a table, and its namespace where there is none. One attempt: [`CatalogError::Unknown`] means load and look.
    async fn create(&self, name: &TableName, new: NewTable) -> Result<Table, CatalogError>;

    /// Applies the updates if all requirements hold and nobody has committed since `table` was loaded. One attempt. Dropping
    /// the future is an unknown outcome, too.
    async fn commit(
        &self,
        table: &Table,
        requirements: &[TableRequirement],
        updates: &[TableUpdate],
    ) -> Result<Table, CommitError>;

    /// The tables of a namespace, in the order of their names.
    async fn list(&self, namespace: &Namespace) -> Result<Vec<TableName>, CatalogError>;
}

/// The most tables that a listing gives; more are an error rather than memory.
const MAX_LISTED: usize = 100_000;
