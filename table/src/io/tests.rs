//! Files over stores in memory and in a directory.

use super::*;
use firnline_store::sim::Simulation;
use firnline_store::{Env, MIN_PART_SIZE, StoreSettings, StoreUrl};

fn memory() -> FileIo {
    FileIo::new(Store::memory(Env::system())).unwrap()
}

#[tokio::test]
async fn files_are_found_by_every_spelling_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let io = FileIo::new(Store::directory(dir.path(), Env::system())).unwrap();
    let path = dir.path().to_str().unwrap();
    io.put(&format!("file://{path}/db/t/metadata/x.json"), "{}").await.unwrap();
    assert_eq!(io.get(&format!("file:{path}/db/t/metadata/x.json")).await.unwrap(), "{}");
    assert_eq!(io.size(&format!("{path}/db/t/metadata/x.json")).await.unwrap(), 2);
    assert!(io.get(&format!("file://{path}/db/t/metadata/y.json")).await.unwrap_err().is_not_found());
    let error = io.get("file:///etc/passwd").await.unwrap_err();
    assert!(error.to_string().contains("file:///etc/passwd") && error.to_string().contains(path), "{error}");
    for escape in ["../../etc/passwd", "..", "a/../../b"] {
        let error = io.get(&format!("file://{path}/{escape}")).await.unwrap_err();
        assert!(!error.is_not_found(), "{error}");
    }
    let error = io.put(&format!("file://{path}"), "x").await.unwrap_err();
    assert!(matches!(error, IoError::NoFile { .. }), "{error}");
}

#[tokio::test]
async fn a_create_that_is_not_the_first_changes_nothing() {
    let io = memory();
    assert_eq!(io.create("memory:/a/x", "1").await.unwrap(), Created::New);
    assert_eq!(io.create("memory:/a/x", "2").await.unwrap(), Created::Exists);
    assert_eq!(io.get("memory:/a/x").await.unwrap(), "1");
    assert_eq!(io.get_tail("memory:/a/x", 8).await.unwrap(), (Bytes::from_static(b"1"), 1));
    assert_eq!(io.get_range("memory:/a/x", 0..1).await.unwrap(), "1");
    io.delete("memory:/a/x").await.unwrap();
    io.delete("memory:/a/x").await.unwrap();
}

#[tokio::test]
async fn a_listing_stays_below_its_directory() {
    let io = memory();
    for key in ["db/t/data/1", "db/t/metadata/2", "db/t2/data/3", "db/t"] {
        io.put(&io.location(key), "x").await.unwrap();
    }
    for (directory, expected) in [
        ("memory:/db/t", &["db/t/data/1", "db/t/metadata/2"][..]),
        ("memory:/db/t/", &["db/t/data/1", "db/t/metadata/2"]),
        ("memory:/db/t/data", &["db/t/data/1"]),
        ("memory:", &["db/t", "db/t/data/1", "db/t/metadata/2", "db/t2/data/3"]),
        ("memory:/none", &[]),
    ] {
        let mut listing = io.list(directory).unwrap();
        let mut keys = Vec::new();
        while let Some(page) = listing.next_page().await.unwrap() {
            keys.extend(page.into_iter().map(|file| file.key));
        }
        assert_eq!(keys, expected, "{directory}");
    }
}

#[tokio::test]
async fn many_half_written_files_of_one_task_do_not_wait_for_each_other() {
    let env = Env::system();
    let simulation = Simulation::new(1, &env);
    let mut settings = StoreSettings::new(StoreUrl::Memory);
    settings.part_size = MIN_PART_SIZE;
    let io = FileIo::new(simulation.connect_with(settings, &env)).unwrap().with_parts_held(1);
    let chunk = Bytes::from(vec![7; 3 << 20]);
    let mut writers: Vec<_> =
        (0..20).map(|n| io.writer(&io.location(&format!("f{n}")), None).unwrap()).collect();
    for _ in 0..3 {
        for writer in &mut writers {
            writer.write(chunk.clone()).await.unwrap();
        }
    }
    assert!(io.get("memory:/f0").await.unwrap_err().is_not_found());
    for writer in writers {
        let (location, written) = (writer.location().to_owned(), writer.written());
        assert_eq!(writer.finish().await.unwrap(), written);
        assert_eq!(io.size(&location).await.unwrap(), 9 << 20);
    }
}

#[tokio::test]
async fn a_file_that_is_given_up_never_appears() {
    let io = memory();
    let mut writer = io.writer("memory:/x", None).unwrap();
    writer.write(Bytes::from_static(b"half")).await.unwrap();
    drop(writer);
    let mut writer = io.writer("memory:/x", None).unwrap();
    writer.write(Bytes::from_static(b"half")).await.unwrap();
    writer.abort().await;
    assert!(io.get("memory:/x").await.unwrap_err().is_not_found());
    assert_eq!(io.writer("memory:/x", Some(0)).unwrap().finish().await.unwrap(), 0);
    assert_eq!(io.get("memory:/x").await.unwrap(), "");
}
