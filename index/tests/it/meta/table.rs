//! The packed form of entries.

use firnline_index::manifest::*;
use firnline_index::*;
use proptest::prelude::*;

use super::samples::*;

/// Entries with any values at all, sound or not, in order of their starts.
fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    let one = (
        (0..1_000u64, 1..1_000u64, any::<u64>(), proptest::option::of(0..5i32), 0..3usize),
        (
            any::<u64>(),
            any::<u64>(),
            any::<u64>(),
            proptest::option::of(any::<u64>()),
            any::<u64>(),
            any::<u32>(),
        ),
        (proptest::option::of(0..i64::MAX), proptest::option::of(0..i64::MAX), 0..3_000u64, 0..3usize),
        (any::<[bool; 6]>(), any::<u32>()),
    );
    proptest::collection::vec(one, 0..20).prop_map(|rows| {
        let mut start = 0;
        let mut entries = Vec::new();
        for (
            (skip, span, n, key_epoch, epochs),
            (length, tail, log, records, batches, blocks),
            times,
            rest,
        ) in rows
        {
            start += skip;
            let (min, max, stable_end, aborts) = times;
            let (flags, crc) = rest;
            let rich = rich_entry(n, start, start + span, [3, 4]);
            entries.push(Entry {
                leader_epoch: key_epoch.map(epoch),
                epochs: (0..epochs).map(|i| epoch_start(3, start + i as u64)).collect(),
                location: Location {
                    key: rich.location.key.clone().filter(|_| flags[0]),
                    start: StoredPosition::new(if flags[1] { 0 } else { n }),
                    length: ByteCount::new(length),
                },
                tail_position: StoredPosition::new(tail),
                log_bytes: ByteCount::new(log),
                records,
                batches,
                blocks,
                min_timestamp: min.map(time),
                max_timestamp: max.map(time),
                stable_end: offset(stable_end),
                first_aborts: (0..aborts).map(|i| abort(1, i as u64)).collect(),
                aborts_truncated: flags[2],
                object_crc: Crc32c::new(crc),
                storage_class: rich.storage_class.clone().filter(|_| flags[3]),
                kind: if flags[4] { EntryKind::Segment } else { EntryKind::TailPiece },
                key_id: rich.key_id.filter(|_| flags[5]),
                ..rich
            });
        }
        entries
    })
}

#[test]
fn entries_at_the_edge_of_their_columns_come_back_as_they_were() {
    let plain = entry(1, 0, 10, 1);
    let entries = [
        Entry { records: Some(u64::MAX), ..plain.clone() },
        Entry { records: Some(u64::MAX - 1), ..plain.clone() },
        Entry { records: Some(0), ..plain.clone() },
        Entry { stable_end: offset(11), ..plain.clone() },
        Entry { stable_end: offset(0), ..plain.clone() },
        Entry { epochs: Vec::new(), ..plain.clone() },
        Entry { leader_epoch: None, ..plain.clone() },
        Entry { range: OffsetRange::new(Offset::ZERO, Offset::MAX).unwrap(), ..plain.clone() },
        Entry {
            min_timestamp: Some(TimestampMs::ZERO),
            max_timestamp: Some(TimestampMs::MAX),
            ..plain.clone()
        },
        Entry { min_timestamp: None, ..plain.clone() },
        Entry { max_timestamp: Some(TimestampMs::ZERO), ..plain },
    ];
    assert_eq!(EntryTable::new(&entries).iter().collect::<Vec<_>>(), entries);
}

proptest! {
    #[test]
    fn any_entry_comes_back_as_it_was(entries in any_entries()) {
        let table = EntryTable::new(&entries);
        prop_assert_eq!(table.len(), entries.len());
        prop_assert_eq!(table.get(entries.len()), None);
        prop_assert_eq!(table.iter().collect::<Vec<_>>(), entries);
    }

    #[test]
    fn looking_up_finds_what_a_walk_finds(entries in any_entries(), at in 0..20_000u64, ms in 0..i64::MAX) {
        let table = EntryTable::new(&entries);
        let covers = |e: &&Entry| e.range.contains(offset(at));
        let walked = entries.iter().filter(covers).map(|e| e.epoch_at(offset(at))).max();
        let found = table.find_offset(offset(at)).and_then(|row| table.get(row));
        prop_assert_eq!(found.as_ref().map(|e| e.epoch_at(offset(at))), walked);
        prop_assert!(found.as_ref().is_none_or(|e| covers(&e)));
        let walked = entries.iter().position(|e| e.range.end() > offset(at) && e.max_timestamp >= Some(time(ms)));
        prop_assert_eq!(table.find_timestamp(time(ms), offset(at)), walked);
    }
}
