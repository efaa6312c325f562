//! Files past the page cache (`O_DIRECT`): what is written once and not read soon must not push out what a broker on this
//! machine serves, and costs a copy and a page less each way.
//!
//! Memory, position and length have to be aligned, so bytes pass through an aligned buffer; the last piece of a file,
//! which no longer fills a page, goes through the page cache. No page is ever written both ways. A file system that
//! refuses (tmpfs of old, some of FUSE) gets all of it through the page cache.

use super::aligned::{ALIGNMENT, AlignedBuffers};
use super::files::fault;
use crate::checksum::{Summing, Sums};
use crate::fault::Attempt;
use crate::object::Payload;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Objects below this are not worth it.
pub(super) const DIRECT_FROM: u64 = 1 << 20;

/// A second way into a file that is open through the page cache.
#[derive(Debug)]
pub(super) struct Direct {
    file: File,
    buffers: AlignedBuffers,
    /// Held while writing: writers that make a file longer past the page cache spin for the same lock in the kernel.
    turn: Mutex<()>,
}

impl Direct {
    /// `None` where the file system has no such way.
    pub(super) fn open(path: &Path, buffers: &AlignedBuffers) -> Option<Self> {
        let flags = i32::try_from(OFlags::DIRECT.bits()).ok()?;
        let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).ok()?;
        Some(Self { file, buffers: buffers.clone(), turn: Mutex::default() })
    }

    /// Writes `payload` at `offset`; what cannot go past the page cache goes through `cached`.
    pub(super) fn write(&self, payload: &Payload, offset: u64, cached: &File, path: &Path) -> Attempt<()> {
        let aligned = usize::try_from(offset).is_ok_and(|offset| offset.is_multiple_of(ALIGNMENT));
        let file = if aligned { &self.file } else { cached };
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = self.buffers.take();
        let space = buffer.space();
        let (mut at, mut filled) = (offset, 0);
        for chunk in payload.chunks() {
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(space.len() - filled));
                space[filled..filled + now.len()].copy_from_slice(now);
                (filled, rest) = (filled + now.len(), later);
                if filled == space.len() {
                    write_all(file, cached, space, at, path)?;
                    (at, filled) = (at + filled as u64, 0);
                }
            }
        }
        let whole_pages = filled - filled % ALIGNMENT;
        write_all(file, cached, &space[..whole_pages], at, path)?;
        write_all(cached, cached, &space[whole_pages..filled], at + whole_pages as u64, path)
    }

    /// Checksum and length of the whole file as it is on the disk; `None` where reading is refused after all.
    pub(super) fn checksum(&self, path: &Path) -> Attempt<Option<Sums>> {
        let mut buffer = self.buffers.take();
        let space = buffer.space();
        let mut sums = Summing::new(false);
        let mut at = 0;
        loop {
            match rustix::io::pread(&self.file, &mut *space, at) {
                Ok(0) => return Ok(Some(sums.finish())),
                Ok(got) => {
                    sums.update(&space[..got]);
                    at += got as u64;
                }
                Err(Errno::INTR) => {}
                // After a last piece that ends within a page, only the end of the file can follow.
                Err(Errno::INVAL) if !at.is_multiple_of(ALIGNMENT as u64) => return Ok(Some(sums.finish())),
                Err(Errno::INVAL) => return Ok(None),
                Err(e) => return Err(fault(e.into(), "read back", path)),
            }
        }
    }
}

/// Writes all of `bytes`; from the point on where `file` refuses, through `cached`.
fn write_all(file: &File, cached: &File, bytes: &[u8], offset: u64, path: &Path) -> Attempt<()> {
    let (mut file, mut bytes, mut offset) = (file, bytes, offset);
    while !bytes.is_empty() {
        match rustix::io::pwrite(file, bytes, offset) {
            Ok(0) => return Err(fault(ErrorKind::WriteZero.into(), "write", path)),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(Errno::INTR) => {}
            Err(Errno::INVAL) if !std::ptr::eq(file, cached) => file = cached,
            Err(e) => return Err(fault(e.into(), "write", path)),
        }
    }
    Ok(())
}
