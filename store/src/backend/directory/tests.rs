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

/// Lengths around buffers and pages, from slices of odd lengths.
#[test]
fn large_files_are_the_same_by_either_way_to_the_disk() {
    let dir = TempDir::new().expect("temporary directory");
    let root = Root::new(dir.path().to_owned());
    let buffers = AlignedBuffers::default();
    for length in [0, 1, 4095, 4096, 4097, 1 << 20, (1 << 20) + 1, (3 << 20) + 5000, 5 << 20] {
        let bytes: Bytes = (0..length).map(|n: u32| n.to_le_bytes()[n as usize % 3]).collect();
        let chunks = bytes.chunks(777_777).map(|chunk| bytes.slice_ref(chunk)).collect::<Vec<_>>();
        let payload = Payload::from(chunks);
        for past_page_cache in [true, false] {
            let name = format!("{length}-{past_page_cache}");
            let mut temp = TempFile::create(&root, &name).expect("create");
            if past_page_cache {
                temp = temp.past_page_cache(&buffers);
            }
            // Parts need not begin at a page.
            for offset in [0, 8192, 8193] {
                temp.write(&payload, offset).expect("write");
                temp.sync().expect("sync");
                let file = fs::read(dir.path().join(".firnline-store/tmp").join(&name)).expect("file");
                let start = usize::try_from(offset).expect("small");
                assert!(length == 0 || file[start..] == bytes[..], "{length} at {offset}");
                assert_eq!(temp.read_back().expect("read back"), Sums::of(&file.into(), false));
            }
        }
    }
}

#[tokio::test]
async fn a_segment_that_is_not_on_the_disk_as_sent_never_appears() {
    let dir = TempDir::new().expect("temporary directory");
    let backend = DirectoryBackend::new(dir.path().to_owned(), Arc::new(SystemRandom));
    let key = Key::parse("k.seg").expect("valid");
    let id = backend.begin(&key, None).await.expect("begin");
    let payload = Payload::from(vec![7; 2 << 20]);
    let sums = Sums::of(&payload, false);
    let part = Part { number: 0, offset: 0, payload, sums };
    let tag = backend.part(&key, &id, part).await.expect("part");
    let temp = dir.path().join(".firnline-store/tmp").join(&id.0);
    let file = fs::OpenOptions::new().write(true).open(temp).expect("open");
    std::os::unix::fs::FileExt::write_all_at(&file, &[8], 1_234_567).expect("the disk gets a byte wrong");
    let fault = backend.complete(&key, &id, &[tag]).await.expect_err("not what was sent");
    assert_eq!(fault.kind, FaultKind::Corrupted);
    assert!(!dir.path().join("k.seg").exists());
}

#[tokio::test]
async fn what_was_uploaded_does_not_stay_in_the_page_cache() {
    // Not below /tmp, which may be in memory.
    let dir = TempDir::new_in(env!("CARGO_MANIFEST_DIR")).expect("temporary directory");
    let store = open(dir.path());
    let options = crate::UploadOptions { budget: crate::ByteBudget::new(64 << 20), size_hint: None };
    let mut upload = store.upload("k.seg", options).expect("valid key");
    upload.write(vec![7; 40 << 20].into()).await.expect("write");
    let uploaded = upload.complete().await.expect("complete");
    assert!(uploaded.verified);
    let file = fs::File::open(dir.path().join("k.seg")).expect("file");
    let mut byte = [0];
    let cached = (0..uploaded.size).step_by(1 << 20).filter(|at| {
        let slices = &mut [std::io::IoSliceMut::new(&mut byte)];
        rustix::io::preadv2(&file, slices, *at, rustix::io::ReadWriteFlags::NOWAIT).is_ok()
    });
    assert_eq!(cached.count(), 0, "of 40 pages looked at");
}
