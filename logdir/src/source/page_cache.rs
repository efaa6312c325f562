//! Reading without pushing other people's pages out of the page cache.
//!
//! A sealed segment is read once. What the reading itself brings into the cache is dropped again behind it; what was
//! there before is left, since a broker on the same machine serves its consumers from there. Whether a page was there
//! is asked with `preadv2(RWF_NOWAIT)`, which waits for no read, on a few pages of each 8 MiB. All of it is asked
//! before the first byte is read, and without readahead, which would soon blur the answer: 512 calls for 1 GiB, well below
//! a millisecond.
//!
//! What is only looked into, headers here and there, is read without readahead, and such pages go at once: they would stay,
//! and make the whole window around them look as if it had been in memory before.
//!
//! Where the file system cannot tell, or the system is not Linux, nothing is dropped: pollution costs less than
//! emptying a broker's cache.

use std::collections::VecDeque;
use std::fs::File;
#[cfg(target_os = "linux")]
use std::io::IoSliceMut;
use std::ops::Range;

#[cfg(target_os = "linux")]
use rustix::fs::Advice;
#[cfg(target_os = "linux")]
use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// One decision is taken for so many bytes.
const WINDOW: u64 = 8 << 20;
/// Only whole pages go. Where they are larger than this, what is looked into stays.
#[cfg(target_os = "linux")]
const PAGE: u64 = 4096;
/// How many pages of a window are looked at.
const PROBES: u64 = 4;

/// Follows a sequential reading of one file.
pub(super) struct PageCache {
    /// The windows that were not in memory and are not dropped yet.
    absent: VecDeque<Range<u64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Residency {
    /// At least one of the pages looked at was in memory.
    Present,
    /// None was.
    Absent,
    /// It cannot be told.
    Unknown,
}

impl PageCache {
    /// To be made before the first byte of `[start, end)` is read. `spare` absent, nothing will be dropped.
    pub(super) fn new(file: &File, start: u64, end: u64, spare: bool) -> Self {
        let mut absent = VecDeque::new();
        let mut at = start;
        while spare && at < end {
            let window = at..end.min(at + WINDOW);
            at = window.end;
            match residency(file, &window) {
                Residency::Present => {}
                Residency::Absent => absent.push_back(window),
                Residency::Unknown => break,
            }
        }
        // Not before: there are systems on which asking starts to read, and nothing must be read ahead of it.
        advise(file, Advice::Sequential);
        Self { absent }
    }

    /// To be called when everything below `position` has been read.
    pub(super) fn after_read(&mut self, file: &File, position: u64) {
        while self.absent.front().is_some_and(|window| window.end <= position) {
            drop_pages(file, self.absent.pop_front());
        }
    }
}

/// No readahead for a file that is looked into here and there.
pub(super) fn expect_looks(file: &File) {
    advise(file, Advice::Random);
}

/// `RWF_DONTCACHE`, since Linux 6.14 and not on every file system: what a read brings in goes behind it, what was there stays.
#[cfg(target_os = "linux")]
const DONT_CACHE: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);

/// Reads what one system call gives; what that had to bring in goes again.
#[cfg(target_os = "linux")]
pub(super) fn look(file: &File, buffer: &mut [u8], position: u64) -> rustix::io::Result<usize> {
    let mut read = |flags| {
        rustix::io::retry_on_intr(|| preadv2(file, &mut [IoSliceMut::new(&mut *buffer)], position, flags))
    };
    match read(DONT_CACHE) {
        Err(Errno::OPNOTSUPP | Errno::INVAL) => {}
        given => return given,
    }
    // Older systems tell whether it was there, and may be told to drop it.
    match read(ReadWriteFlags::NOWAIT) {
        Err(Errno::AGAIN) => {
            let count = read(ReadWriteFlags::empty())?;
            let end = (position + count as u64).next_multiple_of(PAGE);
            drop_pages(file, Some(position - position % PAGE..end));
            Ok(count)
        }
        Ok(count) if count > 0 => Ok(count),
        Ok(_) | Err(_) => read(ReadWriteFlags::empty()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn look(file: &File, buffer: &mut [u8], position: u64) -> rustix::io::Result<usize> {
    rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut *buffer, position))
}

/// Whether pages of the window are in memory.
#[cfg(target_os = "linux")]
fn residency(file: &File, window: &Range<u64>) -> Residency {
    for probe in 0..PROBES {
        let mut byte = [0];
        let at = window.start + (window.end - window.start) / PROBES * probe;
        match preadv2(file, &mut [IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT) {
            Ok(0) | Err(Errno::AGAIN) => {}
            Ok(_) => return Residency::Present,
            Err(_) => return Residency::Unknown,
        }
    }
    Residency::Absent
}

#[cfg(not(target_os = "linux"))]
fn residency(_: &File, _: &Range<u64>) -> Residency {
    Residency::Unknown
}

/// Advice only: a file system that does not take it reads as well without.
#[cfg(target_os = "linux")]
fn advise(file: &File, advice: Advice) {
    let _ = rustix::fs::fadvise(file, 0, None, advice);
}

#[cfg(not(target_os = "linux"))]
enum Advice {
    Random,
    Sequential,
}

#[cfg(not(target_os = "linux"))]
fn advise(_: &File, _: Advice) {}

#[cfg(target_os = "linux")]
fn drop_pages(file: &File, window: Option<Range<u64>>) {
    let Some(window) = window else { return };
    let length = std::num::NonZeroU64::new(window.end - window.start);
    let _ = rustix::fs::fadvise(file, window.start, length, Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn drop_pages(_: &File, _: Option<Range<u64>>) {}
