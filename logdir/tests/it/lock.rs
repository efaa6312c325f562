//! Locks as another process holds them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use firnline_logdir::BrokerLock;

use crate::support::Fixture;

/// A process that holds the fcntl lock on `path` until it is dropped. Python's `fcntl.lockf` makes the same call as
/// Java's `FileChannel.tryLock`.
pub(crate) struct Holder(Child);

impl Holder {
    pub(crate) fn of(path: &Path, call: &str) -> Self {
        let script = format!(
            "import fcntl, sys\nf = open(sys.argv[1], 'r+b')\nfcntl.{call}(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\n\
             print('held', flush=True)\nsys.stdin.read()\n"
        );
        let mut child = Command::new("python3")
            .args(["-c", &script])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is needed to hold a lock from another process");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        Self(child)
    }

    fn pid(&self) -> i32 {
        self.0.id().try_into().unwrap()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some(stdin) = &mut self.0.stdin {
            let _ = stdin.flush();
        }
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn a_lock_that_nobody_holds_is_free() {
    let fixture = Fixture::new(1, 100, 10_000);
    let lock = BrokerLock::probe(&fixture.log_dir);
    assert!(matches!(lock, BrokerLock::Free), "{lock:?}");
    assert!(lock.is_surely_free());
}

#[test]
fn a_lock_that_a_broker_holds_names_its_process_and_is_free_when_it_ends() {
    let fixture = Fixture::new(1, 100, 10_000);
    let holder = Holder::of(&fixture.log_dir.join(".lock"), "lockf");
    let lock = BrokerLock::probe(&fixture.log_dir);
    assert!(matches!(lock, BrokerLock::Held { pid: Some(pid) } if pid == holder.pid()), "{lock:?}");
    assert!(!lock.is_surely_free());
    drop(holder);
    assert!(matches!(BrokerLock::probe(&fixture.log_dir), BrokerLock::Free));
}

/// The two kinds of lock do not see each other; a `flock` is not what a broker takes.
#[test]
fn a_flock_is_not_a_brokers_lock() {
    let fixture = Fixture::new(1, 100, 10_000);
    let _holder = Holder::of(&fixture.log_dir.join(".lock"), "flock");
    assert!(matches!(BrokerLock::probe(&fixture.log_dir), BrokerLock::Free));
}

#[test]
fn no_lock_file_is_told_from_a_free_one() {
    let fixture = Fixture::new(1, 100, 10_000);
    std::fs::remove_file(fixture.log_dir.join(".lock")).unwrap();
    assert!(matches!(BrokerLock::probe(&fixture.log_dir), BrokerLock::Absent));
}

#[test]
fn a_lock_that_cannot_be_asked_is_unknown() {
    let fixture = Fixture::new(1, 100, 10_000);
    let path = fixture.log_dir.join(".lock");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/null", &path).unwrap();
    let lock = BrokerLock::probe(&fixture.log_dir);
    assert!(matches!(lock, BrokerLock::Unknown(_)), "{lock:?}");
    assert!(!lock.is_surely_free());
}
