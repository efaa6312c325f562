//! Signals end a command with their own codes, and what it made for itself goes with it.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::rig::firnline;

#[test]
fn a_signal_ends_the_run_with_its_code_and_leaves_nothing() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = firnline(["demo"]);
        command.env("TMPDIR", dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // Once its directory is there it listens for signals, and has seconds of work before it.
        while fs::read_dir(dir.path()).unwrap().next().is_none() {
            assert!(child.try_wait().unwrap().is_none(), "the demo ended early");
            sleep(Duration::from_millis(5));
        }
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
        assert!(sent.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
    }
}
