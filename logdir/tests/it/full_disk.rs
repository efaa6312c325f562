//! A disk that is full: a small file system in memory, mounted in a namespace of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use firnline_logdir::{RestoreError, RestoreTarget};

use crate::support::{batch, offset};

const DIR: &str = "FIRNLINE_TEST_SMALL_DISK";

#[test]
fn a_full_disk_is_named_and_what_was_written_is_mended_by_the_next_restore() {
    let temp = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let script = "mount -t tmpfs -o size=1m tmpfs \"$0\" && exec \"$@\"";
    let output = command
        .args(["--mount", "sh", "-c", script])
        .arg(temp.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full_disk::on_a_small_disk", "--ignored", "--nocapture"])
        .env(DIR, temp.path())
        .output()
        .expect("unshare (util-linux) is needed to mount a small disk");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "run on a small disk by a_full_disk_is_named_and_what_was_written_is_mended_by_the_next_restore"]
fn on_a_small_disk() {
    let disk = std::env::var(DIR).expect("set by the test that starts this one");
    let dir = Path::new(&disk).join("orders-0");
    let mut writer = RestoreTarget::check(&dir).unwrap().begin().unwrap();
    let mut segment = writer.segment(offset(0)).unwrap();
    let error = (0..20).find_map(|n| segment.write(&batch(n, 1, 200_000)).err()).unwrap();
    assert!(error.is_full(), "{error:?}");
    assert!(matches!(&error, RestoreError::Io(_)), "{error:?}");
    assert!(error.to_string().ends_with("; free space there and run again"), "{error}");
    drop(segment);
    drop(writer);
    assert!(!fs::read_dir(&dir).unwrap().any(|e| e.unwrap().file_name().to_str().unwrap().ends_with(".log")));

    let mut writer = RestoreTarget::check(&dir).unwrap().begin().unwrap();
    let mut segment = writer.segment(offset(0)).unwrap();
    segment.write(&batch(0, 1, 200_000)).unwrap();
    segment.finish().unwrap();
    assert_eq!(writer.commit().unwrap().segments, 1);
}
