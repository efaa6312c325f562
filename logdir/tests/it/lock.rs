//! Locks as another process holds them.

use firnline_logdir::BrokerLock;

use crate::holder::Holder;
use crate::support::Fixture;

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
    assert!(
        matches!(lock, BrokerLock::Held { pid: Some(pid) } if u32::try_from(pid) == Ok(holder.pid())),
        "{lock:?}"
    );
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
