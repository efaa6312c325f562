//! Files on their way: written under a name of their own, put into place whole or not at all.
//!
//! The writer holds an exclusive `flock` on its temporary file for as long as it is at work. So a file whose lock can be
//! had belongs to a process that is gone: the first write of every process sweeps those away, whatever their age.

use super::aligned::AlignedBuffers;
use super::direct::Direct;
use super::files::{self, Root, fault, parent, sync_directory};
use crate::checksum::Sums;
use crate::fault::{Attempt, FaultKind};
use crate::key::Key;
use crate::object::Payload;
use rustix::fs::{AtFlags, CWD, FlockOperation, RenameFlags};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, IoSlice};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Buffers handed to one `pwritev`: the kernel's own limit is 1,024.
const BUFFERS_PER_WRITE: usize = 1024;

/// Swept at most at once: far more than crashes leave, and no unbounded work in front of a write.
const SWEPT_AT_MOST: usize = 10_000;

/// A temporary file; removed when dropped before it is in place.
#[derive(Debug)]
pub(super) struct TempFile {
    file: File,
    /// The way past the page cache, for large files where there is one.
    direct: Option<Direct>,
    path: PathBuf,
    in_place: AtomicBool,
}

impl TempFile {
    /// A new empty file of a name nobody else picks.
    pub(super) fn create(root: &Root, name: &str) -> Attempt<Self> {
        let directory = root.private("tmp");
        if root.first_write() {
            sweep(&directory);
        }
        let path = directory.join(name);
        loop {
            let file = match open_new(&path) {
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    root.forget_directories();
                    root.ensure_directory(&directory)?;
                    open_new(&path)
                }
                other => other,
            }
            .map_err(|e| fault(e, "create", &path))?;
            rustix::fs::flock(&file, FlockOperation::LockExclusive)
                .map_err(|e| fault(e.into(), "lock", &path))?;
            // A sweeper may have come between the two calls; then the file has no name any more.
            let links = file.metadata().map_err(|e| fault(e, "look up", &path))?.nlink();
            if links > 0 {
                return Ok(Self { file, direct: None, path, in_place: AtomicBool::new(false) });
            }
        }
    }

    /// From now on written and read back past the page cache, where the file system can.
    pub(super) fn past_page_cache(mut self, buffers: &AlignedBuffers) -> Self {
        self.direct = Direct::open(&self.path, buffers);
        self
    }

    /// Writes a chain of buffers to one place.
    pub(super) fn write(&self, payload: &Payload, offset: u64) -> Attempt<()> {
        match &self.direct {
            Some(direct) => direct.write(payload, offset, &self.file, &self.path),
            None => self.write_cached(payload, offset),
        }
    }

    fn write_cached(&self, payload: &Payload, offset: u64) -> Attempt<()> {
        let mut offset = offset;
        for group in payload.chunks().chunks(BUFFERS_PER_WRITE) {
            let mut slices: Vec<_> = group.iter().map(|chunk| IoSlice::new(chunk)).collect();
            let mut rest = &mut slices[..];
            IoSlice::advance_slices(&mut rest, 0);
            while !rest.is_empty() {
                match rustix::io::pwritev(&self.file, rest, offset) {
                    Ok(0) => return Err(fault(ErrorKind::WriteZero.into(), "write", &self.path)),
                    Ok(written) => {
                        offset += written as u64;
                        IoSlice::advance_slices(&mut rest, written);
                    }
                    Err(Errno::INTR) => {}
                    Err(e) => return Err(fault(e.into(), "write", &self.path)),
                }
            }
        }
        Ok(())
    }

    /// Begins to write to the disk what the page cache holds, so that it never piles up behind a broker's own writes.
    pub(super) fn flush(&self) -> Attempt<()> {
        if self.direct.is_some() { Ok(()) } else { self.sync() }
    }

    /// Content and length onto the disk.
    pub(super) fn sync(&self) -> Attempt<()> {
        self.file.sync_data().map_err(|e| fault(e, "sync", &self.path))
    }

    pub(super) fn length(&self) -> Attempt<u64> {
        self.file.metadata().map(|meta| meta.len()).map_err(|e| fault(e, "look up", &self.path))
    }

    /// Checksum and length of what is on the disk. Call it after [`Self::sync`]: pages still to be written cannot be
    /// dropped, and would be read instead.
    pub(super) fn read_back(&self) -> Attempt<Sums> {
        if let Some(direct) = &self.direct
            && let Some(sums) = direct.checksum(&self.path)?
        {
            return Ok(sums);
        }
        // A wish; where it is not granted, the pages are what is compared.
        let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed);
        let sums = files::checksum(&self.file)?;
        let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(sums)
    }

    /// Into place, whatever was there.
    pub(super) fn persist(&self, root: &Root, key: &Key) -> Attempt<()> {
        self.place(root, key, |from, to| std::fs::rename(from, to))
    }

    /// Into place if the place is free, else [`FaultKind::Condition`].
    pub(super) fn persist_new(&self, root: &Root, key: &Key) -> Attempt<()> {
        self.place(root, key, |from, to| {
            match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
                // No such flag on this file system (NFS among others): a link is as atomic.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => link(from, to),
                other => Ok(other?),
            }
        })
    }

    /// [`Self::persist_new`] as it is done where renames cannot be exclusive.
    #[cfg(test)]
    pub(super) fn link_new(&self, root: &Root, key: &Key) -> Attempt<()> {
        self.place(root, key, link)
    }

    fn place(
        &self,
        root: &Root,
        key: &Key,
        rename: impl Fn(&Path, &Path) -> std::io::Result<()>,
    ) -> Attempt<()> {
        let target = root.of(key);
        let directory = parent(&target);
        root.ensure_directory(directory)?;
        let mut renamed = rename(&self.path, &target);
        if matches!(&renamed, Err(e) if e.kind() == ErrorKind::NotFound) {
            root.forget_directories();
            root.ensure_directory(directory)?;
            renamed = rename(&self.path, &target);
        }
        match renamed {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => return Err(FaultKind::Condition.into()),
            Err(e) => return Err(fault(e, "move into place", &target)),
        }
        self.in_place.store(true, Ordering::Release);
        sync_directory(directory)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.in_place.load(Ordering::Acquire) {
            // What cannot be removed now is swept later.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    rustix::fs::linkat(CWD, from, CWD, to, AtFlags::empty())?;
    // The object is in place whether or not its first name goes now; a sweep takes that later.
    let _ = std::fs::remove_file(from);
    Ok(())
}

fn open_new(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).read(true).create_new(true).open(path)
}

/// Removes temporary files whose writer is gone. Best effort: what it cannot remove hurts nobody.
fn sweep(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let mut swept = 0_u32;
    for entry in entries.take(SWEPT_AT_MOST).flatten() {
        let path = entry.path();
        let Ok(file) = OpenOptions::new().write(true).open(&path) else { continue };
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
            && std::fs::remove_file(&path).is_ok()
        {
            swept += 1;
        }
    }
    if swept > 0 {
        tracing::info!(swept, directory = %directory.display(), "removed temporary files of writers that are gone");
    }
}
