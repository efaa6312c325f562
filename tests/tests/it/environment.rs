//! The machine's own refusals: a full disk, a user without rights, a pipe that closes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use firnline_tests::firnline::{self, Run};
use firnline_tests::kafka::VERSIONS;
use firnline_tests::scratch;
use firnline_tests::tier::Tier;

use crate::sources::Source;

/// A root in a user namespace of its own may mount; the mount is gone with the process.
const ON_SMALL_DISK: &str = r#"mount -t tmpfs -o size=4m firnline "$1" && shift && "$@""#;

#[test]
fn a_full_disk_under_the_tier_is_told_and_a_later_run_with_room_mends() {
    let source = Source::of(VERSIONS[0]);
    let tier = Tier::directory();
    fs::create_dir(tier.path()).expect("make the mount point");
    let mount_point = tier.path();
    let mount_point = mount_point.to_str().expect("a path of ours is text");
    let arguments = ["--user", "--map-root-user", "--mount", "sh", "-c", ON_SMALL_DISK, "sh", mount_point];
    // One partition after the other: of several at once, none may find room for all of its own.
    let config = scratch::directory("work");
    let config = config.path().join("firnline.toml");
    fs::write(&config, "[limits]\nparallel_partitions = 1\n").expect("write a config");
    let log_dir = source.cluster.log_dir();
    let [config, log_dir] = [&config, &log_dir].map(|path| path.to_str().expect("a path of ours is text"));
    let offload =
        ["offload", "--config", config, "--once", "--assume-committed", "--json", "--log-dir", log_dir];
    let run = tier.run(&offload).under("unshare", &arguments);
    run.finish().expect_code(5).expect_stderr("no space left");

    source.offload(&tier).finish().expect_code(0);
    tier.run(&["verify", "--deep"]).finish().expect_code(0);
}

#[test]
fn a_full_disk_under_restore_is_told() {
    let source = Source::of(VERSIONS[0]);
    let tier = Tier::directory();
    source.offload(&tier).finish().expect_code(0);
    let target = scratch::directory("work");
    let target = target.path().to_str().expect("a path of ours is text");
    let arguments = ["--user", "--map-root-user", "--mount", "sh", "-c", ON_SMALL_DISK, "sh", target];
    let run = tier.run(&["restore", "codec-none", "--to", target]).under("unshare", &arguments);
    // The first of two partitions has room.
    let partly = run.finish().expect_code(5).expect_stderr("[FIRN-C202] codec-none/1");
    partly.expect_stderr("free space there and run again: No space left on device");
}

#[test]
fn a_directory_that_may_not_be_read_is_told_and_the_others_are_still_offloaded() {
    let source = Source::of(VERSIONS[0]);
    let copy = scratch::directory("work");
    copy_tree(&source.cluster.log_dir(), copy.path());
    let closed = copy.path().join("payments-0");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("close the directory");

    let tier = Tier::directory();
    fs::create_dir(tier.path()).expect("make the tier");
    let log_dir = copy.path().to_str().expect("a path of ours is text");
    let arguments = ["offload", "--once", "--assume-committed", "--log-dir", log_dir];
    let run = as_nobody(tier.run(&arguments), &[copy.path(), &tier.path()]);
    run.finish().expect_code(5).expect_stderr("payments-0");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).expect("open the directory");

    tier.run(&["cat", "codec-lz4/0", "--max", "1"]).finish().expect_code(0);
    tier.run(&["cat", "payments/0", "--max", "1"]).finish().expect_code(2);
}

#[test]
fn a_pipe_that_closes_ends_cat_quietly() {
    let source = Source::of(VERSIONS[0]);
    let tier = Tier::directory();
    source.offload(&tier).finish().expect_code(0);
    let command = "set -o pipefail; \"$0\" cat codec-none/0 | head -n 1";
    let output = Command::new("bash")
        .args(["-c", command])
        .arg(firnline::binary())
        .env("FIRNLINE_STORE", tier.url())
        .stdin(Stdio::null())
        .output()
        .expect("run bash");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), 1);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The same run as a user who really is refused: root reads everything. Gives that user the named trees and a copy of
/// the binary, which may stand below a home directory.
fn as_nobody(run: Run, trees: &[&Path]) -> Run {
    if !rustix::process::geteuid().is_root() {
        return run;
    }
    for tree in trees {
        let status = Command::new("chown").args(["-R", "65534:65534"]).arg(tree).status().expect("run chown");
        assert!(status.success(), "give {} away", tree.display());
        for parent in tree.ancestors().skip(1).filter(|parent| parent.starts_with(std::env::temp_dir())) {
            if parent != std::env::temp_dir() {
                fs::set_permissions(parent, fs::Permissions::from_mode(0o755)).expect("open the way");
            }
        }
    }
    let home = scratch::directory("binary").keep();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).expect("open the way");
    let reachable = home.join("firnline");
    fs::copy(firnline::binary(), &reachable).expect("copy the binary");
    fs::set_permissions(&reachable, fs::Permissions::from_mode(0o755)).expect("open the binary");
    let run = run.with_binary(&reachable);
    run.under("setpriv", &["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"])
}

fn copy_tree(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().expect("run cp");
    assert!(status.success(), "copy {}", from.display());
}
