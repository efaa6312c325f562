//! A log that changes while it is read: told, never taken for the truth.

use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::{Duration, SystemTime};

use firnline_index::log_source::{Finality, LogSource as _, SourceErrorKind};
use firnline_logdir::{FileSource, SegmentStream, SourceOptions};

use crate::support::{Fixture, batch, chain, drain, offset};

fn source(fixture: &Fixture) -> FileSource {
    FileSource::open(&fixture.scan(), offset(0), None, &SourceOptions::default())
}

/// What `finish` says after `change` was made behind a complete reading.
fn finality_after(fixture: &Fixture, change: impl FnOnce()) -> Finality {
    let mut source = source(fixture);
    drain(&mut source, 1 << 20).unwrap();
    change();
    source.finish().unwrap()
}

fn what(finality: &Finality) -> &str {
    match finality {
        Finality::Changed { what } => what,
        Finality::Stable => panic!("stable"),
    }
}

#[test]
fn a_segment_shrinking_while_it_is_read_is_a_clean_error() {
    for index in [0, 1] {
        let fixture = Fixture::new(2000, 1000, 1_000_000);
        let partition = fixture.scan();
        let segment = &partition.segments[index];
        let mut stream = SegmentStream::open(segment, &SourceOptions::default()).unwrap();
        stream.next_run(100_000).unwrap().unwrap();
        let file = OpenOptions::new().write(true).open(&segment.path).unwrap();
        file.set_len(200_000).unwrap();
        let mut read = 0;
        let error = loop {
            match stream.next_run(100_000) {
                Ok(Some(run)) => read += run.bytes.len(),
                Ok(None) => panic!("the end was reached after {read} bytes"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), SourceErrorKind::Changed);
        assert!(
            error.to_string().contains("changed while it was read: it has 200000 bytes where it had"),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_is_another_one_already_at_the_start_is_refused() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let mut source = source(&fixture);
    let copy = fixture.temp.path().join("copy");
    fs::copy(fixture.segment(0), &copy).unwrap();
    fs::rename(&copy, fixture.segment(0)).unwrap();
    let error = source.next_run(1 << 20).unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Changed);
    assert!(chain(&error).ends_with("another file has taken its place"), "{}", chain(&error));
}

#[test]
fn a_file_that_is_gone_at_the_start_is_a_change_and_no_hole() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let mut source = source(&fixture);
    fs::rename(fixture.segment(0), fixture.dir.join("00000000000000000000.log.deleted")).unwrap();
    let error = source.next_run(1 << 20).unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Changed);
    assert!(chain(&error).ends_with("it is gone"), "{}", chain(&error));
}

#[test]
fn a_sealed_file_that_was_written_to_is_told() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let path = fixture.segment(0);
    let finality = finality_after(&fixture, || {
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(5)).unwrap();
    });
    assert!(what(&finality).ends_with("it was written to, though it was sealed"), "{finality:?}");

    let finality = finality_after(&fixture, || {
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
    });
    assert!(what(&finality).contains("though it was sealed"), "{finality:?}");
}

#[test]
fn a_sealed_file_that_is_gone_or_replaced_is_told() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let path = fixture.segment(0);
    let aside = fixture.temp.path().join("aside");
    let finality = finality_after(&fixture, || fs::rename(&path, &aside).unwrap());
    assert!(what(&finality).ends_with("it is gone"), "{finality:?}");
    fs::rename(&aside, &path).unwrap();
    let finality = finality_after(&fixture, || {
        fs::copy(&path, &aside).unwrap();
        fs::rename(&aside, &path).unwrap();
    });
    assert!(what(&finality).ends_with("another file has taken its place"), "{finality:?}");
}

#[test]
fn a_hard_link_changes_nothing() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let finality = finality_after(&fixture, || {
        fs::hard_link(fixture.segment(0), fixture.temp.path().join("pin")).unwrap();
    });
    assert_eq!(finality, Finality::Stable);
}

#[test]
fn the_active_segment_may_grow_but_not_shrink_or_be_rewritten() {
    let fixture = Fixture::new(5, 1000, 1 << 20);
    let path = fixture.segment(0);
    let len = fixture.bytes.len() as u64;
    let finality = finality_after(&fixture, || {
        OpenOptions::new().append(true).open(&path).unwrap().write_all(&batch(50, 10, 1000)).unwrap();
    });
    assert_eq!(finality, Finality::Stable);

    fs::write(&path, &fixture.bytes).unwrap();
    let finality = finality_after(&fixture, || {
        OpenOptions::new().write(true).open(&path).unwrap().set_len(len - 1).unwrap();
    });
    assert!(what(&finality).contains("bytes where it had"), "{finality:?}");

    // Cut and written again to the same length: same inode, same size, another epoch.
    fs::write(&path, &fixture.bytes).unwrap();
    let finality = finality_after(&fixture, || {
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        let last = fixture.bytes.len() as u64 / 5 * 4;
        file.seek(SeekFrom::Start(last)).unwrap();
        file.write_all(&crate::support::batch_of_epoch(40, 10, 1000, 5)).unwrap();
    });
    assert!(what(&finality).contains("the last batch read at position"), "{finality:?}");
}

#[test]
fn what_is_appended_after_the_scan_is_left_for_the_next_one() {
    let fixture = Fixture::new(5, 1000, 1 << 20);
    let mut source = source(&fixture);
    OpenOptions::new()
        .append(true)
        .open(fixture.segment(0))
        .unwrap()
        .write_all(&batch(50, 10, 1000))
        .unwrap();
    let runs = drain(&mut source, 1 << 20).unwrap();
    assert_eq!(crate::support::concat(&runs), fixture.bytes);
    assert_eq!(source.finish().unwrap(), Finality::Stable);
}
