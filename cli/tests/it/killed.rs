//! An offload that is killed, as the system kills: without a word, anywhere.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::logs::{Logs, plain, sealed};
use crate::rig::firnline;

#[test]
fn whatever_a_killed_offload_leaves_the_next_one_completes() {
    let mut logs = Logs::new();
    let files = plain(5, 700_000);
    logs.write("orders-0", &files);
    let mut in_the_middle = 0;
    for wait_ms in [0, 2, 5, 10, 20, 40, 80, 160] {
        let mut child = firnline(logs.offload_args());
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // From the first file on it is at work, however busy the machine is.
        while std::fs::read_dir(logs.tier()).map_or(true, |mut files| files.next().is_none()) {
            assert!(child.try_wait().unwrap().is_none(), "it ended without a trace");
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(wait_ms));
        child.kill().unwrap();
        in_the_middle += u32::from(child.wait().unwrap().code().is_none());
        let ran = logs.offload(&[]);
        ran.fine();
        assert_eq!(logs.raw("orders/0"), sealed(&files), "killed after {wait_ms} ms");
        // Orphans are no damage, and one upload was under way.
        let found = logs.on(&["verify", "--deep", "--json"]);
        let orphans = found.fine().lines().filter(|line| line.contains("\"kind\":\"unnamed\"")).count();
        assert!(orphans < files.len(), "{orphans} orphans after {wait_ms} ms");
        std::fs::remove_dir_all(logs.tier()).unwrap();
    }
    assert!(in_the_middle > 0, "no run was killed while it worked");
}
