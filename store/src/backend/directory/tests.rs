use super::*;
use crate::counts::RequestKind;
use crate::env::{Env, SystemRandom};
use crate::error::ErrorKind;
use crate::object::{CreateOutcome, UpdateOutcome};
use crate::store::Store;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn open(directory: &Path) -> Store {
    Store::directory(directory, Env::system())
}

fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).expect("list").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(directory).expect("beneath").display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn objects_are_plain_files_with_their_own_bytes() {
    let dir = TempDir::new().expect("temporary directory");
    let root = dir.path().join("not/yet/there");
    let store = open(&root);
    store.create("a/b/c.seg", &b"bytes"[..]).await.expect("create");
    assert_eq!(fs::read(root.join("a/b/c.seg")).expect("file"), b"bytes");
    assert_eq!(files(&root), ["a/b/c.seg"], "no temporary file, no lock");
}

#[tokio::test]
async fn reading_writes_nothing() {
    let dir = TempDir::new().expect("temporary directory");
    let store = open(dir.path());
    assert!(store.get("x").await.expect_err("absent").is_not_found());
    assert_eq!(store.list("", None).next_page().await.expect("list"), None);
    assert_eq!(fs::read_dir(dir.path()).expect("list").count(), 0);
}

#[tokio::test]
async fn what_a_crashed_writer_left_is_never_listed_and_swept_by_the_next_writer() {
    let dir = TempDir::new().expect("temporary directory");
    let left = dir.path().join(".firnline-store/tmp");
    fs::create_dir_all(&left).expect("make directory");
    fs::write(left.join("half"), b"half").expect("write");
    let store = open(dir.path());
    assert_eq!(store.list("", None).next_page().await.expect("list"), None);
    store.create("a", &b"x"[..]).await.expect("create");
    assert_eq!(files(dir.path()), ["a"]);
}

#[tokio::test]
async fn sweeping_spares_a_writer_that_is_still_at_work() {
    let dir = TempDir::new().expect("temporary directory");
    let root = Root::new(dir.path().to_owned());
    let at_work = TempFile::create(&root, "at-work").expect("create");
    at_work.write(&b"half"[..].into(), 0).expect("write");
    let other = open(dir.path());
    other.create("a", &b"x"[..]).await.expect("create");
    assert_eq!(files(dir.path()), [".firnline-store/tmp/at-work", "a"]);
    at_work.persist(&root, &Key::parse("b").expect("valid")).expect("persist");
    assert_eq!(files(dir.path()), ["a", "b"]);
}

#[tokio::test]
async fn dropped_temporary_file_goes_at_once() {
    let dir = TempDir::new().expect("temporary directory");
    let root = Root::new(dir.path().to_owned());
    drop(TempFile::create(&root, "x").expect("create"));
    assert_eq!(files(dir.path()), Vec::<String>::new());
}

#[test]
fn create_through_a_link_is_as_exclusive_as_a_rename() {
    // What file systems without RENAME_NOREPLACE get; tried here on any.
    let dir = TempDir::new().expect("temporary directory");
    let root = Root::new(dir.path().to_owned());
    let key = Key::parse("k").expect("valid");
    for (name, expected) in [("one", Ok(())), ("two", Err(FaultKind::Condition))] {
        let temp = TempFile::create(&root, name).expect("create");
        temp.write(&name.as_bytes().to_vec().into(), 0).expect("write");
        assert_eq!(temp.link_new(&root, &key).map_err(|fault| fault.kind), expected);
    }
    assert_eq!(fs::read(root.of(&key)).expect("file"), b"one");
    assert_eq!(files(dir.path()), ["k"]);
}

#[tokio::test]
async fn version_follows_the_content_and_survives_the_process() {
    let dir = TempDir::new().expect("temporary directory");
    let CreateOutcome::Created(first) = open(dir.path()).create("k", &b"one"[..]).await.expect("create")
    else {
        panic!("fresh directory");
    };
    let store = open(dir.path());
    assert_eq!(store.get("k").await.expect("get").version, first);
    // Same length, same second, same name: only the bytes differ.
    fs::write(dir.path().join("k"), b"two").expect("tamper");
    assert_eq!(store.update("k", &b"mine"[..], &first).await.expect("update"), UpdateOutcome::Conflict);
    assert_eq!(fs::read(dir.path().join("k")).expect("file"), b"two");
}

#[tokio::test]
async fn symbolic_link_out_of_a_listing_is_not_followed_but_a_linked_file_is_an_object() {
    let dir = TempDir::new().expect("temporary directory");
    let outside = TempDir::new().expect("temporary directory");
    fs::write(outside.path().join("x"), b"x").expect("write");
    std::os::unix::fs::symlink(outside.path(), dir.path().join("linked")).expect("link");
    std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).expect("link");
    let store = open(dir.path());
    assert_eq!(store.list("", None).next_page().await.expect("list"), None);
}

#[tokio::test]
async fn foreign_files_whose_names_are_no_keys_are_left_out_of_listings() {
    use std::os::unix::ffi::OsStrExt;
    let dir = TempDir::new().expect("temporary directory");
    fs::write(dir.path().join("new\nline"), b"x").expect("write");
    fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xff\xfe")), b"x").expect("write");
    let store = open(dir.path());
    store.create("good", &b"x"[..]).await.expect("create");
    let (listed, _) = store.list("", None).collect_up_to(10).await.expect("list");
    assert_eq!(listed.len(), 1);
}

#[tokio::test]
async fn directory_in_the_place_of_an_object_is_no_object() {
    let dir = TempDir::new().expect("temporary directory");
    let store = open(dir.path());
    store.create("a/b", &b"x"[..]).await.expect("create");
    assert!(store.get("a").await.expect_err("directory").is_not_found());
    assert!(store.get("a/b/c").await.expect_err("beneath a file").is_not_found());
    let error = store.create("a/b/c", &b"x"[..]).await.expect_err("beneath a file");
    assert_eq!(*error.kind(), ErrorKind::Rejected);
    assert_eq!(files(dir.path()), ["a/b"]);
}

#[tokio::test]
async fn directory_removed_under_a_running_writer_is_made_again() {
    let dir = TempDir::new().expect("temporary directory");
    let store = open(dir.path());
    store.create("a/b", &b"x"[..]).await.expect("create");
    fs::remove_dir_all(dir.path().join("a")).expect("remove");
    fs::remove_dir_all(dir.path().join(".firnline-store")).expect("remove");
    store.create("a/b", &b"y"[..]).await.expect("create again");
    assert_eq!(store.get("a/b").await.expect("get").bytes, &b"y"[..]);
}

#[tokio::test]
async fn lock_held_by_another_process_is_waited_for() {
    let dir = TempDir::new().expect("temporary directory");
    let store = open(dir.path());
    let CreateOutcome::Created(version) = store.create("k", &b"one"[..]).await.expect("create") else {
        panic!("fresh directory");
    };
    let root = Root::new(dir.path().to_owned());
    let key = Key::parse("k").expect("valid");
    let held = lock::exclusive(&root, &key).expect("free");
    let waiting = store.update("k", &b"two"[..], &version);
    tokio::pin!(waiting);
    let patience = std::time::Duration::from_millis(50);
    assert!(tokio::time::timeout(patience, &mut waiting).await.is_err());
    drop(held);
    assert!(matches!(waiting.await.expect("update"), UpdateOutcome::Updated(_)));
    assert_eq!(store.counters().of(RequestKind::Update), 1);
}

#[test]
fn random_names_of_temporary_files_do_not_collide_with_each_other() {
    let dir = TempDir::new().expect("temporary directory");
    let root = Root::new(dir.path().to_owned());
    let held: Vec<_> =
        (0..100).map(|_| TempFile::create(&root, &SystemRandom.hex_id()).expect("create")).collect();
    assert_eq!(files(dir.path()).len(), held.len());
}

#[tokio::test]
async fn listing_is_in_the_order_of_the_keys_bytes() {
    let dir = TempDir::new().expect("temporary directory");
    let store = open(dir.path());
    let names = ["B", "a-b", "a.b", "a/a.x", "a/a/x", "a/b/c", "a0", "ab", "b"];
    for name in names {
        store.put_unique(name, &b"x"[..]).await.expect("put");
    }
    let (listed, _) = store.list("", None).collect_up_to(100).await.expect("list");
    assert_eq!(listed.into_iter().map(|object| object.key).collect::<Vec<_>>(), names);
}
