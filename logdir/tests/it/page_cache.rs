//! Reading leaves the page cache as it was.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use firnline_index::TimestampMs;
use firnline_index::batch::BatchLimits;
use firnline_logdir::{FileSource, LocalLog, PinStat, SourceOptions, pin_epochs};

use crate::support::{Fixture, drain, offset};

/// How much of the file is in memory, in percent rounded up; `None` where the system does not tell. Asked of a program of
/// util-linux: to ask by `RWF_NOWAIT` makes newer kernels read what is not there.
fn resident(path: &Path) -> Option<u64> {
    let told =
        Command::new("fincore").args(["--bytes", "--noheadings", "--output", "PAGES"]).arg(path).output();
    let told = told.ok().filter(|told| told.status.success())?;
    let count: u64 = String::from_utf8(told.stdout).unwrap().trim().parse().unwrap();
    let pages = path.metadata().unwrap().len().div_ceil(4096);
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

/// Looks into a segment in every way, far below what a window of a reading holds.
fn look(fixture: &Fixture, path: &Path) {
    let partition = fixture.scan();
    let file = &partition.segments[0];
    let stat =
        PinStat { inode: file.inode, len: file.len, disk_bytes: file.len, mtime_ns: file.mtime_ns, links: 2 };
    assert_eq!(pin_epochs(path, offset(0), &stat, &BatchLimits::default()).unwrap().len(), 1);
    let log = LocalLog::new(partition, SourceOptions::default());
    assert_eq!(log.end().unwrap(), offset(15_360));
    log.read(offset(7000), 1).unwrap();
    assert!(log.find_timestamp(TimestampMs::new(1_900_000_000_000).unwrap()).unwrap().is_none());
}

#[test]
fn looking_into_a_segment_leaves_nothing_of_it_and_hides_nothing_from_a_later_reading() {
    let mut seen = Vec::new();
    for _ in 0..12 {
        let fixture = fixture();
        let path = fixture.segment(0);
        let before = evict(&path);
        look(&fixture, &path);
        let looked = resident(&path);
        read(&fixture, true);
        let after = resident(&path);
        seen.push((before, looked, after));
        match (before, looked, after) {
            (Some(0), Some(0..=2), Some(0..=10)) => return,
            // As above.
            (Some(100), Some(100), Some(100)) | (None, None, None) => return,
            _ => {}
        }
    }
    panic!("percent in memory before, after looking and after reading, of twelve: {seen:?}");
}

#[test]
fn pages_that_were_there_before_a_look_stay() {
    let fixture = fixture();
    let path = fixture.segment(0);
    let mut all = Vec::new();
    File::open(&path).unwrap().read_to_end(&mut all).unwrap();
    look(&fixture, &path);
    assert!(resident(&path).is_none_or(|percent| percent == 100), "{:?} %", resident(&path));
}
