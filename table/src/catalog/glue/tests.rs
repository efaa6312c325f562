//! The client against a real HTTP server that keeps entries as Glue does, optimistic locking included.

use super::super::testing::{
    Asked, Reply, Server, env, http_settings, memory, name, new_table, ok, property, set_property,
};
use super::*;
use crate::catalog::AwsKeys;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Mutex;

fn failure(status: u16, kind: &str) -> Reply {
    Reply::Json(status, json!({"__type": kind, "Message": format!("no: {kind}")}))
}

/// A Glue of one's own: databases, and tables with versions.
#[derive(Default)]
struct Glue {
    databases: Vec<String>,
    tables: BTreeMap<String, (u64, Value)>,
}

impl Glue {
    fn answer(&mut self, asked: &Asked) -> Reply {
        let body = asked.json();
        assert_eq!(asked.header("content-type").as_deref(), Some("application/x-amz-json-1.1"));
        assert!(asked.header("authorization").unwrap().contains("/eu-north-1/glue/aws4_request"));
        assert_eq!(body["CatalogId"], "123");
        let action = asked.header("x-amz-target").unwrap();
        if action == "AWSGlue.CreateDatabase" {
            self.databases.push(body["DatabaseInput"]["Name"].as_str().unwrap().to_owned());
            return ok(json!({}));
        }
        if !self.databases.iter().any(|database| body["DatabaseName"] == json!(database)) {
            return failure(400, "EntityNotFoundException");
        }
        match action.as_str() {
            "AWSGlue.GetTable" => match self.tables.get(body["Name"].as_str().unwrap()) {
                Some((version, input)) => {
                    let mut table = input.clone();
                    table["VersionId"] = json!(version.to_string());
                    table["CreateTime"] = json!(1.5e9);
                    ok(json!({ "Table": table }))
                }
                None => failure(400, "com.amazonaws.glue#EntityNotFoundException"),
            },
            "AWSGlue.CreateTable" => {
                let name = body["TableInput"]["Name"].as_str().unwrap().to_owned();
                if self.tables.contains_key(&name) {
                    return failure(400, "AlreadyExistsException");
                }
                self.tables.insert(name, (0, body["TableInput"].clone()));
                ok(json!({}))
            }
            "AWSGlue.UpdateTable" => {
                assert_eq!(body["SkipArchive"], true);
                let (version, input) =
                    self.tables.get_mut(body["TableInput"]["Name"].as_str().unwrap()).unwrap();
                if body["VersionId"] != json!(version.to_string()) {
                    return failure(400, "ConcurrentModificationException");
                }
                *version += 1;
                *input = body["TableInput"].clone();
                ok(json!({}))
            }
            "AWSGlue.GetTables" => {
                let list: Vec<&Value> = self.tables.values().map(|(_, input)| input).collect();
                match body.get("NextToken") {
                    None => ok(json!({ "TableList": list, "NextToken": "2" })),
                    Some(_) => {
                        ok(json!({ "TableList": [{"Name": "hive", "Parameters": {}}, {"Name": "bare"}] }))
                    }
                }
            }
            other => panic!("{other}"),
        }
    }
}

fn catalog(url: &str, io: &FileIo) -> GlueCatalog {
    let keys =
        AwsKeys { access_key_id: "AKID".to_owned(), secret_access_key: "s".into(), session_token: None };
    let settings = GlueSettings {
        endpoint: Some(url.to_owned()),
        catalog_id: Some("123".to_owned()),
        http: http_settings(),
        ..GlueSettings::new("eu-north-1")
    };
    GlueCatalog::new(settings, Arc::new(keys), io.clone(), env()).unwrap()
}

/// A server whose answer to an action can be spoilt, after it was done or instead.
async fn server(
    glue: Arc<Mutex<Glue>>,
    spoil: impl Fn(&str) -> Option<(bool, Reply)> + Send + Sync + 'static,
) -> Server {
    Server::start(move |asked| {
        let spoilt = spoil(&asked.header("x-amz-target").unwrap());
        match spoilt {
            Some((false, reply)) => reply,
            Some((true, reply)) => {
                glue.lock().unwrap().answer(asked);
                reply
            }
            None => glue.lock().unwrap().answer(asked),
        }
    })
    .await
}

#[tokio::test]
async fn a_table_is_made_with_its_database_changed_and_listed() {
    let (glue, io) = (Arc::<Mutex<Glue>>::default(), memory());
    let server = server(Arc::clone(&glue), |_| None).await;
    let catalog = catalog(&server.url, &io);
    let table = name("db.t");
    assert!(catalog.load(&table).await.unwrap().is_none());
    let made = catalog.create(&table, new_table()).await.unwrap();
    assert_eq!(made.metadata.location(), "memory:/db/t");
    assert!(made.metadata_location.starts_with("memory:/db/t/metadata/00000-"), "{}", made.metadata_location);
    let error = catalog.create(&table, new_table()).await.unwrap_err();
    assert!(matches!(error, CatalogError::Exists { .. }), "{error:?}");

    {
        // What others keep in the entry.
        let mut glue = glue.lock().unwrap();
        let input = &mut glue.tables.get_mut("t").unwrap().1;
        input["Description"] = json!("orders");
        input["Parameters"]["classification"] = json!("x");
    }
    let changed = catalog.commit(&made, &[], &[set_property("k", "v")]).await.unwrap();
    assert!(
        changed.metadata_location.starts_with("memory:/db/t/metadata/00001-"),
        "{}",
        changed.metadata_location
    );
    let input = glue.lock().unwrap().tables["t"].1.clone();
    assert_eq!(input["TableType"], "EXTERNAL_TABLE");
    assert_eq!(input["Description"], "orders");
    assert_eq!(input["StorageDescriptor"]["Location"], "memory:/db/t");
    assert_eq!(
        input["Parameters"],
        json!({
            "table_type": "ICEBERG", "classification": "x",
            "metadata_location": changed.metadata_location,
            "previous_metadata_location": made.metadata_location,
        })
    );
    let loaded = catalog.load(&table).await.unwrap().unwrap();
    assert_eq!(property(&loaded, "k").as_deref(), Some("v"));
    assert_eq!(catalog.list(table.namespace()).await.unwrap(), [table]);
    let error = catalog.list(&"none".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, CatalogError::NoNamespace { .. }), "{error:?}");
}

#[tokio::test]
async fn of_two_commits_to_one_version_the_second_is_a_conflict() {
    let (glue, io) = (Arc::<Mutex<Glue>>::default(), memory());
    let plain = server(Arc::clone(&glue), |_| None).await;
    let one = catalog(&plain.url, &io);
    let made = one.create(&name("db.t"), new_table()).await.unwrap();
    one.commit(&made, &[], &[set_property("k", "v")]).await.unwrap();
    let error = one.commit(&made, &[], &[set_property("k", "w")]).await.unwrap_err();
    assert!(error.is_conflict(), "{error:?}");

    // Between reading the entry and replacing it: only the version is left to tell.
    let now = one.load(&name("db.t")).await.unwrap().unwrap();
    let other = Arc::clone(&glue);
    let racing = server(Arc::clone(&glue), move |action| {
        if action == "AWSGlue.UpdateTable" {
            other.lock().unwrap().tables.get_mut("t").unwrap().0 += 1;
        }
        None
    })
    .await;
    let error = catalog(&racing.url, &io).commit(&now, &[], &[set_property("k", "w")]).await.unwrap_err();
    assert!(error.is_conflict(), "{error:?}");
    assert_eq!(property(&one.load(&name("db.t")).await.unwrap().unwrap(), "k").as_deref(), Some("v"));
}

#[tokio::test]
async fn what_each_failure_of_a_commit_means_is_told_apart() {
    for (action, done, reply, meaning) in [
        ("UpdateTable", true, Reply::Cut, "unknown"),
        ("UpdateTable", false, Reply::Hang, "unknown"),
        ("UpdateTable", true, failure(500, "InternalServiceException"), "unknown"),
        ("UpdateTable", true, failure(400, "OperationTimeoutException"), "unknown"),
        ("UpdateTable", true, Reply::Json(503, json!("x")), "unknown"),
        ("UpdateTable", false, failure(400, "ConcurrentModificationException"), "conflict"),
        ("UpdateTable", false, failure(400, "EntityNotFoundException"), "refused"),
        ("UpdateTable", false, failure(400, "InvalidInputException"), "refused"),
        ("UpdateTable", false, failure(400, "ResourceNumberLimitExceededException"), "refused"),
        ("UpdateTable", false, failure(400, "ThrottlingException"), "unavailable"),
        ("UpdateTable", false, Reply::Json(429, json!({})), "unavailable"),
        ("UpdateTable", false, failure(400, "AccessDeniedException"), "denied"),
        ("UpdateTable", false, failure(403, "ExpiredTokenException"), "denied"),
        ("GetTable", false, failure(500, "InternalServiceException"), "unavailable"),
        ("GetTable", false, failure(400, "ThrottlingException"), "unavailable"),
        ("GetTable", false, failure(400, "EntityNotFoundException"), "refused"),
        ("GetTable", false, Reply::Cut, "unavailable"),
        ("GetTable", false, ok(json!({"Table": {"Parameters": {"table_type": "HIVE"}}})), "refused"),
    ] {
        let shown = format!("{action} {reply:?}");
        let (glue, io) = (Arc::<Mutex<Glue>>::default(), memory());
        let plain = server(Arc::clone(&glue), |_| None).await;
        let made = catalog(&plain.url, &io).create(&name("db.t"), new_table()).await.unwrap();
        let spoilt =
            server(glue, move |asked| (asked == format!("AWSGlue.{action}")).then(|| (done, reply.clone())))
                .await;
        let error =
            catalog(&spoilt.url, &io).commit(&made, &[], &[set_property("k", "v")]).await.unwrap_err();
        let seen = match &error {
            CommitError::Conflict { .. } => "conflict",
            CommitError::Unknown { .. } => "unknown",
            CommitError::Refused { .. } => "refused",
            CommitError::Unauthorized { .. } => "denied",
            CommitError::Unavailable { .. } => "unavailable",
        };
        assert_eq!(seen, meaning, "{shown}: {error:?}");
        let updates = spoilt
            .asked()
            .iter()
            .filter(|asked| asked.header("x-amz-target").unwrap() == "AWSGlue.UpdateTable")
            .count();
        assert_eq!(updates, usize::from(action == "UpdateTable"), "{shown}");
        let now = catalog(&plain.url, &io).load(&name("db.t")).await.unwrap().unwrap();
        assert_eq!(property(&now, "k").is_some(), done, "{shown}");
    }
}

#[tokio::test]
async fn throttled_questions_are_asked_again() {
    let glue = Arc::<Mutex<Glue>>::default();
    let tries = Mutex::new(0);
    let server = server(glue, move |_| {
        let mut tries = tries.lock().unwrap();
        *tries += 1;
        (*tries < 3).then(|| (false, failure(400, "ThrottlingException")))
    })
    .await;
    assert!(catalog(&server.url, &memory()).load(&name("db.t")).await.unwrap().is_none());
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn names_that_glue_would_change_are_refused_before_anything_is_asked() {
    let glue = Arc::<Mutex<Glue>>::default();
    let server = server(glue, |_| None).await;
    let catalog = catalog(&server.url, &memory());
    for text in ["Db.t", "db.T", "db.tÄ", "a.b.t"] {
        let error = catalog.load(&name(text)).await.unwrap_err();
        assert!(matches!(error, CatalogError::Name { .. }), "{error:?}");
        assert!(catalog.create(&name(text), new_table()).await.is_err());
    }
    assert!(server.asked().is_empty());
}

#[test]
fn metadata_files_are_numbered_on() {
    for (location, next) in [
        ("s3://b/db/t/metadata/00007-aaaa.metadata.json", 8),
        ("s3://b/db/t/metadata/99999-aaaa.metadata.json", 100_000),
        ("s3://b/db/t/metadata/v3.metadata.json", 0),
        ("s3://b/db/t/metadata/+3-x.metadata.json", 0),
        ("", 0),
    ] {
        assert_eq!(entry::next_number(location), next, "{location}");
    }
}
