//! Rights and credentials: each door with exactly its policy, with one permission less, and with the wrong key.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use firnline_tests::kafka::VERSIONS;
use firnline_tests::scratch;
use firnline_tests::stores::{Minio, S3User};
use firnline_tests::tier::Tier;
use firnline_tests::tools;
use serde_json::Value;

use crate::sources::Source;

const PREFIX: &str = "kafka/prod";

/// A fresh bucket, and its tier as the administrator.
fn tier(purpose: &str) -> (String, Tier) {
    let minio = Minio::shared();
    let place = format!("{}/{PREFIX}", minio.bucket(purpose));
    let tier = Tier::s3(&format!("s3://{place}"), &minio.endpoint(), &Minio::root());
    (place, tier)
}

#[test]
fn the_writer_policy_is_enough_to_offload_and_again() {
    let source = Source::of(VERSIONS[0]);
    let (place, tier) = tier("writer");
    let writer = tier.as_user(&Minio::shared().user("writer", &place));
    source.offload(&writer).finish().expect_code(0);
    source.offload(&writer).finish().expect_code(0);
    tier.run(&["verify", "--deep"]).finish().expect_code(0);
}

#[test]
fn every_reading_command_works_with_the_reader_policy() {
    let source = Source::of(VERSIONS[0]);
    let (place, tier) = tier("reader");
    source.offload(&tier).finish().expect_code(0);
    let reader = tier.as_user(&Minio::shared().user("reader", &place));
    let into = scratch::directory("work");
    let into = into.path().join("restored");
    std::fs::create_dir(&into).expect("make the target");
    let into = into.to_str().expect("a path of ours is text");
    let commands: [&[&str]; 8] = [
        &["ls"],
        &["ls", "--segments", "--json"],
        &["inspect", "payments/0"],
        &["cat", "payments/0", "--max", "10"],
        &["verify"],
        &["verify", "--deep", "payments/0"],
        &["cost"],
        &["restore", "payments/0", "--to", into],
    ];
    for command in commands {
        reader.run(command).finish().expect_code(0);
    }
}

#[test]
fn a_reader_cannot_offload_and_is_told_which_right_is_missing() {
    let (place, tier) = tier("refused");
    let reader = tier.as_user(&Minio::shared().user("reader", &place));
    Source::of(VERSIONS[0]).offload(&reader).finish().expect_code(3).expect_stderr("permission denied");
    assert!(objects(&place).is_empty(), "nothing was written");
}

#[test]
fn each_permission_that_offload_lacks_is_named_and_a_later_run_mends() {
    let source = Source::of(VERSIONS[0]);
    for (missing, told) in [("s3:ListBucket", "list"), ("s3:GetObject", "read"), ("s3:PutObject", "create")] {
        let (place, tier) = tier("one-missing");
        let policy = scratch::directory("work");
        let file = policy.path().join("writer-less.json");
        std::fs::write(&file, policy_without("writer", missing)).expect("write the policy");
        let file = file.to_str().expect("a path of ours is text");
        let user = Minio::shared().user(file, &place);
        let refused = source.offload(&tier.as_user(&user)).finish().expect_code(3);
        refused.expect_stderr("permission denied").expect_stderr(told);

        let writer = tier.as_user(&Minio::shared().user("writer", &place));
        source.offload(&writer).finish().expect_code(0);
        tier.run(&["verify", "--deep"]).finish().expect_code(0);
    }
}

#[test]
fn a_wrong_secret_and_an_unknown_key_are_told_as_credentials_and_not_as_a_missing_tier() {
    let (_, tier) = tier("wrong");
    let secret = S3User { secret_key: "not-the-secret".to_owned(), ..Minio::root() };
    let key = S3User { access_key: "nobody-here".to_owned(), ..Minio::root() };
    for user in [secret, key] {
        tier.as_user(&user).run(&["ls"]).finish().expect_code(3).expect_stderr("credential");
        let offload = Source::of(VERSIONS[0]).offload(&tier.as_user(&user)).finish().expect_code(3);
        offload.expect_stderr("credential");
    }
}

#[test]
fn expired_credentials_are_told_as_expired() {
    // No local store expires keys in less than a quarter of an hour: this one gives Amazon's answer to every request.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>ExpiredToken</Code>\
                    <Message>The provided token has expired.</Message></Error>";
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0_u8; 16 * 1024];
            // A client that gives up early is what the test is about; its errors are of no interest here.
            let _ = stream.read(&mut request);
            let _ = write!(
                stream,
                "HTTP/1.1 400 Bad Request\r\ncontent-type: application/xml\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let tier = Tier::s3("s3://bucket/tier", &endpoint, &Minio::root()).with_env("AWS_SESSION_TOKEN", "old");
    tier.run(&["ls"]).finish().expect_code(3).expect_stderr("expired");
}

#[test]
fn a_clock_that_is_wrong_by_twenty_minutes_is_told_as_the_clock() {
    let (_, tier) = tier("skew");
    for shift in ["+20m", "-20m"] {
        let run = tier.run(&["ls"]).under("faketime", &["-f", shift]);
        run.finish().expect_code(3).expect_stderr("clock");
    }
}

#[test]
fn a_bucket_of_another_region_is_told_with_the_region_to_set() {
    let elsewhere = Minio::start(&[("MINIO_SITE_REGION", "eu-central-1")]);
    let url = format!("s3://{}/tier", elsewhere.bucket("region"));
    let tier = Tier::s3(&url, &elsewhere.endpoint(), &Minio::root());
    tier.run(&["ls"]).finish().expect_code(3).expect_stderr("eu-central-1");
    let mended = Tier::s3(&url, &elsewhere.endpoint(), &Minio::root()).with_env("AWS_REGION", "eu-central-1");
    Source::of(VERSIONS[0]).offload(&mended).finish().expect_code(0);
    mended.run(&["ls"]).finish().expect_code(0);
}

/// What MinIO lists in the bucket of a place.
fn objects(place: &str) -> Vec<String> {
    let bucket = place.split('/').next().expect("a bucket");
    let listed = Minio::shared().mc(&["ls", "--recursive", &format!("firnline/{bucket}")]);
    String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
}

/// The text of a door's policy without one action.
fn policy_without(door: &str, action: &str) -> String {
    let path = tools::source_root().join("minio/policies").join(format!("{door}.json"));
    let text = std::fs::read_to_string(&path).expect("read the policy");
    let mut policy: Value = serde_json::from_str(&text).expect("the policy is JSON");
    let mut removed = 0;
    for statement in policy["Statement"].as_array_mut().expect("statements") {
        let actions = statement["Action"].as_array_mut().expect("actions");
        let before = actions.len();
        actions.retain(|found| found != action);
        removed += before - actions.len();
    }
    assert_eq!(removed, 1, "{action} stands once in {door}.json");
    policy.to_string()
}
