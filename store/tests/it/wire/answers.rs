//! What is made of good, bad and missing answers.

use super::server::{Asked, Reply, Server, error, object, range, reply, stored};
use super::{gcs, keys, s3, settings};
use firnline_store::{
    ByteBudget, CreateOutcome, Env, ErrorKind, RequestKind, RequestOutcome, Store, UploadOptions,
};
use firnline_store::{UpdateOutcome, Version};
use std::error::Error;
use std::time::Duration;
use tokio::time::Instant;

fn methods(asked: &[Asked]) -> Vec<String> {
    asked.iter().map(|asked| asked.method().to_owned()).collect()
}

pub(super) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

async fn version(store: &Store) -> Version {
    store.head("k").await.expect("head").version.expect("told")
}

#[tokio::test]
async fn conflict_on_create_means_try_again_and_not_exists() {
    let server = Server::start(vec![error(409, "ConditionalRequestConflict"), stored("\"e\"")]).await;
    let store = s3(&server);
    let outcome = store.create("k", &b"x"[..]).await.expect("create");
    assert!(matches!(outcome, CreateOutcome::Created(version) if version.to_string() == "\"e\""));
    assert_eq!(methods(&server.asked()), ["PUT", "PUT"]);
    let counts = store.counters();
    assert_eq!(counts.with_outcome(RequestKind::Create, RequestOutcome::Busy), 1);
    assert_eq!(counts.total(), 2, "one attempt is one request");
}

#[tokio::test]
async fn conflict_that_does_not_say_which_is_settled_by_a_look() {
    let server = Server::start(vec![reply(409), reply(404), stored("\"e\"")]).await;
    assert!(matches!(s3(&server).create("k", &b"x"[..]).await.expect("create"), CreateOutcome::Created(_)));
    assert_eq!(methods(&server.asked()), ["PUT", "HEAD", "PUT"]);
    let server = Server::start(vec![reply(409), object("\"e\"", b"")]).await;
    assert_eq!(s3(&server).create("k", &b"x"[..]).await.expect("create"), CreateOutcome::Exists);
}

#[tokio::test]
async fn refused_conditions_are_answers() {
    let server = Server::start(vec![
        error(412, "PreconditionFailed"),
        object("\"e\"", b""),
        error(412, "PreconditionFailed"),
        error(404, "NoSuchKey"),
        error(409, "ConditionalRequestConflict"),
        stored("\"f\""),
    ])
    .await;
    let store = s3(&server);
    assert_eq!(store.create("k", &b"x"[..]).await.expect("create"), CreateOutcome::Exists);
    let known = version(&store).await;
    assert_eq!(store.update("k", &b"x"[..], &known).await.expect("update"), UpdateOutcome::Conflict);
    assert_eq!(
        store.update("k", &b"x"[..], &known).await.expect("update of nothing"),
        UpdateOutcome::Conflict
    );
    let updated = store.update("k", &b"x"[..], &known).await.expect("update");
    assert!(matches!(updated, UpdateOutcome::Updated(version) if version.to_string() == "\"f\""));
    assert_eq!(store.counters().with_outcome(RequestKind::Update, RequestOutcome::Refused), 2);
}

#[tokio::test]
async fn create_without_an_answer_is_read_back() {
    let server = Server::start(vec![Reply::HangUp, object("\"e\"", b"mine")]).await;
    assert!(matches!(
        s3(&server).create("k", &b"mine"[..]).await.expect("create"),
        CreateOutcome::Created(_)
    ));
    assert_eq!(methods(&server.asked()), ["PUT", "GET"]);
    let server = Server::start(vec![reply(500), object("\"e\"", b"theirs")]).await;
    assert_eq!(s3(&server).create("k", &b"mine"[..]).await.expect("create"), CreateOutcome::Exists);
    let server = Server::start(vec![Reply::HangUp, error(404, "NoSuchKey"), stored("\"e\"")]).await;
    assert!(matches!(
        s3(&server).create("k", &b"mine"[..]).await.expect("create"),
        CreateOutcome::Created(_)
    ));
    assert_eq!(methods(&server.asked()), ["PUT", "GET", "PUT"]);
}

#[tokio::test]
async fn update_without_an_answer_is_ambiguous() {
    for fate in [Reply::HangUp, reply(500), error(503, "SlowDown"), reply(504)] {
        let server = Server::start(vec![object("\"e\"", b""), fate]).await;
        let store = s3(&server);
        let known = version(&store).await;
        let error = store.update("k", &b"x"[..], &known).await.expect_err("in doubt");
        assert!(error.is_ambiguous(), "{}", causes(&error));
        assert_eq!(server.asked().len(), 2, "never repeated");
    }
}

#[tokio::test]
async fn attempt_without_an_answer_ends_in_time() {
    let server = Server::start(vec![Reply::Silence, object("\"e\"", b"late")]).await;
    let mut settings = settings("s3://bucket/p", &server);
    settings.deadlines.attempt = Duration::from_millis(200);
    let store = Store::open(settings, &keys(), Env::system()).expect("open");
    assert_eq!(store.get("k").await.expect("second attempt").bytes, &b"late"[..]);
    assert_eq!(store.counters().with_outcome(RequestKind::Get, RequestOutcome::Lost), 1);
}

#[tokio::test]
async fn callers_own_deadline_holds() {
    let server = Server::start(vec![Reply::Silence]).await;
    let begun = Instant::now();
    let error = s3(&server).with_deadline(Duration::from_millis(300)).get("k").await.expect_err("silence");
    assert!(error.is_retriable() && begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn wrong_ranges_are_tried_again_and_never_handed_out() {
    let short = b"HTTP/1.1 206 Words\r\nETag: \"e\"\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n\
        Content-Range: bytes 2-5/10\r\nContent-Length: 4\r\n\r\n23";
    for wrong in [
        object("\"e\"", b"0123456789"),
        range(3, b"3456", 10),
        range(2, b"23", 10),
        Reply::Raw(short.to_vec()),
    ] {
        let server = Server::start(vec![wrong.clone(), range(2, b"2345", 10)]).await;
        let store = s3(&server);
        assert_eq!(store.get_range("k", 2..6).await.expect("second attempt"), &b"2345"[..], "{wrong:?}");
        assert_eq!(store.counters().with_outcome(RequestKind::Get, RequestOutcome::Damaged), 1, "{wrong:?}");
    }
    assert_eq!(Server::start(vec![]).await.asked().len(), 0);
}

#[tokio::test]
async fn range_beyond_the_end_is_told_apart_from_a_wrong_answer() {
    let unsatisfiable = Reply::Answer(416, vec![("Content-Range", "bytes */10".to_owned())], Vec::new());
    for answer in [unsatisfiable, range(8, b"89", 10)] {
        let server = Server::start(vec![answer]).await;
        let error = s3(&server).get_range("k", 8..20).await.expect_err("too far");
        assert_eq!(*error.kind(), ErrorKind::BeyondEnd { size: Some(10) }, "{}", causes(&error));
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn truncated_body_of_a_whole_object_is_tried_again() {
    let short = b"HTTP/1.1 200 Words\r\nETag: \"e\"\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n\
        Content-Length: 10\r\n\r\n01234";
    let server = Server::start(vec![Reply::Raw(short.to_vec()), object("\"e\"", b"0123456789")]).await;
    assert_eq!(s3(&server).get("k").await.expect("second attempt").bytes, &b"0123456789"[..]);
}

#[tokio::test]
async fn refusals_are_told_apart_in_the_stores_words_and_not_repeated() {
    let moved = || Reply::Answer(301, vec![("x-amz-bucket-region", "eu-west-1".to_owned())], Vec::new());
    let region = Some("eu-west-1".to_owned());
    for (answer, kind, words) in [
        (
            error(403, "AccessDenied"),
            ErrorKind::Denied,
            "if there is no such object, `s3:ListBucket` on `arn:aws:s3:::bucket`): the store answered 403 AccessDenied: In words",
        ),
        (error(404, "NoSuchBucket"), ErrorKind::NoBucket, "no such bucket"),
        (error(404, "NoSuchKey"), ErrorKind::NotFound, "no such object"),
        (error(403, "RequestTimeTooSkewed"), ErrorKind::ClockSkew, "clock"),
        (error(507, "XMinioStorageFull"), ErrorKind::Full, "no space left"),
        (error(400, "InvalidArgument"), ErrorKind::Rejected, "400 InvalidArgument"),
        (moved(), ErrorKind::WrongRegion { region }, "lives in region `eu-west-1`"),
    ] {
        let server = Server::start(vec![answer]).await;
        let error = s3(&server).get("k").await.expect_err("refused");
        let text = causes(&error);
        assert_eq!(*error.kind(), kind, "{text}");
        assert!(text.starts_with("read `k` in s3://bucket/pre/fix: ") && text.contains(words), "{text}");
        assert!(!text.contains("4711") && !text.contains("127.0.0.1"), "{text}");
        assert_eq!(server.asked().len(), 1, "{text}");
    }
}

#[tokio::test]
async fn credentials_not_accepted_get_one_more_chance() {
    for code in ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"] {
        let server = Server::start(vec![error(403, code), error(403, code)]).await;
        let error = s3(&server).get("k").await.expect_err("refused twice");
        assert!(error.is_denied() && *error.kind() == ErrorKind::Unauthenticated);
        assert_eq!(server.asked().len(), 2);
        let server = Server::start(vec![super::server::error(400, code), object("\"e\"", b"x")]).await;
        s3(&server).get("k").await.expect("fresh credentials");
    }
}

#[tokio::test]
async fn slow_down_is_obeyed() {
    let wait = Reply::Answer(503, vec![("Retry-After", "1".to_owned())], Vec::new());
    let server = Server::start(vec![wait, error(429, "TooMany"), object("\"e\"", b"x")]).await;
    let store = s3(&server);
    let begun = Instant::now();
    store.get("k").await.expect("third attempt");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(store.counters().with_outcome(RequestKind::Get, RequestOutcome::Busy), 2);
}

#[tokio::test]
async fn nobody_listening_is_unavailable_within_the_deadline() {
    let server = Server::start(vec![]).await;
    let settings = settings("s3://bucket/p", &server);
    drop(server);
    let store = Store::open(settings, &keys(), Env::system()).expect("open");
    let error =
        store.with_deadline(Duration::from_millis(400)).create("k", &b"x"[..]).await.expect_err("nobody");
    assert_eq!(*error.kind(), ErrorKind::Unavailable, "not ambiguous: nothing was sent");
    assert!(error.attempts() > 1);
    assert!(causes(&error).contains("cannot be reached"), "{}", causes(&error));
}

const BEGUN: &str = "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>";

async fn upload(store: &Store, bytes: usize) -> Result<firnline_store::Uploaded, firnline_store::StoreError> {
    let budget = ByteBudget::new(64 << 20);
    let mut upload = store.upload("k", UploadOptions { budget, size_hint: None }).expect("valid key");
    upload.write(vec![7; bytes].into()).await?;
    upload.complete().await
}

fn completed(checksum: &str) -> Reply {
    let body = format!(
        "<CompleteMultipartUploadResult><ETag>\"e-2\"</ETag>{checksum}</CompleteMultipartUploadResult>"
    );
    Reply::Answer(200, Vec::new(), body.into_bytes())
}

fn upload_script(end: Vec<Reply>) -> Vec<Reply> {
    let begun = Reply::Answer(200, Vec::new(), BEGUN.as_bytes().to_vec());
    let mut script = vec![begun, stored("\"p1\""), stored("\"p2\"")];
    script.extend(end);
    script
}

#[tokio::test]
async fn complete_that_fails_inside_a_200_is_tried_again() {
    let failed = Reply::Answer(200, Vec::new(), b"<Error><Code>InternalError</Code></Error>".to_vec());
    let server = Server::start(upload_script(vec![failed, completed("")])).await;
    let uploaded = upload(&s3(&server), 6 << 20).await.expect("second attempt");
    assert_eq!((uploaded.size, uploaded.verified), (6 << 20, false));
}

#[tokio::test]
async fn complete_whose_answer_was_lost_is_settled_by_a_look() {
    let there = Reply::Answer(
        200,
        vec![("ETag", "\"e-2\"".to_owned()), ("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT".to_owned())],
        vec![0; 6 << 20],
    );
    let server = Server::start(upload_script(vec![Reply::HangUp, error(404, "NoSuchUpload"), there])).await;
    let uploaded = upload(&s3(&server), 6 << 20).await.expect("it is there");
    assert_eq!(uploaded.version.map(|version| version.to_string()).as_deref(), Some("\"e-2\""));
}

#[tokio::test]
async fn whole_object_checksum_of_the_store_is_compared() {
    // CRC-64/NVME of 6 MiB of sevens, and another one.
    let right = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &vec![7; 6 << 20]);
    for (crc, verified) in [(right, true), (right ^ 1, false)] {
        use base64::Engine;
        let text = base64::prelude::BASE64_STANDARD.encode(crc.to_be_bytes());
        let told = completed(&format!("<ChecksumCRC64NVME>{text}</ChecksumCRC64NVME>"));
        let server = Server::start(upload_script(vec![told, reply(204)])).await;
        let store = s3(&server);
        match upload(&store, 6 << 20).await {
            Ok(uploaded) => assert!(uploaded.verified && verified),
            Err(error) => assert!(*error.kind() == ErrorKind::Corrupted && !verified, "{}", causes(&error)),
        }
        store.settle().await;
    }
}

#[tokio::test]
async fn gcs_checksum_of_a_single_put_is_compared() {
    let told = |crc: &str| {
        let hash = format!("crc32c={crc},md5=1B2M2Y8AsgTpgAmY7PhCfg==");
        Reply::Answer(
            200,
            vec![("ETag", "e".to_owned()), ("x-goog-generation", "7".to_owned()), ("x-goog-hash", hash)],
            vec![],
        )
    };
    // "123456789" has the CRC-32C e3069283.
    let server = Server::start(vec![told("AAAAAA=="), told("4waSgw==")]).await;
    let store = gcs(&server);
    let version = store.put_unique("k", &b"123456789"[..]).await.expect("second attempt");
    assert_eq!(version.to_string(), "7");
    assert_eq!(store.counters().with_outcome(RequestKind::Put, RequestOutcome::Damaged), 1);
}
