#![no_main]

use std::cell::OnceCell;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use firnline_index::Offset;
use firnline_logdir::{SegmentFile, SegmentStream, SourceOptions};
use tempfile::TempDir;

thread_local! {
    static DIR: OnceCell<TempDir> = const { OnceCell::new() };
}

/// A segment with these bytes, sealed or still written by the first bit; runs of a size that the first byte picks.
fn read(data: &[u8]) {
    let (pick, bytes) = data.split_first().map_or((0, data), |(pick, bytes)| (*pick, bytes));
    let path = DIR.with(|dir| {
        let dir = dir.get_or_init(|| TempDir::new().expect("a directory for the segment"));
        dir.path().join("00000000000000000000.log")
    });
    fs::write(&path, bytes).expect("write the segment");
    let metadata = fs::metadata(&path).expect("look at the segment");
    let active = pick & 1 == 0;
    let segment = SegmentFile {
        base: Offset::ZERO,
        path,
        len: metadata.len(),
        mtime_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        inode: metadata.ino(),
        active,
        next_base: (!active).then_some(Offset::MAX),
        torn: 0,
    };
    let mut stream = SegmentStream::open(&segment, &SourceOptions::default()).expect("nobody changes the file");
    let mut at = 0;
    let mut end = Offset::ZERO;
    while let Ok(Some(run)) = stream.next_run(usize::from(pick) * 8) {
        assert!(run.batches > 0 && run.range.start() >= end);
        assert_eq!(run.bytes, &bytes[at..at + run.bytes.len()]);
        at += run.bytes.len();
        end = run.range.end();
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| read(data));
