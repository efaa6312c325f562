//! A log directory and a tier that a small demo has made, once for all tests, and copies of it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::rig::{Ran, finish, firnline};

/// A log directory and the tier that was made of it; made once.
pub(crate) struct Made {
    pub(crate) root: PathBuf,
    /// Removes it all when the last end of its standard input closes, which is when this process ends, however it ends:
    /// what a static holds is never dropped.
    _remover: Child,
}

pub(crate) fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap().keep();
        let script = "cat > /dev/null; rm -rf -- \"$0\"";
        let remover =
            Command::new("sh").arg("-c").arg(script).arg(&dir).stdin(Stdio::piped()).spawn().unwrap();
        let mut command = firnline(["demo", "--keep", "--size", "32MiB"]);
        command.env("TMPDIR", &dir);
        let ran = finish(command);
        let out = ran.fine();
        assert!(out.contains("hashes equal 9/9") && out.contains("0 lost, 0 doubled"), "{out}");
        let root = fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
        Made { root, _remover: remover }
    })
}

pub(crate) fn tier() -> String {
    made().root.join("tier").display().to_string()
}

pub(crate) fn on_tier(args: &[&str]) -> Ran {
    let mut command = firnline(args);
    command.env("FIRNLINE_STORE", tier());
    finish(command)
}

pub(crate) fn first_object() -> serde_json::Value {
    serde_json::from_str(on_tier(&["ls", "--json"]).fine().lines().next().unwrap()).unwrap()
}

/// A copy of the tier that a test may change.
pub(crate) fn copied(name: &str) -> PathBuf {
    let to = made().root.join(name);
    let copied = Command::new("cp").arg("-r").arg(tier()).arg(&to).status().unwrap();
    assert!(copied.success());
    to
}

/// The binary as a user whom permissions bind. That user cannot look into every directory in which a build may lie, so it
/// runs a copy.
pub(crate) fn unprivileged(args: &[&str]) -> Command {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    let program = COPY.get_or_init(|| {
        let to = made().root.join("firnline");
        fs::copy(env!("CARGO_BIN_EXE_firnline"), &to).unwrap();
        passable(&to);
        to
    });
    let mut command = Command::new(program);
    command.args(args).env_clear().stdin(Stdio::null()).current_dir("/");
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    command
}

fn each(dir: &Path, change: &dyn Fn(&Path)) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            each(&path, change);
        } else {
            change(&path);
        }
    }
    change(dir);
}

pub(crate) fn readable_only(dir: &Path) {
    each(dir, &|path| {
        let mode = if path.is_dir() { 0o555 } else { 0o444 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    });
    passable(dir);
}

/// Lets others through to `path`: temporary directories are closed to them.
pub(crate) fn passable(path: &Path) {
    let mut above = path.parent();
    while let Some(parent) =
        above.filter(|parent| *parent != Path::new("/") && *parent != std::env::temp_dir())
    {
        fs::set_permissions(parent, fs::Permissions::from_mode(0o755)).unwrap();
        above = parent.parent();
    }
}

pub(crate) fn writable_again(dir: &Path) {
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    open(dir);
    for entry in fs::read_dir(dir).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        writable_again(&entry.path());
    }
}
