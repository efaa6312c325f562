//! The AWS Glue data catalog by its own protocol: what Athena reads.
//!
//! A table's entry names its metadata file (`Parameters.metadata_location`); the file is ours to write. A commit is
//!
//! 1. `GetTable`: the entry has to name the file that the commit is made from, else somebody else was first;
//! 2. PUT of `metadata/NNNNN-<uuid>.metadata.json`, a name of its own;
//! 3. `UpdateTable` with the entry's version as it was read in 1 (Glue's optimistic locking, the only one that Athena minds), in
//!    one attempt. `ConcurrentModificationException` is a conflict. A lost answer, a 5xx and `OperationTimeoutException` are
//!    outcomes unknown.
//!
//! What others keep in the entry (parameters, description, owner) is carried over. `SkipArchive` keeps Glue from storing every
//! version of the entry, which it would refuse after a while.
//!
//! - **Crash, conflict**: a metadata file that no entry names stays; it is never deleted here, since a proxy may have sent the
//!   request twice and told us about the second time. Orphan removal takes it by its age.
//! - **Names** are lower case, and have one level of namespace: Glue would change others and not say so.

mod api;
mod columns;
mod entry;
#[cfg(test)]
mod tests;

use super::auth::{Auth, AwsKeySource};
use super::caller::{Caller, Repeat};
use super::files::{self, NewMetadata};
use super::http::HttpSettings;
use super::name::NameError;
use super::rest::unusable;
use super::{
    Catalog, CatalogError, CatalogVersion, CommitError, MAX_LISTED, Namespace, NewTable, Table, TableName,
};
use crate::io::FileIo;
use crate::update::{TableRequirement, TableUpdate};
use api::{Action, Outcome};
use async_trait::async_trait;
use entry::{Entry, GetTable, GetTables};
use firnline_store::Env;
use firnline_store::env::RandomExt;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// Which Glue catalog, and how it is reached.
#[derive(Clone, Debug)]
pub struct GlueSettings {
    /// The region of the catalog.
    pub region: String,
    /// The account that owns it; `None` = the one of the keys.
    pub catalog_id: Option<String>,
    /// `http(s)://HOST[:PORT]` instead of AWS's own.
    pub endpoint: Option<String>,
    /// Time limits and TLS.
    pub http: HttpSettings,
}

impl GlueSettings {
    /// The catalog of the keys' own account in a region.
    #[must_use]
    pub fn new(region: impl Into<String>) -> Self {
        Self { region: region.into(), catalog_id: None, endpoint: None, http: HttpSettings::default() }
    }
}

/// The tables of a Glue catalog.
#[derive(Debug)]
pub struct GlueCatalog {
    caller: Caller,
    endpoint: String,
    catalog_id: Option<String>,
    io: FileIo,
    env: Env,
}

impl GlueCatalog {
    /// Makes no request. `io` is the warehouse that all tables here have to lie in.
    pub fn new(
        settings: GlueSettings,
        keys: Arc<dyn AwsKeySource>,
        io: FileIo,
        env: Env,
    ) -> Result<Self, CatalogError> {
        let GlueSettings { region, catalog_id, endpoint, http } = settings;
        let endpoint = endpoint.unwrap_or_else(|| {
            let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://glue.{region}.{domain}")
        });
        let endpoint = super::http::address("Glue", &endpoint, &http).map_err(unusable)?;
        let auth = Auth::SigV4 { region, service: "glue".to_owned(), keys };
        let caller = Caller::new(http, auth, &endpoint, env.clone(), api::is_transient).map_err(unusable)?;
        Ok(Self { caller, endpoint, catalog_id, io, env })
    }

    async fn ask(&self, action: Action, mut body: Value, repeat: Repeat) -> Outcome {
        if let (Some(id), Some(fields)) = (&self.catalog_id, body.as_object_mut()) {
            fields.insert("CatalogId".to_owned(), json!(id));
        }
        let request = api::request(&self.endpoint, action, &body);
        Outcome::of(self.caller.call(&request, repeat).await)
    }

    /// The table's entry, `None` if there is no such table or database.
    async fn entry(&self, database: &str, name: &TableName) -> Result<Option<Entry>, Outcome> {
        let body = json!({ "DatabaseName": database, "Name": name.name() });
        match self.ask(Action::GetTable, body, Repeat::Safe).await {
            Outcome::Done(body) => match serde_json::from_slice::<GetTable>(&body) {
                Ok(answer) => Ok(Some(answer.table)),
                Err(error) => Err(Outcome::Malformed(Box::new(error))),
            },
            Outcome::Missing(_) => Ok(None),
            other => Err(other),
        }
    }

    /// Writes the metadata that follows under a name of its own.
    async fn write(
        &self,
        location: &str,
        number: u32,
        new: &NewMetadata,
    ) -> Result<String, crate::io::IoError> {
        let id = Uuid::from_bytes(self.env.random.uuid());
        let file = format!("{}/metadata/{number:05}-{id}.metadata.json", location.trim_end_matches('/'));
        self.io.put(&file, new.bytes.clone()).await?;
        Ok(file)
    }

    fn table(&self, name: &TableName, new: NewMetadata, metadata_location: String) -> Table {
        Table {
            name: name.clone(),
            metadata: Arc::new(new.metadata),
            metadata_location,
            version: CatalogVersion::default(),
            io: self.io.clone(),
        }
    }

    async fn create_entry(&self, database: &str, input: &Value) -> Outcome {
        let body = json!({ "DatabaseName": database, "TableInput": input });
        self.ask(Action::CreateTable, body, Repeat::Never).await
    }

    async fn create_database(&self, database: &str) -> Result<(), CatalogError> {
        // Made twice it is there all the same.
        let body = json!({ "DatabaseInput": { "Name": database } });
        match self.ask(Action::CreateDatabase, body, Repeat::Safe).await {
            Outcome::Done(_) | Outcome::Exists(_) => Ok(()),
            other => Err(other.of_read(&format!("create database {database}"))),
        }
    }
}

#[async_trait]
impl Catalog for GlueCatalog {
    async fn load(&self, name: &TableName) -> Result<Option<Table>, CatalogError> {
        let doing = || format!("load table {name}");
        let database = database(name.namespace(), Some(name))?;
        let entry = match self.entry(database, name).await {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(None),
            Err(outcome) => return Err(outcome.of_read(&doing())),
        };
        let metadata_location =
            entry.metadata_location().map_err(|source| CatalogError::Malformed { doing: doing(), source })?;
        let metadata = files::read(&self.io, name, &metadata_location).await?;
        files::check_place(&self.io, name, &metadata)?;
        Ok(Some(Table {
            name: name.clone(),
            metadata: Arc::new(metadata),
            metadata_location,
            version: CatalogVersion::default(),
            io: self.io.clone(),
        }))
    }

    async fn create(&self, name: &TableName, new: NewTable) -> Result<Table, CatalogError> {
        let doing = format!("create table {name}");
        let file = |source| CatalogError::File { doing: doing.clone(), source };
        let database = database(name.namespace(), Some(name))?;
        let location = match &new.location {
            Some(location) => location.trim_end_matches('/').to_owned(),
            None => self.io.location(&format!("{database}/{}", name.name())),
        };
        self.io.key(&location).map_err(file)?;
        // Before a file is written for nothing.
        match self.entry(database, name).await {
            Ok(None) => {}
            Ok(Some(_)) => return Err(CatalogError::Exists { table: name.clone() }),
            Err(outcome) => return Err(outcome.of_read(&doing)),
        }
        let new = files::new_table(name, new, &location, &self.env)?;
        let metadata_location = self.write(&location, 0, &new).await.map_err(file)?;
        let input = entry::input(name, None, &new.metadata, &metadata_location, None);
        let mut outcome = self.create_entry(database, &input).await;
        if let Outcome::Missing(_) = outcome {
            self.create_database(database).await?;
            outcome = self.create_entry(database, &input).await;
        }
        match outcome {
            Outcome::Done(_) => Ok(self.table(name, new, metadata_location)),
            Outcome::Exists(_) => Err(CatalogError::Exists { table: name.clone() }),
            other => Err(other.of_write(&doing)),
        }
    }

    async fn commit(
        &self,
        table: &Table,
        requirements: &[TableRequirement],
        updates: &[TableUpdate],
    ) -> Result<Table, CommitError> {
        let name = &table.name;
        let refused = |source| CommitError::Refused { table: name.clone(), source };
        let database = database(name.namespace(), Some(name)).map_err(|error| refused(Box::new(error)))?;
        let entry = match self.entry(database, name).await {
            Ok(Some(entry)) => entry,
            Ok(None) => return Err(refused("there is no such table any more".into())),
            Err(outcome) => return Err(outcome.before_commit(name)),
        };
        let current = entry.metadata_location().map_err(refused)?;
        if current != table.metadata_location {
            let why =
                format!("the table is at {current}, this commit was made for {}", table.metadata_location);
            return Err(CommitError::Conflict { table: name.clone(), source: why.into() });
        }
        let Some(version) = entry.version().map(str::to_owned) else {
            return Err(refused("the catalog tells no version of the table, so it cannot lock it".into()));
        };
        let new = files::commit(table, requirements, updates, &self.env)?;
        let number = entry::next_number(&table.metadata_location);
        let metadata_location = self
            .write(table.metadata.location(), number, &new)
            .await
            .map_err(|error| super::fs::unchanged(name, error))?;
        let input = entry::input(
            name,
            Some(&entry),
            &new.metadata,
            &metadata_location,
            Some(&table.metadata_location),
        );
        let body = json!({
            "DatabaseName": database,
            "TableInput": input,
            "VersionId": version,
            "SkipArchive": true,
        });
        match self.ask(Action::UpdateTable, body, Repeat::NeverCommit).await {
            Outcome::Done(_) => Ok(self.table(name, new, metadata_location)),
            other => Err(other.of_commit(name)),
        }
    }

    async fn list(&self, namespace: &Namespace) -> Result<Vec<TableName>, CatalogError> {
        let doing = format!("list {namespace}");
        let database = database(namespace, None)?;
        let mut names = Vec::new();
        let mut token: Option<String> = None;
        while names.len() <= MAX_LISTED {
            let body = match &token {
                Some(token) => json!({ "DatabaseName": database, "NextToken": token }),
                None => json!({ "DatabaseName": database }),
            };
            let page: GetTables = match self.ask(Action::GetTables, body, Repeat::Safe).await {
                Outcome::Done(body) => serde_json::from_slice(&body).map_err(|error| {
                    CatalogError::Malformed { doing: doing.clone(), source: Box::new(error) }
                })?,
                Outcome::Missing(_) => {
                    return Err(CatalogError::NoNamespace { namespace: namespace.clone() });
                }
                other => return Err(other.of_read(&doing)),
            };
            names.extend(
                page.iceberg_tables().filter_map(|name| TableName::new(namespace.clone(), name).ok()),
            );
            if page.next_token.is_none() || page.next_token == token {
                names.sort();
                return Ok(names);
            }
            token = page.next_token;
        }
        Err(CatalogError::Malformed { doing, source: "there are more tables than can be listed".into() })
    }
}

/// The database of a namespace, and whether Glue keeps it and the table's name as they are.
fn database<'a>(namespace: &'a Namespace, table: Option<&TableName>) -> Result<&'a str, CatalogError> {
    let bad = |name: String, source| CatalogError::Name { name, source };
    let [database] = namespace.levels() else {
        return Err(bad(namespace.to_string(), NameError::Levels));
    };
    for name in [Some(database.as_str()), table.map(TableName::name)].into_iter().flatten() {
        let lower = name.to_lowercase();
        if lower != name {
            return Err(bad(name.to_owned(), NameError::UpperCase(lower)));
        }
    }
    Ok(database)
}
