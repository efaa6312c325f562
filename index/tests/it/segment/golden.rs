//! Objects of every version, kept in the tree: what once was written stays readable. They are never edited; the
//! `golden_segment` example writes those of a new version.

use bytes::Bytes;
use firnline_index::batch::{BatchLimits, Batches};
use firnline_index::manifest::EntryKind;
use firnline_index::segment::{BlockCodec, Footer, SectionKind, SegmentTail, Trailer};
use firnline_index::transactions::Outcome;
use firnline_index::{Crc32c, RawPosition, StoredPosition};

use super::sample::{Golden, goldens, open, read, write};

fn golden(file: &str) -> Bytes {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/").to_owned() + file;
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")).into()
}

/// Each golden segment of each version, with its file's name. The preview wrote no sealed one into the tree.
fn all() -> impl Iterator<Item = (String, Bytes, Golden)> {
    let versions = [0, 1].into_iter().flat_map(|version| goldens().into_iter().map(move |g| (version, g)));
    versions.filter(|(version, g)| (*version, g.name) != (0, "segment-sealed")).map(|(version, g)| {
        let file = format!("{}.v{version}", g.name);
        (file.clone(), golden(&file), g)
    })
}

fn tail_position(object: &[u8]) -> StoredPosition {
    let trailer = Trailer::parse(object).unwrap();
    StoredPosition::new(object.len() as u64 - u64::from(trailer.tail_length))
}

fn opened(object: &Bytes) -> SegmentTail {
    open(object, tail_position(object)).unwrap()
}

#[test]
fn the_files_are_the_ones_that_were_written() {
    for (file, length, crc) in [
        ("segment-broker-files.v0", 4491, 0x20a8_07d1),
        ("segment-frames.v0", 10_668, 0x2287_c519),
        ("segment-raw.v0", 3_560, 0x0c71_301f),
        ("segment-zstd.v0", 1_610, 0x0a40_63e6),
        ("segment-transactions.v0", 696, 0x3615_321d),
        ("segment-legacy.v0", 534, 0x1eb3_d55b),
        ("segment-broker-files.v1", 4491, 0x20a8_07d1),
        ("segment-frames.v1", 10668, 0x2287_c519),
        ("segment-raw.v1", 3560, 0x0c71_301f),
        ("segment-zstd.v1", 1610, 0x0a40_63e6),
        ("segment-sealed.v1", 1706, 0x435e_4260),
        ("segment-transactions.v1", 696, 0x3615_321d),
        ("segment-legacy.v1", 534, 0x1eb3_d55b),
    ] {
        let object = golden(file);
        assert_eq!((object.len(), Crc32c::of(&object)), (length, Crc32c::new(crc)), "{file}");
    }
}

#[test]
fn every_golden_segment_reads_back_to_its_log() {
    for (file, object, Golden { log, .. }) in all() {
        assert_eq!(read(&object, tail_position(&object)).unwrap(), log, "{file}");
    }
}

/// Held against the batches themselves, not against what a writer makes of them today.
#[test]
fn golden_indexes_tell_where_the_batches_are() {
    for (file, object, Golden { options, log, .. }) in all() {
        let tail = opened(&object);
        let batches = Batches::new(&log, RawPosition::ZERO, options.base, BatchLimits::DEFAULT);
        let batches: Vec<_> = batches.map(|batch| batch.unwrap()).collect();
        for entry in tail.index().entries() {
            let inside: Vec<_> =
                batches.iter().filter(|batch| entry.raw.contains(&batch.position.get())).collect();
            assert_eq!(inside[0].position.get(), entry.raw.start, "{file}");
            let first = if entry.number == 0 { options.base } else { inside[0].header.base_offset };
            assert_eq!(entry.first_offset, first, "{file}");
            assert_eq!(
                entry.max_timestamp,
                inside.iter().filter_map(|batch| batch.header.max_timestamp).max()
            );
            for batch in inside {
                assert_eq!(tail.index().find_offset(batch.header.last_offset), Some(entry.number), "{file}");
                assert_eq!(tail.index().find_raw(batch.position), Some(entry.number), "{file}");
            }
        }
    }
    assert_eq!(opened(&golden("segment-frames.v1")).index().len(), 150);
}

/// The sections that the format fixes to the byte; zstd and the software's version may differ from build to build.
#[test]
fn index_and_transactions_are_still_written_to_the_same_bytes() {
    for (file, old, Golden { options, log, .. }) in all() {
        let (new, _) = write(options, &[log.into()]);
        let (old_tail, new_tail) = (opened(&old), opened(&new));
        for kind in [SectionKind::BlockIndex, SectionKind::Transactions] {
            let bytes = |object: &Bytes, tail: &SegmentTail| {
                let section = tail.footer().section(kind).unwrap();
                let at = usize::try_from(section.position.get()).unwrap();
                object.slice(at..at + usize::try_from(section.length.get()).unwrap())
            };
            assert_eq!(bytes(&old, &old_tail), bytes(&new, &new_tail), "{kind} of {file}");
        }
        let old_footer = Footer { software: String::new(), ..old_tail.footer().clone() };
        let new_footer = Footer { software: String::new(), ..new_tail.footer().clone() };
        assert_eq!(old_footer, new_footer, "{file}");
    }
}

#[test]
fn the_golden_segment_of_transactions_tells_them() {
    let tail = opened(&golden("segment-transactions.v1"));
    let seen = tail.transactions();
    let aborted: Vec<_> = seen
        .aborted
        .iter()
        .map(|a| (a.producer.get(), a.first_offset.get(), a.marker_offset.get()))
        .collect();
    assert_eq!(aborted, [(1, 90, 100)]);
    let first: Vec<_> =
        seen.first_markers.iter().map(|m| (m.producer.get(), m.marker_offset.get(), m.outcome)).collect();
    assert_eq!(first, [(1, 100, Outcome::Aborted), (2, 103, Outcome::Committed), (4, 106, Outcome::Aborted)]);
    let open: Vec<_> = seen.open.iter().map(|o| (o.producer.get(), o.first_offset.get())).collect();
    assert_eq!(open, [(5, 40), (3, 104)]);
    assert_eq!(seen.stable_end.get(), 40);
    assert_eq!(tail.footer().kind, EntryKind::TailPiece);
}

#[test]
fn the_golden_segment_of_old_magics_tells_its_place_in_the_world() {
    let tail = opened(&golden("segment-legacy.v1"));
    let footer = tail.footer();
    assert_eq!(footer.range.to_string(), "5..25");
    assert_eq!((footer.batches, footer.records, footer.codec), (5, None, BlockCodec::Zstd));
    assert_eq!(footer.replaces.len(), 2);
    let kip405 = footer.kip405.as_ref().unwrap();
    assert_eq!((kip405.segment_id.as_bytes()[0], kip405.epochs[0].start.get()), (13, 3));
    assert_eq!(footer.software, "firnline 0.1.0");
}
