//! The guard of `firnline offload`: whatever becomes of workers, it stays, keeps the reserve, and passes signals on.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::logs::{Logs, plain, segment};
use crate::rig::firnline;

/// A guard under test, and the lines of its log.
struct Guard {
    child: Child,
    lines: Receiver<String>,
}

impl Guard {
    fn start(logs: &Logs, config: &str) -> Self {
        let path = logs.temp.path().join("guard.toml");
        let store = logs.tier();
        let dir = logs.path();
        fs::write(&path, format!("[store]\nurl = {store:?}\n[offload]\nlog_dirs = [{dir:?}]\n{config}"))
            .unwrap();
        let mut command = firnline(["offload", "--log-format", "json", "--config"]);
        command.arg(&path).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (send, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        Self { child, lines }
    }

    /// The next line that says this.
    #[track_caller]
    fn says(&self, what: &str) -> serde_json::Value {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|_| panic!("the guard never said {what:?}"));
            if line.contains(what) {
                return serde_json::from_str(&line).unwrap();
            }
        }
    }

    fn tell(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    fn code(mut self) -> Option<i32> {
        for _ in 0..6000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        panic!("the guard did not end");
    }
}

/// Pins a segment as a sidecar does, and lets Kafka delete its own link.
pub(crate) fn pin_alone(logs: &Logs, dir: &Path, base: i64) -> PathBuf {
    let file = segment(dir, base);
    let metadata = fs::read_to_string(dir.join("partition.metadata")).unwrap();
    let id = metadata.lines().find_map(|line| line.strip_prefix("topic_id: ")).unwrap();
    let inode = fs::metadata(&file).unwrap().ino();
    let pin = logs.path().join(format!(".firnline-pin.{id}.0.{base:020}.{inode}"));
    fs::hard_link(&file, &pin).unwrap();
    fs::remove_file(&file).unwrap();
    pin
}

fn free(dir: &Path) -> u64 {
    let stat = rustix::fs::statvfs(dir).unwrap();
    stat.f_bavail * stat.f_frsize
}

#[test]
fn without_pins_a_hopeless_worker_ends_the_guard_with_its_code() {
    let logs = Logs::of(&["orders-0"]);
    // No broker is named: no other start would mend that.
    let guard = Guard::start(&logs, "");
    guard.says("worker started");
    assert_eq!(guard.code(), Some(2));
}

#[test]
fn with_pins_the_guard_stays_and_keeps_the_reserve_while_workers_die() {
    let mut logs = Logs::new();
    let dir = logs.write("orders-0", &plain(5, 200_000));
    let pins: Vec<PathBuf> = [0, 6, 12].into_iter().map(|base| pin_alone(&logs, &dir, base)).collect();
    // More than there is: every pin gives way, the oldest first. Kafka's own files are never touched.
    let reserve = free(logs.path()) / (1 << 20) + (1 << 20);
    let guard = Guard::start(&logs, &format!("reserve = \"{reserve}MiB\"\n"));
    guard.says("the worker has ended");
    let first = guard.says("gave way");
    assert_eq!(first["code"], "FIRN-O301");
    assert_eq!(first["bytes"].as_u64().unwrap() / 1_000_000, 1);
    guard.says("gave way");
    guard.says("gave way");
    guard.says("no pin is left");
    assert!(pins.iter().all(|pin| !pin.exists()));
    assert!(segment(&dir, 18).exists() && segment(&dir, 24).exists());
    // With nothing left to guard it says what it has to say.
    assert_eq!(guard.code(), Some(2));
}

#[test]
fn above_the_reserve_no_pin_is_touched() {
    let mut logs = Logs::new();
    let dir = logs.write("orders-0", &plain(3, 1_000));
    let pin = pin_alone(&logs, &dir, 0);
    let guard = Guard::start(&logs, "reserve = \"1MiB\"\n");
    for _ in 0..2 {
        guard.says("the worker has ended");
    }
    assert!(pin.exists());
    guard.tell("INT");
    assert_eq!(guard.code(), Some(130));
    assert!(pin.exists());
}

#[test]
fn beside_another_sidecar_the_guard_ends_with_the_refusal() {
    let mut logs = Logs::new();
    let dir = logs.write("orders-0", &plain(3, 1_000));
    let pin = pin_alone(&logs, &dir, 0);
    let lock = fs::File::create(logs.path().join(".firnline-lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let config = "[kafka]\nbootstrap = ['127.0.0.1:1']\n[http]\nlisten = 'off'\n";
    let guard = Guard::start(&logs, config);
    assert!(guard.says("FIRN-O010")["message"].as_str().unwrap().contains("another firnline"));
    assert_eq!(guard.code(), Some(4));
    assert!(pin.exists());
}

#[test]
fn a_config_that_cannot_be_read_again_leaves_the_old_one_in_force() {
    let mut logs = Logs::new();
    let dir = logs.write("orders-0", &plain(3, 1_000));
    pin_alone(&logs, &dir, 0);
    let guard = Guard::start(&logs, "reserve = \"1MiB\"\n");
    guard.says("the worker has ended");
    // A few ends later the pauses are long enough to be met.
    guard.says("the worker has ended");
    guard.says("the worker has ended");
    fs::write(logs.temp.path().join("guard.toml"), "[offload]\nreserv = 1\n").unwrap();
    guard.tell("HUP");
    guard.says("was not read again");
    let why = guard.says("FIRN-C102");
    assert!(why["level"] == "ERROR" && why["notes"].as_str().unwrap().contains("reserv"), "{why}");
    guard.tell("TERM");
    assert_eq!(guard.code(), Some(143));
}

#[test]
fn a_worker_without_its_guard_does_not_work() {
    let logs = Logs::of(&["orders-0"]);
    let mut command = firnline(["offload", "--worker", "1", "--log-dir"]);
    command.arg(logs.path()).arg("--store").arg(logs.tier());
    let ran = crate::rig::finish(command);
    assert_ne!(ran.code, 0, "{ran:?}");
}
