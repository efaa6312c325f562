//! Behaviours of uploads. Parts are 5 MiB, the least that S3 takes, if the store's settings say so.

use super::{pattern, scope};
use crate::budget::ByteBudget;
use crate::counts::{RequestCounts, RequestKind};
use crate::store::Store;
use crate::upload::{Upload, UploadOptions};
use bytes::Bytes;

fn options(store: &Store) -> UploadOptions {
    UploadOptions { budget: ByteBudget::new(3 * store.settings().part_size), size_hint: None }
}

fn part_size(store: &Store) -> usize {
    usize::try_from(store.settings().part_size).expect("parts fit memory")
}

async fn write_all(upload: &mut Upload, bytes: &Bytes) {
    // A size that divides nothing, so that pieces cross the borders of parts.
    for at in (0..bytes.len()).step_by(777_777) {
        upload.write(bytes.slice(at..bytes.len().min(at + 777_777))).await.expect("write");
    }
}

async fn upload_of(store: &Store, key: &str, bytes: &Bytes) -> (crate::Uploaded, RequestCounts) {
    let before = store.counters();
    let mut upload = store.upload(key, options(store)).expect("valid key");
    write_all(&mut upload, bytes).await;
    let uploaded = upload.complete().await.expect("complete");
    assert_eq!(uploaded.size, bytes.len() as u64);
    (uploaded, store.counters().since(&before))
}

async fn assert_content(store: &Store, key: &str, expected: &Bytes) {
    assert_eq!(store.head(key).await.expect("head").size, expected.len() as u64);
    let found = store.get_range(key, 0..expected.len() as u64).await.expect("read back");
    assert!(found == *expected, "content of {key} differs");
}

/// Up to one part, an upload is a single PUT.
pub async fn small_upload_is_one_put(store: &Store) {
    let key = scope() + "small";
    let bytes = pattern(1000);
    let (_, counts) = upload_of(store, &key, &bytes).await;
    assert_eq!(
        (counts.of(RequestKind::Put), counts.of(RequestKind::Begin), counts.of(RequestKind::Part)),
        (1, 0, 0)
    );
    assert_content(store, &key, &bytes).await;
    let empty = scope() + "empty";
    let upload = store.upload(&empty, options(store)).expect("valid key");
    assert_eq!(upload.complete().await.expect("complete").size, 0);
    assert_eq!(store.head(&empty).await.expect("head").size, 0);
}

/// The border case: no second, empty part.
pub async fn upload_of_exactly_one_part_is_one_put(store: &Store) {
    let key = scope() + "one-part";
    let bytes = pattern(part_size(store));
    let (_, counts) = upload_of(store, &key, &bytes).await;
    assert_eq!((counts.of(RequestKind::Put), counts.of(RequestKind::Begin)), (1, 0));
    assert_content(store, &key, &bytes).await;
}

/// Several parts in parallel make one object, byte for byte.
pub async fn large_upload_arrives_whole_and_in_order(store: &Store) {
    let key = scope() + "large";
    let bytes = pattern(part_size(store) * 3 + 12_345);
    let (_, counts) = upload_of(store, &key, &bytes).await;
    let made = [RequestKind::Put, RequestKind::Begin, RequestKind::Part, RequestKind::Complete]
        .map(|k| counts.of(k));
    assert_eq!(made, [0, 1, 4, 1]);
    assert_eq!(counts.bytes_out, bytes.len() as u64);
    assert_content(store, &key, &bytes).await;
}

/// Nobody sees half an object.
pub async fn upload_is_invisible_until_complete(store: &Store) {
    let scope = scope();
    let key = format!("{scope}large");
    let bytes = pattern(part_size(store) * 2);
    let mut upload = store.upload(&key, options(store)).expect("valid key");
    write_all(&mut upload, &bytes).await;
    assert!(store.head(&key).await.expect_err("invisible").is_not_found());
    let (listed, _) = store.list(&scope, None).collect_up_to(10).await.expect("list");
    assert_eq!(listed, []);
    upload.complete().await.expect("complete");
    assert_content(store, &key, &bytes).await;
}

/// An abort leaves no object.
pub async fn aborted_upload_leaves_nothing(store: &Store) {
    let key = scope() + "aborted";
    let before = store.counters();
    let mut upload = store.upload(&key, options(store)).expect("valid key");
    write_all(&mut upload, &pattern(part_size(store) + 1)).await;
    upload.abort().await;
    let counts = store.counters().since(&before);
    assert_eq!((counts.of(RequestKind::Abort), counts.uploads_abandoned, counts.abort_failures), (1, 0, 0));
    assert!(store.head(&key).await.expect_err("nothing").is_not_found());
}

/// A dropped upload is aborted behind the scenes, and seen in the counters.
pub async fn dropped_upload_is_aborted_and_counted(store: &Store) {
    let key = scope() + "dropped";
    let before = store.counters();
    let mut upload = store.upload(&key, options(store)).expect("valid key");
    write_all(&mut upload, &pattern(part_size(store) + 1)).await;
    drop(upload);
    store.settle().await;
    let counts = store.counters().since(&before);
    assert_eq!((counts.of(RequestKind::Abort), counts.uploads_abandoned, counts.abort_failures), (1, 1, 0));
    assert!(store.head(&key).await.expect_err("nothing").is_not_found());
}

/// The version an upload tells is the one that readers see, for one part and for several.
pub async fn uploaded_version_is_the_objects_version(store: &Store) {
    let scope = scope();
    for (name, length) in [("small", 1000), ("large", part_size(store) + 1000)] {
        let key = format!("{scope}{name}");
        let (uploaded, _) = upload_of(store, &key, &pattern(length)).await;
        assert_eq!(uploaded.version, Some(store.get(&key).await.expect("get").version), "{name}");
    }
}
