//! A tier that a build of the format's preview wrote (version 0, in the tree as it was left, with a floor that waits to be folded): it
//! is read, verified, and gone on with. `tests/preview/log` is the broker's log dir; the tier lacks its last two segments.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::rig::{Ran, finish, firnline};

struct Preview {
    dir: tempfile::TempDir,
}

impl Preview {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let from = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/preview/.");
        assert!(Command::new("cp").args(["-r", from]).arg(dir.path()).status().unwrap().success());
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = firnline(args);
        command.env("FIRNLINE_STORE", self.path("tier"));
        finish(command)
    }

    fn marker(&self) -> String {
        fs::read_to_string(self.path("tier/firnline.json")).unwrap()
    }

    /// What a restore gives, after everything that is there was verified.
    fn restored(&self, to: &str) -> Vec<u8> {
        self.run(&["verify", "--deep"]).fine();
        let to = self.path(to);
        self.run(&["restore", "bulk/0", "--to", to.to_str().unwrap()]).fine();
        bytes_of(&to)
    }
}

/// The bytes of all `.log` files, in order.
fn bytes_of(dir: &Path) -> Vec<u8> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let mut logs: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|ext| ext == "log")).collect();
    logs.sort();
    logs.iter().flat_map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn a_tier_of_the_preview_is_read_and_gone_on_with() {
    let preview = Preview::new();
    let log = bytes_of(&preview.path("log/bulk-0"));
    let before = preview.restored("before");
    assert!(before.len() > 60_000 && before.len() < log.len() && log.starts_with(&before));
    assert!(preview.marker().contains("\"format\": 0"), "reading changes nothing: {}", preview.marker());

    let log_dir = preview.path("log");
    preview.run(&["offload", "--once", "--assume-committed", "--log-dir", log_dir.to_str().unwrap()]).fine();
    assert!(preview.marker().contains("\"format\": 1"), "{}", preview.marker());
    assert_eq!(preview.restored("after"), log);
    let policy = preview.run(&["policy", "show", "--json"]);
    assert!(policy.fine().contains("\"topic\":\"bulk\""), "{}", policy.out);
}
