//! Being refused by the system. Root reads everything, so the check runs as a user who really is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use firnline_logdir::{BrokerLock, Found, LogDir};

use crate::support::{Fixture, chain};

const DIR: &str = "FIRNLINE_TEST_REFUSED_DIR";

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_unreadable_directory_is_named_with_what_to_do() {
    let fixture = Fixture::new(3, 100, 10_000);
    set_mode(fixture.temp.path(), 0o755);
    set_mode(&fixture.dir, 0o000);
    set_mode(&fixture.log_dir.join(".lock"), 0o000);
    if rustix::process::geteuid().is_root() {
        // The test's own binary may lie where nobody else may look.
        let binary = fixture.temp.path().join("it");
        fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
        set_mode(&binary, 0o755);
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&binary)
            .args(["--exact", "permission::as_a_user_who_is_refused", "--ignored", "--nocapture"])
            .env(DIR, &fixture.log_dir)
            .current_dir(fixture.temp.path())
            .output()
            .expect("setpriv (util-linux) is needed to become another user");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("1 passed"), "{text}");
    } else {
        check(&fixture.log_dir);
    }
    set_mode(&fixture.dir, 0o755);
}

#[test]
#[ignore = "run as another user by an_unreadable_directory_is_named_with_what_to_do"]
fn as_a_user_who_is_refused() {
    let dir = std::env::var(DIR).expect("set by the test that starts this one");
    check(Path::new(&dir));
}

fn check(log_dir: &Path) {
    let found = LogDir::open(log_dir).unwrap().partitions().unwrap();
    let [Found::Refused(refused)] = &found[..] else { panic!("{found:?}") };
    let expected = format!(
        "read directory {:?}; run as the broker's user, or give this user read and search permission on it: \
         Permission denied (os error 13)",
        log_dir.canonicalize().unwrap().join("orders-3")
    );
    assert_eq!(chain(&refused.why), expected);

    // A lock that cannot be asked must never pass for a free one.
    let lock = BrokerLock::probe(log_dir);
    assert!(matches!(&lock, BrokerLock::Unknown(problem) if problem.is_denied()), "{lock:?}");
}
