//! The broker's own files in a segment: byte for byte, in the clear and sealed, and refused where they are not right.

use bytes::Bytes;
use firnline_index::segment::{
    BlockCompression, BrokerFile, BrokerFiles, ExpectedOrigin, MAX_BROKER_FILE_LEN, SectionKind,
    SegmentOptions, SegmentReadError, SegmentSummary, SegmentTail, SegmentWriteError, SegmentWriter,
};
use firnline_index::topic_key::TopicKey;
use firnline_index::{Crc32c, KeyId};
use proptest::prelude::*;

use super::sample::{Batch, broker_files, noise, options, read, small_log, write};

fn key() -> TopicKey {
    TopicKey::new(KeyId::from_bytes([7; 16]), [8; 32].into())
}

fn tail_of(object: &Bytes, summary: &SegmentSummary) -> Bytes {
    object.slice(usize::try_from(summary.tail_position.get()).unwrap()..)
}

fn open(object: &Bytes, summary: &SegmentSummary) -> Result<SegmentTail, SegmentReadError> {
    let expect = ExpectedOrigin::default();
    SegmentTail::open(tail_of(object, summary), summary.tail_position, &expect, Some(&key()))
}

fn with_files(files: BrokerFiles, sealed: bool) -> SegmentOptions {
    let seal = sealed.then(key);
    SegmentOptions { broker_files: files, seal, ..options(BlockCompression::None) }
}

#[test]
fn files_come_back_byte_for_byte_and_leave_the_log_alone() {
    for sealed in [false, true] {
        let log = small_log();
        let (object, summary) = write(with_files(broker_files(), sealed), &[log.clone().into()]);
        let tail = open(&object, &summary).unwrap();
        let found = tail.broker_files(&tail_of(&object, &summary)).unwrap();
        for file in BrokerFile::ALL {
            assert_eq!(found.get(file).unwrap().as_ref(), broker_files().get(file), "{file:?}");
        }
        if !sealed {
            assert_eq!(read(&object, summary.tail_position).unwrap(), log);
        }
        let kinds: Vec<_> = tail.footer().sections.iter().map(|section| section.kind.number()).collect();
        assert_eq!(kinds, [1, 2, 16, 17, 18, 19, 20]);
    }
}

#[test]
fn a_segment_without_files_says_so_and_is_written_as_ever() {
    let (object, summary) = write(options(BlockCompression::None), &[small_log().into()]);
    let found = open(&object, &summary).unwrap().broker_files(&tail_of(&object, &summary)).unwrap();
    assert!(found.is_empty());
    assert_eq!(found.get(BrokerFile::TransactionIndex).unwrap(), None);
    let (same, _) = write(with_files(BrokerFiles::default(), false), &[small_log().into()]);
    assert_eq!(object, same);
}

#[test]
fn absent_and_empty_are_told_apart() {
    let files = BrokerFiles::default().with(BrokerFile::TransactionIndex, Bytes::new());
    let (object, summary) = write(with_files(files, false), &[small_log().into()]);
    let found = open(&object, &summary).unwrap().broker_files(&tail_of(&object, &summary)).unwrap();
    assert_eq!(found.get(BrokerFile::TransactionIndex).unwrap(), Some(Bytes::new()));
    assert_eq!(found.get(BrokerFile::OffsetIndex).unwrap(), None);
}

#[test]
fn a_damaged_file_is_refused_by_the_name_of_its_section() {
    let (object, summary) = write(with_files(broker_files(), false), &[small_log().into()]);
    let tail = open(&object, &summary).unwrap();
    for file in BrokerFile::ALL {
        let section = *tail.footer().section(file.section()).unwrap();
        let at = usize::try_from(section.position.get() + section.length.get() - 1).unwrap();
        let mut bad = object.to_vec();
        bad[at] ^= 1;
        let bad = Bytes::from(bad);
        let error = open(&bad, &summary).unwrap_err();
        assert!(
            matches!(error, SegmentReadError::Crc { section, .. } if section == file.section()),
            "{error}"
        );
        // Bytes that changed since they were opened are not believed either.
        let error = tail.broker_files(&tail_of(&bad, &summary)).unwrap_err();
        assert!(error.to_string().contains(&file.section().to_string()), "{error}");
    }
    let short = tail_of(&object, &summary).slice(..40);
    assert!(matches!(tail.broker_files(&short), Err(SegmentReadError::Layout { .. })));
}

/// Who can write to the bucket makes every checksum right. A frame then still gives no more than it states, and not more
/// than any file has.
#[test]
fn a_frame_that_states_another_length_is_refused() {
    let file = BrokerFiles::default().with(BrokerFile::TimeIndex, vec![0; 1_000]);
    let (object, summary) = write(with_files(file, false), &[small_log().into()]);
    let place = *open(&object, &summary).unwrap().footer().section(SectionKind::TimeIndex).unwrap();
    let (at, length) =
        (usize::try_from(place.position.get()).unwrap(), usize::try_from(place.length.get()).unwrap());
    // Magic, then a descriptor: single segment, content size in 2 bytes, 256 less than it is.
    assert_eq!(object[at..at + 7], [0x28, 0xb5, 0x2f, 0xfd, 0x60, 0xe8, 0x02]);
    let altered = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut section = object[at..at + length].to_vec();
        change(&mut section);
        let crc = (Crc32c::of(&object[at..at + length]), Crc32c::of(&section));
        // The checksum stands in the footer, the footer's in the trailer; both are made right.
        let mut bytes = [&object[..at], &section, &object[at + length..]].concat();
        let end = bytes.len() - 160;
        let old = crc.0.get().to_le_bytes();
        let found = bytes[at..end].windows(4).rposition(|window| window == old).unwrap() + at;
        bytes[found..found + 4].copy_from_slice(&crc.1.get().to_le_bytes());
        let trailer = firnline_index::segment::Trailer::parse(&bytes).unwrap();
        let footer = end - usize::try_from(trailer.footer_length).unwrap();
        let footer_crc = Crc32c::of(&bytes[footer..end]);
        let trailer = firnline_index::segment::Trailer { footer_crc, ..trailer };
        bytes[end..].copy_from_slice(&trailer.encode());
        Bytes::from(bytes)
    };
    let get = |object: Bytes| {
        let tail = open(&object, &summary).unwrap();
        tail.broker_files(&tail_of(&object, &summary)).unwrap().get(BrokerFile::TimeIndex)
    };
    assert_eq!(get(altered(&|_| {})).unwrap(), Some(vec![0; 1_000].into()));
    for (what, bytes) in [("longer", [0xe9, 0x02]), ("shorter", [0xe7, 0x02])] {
        let error = get(altered(&|section| section[5..7].copy_from_slice(&bytes))).unwrap_err();
        assert!(error.to_string().contains("time index"), "{what}: {error}");
    }
    let error = get(altered(&|section| section[0] = 0)).unwrap_err();
    assert!(matches!(error, SegmentReadError::Decompress { section: SectionKind::TimeIndex, .. }), "{error}");
}

#[test]
fn files_that_no_reader_would_take_are_refused_by_name_before_anything_is_written() {
    let long = usize::try_from(MAX_BROKER_FILE_LEN).unwrap();
    let file = BrokerFiles::default().with(BrokerFile::OffsetIndex, vec![0; long + 1]);
    let error = SegmentWriter::new(with_files(file, false)).err().unwrap();
    assert!(matches!(error, SegmentWriteError::FileTooLong { section: SectionKind::OffsetIndex, .. }));
    assert!(error.to_string().contains("the broker's offset index has 67108865 bytes"), "{error}");
    let dense = Bytes::from(noise(1, long));
    let files = BrokerFiles::default()
        .with(BrokerFile::OffsetIndex, dense.clone())
        .with(BrokerFile::TimeIndex, dense.clone())
        .with(BrokerFile::ProducerSnapshot, dense);
    let error = SegmentWriter::new(with_files(files, false)).err().unwrap();
    assert!(matches!(error, SegmentWriteError::TailTooLong { limit: 134_217_728, .. }), "{error}");
    assert!(error.to_string().contains("broker files"), "{error}");
}

/// Right at the limit before the index comes on top: told at the end, with everything counted.
#[test]
fn a_tail_too_long_is_refused_by_name_at_the_end() {
    let half = usize::try_from(MAX_BROKER_FILE_LEN).unwrap();
    let (one, other) = (noise(1, half), noise(2, half - (16 << 10)));
    let files = BrokerFiles::default().with(BrokerFile::OffsetIndex, one).with(BrokerFile::TimeIndex, other);
    let mut writer = SegmentWriter::new(with_files(files, false)).unwrap();
    for at in 0..9_000 {
        let batch = Batch { epoch: at % 1_000, ..Batch::new(i64::from(at), 1) };
        let batch = Batch { epoch: at / 9, ..batch };
        writer.push(batch.around(&[0; 1_000]).into(), &mut Vec::new()).unwrap();
    }
    let error = writer.finish(&mut Vec::new()).unwrap_err();
    assert!(matches!(error, SegmentWriteError::TailTooLong { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_files_come_back(
        files in proptest::collection::vec(
            proptest::option::of(proptest::collection::vec(any::<u8>(), 0..3_000)), 5,
        ),
        sealed: bool,
    ) {
        let given = BrokerFile::ALL.into_iter().zip(files).fold(BrokerFiles::default(), |given, (file, bytes)| {
            match bytes {
                Some(bytes) => given.with(file, bytes),
                None => given,
            }
        });
        let (object, summary) = write(with_files(given.clone(), sealed), &[small_log().into()]);
        let found = open(&object, &summary).unwrap().broker_files(&tail_of(&object, &summary)).unwrap();
        for file in BrokerFile::ALL {
            let got = found.get(file).unwrap();
            prop_assert_eq!(got.as_ref(), given.get(file));
        }
    }
}
