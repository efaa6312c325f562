//! The disk cache where the system refuses: as another user, and on a disk that is full.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::disk::{Rig, on, read_all, start};

const DIR: &str = "FIRNLINE_TEST_DISK_CACHE_DIR";

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").expect("procfs")) == 0
}

#[track_caller]
fn passes(command: &mut Command, test: &str, dir: &Path) {
    let output = command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(DIR, dir)
        .current_dir("/")
        .output()
        .expect("util-linux is needed: setpriv and unshare");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
}

#[test]
fn a_directory_that_may_not_be_written_to_is_a_cache_that_is_off() {
    let temp = tempfile::tempdir().expect("a directory");
    let dir = temp.path().join("cache");
    fs::create_dir(&dir).expect("made");
    set_mode(temp.path(), 0o755);
    set_mode(&dir, 0o555);
    // The test's own binary may lie where nobody else may look.
    let binary = temp.path().join("it");
    fs::copy(std::env::current_exe().expect("this one"), &binary).expect("copied");
    set_mode(&binary, 0o755);
    // The log that is read has to lie somewhere.
    let own = temp.path().join("own");
    fs::create_dir(&own).expect("made");
    set_mode(&own, 0o777);
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command.arg(&binary).env("TMPDIR", &own);
    passes(&mut command, "disk_refused::as_a_user_who_is_refused", &dir);
    assert_eq!(fs::read_dir(&dir).expect("there").count(), 0);
    set_mode(&dir, 0o755);
}

#[tokio::test(start_paused = true)]
#[ignore = "run as another user by a_directory_that_may_not_be_written_to_is_a_cache_that_is_off"]
async fn as_a_user_who_is_refused() {
    let dir = std::env::var(DIR).expect("set by the test that starts this one");
    let rig = Rig::new();
    for dir in [Path::new(&dir).to_owned(), Path::new(&dir).join("below")] {
        let (reader, _) = start(&rig.tier, &dir, 64 << 20);
        tokio::time::sleep(Duration::from_secs(30)).await;
        read_all(&reader, &rig.log).await;
        assert!(!reader.disk_stats().on, "{dir:?}");
    }
}

#[test]
fn on_a_full_disk_the_cache_gives_way() {
    let temp = tempfile::tempdir().expect("a directory");
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let script = "mount -t tmpfs -o size=8m,mode=700 tmpfs \"$0\" && exec \"$@\"";
    command
        .args(["--mount", "sh", "-c", script])
        .arg(temp.path())
        .arg(std::env::current_exe().expect("this one"));
    passes(&mut command, "disk_refused::on_a_small_disk", temp.path());
}

#[tokio::test(start_paused = true)]
#[ignore = "run on a small disk by on_a_full_disk_the_cache_gives_way"]
async fn on_a_small_disk() {
    let dir = std::env::var(DIR).expect("set by the test that starts this one");
    let rig = Rig::new();
    let (cache, filler) = (Path::new(&dir).join("cache"), Path::new(&dir).join("filler"));
    // Much more than the disk has.
    let (reader, _) = start(&rig.tier, &cache, 1 << 30);
    on(&reader).await;
    read_all(&reader, &rig.log).await;
    let disk = reader.disk_stats();
    assert!(
        disk.on && disk.records == 0 && disk.refused_full > 0,
        "one slab is more than the disk: {disk:?}"
    );
    reader.shutdown().await;

    let (reader, _) = start(&rig.tier, &cache, 64 << 20);
    on(&reader).await;
    read_all(&reader, &rig.log).await;
    assert!(reader.disk_stats().records > 32, "{:?}", reader.disk_stats());
    reader.shutdown().await;

    // Somebody else takes all that is left, in the middle of a slab that is written.
    let (reader, _) = start(&rig.tier, &cache, 64 << 20);
    on(&reader).await;
    let before = reader.disk_stats();
    let _ = fs::write(&filler, vec![1; 8 << 20]);
    for entry in fs::read_dir(&cache).expect("there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "slab") {
            // Damage, so that there is something to be written.
            let mut bytes = fs::read(&path).expect("a slab");
            bytes.iter_mut().skip(700).step_by(9000).for_each(|byte| *byte ^= 1);
            let file = fs::File::options().write(true).open(&path).expect("opens");
            std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).expect("in place");
        }
    }
    read_all(&reader, &rig.log).await;
    let disk = reader.disk_stats();
    assert!(disk.on && disk.refused_full > 0, "{disk:?}");
    assert!(disk.evicted > 0 && disk.records < before.records, "it gave way: {disk:?}");
    reader.shutdown().await;

    // The other one has gone.
    fs::remove_file(&filler).expect("removed");
    for _ in 0..2 {
        let (reader, _) = start(&rig.tier, &cache, 64 << 20);
        on(&reader).await;
        read_all(&reader, &rig.log).await;
        let disk = reader.disk_stats();
        assert!(disk.on && disk.records > 0, "{disk:?}");
        reader.shutdown().await;
    }
}
