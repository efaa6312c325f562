use super::fake::{Answer, Fake, Seen, ok, status};
use super::*;
use crate::credentials::aws::aws;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

async fn keys(inputs: &CredentialInputs, http: &Http) -> Result<String, String> {
    let found = aws(inputs, http, &env().0).map_err(|error| chain(&error))?;
    aws_keys(&found.provider).await
}

fn session(key: &str) -> String {
    let expiration = after(3600);
    format!(r#"{{"AccessKeyId":"{key}","SecretAccessKey":"s","Token":"t","Expiration":"{expiration}"}}"#)
}

fn assumed(key: &str, expiration: &str) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
         <AssumedRoleUser><Arn>a</Arn><AssumedRoleId>i</AssumedRoleId></AssumedRoleUser><Credentials>\
         <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s/+&amp;</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult>\
         <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>"
    )
}

/// The instance metadata service, version 2: a token first, then the role's name, then its keys.
fn metadata(seen: &Seen, _: usize) -> Answer {
    match (seen.method.as_str(), seen.target.as_str()) {
        ("PUT", "/latest/api/token") if !seen.header("x-aws-ec2-metadata-token-ttl-seconds").is_empty() => {
            ok("T")
        }
        _ if seen.header("x-aws-ec2-metadata-token") != "T" => status(401, ""),
        ("GET", "/latest/meta-data/iam/security-credentials/") => ok("my-role"),
        // object_store keeps real time for this one.
        ("GET", "/latest/meta-data/iam/security-credentials/my-role") => {
            ok(session("AKIDIMDS").replace(&after(3600), "2199-01-01T00:00:00Z"))
        }
        _ => status(404, ""),
    }
}

#[tokio::test]
async fn instance_metadata_version_2_gives_keys() {
    let fake = Fake::start(metadata).await;
    let inputs = with(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &format!("{}/", fake.url()))]);
    assert_eq!(keys(&inputs, &Fake::direct()).await.expect("keys"), "AKIDIMDS s t");
    assert_eq!(keys(&with(&[]), &fake.redirect()).await.expect("keys"), "AKIDIMDS s t");
    assert_eq!(fake.seen().last().expect("asked").meant, "http://169.254.169.254");
}

#[tokio::test]
async fn instance_metadata_version_1_is_never_used() {
    let fake = Fake::start(|seen, _| if seen.method == "PUT" { status(403, "") } else { ok("role") }).await;
    assert!(keys(&with(&[]), &fake.redirect()).await.is_err());
    assert!(fake.seen().iter().all(|seen| seen.method == "PUT"));
}

#[tokio::test]
async fn web_identity_trades_the_token_file_for_keys() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "JWT").expect("written");
    let path = file.path().to_str().expect("text");
    let fake = Fake::start(|seen, _| {
        if seen.field("Action") == "AssumeRoleWithWebIdentity" && seen.field("WebIdentityToken") == "JWT" {
            ok(assumed("AKIDWEB", "2199-01-01T00:00:00Z").replace("AssumeRole", "AssumeRoleWithWebIdentity"))
        } else {
            status(400, "")
        }
    })
    .await;
    let inputs = with(&[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", path),
        ("AWS_ROLE_ARN", "arn:irsa"),
        ("AWS_ROLE_SESSION_NAME", "pod"),
        ("AWS_REGION", "cn-north-1"),
    ]);
    assert_eq!(keys(&inputs, &fake.redirect()).await.expect("keys"), "AKIDWEB s/+& t");
    let seen = fake.seen().pop().expect("asked");
    assert_eq!((seen.field("RoleArn").as_str(), seen.field("RoleSessionName").as_str()), ("arn:irsa", "pod"));
    assert_eq!(seen.meant, "https://sts.cn-north-1.amazonaws.com.cn");
}

#[tokio::test]
async fn ecs_containers_ask_their_agent() {
    let fake = Fake::start(|_, _| ok(session("AKIDECS"))).await;
    let inputs = with(&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/uuid")]);
    assert_eq!(keys(&inputs, &fake.redirect()).await.expect("keys"), "AKIDECS s t");
    let seen = fake.seen().pop().expect("asked");
    assert_eq!((seen.meant.as_str(), seen.target.as_str()), ("http://169.254.170.2", "/v2/credentials/uuid"));
    assert_eq!(seen.header("authorization"), "");
}

#[tokio::test]
async fn eks_pods_show_the_token_that_stands_in_the_file_now() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let fake =
        Fake::start(|seen, n| ok(session(&format!("AKID-{}-{n}", seen.header("authorization"))))).await;
    let url = format!("{}/v1/credentials", fake.url());
    let inputs = with(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path().to_str().expect("text")),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this one"),
    ]);
    let (env, clock) = env();
    let provider = aws_provider(&inputs, &Fake::direct(), &env);
    std::fs::write(file.path(), "first\n").expect("written");
    assert_eq!(aws_keys(&provider).await.expect("keys"), "AKID-first-0 s t");
    std::fs::write(file.path(), "second").expect("written");
    assert_eq!(aws_keys(&provider).await.expect("keys"), "AKID-first-0 s t");
    clock.advance(Duration::from_secs(3301));
    assert_eq!(aws_keys(&provider).await.expect("keys"), "AKID-second-1 s t");
}

#[tokio::test]
async fn a_container_may_bring_its_token_as_a_value_or_not_at_all() {
    let fake = Fake::start(|seen, _| ok(session(&format!("[{}]", seen.header("authorization"))))).await;
    let url = fake.url();
    let mut variables = vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str())];
    assert_eq!(keys(&with(&variables), &Fake::direct()).await.expect("keys"), "[] s t");
    variables.push(("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc"));
    assert_eq!(keys(&with(&variables), &Fake::direct()).await.expect("keys"), "[Basic abc] s t");
}

#[tokio::test]
async fn a_refusal_repeats_the_services_own_words() {
    let fake = Fake::start(|_, _| status(400, r#"{"code":"AccessDenied","message":"no role\nhere"}"#)).await;
    let url = fake.url();
    let error = keys(&with(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str())]), &Fake::direct()).await;
    let error = error.expect_err("refused");
    assert!(error.contains("answered 400: AccessDenied no role here"), "{error}");
}

#[tokio::test]
async fn answers_that_are_wrong_are_refused_and_not_repeated() {
    let long = "x".repeat(65 << 10);
    for (body, part) in [
        ("SECRET{", "not JSON at line 1, column 1"),
        (r#"{"AccessKeyId":"SECRET"}"#, "a field is missing or of another type"),
        (
            r#"{"AccessKeyId":"a","SecretAccessKey":"SECRET","Token":"t","Expiration":"soon"}"#,
            "expiration is not a time",
        ),
        (long.as_str(), "longer than 65536 bytes"),
    ] {
        let answer = body.to_owned();
        let fake = Fake::start(move |_, _| ok(answer.clone())).await;
        let url = fake.url();
        let inputs = with(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str())]);
        let error = keys(&inputs, &Fake::direct()).await.expect_err("refused");
        assert!(error.contains(part) && !error.contains("SECRET"), "{error}");
    }
}

fn chain_of_roles(fake: &Fake) -> CredentialInputs {
    let mut inputs = with(&[("AWS_PROFILE", "top"), ("AWS_ENDPOINT_URL_STS", &fake.url())]);
    let config = "[profile top]\nregion = eu-west-1\nrole_arn = arn:aws:iam::1:role/top\nsource_profile = middle\n\
                  role_session_name = me & co\nexternal_id = x=y\nduration_seconds = 900\n\
                  [profile middle]\nrole_arn = arn:aws:iam::1:role/middle\nsource_profile = keys\n\
                  [profile keys]\naws_access_key_id = AKIDBASE\naws_secret_access_key = s\n";
    inputs.aws_config = Some(text("/config", config));
    inputs
}

#[tokio::test]
async fn roles_are_assumed_one_after_the_other() {
    let fake = Fake::start(|seen, _| {
        let role = seen.field("RoleArn");
        ok(assumed(&format!("AKID-{}", role.rsplit('/').next().unwrap_or_default()), &after(900)))
    })
    .await;
    assert_eq!(keys(&chain_of_roles(&fake), &Fake::direct()).await.expect("keys"), "AKID-top s/+& t");
    let [middle, top] = fake.seen().try_into().expect("two requests");
    assert_eq!(
        (middle.signed_by(), middle.field("RoleArn").as_str()),
        ("AKIDBASE", "arn:aws:iam::1:role/middle")
    );
    assert_eq!(top.signed_by(), "AKID-middle");
    assert!(top.header("authorization").contains("/eu-west-1/sts/aws4_request"), "{top:?}");
    assert_eq!(top.header("x-amz-security-token"), "t");
    assert_eq!(
        (middle.field("RoleSessionName").as_str(), middle.field("DurationSeconds").as_str()),
        ("firnline", "3600")
    );
    assert_eq!(
        [
            top.field("RoleSessionName"),
            top.field("ExternalId"),
            top.field("DurationSeconds"),
            top.field("Action")
        ],
        ["me & co", "x=y", "900", "AssumeRole"]
    );
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_names_the_role_and_the_reason() {
    let fake = Fake::start(|_, _| {
        status(403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not for you</Message></Error></ErrorResponse>")
    })
    .await;
    let error = keys(&chain_of_roles(&fake), &Fake::direct()).await.expect_err("refused");
    assert!(error.contains("assume arn:aws:iam::1:role/top"), "{error}");
    assert!(error.contains("assume arn:aws:iam::1:role/middle"), "{error}");
    assert!(
        error.contains("AWS STS at http://127.0.0.1/ answered 403: AccessDenied: not for you"),
        "{error}"
    );
}

#[tokio::test]
async fn the_token_service_of_amazon_is_asked_over_tls_only() {
    let fake = Fake::start(|_, _| ok(assumed("A", &after(900)))).await;
    let mut inputs = chain_of_roles(&fake);
    inputs.environment.remove("AWS_ENDPOINT_URL_STS");
    keys(&inputs, &fake.redirect()).await.expect("keys");
    assert_eq!(fake.seen()[0].meant, "https://sts.eu-west-1.amazonaws.com");
}

fn program(text: &str) -> (tempfile::TempDir, CredentialInputs) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("creds");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let mut inputs = with(&[("AWS_PROFILE", "p")]);
    let config = format!("[profile p]\ncredential_process = {} 'first word' second\n", path.display());
    inputs.aws_config = Some(self::text("/config", &config));
    (dir, inputs)
}

#[tokio::test]
async fn a_credential_process_gives_keys_until_they_end() {
    let (dir, inputs) = program(&format!(
        "echo . >> \"$0.runs\"; printf '{{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\",\
         \"Expiration\":\"{}\"}}' \"$1\"",
        after(3600).replace('Z', "+00:00")
    ));
    let (env, clock) = env();
    let provider = aws_provider(&inputs, &Fake::direct(), &env);
    let runs = || std::fs::read_to_string(dir.path().join("creds.runs")).unwrap_or_default().lines().count();
    assert_eq!(runs(), 0, "nothing runs before it is needed");
    for _ in 0..3 {
        assert_eq!(aws_keys(&provider).await.expect("keys"), "first word s t");
    }
    assert_eq!(runs(), 1);
    clock.advance(Duration::from_secs(3400));
    provider.get_credential().await.expect("the old keys are still valid");
    assert_eq!(runs(), 2);
}

#[tokio::test]
async fn a_credential_process_that_fails_says_why() {
    for (text, part) in [
        ("echo 'log in first' >&2; exit 7", "ended with exit status: 7 saying: log in first"),
        ("exit 1", "ended with exit status: 1 without a word"),
        ("echo SECRET", "printed something other than JSON"),
        (
            r#"echo '{"Version":2,"AccessKeyId":"SECRET","SecretAccessKey":"SECRET"}'"#,
            "printed Version 2; only 1 is known",
        ),
        ("yes SECRET", "printed more than 65536 bytes"),
    ] {
        let (_dir, inputs) = program(text);
        let error = keys(&inputs, &Fake::direct()).await.expect_err("fails");
        assert!(error.contains("credential_process of AWS profile \"p\"") && error.contains(part), "{error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let (dir, inputs) = program("exit 0");
    drop(dir);
    let error = keys(&inputs, &Fake::direct()).await.expect_err("fails");
    assert!(error.contains("did not start: No such file or directory"), "{error}");
}

#[tokio::test]
async fn a_program_that_hangs_is_killed() {
    let (dir, inputs) = program("echo $$ > \"$0.pid\"; exec sleep 600");
    let (env, _) = env();
    let provider = aws_provider(&inputs, &Fake::direct(), &env);
    let pid_file = dir.path().join("creds.pid");
    {
        let hanging = provider.get_credential();
        tokio::pin!(hanging);
        while std::fs::read_to_string(&pid_file).unwrap_or_default().is_empty() {
            assert!(tokio::time::timeout(Duration::from_millis(20), &mut hanging).await.is_err());
        }
    }
    let pid = std::fs::read_to_string(&pid_file).expect("written");
    let stat = format!("/proc/{}/stat", pid.trim());
    for _ in 0..100 {
        // Gone, or a zombie until the runtime reaps it.
        if std::fs::read_to_string(&stat).map_or(true, |line| line.contains(") Z ")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the program outlived its caller");
}

#[tokio::test]
async fn static_keys_need_no_request() {
    let inputs = with(&[("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "s")]);
    assert_eq!(keys(&inputs, &Fake::direct()).await.expect("keys"), "A s -");
}

#[test]
fn region_and_endpoint_come_with_the_profile() {
    let mut inputs = with(&[]);
    inputs.aws_profile = Some("p".to_owned());
    let config = "[profile p]\naws_access_key_id = A\naws_secret_access_key = s\nregion = eu-west-1\nendpoint_url = https://e\n";
    inputs.aws_config = Some(text("/config", config));
    let found = aws(&inputs, &Fake::direct(), &env().0).expect("found");
    assert_eq!((found.region.as_deref(), found.endpoint.as_deref()), (Some("eu-west-1"), Some("https://e")));
    inputs.environment.insert("AWS_REGION".to_owned(), Secret::from("us-east-2"));
    inputs.environment.insert("AWS_ENDPOINT_URL_S3".to_owned(), Secret::from("https://f"));
    let found = aws(&inputs, &Fake::direct(), &env().0).expect("found");
    assert_eq!((found.region.as_deref(), found.endpoint.as_deref()), (Some("us-east-2"), Some("https://f")));
}
