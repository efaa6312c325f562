//! Reading leaves the page cache as it was.

use std::fs::File;
use std::io::{IoSliceMut, Read as _};
use std::path::Path;
use std::time::Duration;

use firnline_logdir::{FileSource, SourceOptions};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use crate::support::{Fixture, drain, offset};

/// How much of the file is in memory, in percent rounded up; `None` where the file system does not tell.
fn resident(path: &Path) -> Option<u64> {
    let file = File::open(path).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    let mut count = 0_u64;
    for page in 0..pages {
        let mut byte = [0];
        match preadv2(&file, &mut [IoSliceMut::new(&mut byte)], page * 4096, ReadWriteFlags::NOWAIT) {
            Ok(_) => count += 1,
            Err(Errno::AGAIN) => {}
            Err(_) => return None,
        }
    }
    Some((count * 100).div_ceil(pages))
}

/// Takes the file out of memory if the system lets it: this is advice only, and pages that the file system's journal or
/// another processor holds at the moment stay.
fn evict(path: &Path) -> Option<u64> {
    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    for _ in 0..10 {
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        if resident(path).is_none_or(|percent| percent == 0) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    resident(path)
}

/// 24 MiB, which is three windows in which residency is asked.
fn fixture() -> Fixture {
    Fixture::new(1536, 16 << 10, 1 << 30)
}

fn read(fixture: &Fixture, spare_page_cache: bool) {
    let options = SourceOptions { spare_page_cache, ..SourceOptions::default() };
    let mut source = FileSource::open(&fixture.scan(), offset(0), None, &options);
    let runs = drain(&mut source, 2 << 20).unwrap();
    assert_eq!(runs.iter().map(|run| run.batches).sum::<u32>(), 1536);
}

#[test]
fn pages_that_the_reading_brought_in_go() {
    let mut seen = Vec::new();
    for _ in 0..12 {
        let fixture = fixture();
        let path = fixture.segment(0);
        let before = evict(&path);
        read(&fixture, true);
        let after = resident(&path);
        seen.push((before, after));
        match (before, after) {
            // The system can tell and can evict: little may be left, and a plain reading leaves all.
            (Some(0), Some(0..=10)) => {
                read(&fixture, false);
                assert_eq!(resident(&path), Some(100));
                return;
            }
            // A file system in memory, or one that does not tell: nothing may be dropped.
            (Some(100), Some(100)) | (None, None) => return,
            // Somebody held pages just then; try another file.
            _ => {}
        }
    }
    panic!("percent in memory before and after twelve readings: {seen:?}");
}

#[test]
fn pages_that_were_there_before_stay() {
    let fixture = fixture();
    let path = fixture.segment(0);
    let mut all = Vec::new();
    File::open(&path).unwrap().read_to_end(&mut all).unwrap();
    read(&fixture, true);
    assert!(resident(&path).is_none_or(|percent| percent == 100), "{:?} %", resident(&path));
}
