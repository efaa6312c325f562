//! Opening a broker's files: never through a symbolic link, never waiting for a pipe.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::IoProblem;
use crate::files;

/// Reads a small file, bounded, without following a symbolic link.
pub(crate) fn read_small(path: &Path) -> Result<Vec<u8>, IoProblem> {
    let file = open_file(path)?;
    let mut text = Vec::new();
    file.take(files::MAX_LEN).read_to_end(&mut text).map_err(IoProblem::at("read", path))?;
    Ok(text)
}

/// Opens a file for reading; refuses a symbolic link.
pub(crate) fn open_file(path: &Path) -> Result<File, IoProblem> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(IoProblem::at("open", path))?;
    Ok(File::from(file))
}
