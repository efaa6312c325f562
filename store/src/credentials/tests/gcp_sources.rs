use super::fake::{Answer, Fake, Seen, ok, status};
use super::*;
use crate::credentials::gcp::gcp;
use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder};
use std::time::Duration;

/// A client that is never used, for its credentials.
fn client(inputs: &CredentialInputs, http: &Http, env: &Env) -> Result<GoogleCloudStorage, String> {
    let builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name("b")
        .with_http_connector(http.connector())
        .with_client_options(http.options.clone());
    let (builder, _) = gcp(builder, inputs, http, env).map_err(|error| chain(&error))?;
    builder.build().map_err(|error| chain(&error))
}

async fn token_of(client: &GoogleCloudStorage) -> Result<String, String> {
    client
        .credentials()
        .get_credential()
        .await
        .map(|found| found.bearer.clone())
        .map_err(|error| chain(&error))
}

async fn bearer(inputs: &CredentialInputs, http: &Http) -> Result<String, String> {
    token_of(&client(inputs, http, &env().0)?).await
}

fn federated(source: &str, extra: &str) -> CredentialInputs {
    let json = format!(
        r#"{{"type":"external_account","audience":"//iam.googleapis.com/pool","subject_token_type":"urn:ietf:params:oauth:token-type:jwt",
            "token_url":"https://sts.googleapis.com/v1/token","universe_domain":"googleapis.com"{extra},"credential_source":{source}}}"#
    );
    CredentialInputs { gcp_default: Some(text("/adc.json", &json)), ..CredentialInputs::default() }
}

/// Google's token exchange and service account impersonation, and an identity provider of our own.
fn services(seen: &Seen, _: usize) -> Answer {
    match seen.target.split('?').next().unwrap_or_default() {
        "/provider" if seen.header("x-secret") == "1" => ok(r#"{"value":{"no":1},"id_token":"SUBJECT-URL"}"#),
        "/v1/token" => {
            assert_eq!(seen.meant, "https://sts.googleapis.com");
            assert_eq!(seen.field("grant_type"), "urn:ietf:params:oauth:grant-type:token-exchange");
            assert_eq!(seen.field("audience"), "//iam.googleapis.com/pool");
            ok(format!(
                r#"{{"access_token":"G-{}","expires_in":3600,"token_type":"Bearer"}}"#,
                seen.field("subject_token")
            ))
        }
        "/v1/projects/-/serviceAccounts/a@b:generateAccessToken" => {
            let lifetime = if seen.body.contains(r#""lifetime":"1800s""#) { "1800" } else { "?" };
            ok(format!(
                r#"{{"accessToken":"SA-{}-{lifetime}","expireTime":"{}"}}"#,
                seen.header("authorization"),
                after(1800)
            ))
        }
        _ => status(404, ""),
    }
}

#[tokio::test]
async fn federation_trades_the_token_that_stands_in_the_file_now() {
    let fake = Fake::start(services).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let inputs = federated(&format!(r#"{{"file":"{}"}}"#, file.path().display()), "");
    let (env, clock) = env();
    let http = fake.redirect();
    let client = client(&inputs, &http, &env).expect("built");
    std::fs::write(file.path(), "ONE\n").expect("written");
    assert_eq!(token_of(&client).await.expect("a token"), "G-ONE");
    std::fs::write(file.path(), "TWO\n").expect("written");
    clock.advance(Duration::from_secs(3299));
    assert_eq!(token_of(&client).await.expect("a token"), "G-ONE");
    clock.advance(Duration::from_secs(1));
    assert_eq!(token_of(&client).await.expect("a token"), "G-TWO");
}

#[tokio::test]
async fn federation_asks_a_provider_and_impersonates_a_service_account() {
    let fake = Fake::start(services).await;
    let source = format!(
        r#"{{"url":"{}/provider","headers":{{"x-secret":"1"}},"format":{{"type":"json","subject_token_field_name":"id_token"}}}}"#,
        fake.url()
    );
    let extra = r#","service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken",
                    "service_account_impersonation":{"token_lifetime_seconds":1800}"#;
    let token = bearer(&federated(&source, extra), &fake.redirect()).await.expect("a token");
    assert_eq!(token, "SA-Bearer G-SUBJECT-URL-1800");
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test]
async fn federation_that_cannot_work_says_what_to_do() {
    let fake =
        Fake::start(|_, _| status(400, r#"{"error":"invalid_grant","error_description":"token is stale"}"#))
            .await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "{}").expect("written");
    let path = file.path().display();
    for (source, part) in [
        (
            r#"{"environment_id":"aws1","url":"http://169.254.169.254/x"}"#.to_owned(),
            "AWS's own signature, which is not supported",
        ),
        (r#"{"executable":{"command":"x"}}"#.to_owned(), "runs a program, which is not supported"),
        (r"{}".to_owned(), "has not exactly one of file and url"),
        (r#"{"file":"/does/not/exist"}"#.to_owned(), "read token file /does/not/exist: No such file"),
        (
            format!(r#"{{"file":"{path}","format":{{"type":"json","subject_token_field_name":"t"}}}}"#),
            "no text field \"t\"",
        ),
        (
            format!(r#"{{"file":"{path}"}}"#),
            "token exchange at https://sts.googleapis.com/v1/token answered 400: invalid_grant: token is stale",
        ),
    ] {
        let error = bearer(&federated(&source, ""), &fake.redirect()).await.expect_err("refused");
        assert!(error.contains(part), "{source}: {error}");
    }
}

#[tokio::test]
async fn the_metadata_server_stands_in_where_there_is_no_file() {
    let fake = Fake::start(|seen, _| {
        let asked = "/computeMetadata/v1/instance/service-accounts/default/token";
        if seen.target.starts_with(asked) && seen.header("metadata-flavor") == "Google" {
            ok(r#"{"access_token":"META","expires_in":3600,"token_type":"Bearer"}"#)
        } else {
            status(403, "")
        }
    })
    .await;
    assert_eq!(bearer(&CredentialInputs::default(), &fake.redirect()).await.expect("a token"), "META");
    assert_eq!(fake.seen()[0].meant, "http://metadata.google.internal");
}

#[tokio::test]
async fn a_users_login_is_refreshed() {
    let fake = Fake::start(|seen, _| {
        assert_eq!(seen.meant, "https://accounts.google.com");
        ok(format!(r#"{{"access_token":"U-{}","expires_in":3600}}"#, seen.field("refresh_token")))
    })
    .await;
    let json = r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"R"}"#;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), json).expect("written");
    let inputs = CredentialInputs {
        gcp_default: Some(text(file.path().to_str().expect("text"), json)),
        ..CredentialInputs::default()
    };
    assert_eq!(bearer(&inputs, &fake.redirect()).await.expect("a token"), "U-R");
}

#[tokio::test]
async fn files_of_other_kinds_are_refused_by_name() {
    for (json, part) in [
        (
            r#"{"type":"impersonated_service_account"}"#,
            "/adc.json cannot be used: its type is \"impersonated_service_account\"",
        ),
        ("SECRET", "/adc.json sent an answer that cannot be read: not JSON at line 1, column 1"),
        (r#"{"SECRET":1}"#, "a field is missing"),
    ] {
        let inputs =
            CredentialInputs { gcp_default: Some(text("/adc.json", json)), ..CredentialInputs::default() };
        let error = bearer(&inputs, &Fake::direct()).await.expect_err("refused");
        assert!(error.contains(part) && !error.contains("SECRET"), "{error}");
    }
}

#[tokio::test]
async fn anonymous_requests_ask_nobody_for_a_token() {
    let fake = Fake::start(|_, _| status(500, "")).await;
    assert_eq!(bearer(&CredentialInputs::anonymous(), &fake.redirect()).await.expect("an empty one"), "");
    assert!(fake.seen().is_empty());
}
