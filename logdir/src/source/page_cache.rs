//! Reading without pushing other people's pages out of the page cache.
//!
//! A sealed segment is read once. What the reading itself brings into the cache is dropped again behind it; what was
//! there before is left, since a broker on the same machine serves its consumers from there. Whether a page was there
//! is asked with `preadv2(RWF_NOWAIT)`, which never starts a read, on a few pages of each 8 MiB. All of it is asked
//! before the first byte is read, as the kernel's readahead would soon blur the answer: 512 calls for 1 GiB, well below
//! a millisecond.
//!
//! Where the file system cannot tell, or the system is not Linux, nothing is dropped: pollution costs less than
//! emptying a broker's cache.

use std::collections::VecDeque;
use std::fs::File;
use std::ops::Range;

/// One decision is taken for so many bytes.
const WINDOW: u64 = 8 << 20;
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
        advise_sequential(file);
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
        Self { absent }
    }

    /// To be called when everything below `position` has been read.
    pub(super) fn after_read(&mut self, file: &File, position: u64) {
        while self.absent.front().is_some_and(|window| window.end <= position) {
            drop_pages(file, self.absent.pop_front());
        }
    }
}

/// Whether pages of the window are in memory.
#[cfg(target_os = "linux")]
fn residency(file: &File, window: &Range<u64>) -> Residency {
    use std::io::IoSliceMut;

    use rustix::io::{Errno, ReadWriteFlags, preadv2};

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
fn advise_sequential(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Sequential);
}

#[cfg(not(target_os = "linux"))]
fn advise_sequential(_: &File) {}

#[cfg(target_os = "linux")]
fn drop_pages(file: &File, window: Option<Range<u64>>) {
    let Some(window) = window else { return };
    let length = std::num::NonZeroU64::new(window.end - window.start);
    let _ = rustix::fs::fadvise(file, window.start, length, rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn drop_pages(_: &File, _: Option<Range<u64>>) {}
