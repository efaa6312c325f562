//! A small HTTP server for tests, which answers by a function and remembers what it was asked.

use bytes::Bytes;
use firnline_store::env::SeededRandom;
use firnline_store::{Env, Store};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::http::HttpSettings;
use super::{NewTable, Table, TableName};
use crate::io::FileIo;
use crate::metadata::TableMetadata;
use crate::partition::PartitionSpec;
use crate::schema::Schema;
use crate::sort::SortOrder;
use crate::types::{Field, PrimitiveType};
use crate::update::TableUpdate;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a client asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    /// With its query.
    pub(super) target: String,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        Some(self.headers.get(name)?.to_str().unwrap().to_owned())
    }
}

/// What it is answered.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Json(u16, Value),
    Raw(u16, Vec<(&'static str, String)>, Bytes),
    /// The connection is closed without an answer.
    Cut,
    /// No answer, ever.
    Hang,
}

pub(super) fn ok(body: Value) -> Reply {
    Reply::Json(200, body)
}

/// The specification's form of a failure.
pub(super) fn refusal(status: u16, kind: &str) -> Reply {
    Reply::Json(
        status,
        serde_json::json!({"error": {"message": format!("no: {kind}"), "type": kind, "code": status}}),
    )
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(super) async fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&asked));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                        async move {
                            let asked = asked_of(request).await;
                            seen.lock().unwrap().push(asked.clone());
                            respond(answer(&asked)).await
                        }
                    });
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { url, asked, _tasks: tasks }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// `METHOD target` of everything asked so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect()
    }
}

async fn asked_of(request: Request<Incoming>) -> Asked {
    let (head, body) = request.into_parts();
    Asked {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

async fn respond(reply: Reply) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let build = |status, headers: Vec<(&str, String)>, body: Bytes| {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        Ok(response.body(Full::new(body)).unwrap())
    };
    match reply {
        Reply::Json(status, body) => {
            build(status, vec![("content-type", "application/json".to_owned())], body.to_string().into())
        }
        Reply::Raw(status, headers, body) => build(status, headers, body),
        // An error of the service makes hyper close the connection.
        Reply::Cut => Err(std::io::Error::other("cut")),
        Reply::Hang => std::future::pending().await,
    }
}

/// An address that nobody listens on.
pub(super) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Short enough for tests.
pub(super) fn http_settings() -> HttpSettings {
    HttpSettings {
        allow_http: true,
        attempt: Duration::from_millis(500),
        commit: Duration::from_millis(500),
        deadline: Duration::from_secs(20),
        retry: firnline_store::RetryPolicy {
            base: Duration::from_millis(1),
            cap: Duration::from_millis(5),
            max_attempts: 4,
        },
        ..HttpSettings::default()
    }
}

pub(super) fn env() -> Env {
    Env { random: Arc::new(SeededRandom::new(7)), ..Env::system() }
}

pub(super) fn memory() -> FileIo {
    FileIo::new(Store::memory(Env::system())).unwrap()
}

/// A table to be made, with a column and nothing else.
pub(super) fn new_table() -> NewTable {
    NewTable {
        schema: Schema::new(0, vec![Field::optional(1, "a", PrimitiveType::Long)], Vec::new()).unwrap(),
        spec: PartitionSpec::unpartitioned(),
        sort_order: SortOrder::unsorted(),
        location: None,
        properties: BTreeMap::from([("owner".to_owned(), "us".to_owned())]),
        format_version: 2,
    }
}

/// Metadata of such a table, as a server sends it.
pub(super) fn metadata(location: &str) -> Value {
    let metadata = TableMetadata::create(new_table(), location, Uuid::from_u128(7), 1_000).unwrap();
    serde_json::from_slice(&metadata.to_json().unwrap()).unwrap()
}

pub(super) fn set_property(key: &str, value: &str) -> TableUpdate {
    TableUpdate::SetProperties { updates: BTreeMap::from([(key.to_owned(), value.to_owned())]) }
}

pub(super) fn property(table: &Table, key: &str) -> Option<String> {
    table.metadata.properties().get(key).cloned()
}

pub(super) fn name(text: &str) -> TableName {
    text.parse().unwrap()
}
