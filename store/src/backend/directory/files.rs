//! Paths beneath the root, durable directories, and reading.

use super::aligned::AlignedBuffers;
use crate::checksum::{Summing, Sums};
use crate::fault::{Attempt, Fault, FaultKind};
use crate::key::{Key, RESERVED};
use bytes::Bytes;
use rustix::io::Errno;
use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Directories remembered as durable; forgotten all at once past this, which costs a few syncs and never correctness.
const REMEMBERED_DIRECTORIES: usize = 100_000;

/// The directory that holds the store.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    /// Directories whose own entry this process has synced: an object is no more durable than the directories above it,
    /// and one found existing may have been made by a process that crashed before its sync.
    durable: Mutex<HashSet<PathBuf>>,
    has_written: AtomicBool,
}

impl Root {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, durable: Mutex::default(), has_written: AtomicBool::new(false) }
    }

    /// True once: for what is done before the first write of this process.
    pub(super) fn first_write(&self) -> bool {
        !self.has_written.swap(true, Ordering::Relaxed)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A checked key has no `..`, no empty segment and no leading slash, so this stays beneath the root.
    pub(super) fn of(&self, key: &Key) -> PathBuf {
        self.path.join(key.as_str())
    }

    /// The store's own corner, of which listings and keys know nothing.
    pub(super) fn private(&self, name: &str) -> PathBuf {
        self.path.join(RESERVED).join(name)
    }

    pub(super) fn open(&self, key: &Key) -> Attempt<(File, Metadata)> {
        let path = self.of(key);
        let open = || -> io::Result<_> {
            let file = File::open(&path)?;
            let meta = file.metadata()?;
            Ok((file, meta))
        };
        match open() {
            Ok((_, meta)) if meta.is_dir() => Err(FaultKind::NotFound.into()),
            Ok(opened) => Ok(opened),
            // A segment of the key is a file: then nothing has this key.
            Err(e) if e.kind() == ErrorKind::NotADirectory => Err(FaultKind::NotFound.into()),
            Err(e) => Err(fault(e, "open", &path)),
        }
    }

    pub(super) fn exists(&self, key: &Key) -> Attempt<bool> {
        match self.open(key) {
            Ok(_) => Ok(true),
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    pub(super) fn remove(&self, key: &Key) -> Attempt<()> {
        let path = self.of(key);
        match std::fs::remove_file(&path) {
            Ok(()) => sync_directory(parent(&path)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(fault(e, "delete", &path)),
        }
    }

    /// Makes the directory and all above it, and makes their entries durable.
    pub(super) fn ensure_directory(&self, directory: &Path) -> Attempt<()> {
        if self.durable().contains(directory) {
            return Ok(());
        }
        let mut missing = Vec::new();
        let mut at = directory;
        loop {
            missing.push(at);
            // Above the root, only what does not exist yet is ours to make and to sync.
            if !at.starts_with(&self.path) && at.exists() {
                break;
            }
            match at.parent() {
                Some(above) if !above.as_os_str().is_empty() => at = above,
                _ => break,
            }
        }
        for made in missing.into_iter().rev() {
            match std::fs::create_dir(made) {
                Ok(()) => sync_directory(parent(made))?,
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                    if made.starts_with(&self.path) && made != self.path {
                        sync_directory(parent(made))?;
                    }
                }
                Err(e) => return Err(fault(e, "make directory", made)),
            }
        }
        let mut durable = self.durable();
        if durable.len() >= REMEMBERED_DIRECTORIES {
            durable.clear();
        }
        durable.insert(directory.to_owned());
        Ok(())
    }

    /// After somebody removed a directory under us.
    pub(super) fn forget_directories(&self) {
        self.durable().clear();
    }

    fn durable(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The directory a path stands in; `.` for a bare name.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    }
}

/// Makes renames, links and unlinks in a directory durable.
pub(super) fn sync_directory(directory: &Path) -> Attempt<()> {
    let synced = File::open(directory).and_then(|opened| opened.sync_all());
    synced.map_err(|e| {
        Fault::caused(
            FaultKind::NotDurable,
            Named { action: "sync directory", path: directory.to_owned(), source: e },
        )
    })
}

/// Exactly `length` bytes from `start`, in memory that was used before or is not zeroed first.
pub(super) fn read_at(file: &File, start: u64, length: u64, buffers: &AlignedBuffers) -> Attempt<Bytes> {
    let size = usize::try_from(length).map_err(|e| Fault::caused(FaultKind::Rejected, e))?;
    let truncated = |got| FaultKind::Truncated { expected: length, got };
    if let Some(read) = buffers.filled(size, |space| fill(file, start, space, truncated)) {
        return read;
    }
    let mut buffer = Vec::with_capacity(size);
    while buffer.len() < size {
        let at = start + buffer.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut buffer), at) {
            Ok(0) => return Err(truncated(buffer.len() as u64).into()),
            Ok(_) => {}
            Err(Errno::INTR) => {}
            Err(e) => return Err(Fault::caused(FaultKind::Io, io::Error::from(e))),
        }
    }
    // The allocator may have given more room than was asked for.
    buffer.truncate(size);
    Ok(buffer.into())
}

fn fill(file: &File, start: u64, space: &mut [u8], truncated: impl Fn(u64) -> FaultKind) -> Attempt<()> {
    let mut filled = 0;
    while filled < space.len() {
        match rustix::io::pread(file, &mut space[filled..], start + filled as u64) {
            Ok(0) => return Err(truncated(filled as u64).into()),
            Ok(got) => filled += got,
            Err(Errno::INTR) => {}
            Err(e) => return Err(Fault::caused(FaultKind::Io, io::Error::from(e))),
        }
    }
    Ok(())
}

/// Checksum and length of a whole file, in bounded memory.
pub(super) fn checksum(file: &File) -> Attempt<Sums> {
    let mut sums = Summing::new(false);
    let mut buffer = vec![0; 256 << 10];
    let mut at = At { file, position: 0 };
    loop {
        match at.read(&mut buffer) {
            Ok(0) => return Ok(sums.finish()),
            Ok(got) => sums.update(&buffer[..got]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(Fault::caused(FaultKind::Io, e)),
        }
    }
}

/// A reader of a shared file that has a position of its own.
struct At<'a> {
    file: &'a File,
    position: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.file.read_at(buffer, self.position)?;
        self.position += got as u64;
        Ok(got)
    }
}

pub(super) fn modified_ms(meta: &Metadata) -> i64 {
    meta.mtime().saturating_mul(1000).saturating_add(meta.mtime_nsec() / 1_000_000)
}

/// An I/O error with what was being done to which file.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}", path.display())]
pub(super) struct Named {
    pub(super) action: &'static str,
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

/// What an I/O error means to whoever asked.
pub(super) fn fault(source: io::Error, action: &'static str, path: &Path) -> Fault {
    let kind = match source.kind() {
        ErrorKind::NotFound => FaultKind::NotFound,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => FaultKind::Denied,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => FaultKind::Full,
        ErrorKind::IsADirectory
        | ErrorKind::NotADirectory
        | ErrorKind::InvalidFilename
        | ErrorKind::InvalidInput
        | ErrorKind::CrossesDevices => FaultKind::Rejected,
        _ => FaultKind::Io,
    };
    Fault::caused(kind, Named { action, path: path.to_owned(), source })
}
