//! Files without a name that this process still has open: an upload of a pin that gave way goes on to its end, and only
//! then the disk gets the blocks back.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;

use rustix::fd::BorrowedFd;

/// What the kernel tells of this process's open files.
const OPEN: &str = "/proc/self/fd";
/// What one block of `st_blocks` is, on every file system.
const BLOCK: u64 = 512;

/// The bytes that such files take on the disk of `root`. 0 where it cannot be told.
pub(super) fn bytes(root: BorrowedFd<'_>) -> u64 {
    let (Ok(root), Ok(open)) = (rustix::fs::fstat(root), std::fs::read_dir(OPEN)) else { return 0 };
    let mut counted = HashSet::new();
    let mut bytes = 0_u64;
    for file in open.flatten() {
        // Followed: what is asked for is the open file.
        let Ok(found) = std::fs::metadata(file.path()) else { continue };
        let leaves = found.is_file() && found.nlink() == 0 && found.dev() == root.st_dev;
        if leaves && counted.insert(found.ino()) {
            bytes = bytes.saturating_add(found.blocks().saturating_mul(BLOCK));
        }
    }
    bytes
}
