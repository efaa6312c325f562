//! Directories of the rigs, all below one of this process.
//!
//! Shared servers live in statics, which are never dropped, so their directories would stay behind. Each test process
//! therefore begins by removing those of processes that are no more.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

const PREFIX: &str = "firnline-tests-";

/// A fresh directory, gone with the returned guard.
pub fn directory(purpose: &str) -> TempDir {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        sweep(&std::env::temp_dir());
        let root = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
        std::fs::create_dir_all(&root).expect("make the directory of this process");
        root
    });
    tempfile::Builder::new().prefix(&format!("{purpose}-")).tempdir_in(root).expect("make a directory")
}

fn sweep(temporary: &Path) {
    for entry in std::fs::read_dir(temporary).expect("list the temporary directory").flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another test process may be sweeping too; what it removed first is no fault.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
