//! The Iceberg REST catalog: its own servers, Polaris, Lakekeeper, SeaweedFS, and AWS's two (Glue's and S3 Tables' endpoints).
//!
//! - **Start**: one GET of `v1/config`, whose overrides win over our settings and whose defaults do not. What it says about
//!   stores (`s3.endpoint` and the like) is not followed: files are read and written through the warehouse's own store.
//!   Credentials that a server lends for a table are neither asked for nor used.
//! - **Load**: retried. A server that gives no metadata but a location (AWS has been seen to) has its file read instead.
//! - **Create**: looks first, then one POST. Of two who create the same table at once, a server that answers both with success
//!   gives both the same table: who needs his own schema there has to look at what he was given.
//! - **Commit**: one POST, never made again, but for a token that had just expired: a 401 is not a commit. What each answer
//!   means for the caller stands in [`outcome`]. A success whose answer cannot be read is a commit of unknown outcome: it has
//!   landed, and the caller finds it by loading.
//! - **Cancellation** of a commit or create: it may have been done.

mod answers;
mod outcome;
mod places;
mod settings;
#[cfg(test)]
mod tests;

use super::caller::{CallError, Caller, Repeat};
use super::error::Cause;
use super::files;
use super::http::{Answer, Request};
use super::sigv4::encode;
use super::{
    Catalog, CatalogError, CatalogVersion, CommitError, MAX_LISTED, Namespace, NewTable, Table, TableName,
};
use crate::io::FileIo;
use crate::update::{TableRequirement, TableUpdate};
use answers::{Config, Listed, Loaded};
use async_trait::async_trait;
use bytes::Bytes;
use firnline_store::Env;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use outcome::Outcome;
use places::Places;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::sync::Arc;

pub(super) use settings::unusable;
pub use settings::{OpenElsewhere, RestSettings};

/// The most pages of one listing.
const MAX_PAGES: usize = 1000;

/// A REST catalog.
#[derive(Debug)]
pub struct RestCatalog {
    caller: Caller,
    /// The address up to and with the prefix.
    base: String,
    separator: String,
    places: Places,
}

impl RestCatalog {
    /// Asks the catalog for its configuration. `io` is the warehouse that its tables have to lie in, if not
    /// [`RestSettings::elsewhere`] opens other places.
    pub async fn connect(settings: RestSettings, io: FileIo, env: Env) -> Result<Self, CatalogError> {
        let doing = "connect to the catalog";
        let config_url = settings.config_url().map_err(unusable)?;
        let uri = settings.uri().map_err(unusable)?;
        let caller =
            Caller::new(settings.http.clone(), settings.auth.clone(), &uri, env, outcome::is_transient)
                .map_err(unusable)?;
        let answer = caller.call(&request(Method::GET, config_url, Bytes::new()), Repeat::Safe).await;
        let config: Config = match Outcome::of(answer) {
            Outcome::Done(body) => parse(&body).map_err(malformed(doing))?,
            other => return Err(other.of_read(doing)),
        };
        let prefix = config.prefix(settings.prefix.as_deref());
        config.note_ignored(&uri);
        let base = match prefix.as_deref().map(|prefix| prefix.trim_matches('/')) {
            None | Some("") => format!("{uri}/v1"),
            // As it is: servers give it encoded where it needs to be.
            Some(prefix) => format!("{uri}/v1/{prefix}"),
        };
        tracing::debug!(base, "connected to the catalog");
        let places = Places::new(io, settings.elsewhere);
        Ok(Self { caller, base, separator: config.separator(), places })
    }

    fn namespace_url(&self, namespace: &Namespace) -> String {
        let levels: Vec<String> = namespace.levels().iter().map(|level| encode(level, false)).collect();
        format!("{}/namespaces/{}", self.base, levels.join(&self.separator))
    }

    fn table_url(&self, name: &TableName) -> String {
        format!("{}/tables/{}", self.namespace_url(name.namespace()), encode(name.name(), false))
    }

    async fn get(&self, url: String) -> Outcome {
        Outcome::of(self.caller.call(&request(Method::GET, url, Bytes::new()), Repeat::Safe).await)
    }

    async fn post(&self, url: String, body: &serde_json::Value, repeat: Repeat) -> Outcome {
        let request = request(Method::POST, url, Bytes::from(body.to_string()));
        Outcome::of(self.caller.call(&request, repeat).await)
    }

    /// A table from what the server gave of it.
    async fn table(&self, name: &TableName, body: &Bytes) -> Result<Table, CatalogError> {
        let bad = |source: Cause| CatalogError::Malformed { doing: format!("load table {name}"), source };
        let file = |source| CatalogError::File { doing: format!("load table {name}"), source };
        let loaded: Loaded = parse(body).map_err(bad)?;
        loaded.note_ignored(name);
        let metadata_location = loaded.metadata_location.unwrap_or_default();
        let metadata = match loaded.metadata {
            Some(metadata) => files::parse(metadata.to_string().as_bytes()).map_err(bad)?,
            None if metadata_location.is_empty() => {
                return Err(bad("the answer has neither metadata nor its location".into()));
            }
            None => {
                let io = self.places.of(&metadata_location).map_err(file)?;
                files::read(&io, name, &metadata_location).await?
            }
        };
        let io = self.places.of(metadata.location()).map_err(file)?;
        Ok(Table {
            name: name.clone(),
            metadata: Arc::new(metadata),
            metadata_location,
            version: CatalogVersion::default(),
            io,
        })
    }

    /// Makes a namespace and those it lies in. One that is there already is fine.
    async fn create_namespace(&self, namespace: &Namespace) -> Result<(), CatalogError> {
        let levels = namespace.levels();
        for depth in 1..=levels.len() {
            let path = levels.get(..depth).unwrap_or(levels);
            let doing = format!("create namespace {}", path.join("."));
            let body = json!({ "namespace": path, "properties": {} });
            // Made twice it is there all the same.
            let outcome = self.post(format!("{}/namespaces", self.base), &body, Repeat::Safe).await;
            match outcome {
                Outcome::Done(_) | Outcome::Conflict(_) => {}
                // Who may not look at the outer ones may still be allowed to make the inner one.
                Outcome::Refused(_) | Outcome::Unauthorized(_) | Outcome::Missing(_)
                    if depth < levels.len() => {}
                other => return Err(other.of_read(&doing)),
            }
        }
        Ok(())
    }

    async fn create_once(&self, name: &TableName, new: &NewTable) -> Outcome {
        let mut properties = new.properties.clone();
        // How Iceberg's own clients ask for a version; the request has no field for it.
        properties.entry("format-version".to_owned()).or_insert_with(|| new.format_version.to_string());
        let mut body = json!({
            "name": name.name(),
            "schema": new.schema,
            "partition-spec": new.spec,
            "write-order": new.sort_order,
            "stage-create": false,
            "properties": properties,
        });
        if let (Some(location), Some(fields)) = (&new.location, body.as_object_mut()) {
            fields.insert("location".to_owned(), json!(location));
        }
        self.post(format!("{}/tables", self.namespace_url(name.namespace())), &body, Repeat::NeverCommit)
            .await
    }
}

#[async_trait]
impl Catalog for RestCatalog {
    async fn load(&self, name: &TableName) -> Result<Option<Table>, CatalogError> {
        match self.get(self.table_url(name)).await {
            Outcome::Done(body) => Ok(Some(self.table(name, &body).await?)),
            Outcome::Missing(_) => Ok(None),
            other => Err(other.of_read(&format!("load table {name}"))),
        }
    }

    async fn create(&self, name: &TableName, new: NewTable) -> Result<Table, CatalogError> {
        let doing = format!("create table {name}");
        let file = |source| CatalogError::File { doing: doing.clone(), source };
        self.places.check(new.location.as_deref()).map_err(file)?;
        // Some servers (SeaweedFS 4.48) answer the creation of a table that is there with that table and success.
        match self.get(self.table_url(name)).await {
            Outcome::Missing(_) => {}
            Outcome::Done(_) => return Err(CatalogError::Exists { table: name.clone() }),
            other => return Err(other.of_read(&doing)),
        }
        let mut outcome = self.create_once(name, &new).await;
        if let Outcome::Missing(_) = outcome {
            self.create_namespace(name.namespace()).await?;
            outcome = self.create_once(name, &new).await;
        }
        match outcome {
            Outcome::Done(body) => self.table(name, &body).await,
            Outcome::Conflict(_) => Err(CatalogError::Exists { table: name.clone() }),
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
        let body = json!({
            "identifier": { "namespace": name.namespace().levels(), "name": name.name() },
            "requirements": requirements,
            "updates": updates,
        });
        match self.post(self.table_url(name), &body, Repeat::NeverCommit).await {
            // It has landed. Whoever cannot read the answer has to look for it, as after an answer that was lost.
            Outcome::Done(body) => self
                .table(name, &body)
                .await
                .map_err(|error| CommitError::Unknown { table: name.clone(), source: Box::new(error) }),
            other => Err(other.of_commit(name)),
        }
    }

    async fn list(&self, namespace: &Namespace) -> Result<Vec<TableName>, CatalogError> {
        let doing = format!("list {namespace}");
        let mut names = Vec::new();
        let mut token = String::new();
        for _ in 0..MAX_PAGES {
            let url = format!(
                "{}/tables?pageToken={}&pageSize=1000",
                self.namespace_url(namespace),
                encode(&token, false)
            );
            let listed: Listed = match self.get(url).await {
                Outcome::Done(body) => parse(&body).map_err(malformed(&doing))?,
                Outcome::Missing(_) => {
                    return Err(CatalogError::NoNamespace { namespace: namespace.clone() });
                }
                other => return Err(other.of_read(&doing)),
            };
            // A name that cannot be one of ours is somebody else's.
            names.extend(listed.names().filter_map(|name| TableName::new(namespace.clone(), name).ok()));
            token = listed.next_page_token.unwrap_or_default();
            if token.is_empty() {
                names.sort();
                return Ok(names);
            }
            if names.len() > MAX_LISTED {
                break;
            }
        }
        Err(malformed(&doing)("there are more tables than can be listed".into()))
    }
}

fn request(method: Method, url: String, body: Bytes) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if !body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Request { method, url, headers, body }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Cause> {
    Ok(serde_json::from_slice(body)?)
}

fn malformed(doing: &str) -> impl FnOnce(Cause) -> CatalogError {
    let doing = doing.to_owned();
    move |source| CatalogError::Malformed { doing, source }
}
