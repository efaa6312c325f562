//! Credentials that end in the middle of an upload: the parts after the renewal carry the new ones.

use super::fake::{Answer, Fake, Seen, ok};
use super::*;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt};
use std::time::Duration;

/// An S3 that takes everything, and a container agent whose keys are named by when they were given, for ten minutes each.
fn s3_and_agent(seen: &Seen, _: usize) -> Answer {
    if seen.target == "/agent" {
        // The token says which time it is, as the test has set it.
        let start: i64 = seen.header("authorization").parse().expect("seconds");
        return ok(format!(
            r#"{{"AccessKeyId":"KEY{start}","SecretAccessKey":"s","Token":"t","Expiration":"{}"}}"#,
            after(start + 600)
        ));
    }
    match seen.method.as_str() {
        "PUT" => Answer { status: 200, headers: vec![("etag", "\"e\"".to_owned())], body: String::new() },
        _ if seen.target.contains("?uploads") => ok(
            "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>",
        ),
        _ => ok("<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>"),
    }
}

#[tokio::test]
async fn parts_after_the_renewal_carry_the_new_credentials() {
    let fake = Fake::start(s3_and_agent).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let agent = format!("{}/agent", fake.url());
    let inputs = with(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &agent),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path().to_str().expect("text")),
    ]);
    let (env, clock) = env();
    let provider = aws_provider(&inputs, &Fake::direct(), &env);
    let s3 = AmazonS3Builder::new()
        .with_bucket_name("b")
        .with_region("us-east-1")
        .with_endpoint(fake.url())
        .with_allow_http(true)
        .with_credentials(provider)
        .build()
        .expect("built");

    let mut seconds = 0;
    let mut go_to = |to: i64| {
        clock.advance(Duration::from_secs(u64::try_from(to - seconds).expect("forward")));
        seconds = to;
        std::fs::write(file.path(), to.to_string()).expect("written");
    };
    go_to(0);
    let mut upload = s3.put_multipart(&Path::from("k")).await.expect("begun");
    for at in [0, 440, 460, 1000, 1200] {
        go_to(at);
        upload.put_part(vec![1_u8; 8].into()).await.expect("taken");
    }
    upload.complete().await.expect("completed");

    let seen = fake.seen();
    let parts: Vec<_> = seen.iter().filter(|seen| seen.method == "PUT").map(Seen::signed_by).collect();
    // Renewed by the first part after a quarter of the life is left.
    assert_eq!(parts, ["KEY0", "KEY0", "KEY460", "KEY1000", "KEY1000"]);
    let asked = seen.iter().filter(|seen| seen.target == "/agent").count();
    assert_eq!(asked, 3);
}
