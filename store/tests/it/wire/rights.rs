//! A denied request tells the right that it takes, whatever was asked.

use super::answers::causes;
use super::server::{Reply, Server, error, reply, stored};
use super::{azure, gcs, s3};
use firnline_store::{ByteBudget, ErrorKind, Store, StoreError, UploadOptions};

const BEGUN: &str = "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>";

/// Asks for everything, each time of a server that denies just that; what the errors say, by the verb they begin with.
async fn denials(store: impl Fn(&Server) -> Store) -> Vec<String> {
    let denied = || vec![error(403, "AccessDenied")];
    let mut said = Vec::new();
    let mut note = |error: StoreError| {
        assert_eq!(*error.kind(), ErrorKind::Denied, "{}", causes(&error));
        said.push(causes(&error));
    };
    let server = Server::start(denied()).await;
    note(store(&server).get("k").await.expect_err("get"));
    let server = Server::start(denied()).await;
    note(store(&server).head("k").await.expect_err("head"));
    let server = Server::start(denied()).await;
    note(store(&server).put_unique("k", &b"x"[..]).await.expect_err("put"));
    let server = Server::start(denied()).await;
    note(store(&server).create("k", &b"x"[..]).await.expect_err("create"));
    let server = Server::start(denied()).await;
    note(store(&server).list("k", None).next_page().await.expect_err("list"));
    said
}

/// An upload of three parts that goes by this script.
async fn upload(script: Vec<Reply>) -> String {
    let server = Server::start(script).await;
    let store = s3(&server);
    let options = UploadOptions { budget: ByteBudget::new(64 << 20), size_hint: None };
    let mut upload = store.upload("k", options).expect("valid key");
    let three_parts = usize::try_from(firnline_store::MIN_PART_SIZE * 5 / 2).expect("a few MiB");
    let result = match upload.write(vec![7; three_parts].into()).await {
        Ok(()) => upload.complete().await.map(|_| ()),
        Err(error) => Err(error),
    };
    store.settle().await;
    causes(&result.expect_err("denied"))
}

#[tokio::test]
async fn s3_rights_are_named_with_the_object() {
    let said = denials(s3).await;
    let object = "on `arn:aws:s3:::bucket/pre/fix/k`";
    for (said, right) in said.iter().zip([
        format!("permission denied, this takes `s3:GetObject` {object} (or, if there is no such object, `s3:ListBucket` on"),
        format!("`s3:GetObject` {object}"),
        format!("`s3:PutObject` {object}: the store answered 403 AccessDenied"),
        format!("`s3:PutObject` {object}"),
        "`s3:ListBucket` on `arn:aws:s3:::bucket`".to_owned(),
    ]) {
        assert!(said.contains(&right), "{right}: {said}");
    }
    let server = Server::start(vec![super::server::object("\"e\"", b"x"), error(403, "AccessDenied")]).await;
    let store = s3(&server);
    let known = store.get("k").await.expect("read").version;
    let update = causes(&store.update("k", &b"x"[..], &known).await.expect_err("update"));
    assert!(update.contains("`s3:PutObject`"), "{update}");
    let server = Server::start(vec![error(403, "AccessDenied")]).await;
    let delete = causes(&s3(&server).delete("k").await.expect_err("delete"));
    assert!(delete.contains(&format!("`s3:DeleteObject` {object}")), "{delete}");
}

#[tokio::test]
async fn s3_rights_of_uploads_are_named_at_each_step() {
    let begun = || Reply::Answer(200, Vec::new(), BEGUN.as_bytes().to_vec());
    let denied = || error(403, "AccessDenied");
    let begin = upload(vec![denied()]).await;
    assert!(begin.starts_with("begin upload of `k`") && begin.contains("`s3:PutObject`"), "{begin}");
    let part = upload(vec![begun(), denied(), denied(), denied(), reply(204)]).await;
    assert!(part.starts_with("upload part of `k`") && part.contains("`s3:PutObject`"), "{part}");
    let parts = || vec![begun(), stored("\"1\""), stored("\"2\""), stored("\"3\"")];
    let complete = upload([parts(), vec![denied(), reply(204)]].concat()).await;
    assert!(
        complete.starts_with("complete upload of `k`") && complete.contains("`s3:PutObject`"),
        "{complete}"
    );
}

#[tokio::test]
async fn gcs_permissions_are_named_with_the_bucket() {
    let said = denials(gcs).await;
    for (said, right) in said.iter().zip([
        "storage.objects.get",
        "storage.objects.get",
        "storage.objects.create",
        "storage.objects.create",
        "storage.objects.list",
    ]) {
        assert!(said.contains(&format!("this takes `{right}` on bucket `bucket`")), "{right}: {said}");
    }
}

#[tokio::test]
async fn azure_actions_are_named_with_the_container() {
    let said = denials(azure).await;
    for (said, right) in said.iter().zip([
        "blobs/read` (in a SAS: `r`)",
        "blobs/read` (in a SAS: `r`)",
        "blobs/write` (in a SAS: `w`)",
        "blobs/write` (in a SAS: `w`)",
        "blobs/read` (in a SAS: `l`)",
    ]) {
        assert!(said.contains(&format!("{right} on container `bucket`")), "{right}: {said}");
    }
}
