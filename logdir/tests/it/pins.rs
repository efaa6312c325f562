//! Pinning, and being refused it. Root links everything, so the refusals are met as a user who really is refused.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use firnline_index::{PartitionIndex, TopicId};
use firnline_logdir::{PinDir, PinName, PinProblem, RootListing, SidecarLock, SidecarLockError};
use proptest::prelude::*;

use crate::holder::Holder;
use crate::support::{Fixture, chain, offset};

const DIR: &str = "FIRNLINE_TEST_PIN_DIR";

fn pin_first(log_dir: &Path) -> Option<PinName> {
    let dir = PinDir::open(log_dir).unwrap();
    let source = dir.source("orders-3").unwrap().unwrap();
    source.pin(TopicId::from_bytes([7; 16]), PartitionIndex::new(3).unwrap(), offset(0)).unwrap()
}

#[test]
fn a_pin_is_a_second_name_of_the_same_file_and_kafka_sees_no_directory() {
    let fixture = Fixture::new(3, 100, 10_000);
    PinDir::open(&fixture.log_dir).unwrap().probe().unwrap();
    let pin = pin_first(&fixture.log_dir).unwrap();
    assert_eq!(pin_first(&fixture.log_dir), Some(pin), "once more changes nothing");
    let path = fixture.log_dir.join(pin.to_string());
    let (file, broker) = (fs::symlink_metadata(&path).unwrap(), fs::metadata(fixture.segment(0)).unwrap());
    assert_eq!((file.ino(), file.nlink(), file.is_file()), (broker.ino(), 2, true));
    assert_eq!(pin.inode, file.ino());
    let listing = RootListing::read(&fixture.log_dir).unwrap();
    assert_eq!((listing.pins, listing.partitions.len(), listing.strangers.len()), (vec![pin], 1, 0));
    // The scan of everything else does not take it for something foreign.
    fixture.scan();
    let dir = PinDir::open(&fixture.log_dir).unwrap();
    fs::remove_file(fixture.segment(0)).unwrap();
    assert!(dir.stat(&pin).unwrap().unwrap().is_sole_link());
    dir.remove(&[pin, pin]).unwrap();
    assert_eq!(dir.stat(&pin).unwrap(), None);
}

#[test]
fn a_user_who_may_not_link_is_told_why_and_what_to_do() {
    let fixture = Fixture::new(3, 100, 10_000);
    if !rustix::process::geteuid().is_root() {
        panic!("run as root, to become another user; or read what as_another_user checks");
    }
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(fixture.temp.path(), 0o755);
    let binary = fixture.temp.path().join("it");
    fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    mode(&binary, 0o755);
    // First the directory is closed to this user, then open to all: what is left is the kernel's rule for links, which
    // asks whose file it is.
    let meta = fixture.log_dir.join("meta.properties");
    for (open, owner, expected) in [(0o755, 65534, "denied"), (0o777, 0, "not permitted")] {
        mode(&fixture.log_dir, open);
        std::os::unix::fs::chown(&meta, Some(owner), Some(owner)).unwrap();
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&binary)
            .args(["--exact", "pins::as_another_user", "--ignored", "--nocapture"])
            .env(DIR, &fixture.log_dir)
            .env("FIRNLINE_TEST_EXPECTED", expected)
            .current_dir(fixture.temp.path())
            .output()
            .expect("setpriv (util-linux) is needed to become another user");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("1 passed"), "{text}");
    }
    assert!(!fixture.log_dir.join(".firnline-probe").exists());
}

#[test]
#[ignore = "run as another user by a_user_who_may_not_link_is_told_why_and_what_to_do"]
fn as_another_user() {
    let dir = std::env::var(DIR).expect("set by the test that starts this one");
    let error = PinDir::open(Path::new(&dir)).unwrap().probe().unwrap_err();
    match std::env::var("FIRNLINE_TEST_EXPECTED").unwrap().as_str() {
        "denied" => {
            assert!(matches!(&error, PinProblem::Io(problem) if problem.is_denied()), "{error:?}");
            assert!(chain(&error).contains("give this user write permission on it"), "{}", chain(&error));
        }
        _ => {
            // The rule is a setting of the system; without it the link would have been made.
            assert_eq!(fs::read_to_string("/proc/sys/fs/protected_hardlinks").unwrap().trim(), "1");
            assert!(matches!(error, PinProblem::NotPermitted { owner: 0, user: 65534, .. }), "{error:?}");
            let text = error.to_string();
            assert!(
                text.contains("fs.protected_hardlinks") && text.contains("run as the broker's user"),
                "{text}"
            );
        }
    }
}

/// Runs the ignored test `name` where it may mount.
fn with_mounts(name: &str, dir: &Path) {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .args(["--mount", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(DIR, dir)
        .output()
        .expect("unshare (util-linux) is needed to mount");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
fn a_read_only_file_system_and_one_without_inodes_are_named() {
    let temp = tempfile::tempdir().unwrap();
    with_mounts("pins::on_file_systems_that_refuse", temp.path());
}

#[test]
#[ignore = "run where it may mount by a_read_only_file_system_and_one_without_inodes_are_named"]
fn on_file_systems_that_refuse() {
    let disk = std::env::var(DIR).expect("set by the test that starts this one");
    let mount = |options: &str| {
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs", &disk]).status();
        assert!(status.unwrap().success());
    };
    mount("size=1m,nr_inodes=4");
    let log_dir = Path::new(&disk).join("data");
    fs::create_dir(&log_dir).unwrap();
    fs::write(log_dir.join("meta.properties"), "version=1\ncluster.id=x\nnode.id=1\n").unwrap();
    // On tmpfs each name counts as an inode.
    let fillers = (0..).find(|n| fs::write(log_dir.join(format!("filler{n}")), b"").is_err()).unwrap();
    assert!(fillers > 0);
    let error = PinDir::open(&log_dir).unwrap().probe().unwrap_err();
    assert!(error.is_full() && error.to_string().contains("free space or inodes"), "{error}");
    fs::remove_file(log_dir.join("filler0")).unwrap();
    PinDir::open(&log_dir).unwrap().probe().unwrap();
    let status = Command::new("mount").args(["-o", "remount,ro", &disk]).status();
    assert!(status.unwrap().success());
    let error = PinDir::open(&log_dir).unwrap().probe().unwrap_err();
    assert!(matches!(error, PinProblem::ReadOnly { .. }), "{error:?}");
}

#[test]
fn a_lock_that_another_process_holds_is_refused_and_free_when_it_dies() {
    let fixture = Fixture::new(1, 100, 10_000);
    drop(SidecarLock::take(&fixture.log_dir).unwrap());
    let holder = Holder::of(&fixture.log_dir.join(".firnline-lock"), "flock");
    let error = SidecarLock::take(&fixture.log_dir).unwrap_err();
    assert!(matches!(error, SidecarLockError::Held { .. }), "{error:?}");
    drop(holder);
    let _held = SidecarLock::take(&fixture.log_dir).unwrap();
}

proptest! {
    #[test]
    fn a_name_is_read_as_it_was_written(id in any::<[u8; 16]>(), partition in 0..i32::MAX, base in 0..i64::MAX, inode in any::<u64>()) {
        let pin = PinName {
            topic_id: TopicId::from_bytes(id),
            partition: PartitionIndex::new(partition).unwrap(),
            base: offset(base),
            inode,
        };
        let name = pin.to_string();
        prop_assert_eq!(PinName::parse(&name), Some(pin));
        prop_assert!(name.len() <= 255);
        let cut = &name[..name.len() - 1];
        prop_assert_ne!(PinName::parse(cut), Some(pin));
        prop_assert_eq!(PinName::parse(&format!("{name}.")), None);
    }
}
