//! Reading leaves the page cache as it was.

use std::fs::File;
use std::io::{IoSliceMut, Read as _};
use std::path::Path;
use std::time::Duration;

use firnline_logdir::{FileSource, SourceOptions};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use crate::support::{Fixture, drain, offset};

/// How many of some pages of the file are in memory; `None` where the file system does not tell.
fn resident(path: &Path) -> Option<u32> {
    let file = File::open(path).unwrap();
    let len = file.metadata().unwrap().len();
    let mut count = 0;
    for page in 0..40 {
        let mut byte = [0];
        let flags = ReadWriteFlags::NOWAIT;
        match preadv2(&file, &mut [IoSliceMut::new(&mut byte)], len / 40 * page, flags) {
            Ok(_) => count += 1,
            Err(Errno::AGAIN) => {}
            Err(_) => return None,
        }
    }
    Some(count)
}

/// Takes the file out of memory as far as the system lets it: advice only, and pages that are in somebody's hands at
/// the moment stay.
fn evict(path: &Path) -> Option<u32> {
    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    for _ in 0..50 {
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        if resident(path).is_none_or(|count| count == 0) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    resident(path)
}

/// A log of 24 MiB, which is three windows in which residency is asked, out of memory if the system can do that.
fn cold_fixture() -> (Fixture, Option<u32>) {
    for _ in 0..5 {
        let fixture = Fixture::new(1536, 16 << 10, 1 << 30);
        let left = evict(&fixture.segment(0));
        // In memory for good (tmpfs), or the file system does not tell.
        if matches!(left, Some(0 | 40) | None) {
            return (fixture, left);
        }
    }
    panic!("five files could not be evicted");
}

#[test]
fn pages_that_the_reading_brought_in_go_and_others_stay() {
    let (fixture, left) = cold_fixture();
    let path = fixture.segment(0);
    let read = |spare_page_cache| {
        let options = SourceOptions { spare_page_cache, ..SourceOptions::default() };
        let mut source = FileSource::open(&fixture.scan(), offset(0), None, &options);
        let runs = drain(&mut source, 2 << 20).unwrap();
        assert_eq!(runs.iter().map(|run| run.batches).sum::<u32>(), 1536);
    };
    if left == Some(0) {
        read(true);
        let left = resident(&path).unwrap();
        // A page in somebody's hands keeps its neighbours.
        assert!(left <= 10, "{left} of 40 pages that were not there before are there now");
        evict(&path);
        read(false);
        assert_eq!(resident(&path), Some(40), "a plain reading leaves the file in memory");
    }
    let mut all = Vec::new();
    File::open(&path).unwrap().read_to_end(&mut all).unwrap();
    read(true);
    assert!(resident(&path).is_none_or(|count| count == 40), "what was there must still be there");
}
