//! The client against real HTTP servers: one that keeps tables, and ones that answer what a healthy one would not.

use super::super::testing::{
    Asked, Reply, Server, env, http_settings, memory, metadata, name, new_table, nobody, ok, property,
    refusal, set_property,
};
use super::*;
use crate::catalog::{Auth, AwsKeys};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Mutex;

fn settings(url: &str) -> RestSettings {
    RestSettings { http: http_settings(), ..RestSettings::new(url) }
}

async fn connect(server: &Server) -> RestCatalog {
    RestCatalog::connect(settings(&server.url), memory(), env()).await.unwrap()
}

/// A server that answers `v1/config` and leaves the rest to a function.
async fn server(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |asked| match asked.target.split('?').next() {
        Some("/v1/config") => ok(json!({"defaults": {}, "overrides": {}})),
        _ => answer(asked),
    })
    .await
}

fn loaded(metadata: &Value) -> Value {
    json!({"metadata-location": "memory:/db/t/metadata/00000-x.metadata.json", "metadata": metadata, "config": {"s3.endpoint": "x"}})
}

/// A catalog that keeps its tables' properties.
#[derive(Default)]
struct Shelf {
    namespaces: Vec<Value>,
    tables: BTreeMap<String, Value>,
}

fn shelf() -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    let shelf = Mutex::new(Shelf::default());
    move |asked| {
        let mut shelf = shelf.lock().unwrap();
        let path = asked.target.split('?').next().unwrap();
        let below = path.strip_prefix("/api/v1/cat%2Fone/namespaces").unwrap_or("?");
        match (asked.method.as_str(), below) {
            ("POST", "") => {
                let namespace = asked.json()["namespace"].clone();
                if shelf.namespaces.contains(&namespace) {
                    return refusal(409, "AlreadyExistsException");
                }
                shelf.namespaces.push(namespace.clone());
                ok(json!({ "namespace": namespace }))
            }
            ("POST", "/a%1Fb%20c/tables") if !shelf.namespaces.contains(&json!(["a", "b c"])) => {
                refusal(404, "NoSuchNamespaceException")
            }
            ("POST", "/a%1Fb%20c/tables") => {
                let body = asked.json();
                assert_eq!(body["properties"]["format-version"], "2");
                assert_eq!(body["stage-create"], false);
                let table = body["name"].as_str().unwrap().to_owned();
                if shelf.tables.contains_key(&table) {
                    return refusal(409, "AlreadyExistsException");
                }
                let mut metadata = metadata("memory:/a/b c/t");
                metadata["properties"] = body["properties"].clone();
                shelf.tables.insert(table, metadata.clone());
                ok(loaded(&metadata))
            }
            ("GET", "/a%1Fb%20c/tables") => {
                let page = |names: &[&str], next: Value| {
                    let identifiers: Vec<Value> =
                        names.iter().map(|name| json!({"namespace": ["a", "b c"], "name": name})).collect();
                    ok(json!({"identifiers": identifiers, "next-page-token": next}))
                };
                if asked.target.contains("pageToken=n%2F1") {
                    page(&["a", "strange/name"], Value::Null)
                } else {
                    page(&["t"], json!("n/1"))
                }
            }
            (method, below) => {
                let Some(table) = below.strip_prefix("/a%1Fb%20c/tables/") else {
                    return refusal(404, "NoSuchNamespaceException");
                };
                let Some(metadata) = shelf.tables.get_mut(table) else {
                    return refusal(404, "NoSuchTableException");
                };
                if method == "POST" {
                    let body = asked.json();
                    assert_eq!(body["identifier"], json!({"namespace": ["a", "b c"], "name": "t"}));
                    for update in body["updates"].as_array().unwrap() {
                        for (key, value) in update["updates"].as_object().unwrap() {
                            metadata["properties"][key] = value.clone();
                        }
                    }
                }
                ok(loaded(metadata))
            }
        }
    }
}

#[tokio::test]
async fn tables_are_made_with_their_namespaces_loaded_changed_and_listed() {
    let shelf = shelf();
    let server = Server::start(move |asked: &Asked| {
        if asked.target == "/api/v1/config?warehouse=arn%3Aaws%3As3tables%3Ax" {
            return ok(json!({"defaults": {"prefix": "d"}, "overrides": {"prefix": "cat%2Fone", "s3.endpoint": "x"}}));
        }
        shelf(asked)
    })
    .await;
    let settings = RestSettings {
        warehouse: Some("arn:aws:s3tables:x".to_owned()),
        prefix: Some("own".to_owned()),
        ..settings(&format!("{}/api/v1/", server.url))
    };
    let catalog = RestCatalog::connect(settings, memory(), env()).await.unwrap();
    let table = name("a.b c.t");
    assert!(catalog.load(&table).await.unwrap().is_none());
    let made = catalog.create(&table, new_table()).await.unwrap();
    assert_eq!(property(&made, "owner").as_deref(), Some("us"));
    let error = catalog.create(&table, new_table()).await.unwrap_err();
    assert!(matches!(error, CatalogError::Exists { .. }), "{error}");
    let changed = catalog.commit(&made, &[], &[set_property("k", "v")]).await.unwrap();
    assert_eq!(property(&changed, "k").as_deref(), Some("v"));
    let now = catalog.load(&table).await.unwrap().unwrap();
    assert_eq!(property(&now, "k").as_deref(), Some("v"));
    assert_eq!(now.metadata_location, "memory:/db/t/metadata/00000-x.metadata.json");
    let listed = catalog.list(table.namespace()).await.unwrap();
    assert_eq!(listed, [name("a.b c.a"), name("a.b c.t")]);
    let error = catalog.list(&"none".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, CatalogError::NoNamespace { .. }), "{error}");
    let namespaces: Vec<Value> = server
        .asked()
        .iter()
        .filter(|asked| asked.method == "POST" && asked.target.ends_with("/namespaces"))
        .map(|asked| asked.json()["namespace"].clone())
        .collect();
    assert_eq!(namespaces, [json!(["a"]), json!(["a", "b c"])]);
}

#[tokio::test]
async fn what_each_answer_to_a_commit_means_is_told_apart() {
    let text = |status, text: &str| Reply::Raw(status, Vec::new(), Bytes::from(text.to_owned()));
    for (reply, meaning) in [
        (refusal(409, "CommitFailedException"), "conflict"),
        (refusal(500, "CommitStateUnknownException"), "unknown"),
        (text(500, "<html>"), "unknown"),
        (text(502, ""), "unknown"),
        (text(503, ""), "unknown"),
        (Reply::Raw(503, vec![("retry-after", "1".to_owned())], Bytes::new()), "unknown"),
        (text(504, ""), "unknown"),
        (text(408, ""), "unknown"),
        (Reply::Cut, "unknown"),
        (Reply::Hang, "unknown"),
        (text(200, ""), "unknown"),
        (text(204, ""), "unknown"),
        (text(200, r#"{"metadata-location": "memory:/x"#), "unknown"),
        (ok(json!({"metadata-location": "memory:/nothing/there", "metadata": null})), "unknown"),
        (refusal(400, "ValidationException"), "refused"),
        (refusal(404, "NoSuchTableException"), "refused"),
        (text(404, "nginx"), "refused"),
        (refusal(422, "UnprocessableEntityException"), "refused"),
        (Reply::Raw(307, vec![("location", "https://elsewhere".to_owned())], Bytes::new()), "refused"),
        (refusal(401, "NotAuthorizedException"), "denied"),
        (refusal(403, "ForbiddenException"), "denied"),
        (refusal(419, "AuthenticationTimeoutException"), "denied"),
        (text(429, ""), "unavailable"),
    ] {
        let shown = format!("{reply:?}");
        let table_json = metadata("memory:/db/t");
        let server =
            server(move |asked| if asked.method == "GET" { ok(loaded(&table_json)) } else { reply.clone() })
                .await;
        let catalog = connect(&server).await;
        let table = catalog.load(&name("db.t")).await.unwrap().unwrap();
        let error = catalog.commit(&table, &[], &[set_property("k", "v")]).await.unwrap_err();
        let seen = match &error {
            CommitError::Conflict { .. } => "conflict",
            CommitError::Unknown { .. } => "unknown",
            CommitError::Refused { .. } => "refused",
            CommitError::Unauthorized { .. } => "denied",
            CommitError::Unavailable { .. } => "unavailable",
        };
        assert_eq!(seen, meaning, "{shown}: {error:?}");
        assert_eq!(server.lines().iter().filter(|line| line.starts_with("POST")).count(), 1, "{shown}");
    }
}

#[tokio::test]
async fn a_commit_that_nobody_took_can_be_made_again() {
    let table_json = metadata("memory:/db/t");
    let server = server(move |_| ok(loaded(&table_json))).await;
    let catalog = connect(&server).await;
    let table = catalog.load(&name("db.t")).await.unwrap().unwrap();
    let gone = RestCatalog { base: format!("{}/v1", nobody().await), ..catalog };
    let error = gone.commit(&table, &[], &[]).await.unwrap_err();
    assert!(error.is_retriable(), "{error:?}");
}

#[tokio::test]
async fn metadata_that_a_server_leaves_out_is_read_from_its_file() {
    let io = memory();
    let text = metadata("memory:/db/t").to_string().into_bytes();
    io.put("memory:/db/t/metadata/1.json", text).await.unwrap();
    let answer =
        json!({"metadata-location": "memory:/db/t/metadata/1.json", "metadata": null, "config": null});
    let server = server(move |_| ok(answer.clone())).await;
    let catalog = RestCatalog::connect(settings(&server.url), io, env()).await.unwrap();
    let table = catalog.load(&name("db.t")).await.unwrap().unwrap();
    assert_eq!(property(&table, "owner").as_deref(), Some("us"));
    let changed = catalog.commit(&table, &[], &[set_property("k", "v")]).await.unwrap();
    assert_eq!(changed.metadata_location, "memory:/db/t/metadata/1.json");
}

#[tokio::test]
async fn a_table_that_lies_elsewhere_is_refused_with_both_places_named() {
    let table_json = metadata("s3://other/db/t");
    let server = server(move |_| ok(loaded(&table_json))).await;
    let error = connect(&server).await.load(&name("db.t")).await.unwrap_err();
    let CatalogError::File { source, .. } = error else { panic!("{error:?}") };
    let shown = source.to_string();
    assert!(shown.contains("s3://other/db/t") && shown.contains("memory:"), "{shown}");
    let new = NewTable { location: Some("s3://other/db/t".to_owned()), ..new_table() };
    let error = connect(&server).await.create(&name("db.t"), new).await.unwrap_err();
    assert!(matches!(error, CatalogError::File { .. }), "{error:?}");
}

/// Opens each bucket in memory, and notes which.
#[derive(Debug, Default)]
struct Buckets(Mutex<Vec<String>>);

impl OpenElsewhere for Buckets {
    fn open(&self, location: &str) -> Result<FileIo, crate::io::IoError> {
        self.0.lock().unwrap().push(location.to_owned());
        let bucket = location.strip_prefix("s3://").unwrap().split('/').next().unwrap();
        let mut settings = firnline_store::StoreSettings::new(firnline_store::StoreUrl::Memory);
        settings.url = format!("s3://{bucket}").parse().unwrap();
        FileIo::new(firnline_store::sim::Simulation::new(1, &env()).connect_with(settings, &env()))
    }
}

#[tokio::test]
async fn tables_with_buckets_of_their_own_are_opened_where_that_is_allowed_and_kept_open() {
    let server = server(|asked| {
        let table = asked.target.rsplit('/').next().unwrap();
        ok(loaded(&metadata(&format!("s3://{table}--table-s3"))))
    })
    .await;
    let buckets = Arc::new(Buckets::default());
    let allowing = RestSettings {
        elsewhere: Some(Arc::clone(&buckets) as Arc<dyn OpenElsewhere>),
        ..settings(&server.url)
    };
    let catalog = RestCatalog::connect(allowing, memory(), env()).await.unwrap();
    for table in ["db.one", "db.two", "db.one"] {
        let table = catalog.load(&name(table)).await.unwrap().unwrap();
        assert_eq!(table.io.root(), format!("s3://{}--table-s3", table.name.name()));
    }
    assert_eq!(*buckets.0.lock().unwrap(), ["s3://one--table-s3", "s3://two--table-s3"]);
    assert!(connect(&server).await.load(&name("db.one")).await.is_err());
}

#[tokio::test]
async fn answers_that_are_no_catalogs_are_not_taken_for_an_absent_table() {
    for body in ["<html>404</html>", "", r#"{"error":"Not Found","path":"/v1"}"#, r#"{"message":"no route"}"#]
    {
        let server = server(move |_| Reply::Raw(404, Vec::new(), body.into())).await;
        let error = connect(&server).await.load(&name("db.t")).await.unwrap_err();
        let CatalogError::Refused { source, .. } = error else { panic!("{error:?}") };
        assert!(source.to_string().contains("is the address right?"), "{source}");
    }
    for body in ["[]", "{}", r#"{"metadata": {"format-version": 99}}"#, "nonsense"] {
        let server = server(move |_| Reply::Raw(200, Vec::new(), body.into())).await;
        let error = connect(&server).await.load(&name("db.t")).await.unwrap_err();
        assert!(matches!(error, CatalogError::Malformed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn trouble_while_loading_is_outlasted_or_told_as_such() {
    let tries = Mutex::new(0);
    let table_json = metadata("memory:/db/t");
    let flaky = server(move |_| {
        let mut tries = tries.lock().unwrap();
        *tries += 1;
        match *tries {
            1 => Reply::Cut,
            2 => Reply::Json(503, json!({})),
            _ => ok(loaded(&table_json)),
        }
    })
    .await;
    assert!(connect(&flaky).await.load(&name("db.t")).await.unwrap().is_some());
    let down = server(|asked| match asked.method.as_str() {
        "GET" if asked.target.ends_with("/new") => refusal(404, "NoSuchTableException"),
        _ => Reply::Json(500, json!({})),
    })
    .await;
    let error = connect(&down).await.load(&name("db.t")).await.unwrap_err();
    assert!(error.is_retriable() && !error.may_have_landed(), "{error:?}");
    let error = connect(&down).await.create(&name("db.new"), new_table()).await.unwrap_err();
    assert!(error.may_have_landed(), "{error:?}");
    let error = RestCatalog::connect(settings(&nobody().await), memory(), env()).await.unwrap_err();
    assert!(error.is_retriable(), "{error:?}");
    let error =
        RestCatalog::connect(RestSettings::new("http://c.example"), memory(), env()).await.unwrap_err();
    assert!(matches!(error, CatalogError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn requests_to_aws_are_signed_anew_each_time() {
    let server = Server::start(|asked: &Asked| match asked.target.as_str() {
        "/iceberg/v1/config?warehouse=123" => ok(json!({"overrides": {"prefix": "catalogs/123"}})),
        "/iceberg/v1/catalogs/123/namespaces/db/tables/t" => refusal(404, "NoSuchTableException"),
        _ => Reply::Cut,
    })
    .await;
    let keys = AwsKeys {
        access_key_id: "AKID".to_owned(),
        secret_access_key: "secret".into(),
        session_token: Some("session".into()),
    };
    let settings = RestSettings {
        warehouse: Some("123".to_owned()),
        auth: Auth::SigV4 {
            region: "eu-north-1".to_owned(),
            service: "glue".to_owned(),
            keys: Arc::new(keys),
        },
        ..settings(&format!("{}/iceberg", server.url))
    };
    let catalog = RestCatalog::connect(settings, memory(), env()).await.unwrap();
    assert!(catalog.load(&name("db.t")).await.unwrap().is_none());
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    for asked in &asked {
        let shown = asked.header("authorization").unwrap();
        assert!(shown.contains("/eu-north-1/glue/aws4_request"), "{shown}");
        assert!(
            shown.contains("SignedHeaders=accept;host;x-amz-content-sha256;x-amz-date;x-amz-security-token")
        );
        assert_eq!(asked.header("host").unwrap(), server.url.strip_prefix("http://").unwrap());
    }
    assert_ne!(asked[0].header("authorization"), asked[1].header("authorization"));
}
