//! Whether files are others than they were.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// Files, and how each was found last.
#[derive(Debug)]
pub struct Files(Vec<(PathBuf, Option<Stamp>)>);

/// What changes when a file is written again, or another one takes its place.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Files {
    /// As they are now.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let mut files = Self(paths.into_iter().map(|path| (path, None)).collect());
        let _ = files.changed();
        files
    }

    /// Whether any is another one than when this was asked last.
    pub fn changed(&mut self) -> bool {
        let mut any = false;
        for (path, known) in &mut self.0 {
            let now = std::fs::metadata(path).ok().map(|file| Stamp {
                inode: file.ino(),
                length: file.len(),
                modified: (file.mtime(), file.mtime_nsec()),
                changed: (file.ctime(), file.ctime_nsec()),
            });
            any |= now != *known;
            *known = now;
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_was_written_replaced_or_removed_has_changed_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rules");
        let mut files = Files::new(vec![path.clone()]);
        assert!(!files.changed());
        fs::write(&path, "a").unwrap();
        assert!(files.changed() && !files.changed());
        fs::write(dir.path().join("new"), "b").unwrap();
        fs::rename(dir.path().join("new"), &path).unwrap();
        assert!(files.changed() && !files.changed());
        fs::remove_file(&path).unwrap();
        assert!(files.changed() && !files.changed());
    }
}
