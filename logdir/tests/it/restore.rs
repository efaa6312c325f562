//! Where a partition may be restored, and what a crash leaves.

use std::fs;
use std::path::{Path, PathBuf};

use firnline_index::batch::{BatchHeader, BatchLimits, Parsed, verify_crc};
use firnline_index::{Crc32c, Offset};
use firnline_logdir::{
    Found, LogDir, RefusedReason, RestoreError, RestoreRefused, RestoreTarget, lower_epochs,
};

use crate::holder::Holder;
use crate::support::{Fixture, batch, batch_of_epoch, offset, scan};

/// A partition that a broker made and stopped before anybody wrote to it.
fn empty_partition() -> Fixture {
    Fixture::of(Vec::new(), 1 << 20)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn restore(target: RestoreTarget, segments: &[(i64, Vec<u8>)]) -> Result<(), RestoreError> {
    let mut writer = target.begin()?;
    for (base, bytes) in segments {
        let mut segment = writer.segment(offset(*base))?;
        for chunk in bytes.chunks(700) {
            segment.write(chunk)?;
        }
        segment.finish()?;
    }
    let summary = writer.commit()?;
    assert_eq!(summary.segments, segments.len());
    assert_eq!(summary.bytes, segments.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
    Ok(())
}

#[test]
fn a_stopped_partition_without_records_takes_the_segments_and_keeps_its_topic_id() {
    let fixture = empty_partition();
    let metadata = fs::read(fixture.dir.join("partition.metadata")).unwrap();
    let target = RestoreTarget::check(&fixture.dir).unwrap();
    assert!(target.topic_id.is_some());
    assert_eq!(target.log_start, Some(Offset::ZERO));
    let segments = [(100, batch(100, 10, 2000)), (110, batch(110, 10, 1000))];
    restore(target, &segments).unwrap();
    assert_eq!(
        names(&fixture.dir),
        ["00000000000000000100.log", "00000000000000000110.log", "partition.metadata"]
    );
    assert_eq!(fs::read(fixture.dir.join("partition.metadata")).unwrap(), metadata);
    for (base, bytes) in &segments {
        assert_eq!(&fs::read(fixture.segment(*base)).unwrap(), bytes);
    }
    assert_eq!(scan(&fixture.log_dir).segments.len(), 2);
}

#[test]
fn the_epochs_of_the_empty_log_do_not_outlive_it() {
    // As a broker leaves it that was started twice over the empty partition. With 3.9.1 and 4.3.1 it stays in force over
    // restored batches of epoch 0, and consumers are told after the next start that their records were truncated.
    let fixture = empty_partition();
    let epochs = fixture.dir.join("leader-epoch-checkpoint");
    fs::write(&epochs, "0\n1\n2 0\n").unwrap();
    restore(RestoreTarget::check(&fixture.dir).unwrap(), &[(100, batch(100, 10, 2000))]).unwrap();
    assert!(!epochs.exists());
}

#[test]
fn an_empty_directory_and_one_that_is_not_there_yet_are_targets() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["made", "new"] {
        let dir = temp.path().join(name);
        if name == "made" {
            fs::create_dir(&dir).unwrap();
        }
        let target = RestoreTarget::check(&dir).unwrap();
        assert_eq!((target.log_dir.clone(), target.topic_id), (None, None));
        restore(target, &[(0, batch(0, 10, 500))]).unwrap();
        assert_eq!(names(&dir), ["00000000000000000000.log"]);
    }
    let error = RestoreTarget::check(temp.path().join("no/such")).unwrap_err();
    assert!(error.to_string().starts_with("find directory"), "{error}");
}

#[test]
fn a_partition_with_records_is_refused_with_what_is_there() {
    let fixture = Fixture::new(30, 1000, 10_000);
    let error = RestoreTarget::check(&fixture.dir).unwrap_err();
    let RestoreRefused::HoldsRecords { segments, bytes, first, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*segments, fixture.scan().segments.len());
    assert_eq!(*bytes, fixture.bytes.len() as u64);
    assert_eq!(first, "00000000000000000000.log");
}

#[test]
fn a_log_directory_whose_lock_a_broker_holds_is_refused() {
    let fixture = empty_partition();
    let _holder = Holder::of(&fixture.log_dir.join(".lock"), "lockf");
    let error = RestoreTarget::check(&fixture.dir).unwrap_err();
    assert!(matches!(error, RestoreRefused::BrokerRuns { pid: Some(_), .. }), "{error:?}");
    assert!(error.to_string().contains("stop it first"), "{error}");
}

#[test]
fn a_broker_that_starts_meanwhile_stops_the_restore_before_anything_shows() {
    let fixture = empty_partition();
    let mut writer = RestoreTarget::check(&fixture.dir).unwrap().begin().unwrap();
    let mut segment = writer.segment(offset(0)).unwrap();
    segment.write(&batch(0, 10, 500)).unwrap();
    segment.finish().unwrap();
    let _holder = Holder::of(&fixture.log_dir.join(".lock"), "lockf");
    let error = writer.commit().unwrap_err();
    assert!(matches!(error, RestoreError::Refused(RestoreRefused::BrokerRuns { .. })), "{error:?}");
    assert!(!names(&fixture.dir).iter().any(|name| name.ends_with(".log")));
}

#[test]
fn records_written_between_the_check_and_the_beginning_are_not_removed() {
    let fixture = empty_partition();
    let log = fixture.segment(0);
    fs::write(&log, []).unwrap();
    let target = RestoreTarget::check(&fixture.dir).unwrap();
    assert!(target.leftovers.contains(&log), "empty, it would have gone");
    let written = batch(0, 10, 500);
    fs::write(&log, &written).unwrap();
    let error = target.clone().begin().unwrap_err();
    assert!(matches!(error, RestoreError::Refused(RestoreRefused::HoldsRecords { .. })), "{error:?}");
    assert_eq!(fs::read(&log).unwrap(), written);

    fs::write(&log, []).unwrap();
    let _holder = Holder::of(&fixture.log_dir.join(".lock"), "lockf");
    let error = target.begin().unwrap_err();
    assert!(matches!(error, RestoreError::Refused(RestoreRefused::BrokerRuns { .. })), "{error:?}");
    assert!(log.exists());
}

#[test]
fn other_directories_are_refused_by_name() {
    let fixture = empty_partition();
    let refused = |path: PathBuf| RestoreTarget::check(path).unwrap_err();
    assert!(matches!(refused(fixture.log_dir.clone()), RestoreRefused::IsLogDir { .. }));
    assert!(matches!(refused(fixture.log_dir.join("backup")), RestoreRefused::NotAPartitionName { .. }));
    assert!(matches!(refused(fixture.log_dir.join("orders-4")), RestoreRefused::NoTopicId { .. }));
    assert!(matches!(refused(fixture.segment(0)), RestoreRefused::NotADirectory { .. }));

    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(refused(file), RestoreRefused::NotADirectory { .. }));
    for name in ["notes.txt", "00000000000000000000.log.swap", "1.log"] {
        let dir = temp.path().join(format!("with {name}"));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(name), "").unwrap();
        let error = refused(dir.clone());
        assert!(matches!(&error, RestoreRefused::NotEmpty { name: found, .. } if found == name), "{error:?}");
        assert_eq!(names(&dir), [name], "a refusal must change nothing");
    }
    let dir = temp.path().join("outer");
    fs::create_dir_all(dir.join("inner")).unwrap();
    assert!(matches!(refused(dir), RestoreRefused::NotEmpty { .. }));
}

#[test]
fn records_that_the_broker_would_hide_are_refused() {
    let fixture = empty_partition();
    fs::write(fixture.log_dir.join("log-start-offset-checkpoint"), "0\n1\norders 3 500\n").unwrap();
    let mut writer = RestoreTarget::check(&fixture.dir).unwrap().begin().unwrap();
    let error = writer.segment(offset(499)).unwrap_err();
    assert!(matches!(error, RestoreError::BelowLogStart { .. }), "{error:?}");
    assert!(writer.segment(offset(500)).is_ok());
}

#[test]
fn segments_must_come_in_order() {
    let temp = tempfile::tempdir().unwrap();
    let mut writer = RestoreTarget::check(temp.path()).unwrap().begin().unwrap();
    writer.segment(offset(10)).unwrap().finish().unwrap();
    for base in [10, 5] {
        assert!(matches!(writer.segment(offset(base)), Err(RestoreError::OutOfOrder { .. })));
    }
}

#[test]
fn a_restore_cut_off_before_its_end_shows_no_log_and_is_mended_by_the_next() {
    let fixture = empty_partition();
    let mut writer = RestoreTarget::check(&fixture.dir).unwrap().begin().unwrap();
    let mut segment = writer.segment(offset(0)).unwrap();
    segment.write(&batch(0, 10, 500)).unwrap();
    segment.finish().unwrap();
    let mut segment = writer.segment(offset(10)).unwrap();
    segment.write(&batch(10, 10, 500)[..100]).unwrap();
    drop(segment);
    drop(writer);
    assert!(!names(&fixture.dir).iter().any(|name| name.ends_with(".log")), "{:?}", names(&fixture.dir));
    let found = LogDir::open(&fixture.log_dir).unwrap().partitions().unwrap();
    assert!(
        matches!(&found[0], Found::Refused(refused) if matches!(refused.why, RefusedReason::UnfinishedRestore { .. })),
        "{found:?}"
    );

    restore(RestoreTarget::check(&fixture.dir).unwrap(), &[(5, batch(5, 10, 500))]).unwrap();
    assert_eq!(names(&fixture.dir), ["00000000000000000005.log", "partition.metadata"]);
}

#[test]
fn a_restore_cut_off_between_renames_is_mended_unless_a_broker_has_opened_it() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("orders-3");
    fs::create_dir(&dir).unwrap();
    // What a crash between two renames leaves: the marker, one whole segment, one still under its other name.
    fs::write(dir.join("firnline-restore.unfinished"), "").unwrap();
    fs::write(dir.join("00000000000000000000.log"), batch(0, 10, 500)).unwrap();
    fs::write(dir.join("00000000000000000010.log.restoring"), batch(10, 10, 500)).unwrap();
    let index = dir.join("00000000000000000000.index");
    fs::write(&index, "").unwrap();
    let error = RestoreTarget::check(&dir).unwrap_err();
    assert!(matches!(error, RestoreRefused::OpenedUnfinished { .. }), "{error:?}");

    fs::remove_file(&index).unwrap();
    restore(RestoreTarget::check(&dir).unwrap(), &[(0, batch(0, 20, 900))]).unwrap();
    assert_eq!(names(&dir), ["00000000000000000000.log"]);
}

#[test]
fn files_belong_to_the_owner_of_the_directory() {
    use std::os::unix::fs::MetadataExt as _;
    let temp = tempfile::tempdir().unwrap();
    let (uid, gid) = if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(temp.path(), Some(65534), Some(65534)).unwrap();
        (65534, 65534)
    } else {
        let metadata = fs::metadata(temp.path()).unwrap();
        (metadata.uid(), metadata.gid())
    };
    restore(RestoreTarget::check(temp.path()).unwrap(), &[(0, batch(0, 1, 50))]).unwrap();
    let metadata = fs::metadata(temp.path().join("00000000000000000000.log")).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (uid, gid));
}

#[test]
fn epochs_are_lowered_in_place_and_nothing_else_changes() {
    let mut run =
        [batch_of_epoch(0, 10, 500, 0), batch_of_epoch(10, 10, 500, 7), batch_of_epoch(20, 3, 70, i32::MAX)]
            .concat();
    let before = run.clone();
    assert_eq!(lower_epochs(&mut run, &BatchLimits::default()).unwrap(), 2);
    let mut at = 0;
    while at < run.len() {
        let Parsed::Header(header) =
            BatchHeader::parse(&run[at..], Offset::ZERO, &BatchLimits::default()).unwrap()
        else {
            panic!("header cut")
        };
        assert_eq!(header.leader_epoch.unwrap().get(), 0);
        let end = at + header.size as usize;
        verify_crc(&header, &run[at..end]).unwrap();
        assert_eq!(run[at..at + 12], before[at..at + 12]);
        assert_eq!(run[at + 16..end], before[at + 16..end]);
        at = end;
    }
    assert_eq!(lower_epochs(&mut run, &BatchLimits::default()).unwrap(), 0);
    assert_ne!(Crc32c::of(&run), Crc32c::of(&before));
    let end = run.len() - 1;
    let error = lower_epochs(&mut run[..end], &BatchLimits::default()).unwrap_err();
    assert!(error.is_end(), "{error:?}");
}
