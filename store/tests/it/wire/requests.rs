//! What is sent.

use super::server::{Reply, Server, object, reply, stored};
use super::{gcs, keys, s3, settings};
use firnline_store::{ByteBudget, Env, Store, UploadOptions};

#[tokio::test]
async fn prefix_bucket_and_conditions_stand_in_the_request() {
    let server =
        Server::start(vec![stored("\"e\""), object("\"e\"", b"x"), stored("\"f\""), reply(304)]).await;
    let store = s3(&server);
    store.create("a/b c", &b"x"[..]).await.expect("create");
    let known = store.get("a/b c").await.expect("get").version;
    store.update("a/b c", &b"y"[..], &known).await.expect("update");
    assert_eq!(store.get_if_changed("a/b c", &known).await.expect("get"), None);
    let asked = server.asked();
    assert_eq!(asked[0].line, "PUT /bucket/pre/fix/a/b%20c");
    assert_eq!(asked[0].header("if-none-match"), Some("*"));
    assert_eq!(asked[0].body, b"x");
    assert_eq!(asked[2].header("if-match"), Some("\"e\""));
    assert_eq!(asked[3].header("if-none-match"), Some("\"e\""));
}

#[tokio::test]
async fn payload_without_tls_is_signed_and_carries_a_checksum() {
    let server = Server::start(vec![stored("\"e\"")]).await;
    s3(&server).put_unique("k", &b"123456789"[..]).await.expect("put");
    let asked = server.asked();
    let hash = asked[0].header("x-amz-content-sha256").expect("signed");
    assert_eq!(hash, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
    assert_eq!(asked[0].header("x-amz-checksum-crc64nvme"), Some("rosUhgp5mIg="));
    assert!(asked[0].header("authorization").expect("signed").contains("AKIAEXAMPLE"));
}

#[tokio::test]
async fn storage_class_is_for_segments_and_encryption_for_all() {
    let server = Server::start(vec![stored("\"e\""), stored("\"e\""), stored("\"e\"")]).await;
    let mut settings = settings("s3://bucket", &server);
    settings.storage_class = Some("STANDARD_IA".to_owned());
    settings.sse_kms_key = Some("key-1".to_owned());
    let store = Store::open(settings, &keys(), Env::system()).expect("open");
    store.create("manifest", &b"x"[..]).await.expect("create");
    let options = UploadOptions { budget: ByteBudget::new(1 << 20), size_hint: Some(1) };
    for class in [None, Some("GLACIER_IR".to_owned())] {
        let mut upload = store.upload("segment", options.clone()).expect("valid key").in_class(class);
        upload.write(vec![1].into()).await.expect("write");
        upload.complete().await.expect("complete");
    }
    let asked = server.asked();
    assert_eq!(asked[0].header("x-amz-storage-class"), None);
    assert_eq!(asked[1].header("x-amz-storage-class"), Some("STANDARD_IA"));
    assert_eq!(asked[2].header("x-amz-storage-class"), Some("GLACIER_IR"));
    for request in &asked {
        assert_eq!(request.header("x-amz-server-side-encryption"), Some("aws:kms"));
        assert_eq!(request.header("x-amz-server-side-encryption-aws-kms-key-id"), Some("key-1"));
    }
}

#[tokio::test]
async fn delete_is_one_plain_delete() {
    let server = Server::start(vec![reply(204)]).await;
    s3(&server).delete("k").await.expect("delete");
    assert_eq!(server.asked()[0].line, "DELETE /bucket/pre/fix/k");
}

#[tokio::test]
async fn gcs_conditions_are_generations() {
    let told = |generation: &str| {
        Reply::Answer(
            200,
            vec![("ETag", "e".to_owned()), ("x-goog-generation", generation.to_owned())],
            vec![],
        )
    };
    let server = Server::start(vec![told("7"), told("8")]).await;
    let store = gcs(&server);
    let firnline_store::CreateOutcome::Created(version) = store.create("k", &b"x"[..]).await.expect("create")
    else {
        panic!("the script says so");
    };
    store.update("k", &b"y"[..], &version).await.expect("update");
    let asked = server.asked();
    assert_eq!(asked[0].header("x-goog-if-generation-match"), Some("0"));
    assert_eq!(asked[1].header("x-goog-if-generation-match"), Some("7"));
}
