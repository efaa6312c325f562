//! Keys that are wrong, unknown or expired, a clock that is off, a region that is another.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use firnline_tests::kafka::VERSIONS;
use firnline_tests::stores::{Minio, S3User};
use firnline_tests::tier::Tier;

use super::tier;
use crate::sources::Source;

#[test]
fn a_wrong_secret_and_an_unknown_key_are_told_as_credentials_and_not_as_a_missing_tier() {
    let (_, tier) = tier("wrong");
    let secret = S3User { secret_key: "not-the-secret".to_owned(), ..Minio::root() };
    let key = S3User { access_key: "nobody-here".to_owned(), ..Minio::root() };
    for (user, told) in [(secret, "SignatureDoesNotMatch"), (key, "InvalidAccessKeyId")] {
        let tier = tier.as_user(&user);
        for run in [tier.run(&["ls"]), Source::of(VERSIONS[0]).offload(&tier)] {
            let refused = run.finish().expect_code(3).expect_stderr("error[FIRN-S013]");
            let refused = refused.expect_stderr("the credentials were not accepted").expect_stderr(told);
            assert!(!refused.stderr().contains("not-the-secret"), "{}", refused.stderr());
        }
    }
}

/// Simulated: MinIO lets keys live a quarter of an hour at least, and answers for one that has ended as for one that it
/// never knew. This server gives Amazon's answer to every request. (An expired signature for real: `signatures`.)
#[test]
fn expired_credentials_are_told_as_expired() {
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
    for run in [tier.run(&["ls"]), Source::of(VERSIONS[0]).offload(&tier)] {
        run.finish().expect_code(3).expect_stderr("error[FIRN-S013]").expect_stderr("token has expired");
    }
}

#[test]
fn a_clock_that_is_wrong_by_twenty_minutes_is_told_as_the_clock() {
    let (_, tier) = tier("skew");
    for shift in ["+20m", "-20m"] {
        for run in [tier.run(&["ls"]), Source::of(VERSIONS[0]).offload(&tier)] {
            let refused = run.under("faketime", &["-f", shift]).finish().expect_code(3);
            let refused = refused.expect_stderr("error[FIRN-S014]").expect_stderr("RequestTimeTooSkewed");
            refused.expect_stderr("this machine's clock");
        }
    }
}

#[test]
fn a_bucket_of_another_region_is_told_with_the_region_to_set() {
    let elsewhere = Minio::start(&[("MINIO_SITE_REGION", "eu-central-1")]);
    let url = format!("s3://{}/tier", elsewhere.bucket("region"));
    let tier = Tier::s3(&url, &elsewhere.endpoint(), &Minio::root());
    for run in [tier.run(&["ls"]), Source::of(VERSIONS[0]).offload(&tier)] {
        let refused = run.finish().expect_code(3).expect_stderr("error[FIRN-S015]");
        refused.expect_stderr("the bucket lives in region `eu-central-1`");
    }
    let mended = Tier::s3(&url, &elsewhere.endpoint(), &Minio::root()).with_env("AWS_REGION", "eu-central-1");
    Source::of(VERSIONS[0]).offload(&mended).finish().expect_code(0);
    mended.run(&["ls"]).finish().expect_code(0);
}
